//! What can go wrong with a recording, each with the next step.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;

/// Why a recording could not be written or read. The text is one line: what failed, on which file, the
/// reason, the next step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The output is there already.
    #[error("{} exists already (--force overwrites it, -f FILE writes elsewhere)", path.display())]
    Exists {
        /// File.
        path: PathBuf,
    },
    /// A directory, socket, device or pipe.
    #[error("{} is no regular file but {what} (name a file)", path.display())]
    NotAFile {
        /// Path.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// There is no such file, or no such directory to write it in.
    #[error("no such file or directory: {} ({next})", path.display())]
    Missing {
        /// File or directory.
        path: PathBuf,
        /// What to do.
        next: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {reason} ({next})", path.display())]
    System {
        /// What was tried.
        action: &'static str,
        /// File.
        path: PathBuf,
        /// The kernel's reason.
        reason: String,
        /// What to do.
        next: &'static str,
    },
    /// Some other file or another program's database.
    #[error("{} is not a recording: {reason} (name a file written by `ctwatch record`)", path.display())]
    NotARecording {
        /// File.
        path: PathBuf,
        /// How it is known.
        reason: &'static str,
    },
    /// Written by a later ctwatch.
    #[error(
        "{} has version {found} of the schema, this ctwatch reads up to {known} (use a newer ctwatch)",
        path.display()
    )]
    Newer {
        /// File.
        path: PathBuf,
        /// Its `user_version`.
        found: i32,
        /// [`super::USER_VERSION`].
        known: i32,
    },
    /// Truncated, overwritten or nonsense inside.
    #[error("{} is damaged: {reason} (`sqlite3 FILE .recover` may save a part)", path.display())]
    Damaged {
        /// File.
        path: PathBuf,
        /// What SQLite, or the reader, found.
        reason: String,
    },
    /// No space left where the recording is written.
    #[error(
        "no space left for {} (free some, or write to another disk with -f; samples so far are kept, \
         `ctwatch report` reads them)",
        path.display()
    )]
    Full {
        /// File.
        path: PathBuf,
    },
    /// Somebody else holds the database.
    #[error(
        "{} is in use by another program (end it; samples so far are kept, together with {}-wal)",
        path.display(),
        path.display()
    )]
    Busy {
        /// File.
        path: PathBuf,
    },
    /// Anything else SQLite says.
    #[error("cannot {action} recording {}: {reason} (check the disk it lies on)", path.display())]
    Sqlite {
        /// What was tried.
        action: &'static str,
        /// File.
        path: PathBuf,
        /// SQLite's words.
        reason: String,
    },
}

impl Error {
    /// Names what SQLite reported while `action` (an infinitive) was tried on `path`.
    pub(super) fn sqlite(action: &'static str, path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let reason = one_line(&error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::SystemIoFailure) if action == "write" && no_space_left(&path) => {
                Self::Full { path }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, reason }
            }
            // The reader names columns that every version 1 has, and decodes what the writer encoded.
            Some(ErrorCode::Unknown) if action == "read" => Self::Damaged { path, reason },
            None => Self::Damaged { path, reason },
            Some(_) => Self::Sqlite {
                action,
                path,
                reason,
            },
        }
    }

    /// Names what the operating system reported.
    pub(super) fn io(action: &'static str, path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        let next = match (error.kind(), action) {
            (io::ErrorKind::AlreadyExists, _) => return Self::Exists { path },
            (io::ErrorKind::StorageFull, _) => return Self::Full { path },
            (io::ErrorKind::NotFound, "create") => {
                return Self::Missing {
                    path: path.parent().map_or_else(PathBuf::new, Path::to_owned),
                    next: "create the directory, or write elsewhere with -f FILE",
                };
            }
            (io::ErrorKind::NotFound, _) => {
                return Self::Missing {
                    path,
                    next: "make one with `ctwatch record -f FILE`",
                };
            }
            (io::ErrorKind::PermissionDenied, "create" | "overwrite") => {
                "write elsewhere with -f FILE, or as a user who may"
            }
            (io::ErrorKind::PermissionDenied, _) => {
                "copy it to a place you may read, or run as its owner"
            }
            _ => "check the path and the file system it lies on",
        };
        Self::System {
            action,
            path,
            reason: error.to_string(),
            next,
        }
    }
}

/// SQLite reports a full disk that it met outside its own writes as an input/output error.
fn no_space_left(path: &Path) -> bool {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty());
    nix::sys::statvfs::statvfs(directory.unwrap_or(Path::new(".")))
        .is_ok_and(|stat| stat.blocks_available() == 0)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
