//! Recordings: one SQLite database each, described in docs/recording.md.
//!
//! [`Writer`] commits one transaction a sample, so a recorder that is killed loses at most the interval in
//! flight; [`open`] reads finished, running and cut-off recordings alike and changes none of them.

mod columns;
mod error;
mod reader;
mod words;
mod writer;

pub use error::Error;
pub use reader::{File, open};
pub use writer::{Writer, check_target};

/// `PRAGMA application_id` of a recording: `ctwa`.
pub const APPLICATION_ID: i32 = i32::from_be_bytes(*b"ctwa");

/// `PRAGMA user_version`: the version of the schema this program writes. It reads this one and those before.
pub const USER_VERSION: i32 = 3;

/// Tables and views.
const SCHEMA: &str = include_str!("schema.sql");

/// What SQLite keeps beside a database: the write-ahead log, its index, the rollback journal.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The path of one of the [`COMPANIONS`].
fn companion(path: &std::path::Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
