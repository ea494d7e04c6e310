//! Writes a recording while it is made.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction};

use super::Error;
use crate::model::{
    dump::Dump,
    endpoint::Endpoint,
    event::Event,
    gap::Gap,
    ledger::Ledger,
    lifetime::Lifetimes,
    node::{Address, Namespace, Node},
    recording::Header,
    sample::Sample,
    unobserved::Unobserved,
};

mod dump;
mod event;
mod file;
mod ids;
mod ledger;
mod lifetime;
mod node;
mod sample;

use ids::Ids;
use sample::LastTables;

/// Whether a recording can be made at `path`, as far as looking tells; nothing is written.
///
/// # Errors
/// Those [`Writer::create`] would report of the path: [`Error::Exists`], [`Error::NotAFile`], [`Error::Missing`],
/// [`Error::System`].
pub fn check_target(path: &Path, force: bool) -> Result<(), Error> {
    file::check(path, force).map(drop)
}

/// A recording being made. Every call commits what it was given, whole or not at all. Memory holds the
/// identities of endpoints and the last table of each namespace, no samples.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    connection: Connection,
    ids: Ids,
    tables: LastTables,
    unobserved: Unobserved,
}

impl Writer {
    /// Creates the file and writes what is known before the first sample.
    ///
    /// # Errors
    /// [`Error::Exists`] when `path` or its -wal is there and `force` is not given; with `force` they are
    /// removed first, unless `path` is no regular file. Otherwise what the operating system or SQLite reports.
    pub fn create(path: &Path, force: bool, header: &Header, node: &Node) -> Result<Self, Error> {
        let path = file::claim(path, force)?;
        let (connection, ids) = Self::begin(&path, header, node).map_err(|error| {
            // Nothing is in it, and it would be in the way of the next attempt.
            file::abandon(&path);
            Error::sqlite("write", &path, &error)
        })?;
        Ok(Self {
            path,
            connection,
            ids,
            tables: LastTables::default(),
            unobserved: header.unobserved.clone(),
        })
    }

    fn begin(path: &Path, header: &Header, node: &Node) -> rusqlite::Result<(Connection, Ids)> {
        let mut connection = file::connect(path)?;
        let mut ids = Ids::default();
        let tx = connection.transaction()?;
        file::write_schema(&tx)?;
        node::write_header(&tx, header)?;
        node::write_node(&tx, &mut ids, node)?;
        tx.commit()?;
        // Only now: the file itself then says what it is, whatever happens to its log.
        file::begin_log(&connection)?;
        Ok((connection, ids))
    }

    /// Appends a sample: its losses, what changed at endpoints, who was evicted for whom, the tables that changed.
    ///
    /// # Errors
    /// [`Error::Full`] or what else SQLite reports; the sample is then not in the recording, all before are.
    pub fn sample(&mut self, sample: &Sample) -> Result<(), Error> {
        let changed = self.tables.changes(&sample.tables);
        let unobserved = self.unobserved.clone();
        self.commit(|tx, ids| sample::write(tx, ids, sample, &changed, &unobserved))?;
        self.tables.remember(&changed);
        Ok(())
    }

    /// Appends a dump.
    ///
    /// # Errors
    /// As [`Writer::sample`].
    pub fn dump(&mut self, dump: &Dump) -> Result<(), Error> {
        self.commit(|tx, ids| dump::write(tx, ids, dump))
    }

    /// Appends events, without their packets. How many is for the caller to bound.
    ///
    /// # Errors
    /// As [`Writer::sample`].
    pub fn events(&mut self, events: &[Event]) -> Result<(), Error> {
        self.commit(|tx, ids| event::write_events(tx, ids, events))
    }

    /// Notes a time in which nothing was watched, once it is over.
    ///
    /// # Errors
    /// As [`Writer::sample`].
    pub fn gap(&mut self, gap: &Gap) -> Result<(), Error> {
        self.commit(|tx, _| event::write_gap(tx, gap))
    }

    /// Brings the lifetimes of these endpoints up to date.
    ///
    /// # Errors
    /// As [`Writer::sample`].
    pub fn lifetimes<'l>(
        &mut self,
        all: impl IntoIterator<Item = (&'l Endpoint, &'l Lifetimes)>,
    ) -> Result<(), Error> {
        self.commit(|tx, ids| lifetime::write(tx, ids, all))
    }

    /// Notes a namespace that was not there at the beginning, or its name.
    ///
    /// # Errors
    /// As [`Writer::sample`].
    pub fn namespace(&mut self, namespace: &Namespace) -> Result<(), Error> {
        self.commit(|tx, ids| node::write_namespace(tx, ids, namespace))
    }

    /// Adds addresses found later.
    ///
    /// # Errors
    /// As [`Writer::sample`].
    pub fn addresses(&mut self, addresses: &[Address]) -> Result<(), Error> {
        self.commit(|tx, ids| node::write_addresses(tx, ids, addresses))
    }

    /// Notes something the recording cannot tell from now on, for people.
    ///
    /// # Errors
    /// As [`Writer::sample`].
    pub fn degrade(&mut self, reason: &str) -> Result<(), Error> {
        self.commit(|tx, _| node::write_degraded(tx, reason))
    }

    /// Ends the recording in order and leaves one file. `ended_ms` is Unix time in milliseconds.
    ///
    /// # Errors
    /// As [`Writer::sample`]; [`Error::Busy`] when another program reads the recording for longer than
    /// 5 seconds: it is complete then, but needs its -wal beside it.
    pub fn finish(mut self, ended_ms: i64, ledger: &Ledger) -> Result<(), Error> {
        let unobserved = self.unobserved.clone();
        self.commit(|tx, ids| ledger::write(tx, ids, ended_ms, ledger, &unobserved))?;
        file::end_log(self.connection).map_err(|error| Error::sqlite("finish", &self.path, &error))
    }

    /// One transaction; ids handed out in one that fails are taken back.
    fn commit(
        &mut self,
        write: impl FnOnce(&Transaction<'_>, &mut Ids) -> rusqlite::Result<()>,
    ) -> Result<(), Error> {
        let mark = self.ids.mark();
        let done = self.connection.transaction().and_then(|tx| {
            write(&tx, &mut self.ids)?;
            tx.commit()
        });
        done.map_err(|error| {
            self.ids.take_back(mark);
            Error::sqlite("write", &self.path, &error)
        })
    }
}
