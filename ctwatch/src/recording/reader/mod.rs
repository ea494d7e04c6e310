//! Reads a recording, finished, running or cut off, and changes nothing.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::Error;
use crate::model::recording::Recording;

mod dumps;
mod events;
mod file;
mod ledger;
mod lifetimes;
mod names;
mod node;
mod samples;

pub(super) use file::require_regular;
use names::Names;

/// Reads the recording at `path` into memory.
///
/// # Errors
/// As [`File::open`] and [`File::read`].
pub fn open(path: &Path) -> Result<Recording, Error> {
    File::open(path)?.read()
}

/// A recording that is open: reading it needs no permission any more.
pub struct File {
    opened: file::Opened,
    path: PathBuf,
}

impl File {
    /// Opens the recording at `path`.
    ///
    /// # Errors
    /// [`Error::NotARecording`], [`Error::Newer`], [`Error::Damaged`] for other files, [`Error::NotAFile`] for what
    /// is no file, otherwise what the operating system or SQLite reports.
    pub fn open(path: &Path) -> Result<Self, Error> {
        file::check(path)?;
        Ok(Self {
            opened: file::connect(path)?,
            path: path.to_owned(),
        })
    }

    /// Reads it into memory.
    ///
    /// # Errors
    /// [`Error::Damaged`], otherwise what SQLite reports.
    pub fn read(&self) -> Result<Recording, Error> {
        read(self.opened.connection()).map_err(|error| Error::sqlite("read", &self.path, &error))
    }
}

fn read(connection: &Connection) -> rusqlite::Result<Recording> {
    // One transaction: a recorder that is still writing must not show half of its next sample.
    let tx = connection.unchecked_transaction()?;
    let names = Names::read(&tx)?;
    let version: i32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let (header, ended_ms) = node::header(&tx, version)?;
    Ok(Recording {
        header,
        node: node::node(&tx, &names)?,
        samples: samples::read(&tx, &names, version)?,
        dumps: dumps::read(&tx, &names)?,
        lifetimes: lifetimes::read(&tx, &names)?,
        events: events::events(&tx, &names)?,
        gaps: events::gaps(&tx)?,
        ended_ms,
        // The books of earlier versions hold less than their samples tell.
        ledger: ended_ms
            .filter(|_| version >= 3)
            .map(|_| ledger::read(&tx, &names))
            .transpose()?,
    })
}
