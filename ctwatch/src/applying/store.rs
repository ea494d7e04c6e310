//! The directory that a namespace's record lies in: /run/ctwatch/netns-INODE. What is written there is there after a
//! kill; whoever changes it holds its lock.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::{
    ApplyError, clock,
    record::{Record, VERSION},
};
use crate::model::endpoint::Netns;

const ROOT: &str = "/run/ctwatch";
const RECORD: &str = "record.json";
/// What became of the last change that was taken back by itself, for people.
const OUTCOME: &str = "outcome";
/// How long another one's work is waited for: longer than programs that change rules may take.
const PATIENCE: Duration = Duration::from_secs(70);

/// A namespace's directory.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
    netns: Netns,
}

/// Held while records and rules are changed.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "ends with this value")] Flock<File>);

impl Store {
    /// That of a namespace; nothing is made yet.
    #[must_use]
    pub fn of(netns: Netns) -> Self {
        Self {
            directory: Path::new(ROOT).join(format!("netns-{}", netns.inode)),
            netns,
        }
    }

    /// Makes the directory, if it is not there: nobody else may look into it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(&self) -> Result<(), ApplyError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(&self.directory)
            .map_err(|error| self.failed("make", "", &error))
    }

    /// Waits for the lock.
    ///
    /// # Errors
    /// When another one holds it too long.
    pub fn lock(&self) -> Result<Lock, ApplyError> {
        let began = Instant::now();
        loop {
            match self.try_lock("lock")? {
                Some(lock) => return Ok(Lock(lock)),
                None if began.elapsed() > PATIENCE => return Err(ApplyError::Busy),
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// The lock that a guard holds while it lives; `None` where another one does.
    ///
    /// # Errors
    /// When there is no such file to be had.
    pub fn guard_lock(&self) -> Result<Option<Lock>, ApplyError> {
        Ok(self.try_lock("guard")?.map(Lock))
    }

    fn try_lock(&self, name: &str) -> Result<Option<Flock<File>>, ApplyError> {
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600);
        let file = options.open(self.directory.join(name));
        let file = file.map_err(|error| self.failed("open", name, &error))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(lock)),
            Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => Ok(None),
            Err((_, errno)) => Err(self.failed("lock", name, &errno.into())),
        }
    }

    /// The record, if there is one of this namespace and this life of the machine.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn read(&self) -> Result<Option<Record>, ApplyError> {
        let bytes = match fs::read(self.directory.join(RECORD)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("read", RECORD, &error)),
        };
        let record: Record = serde_json::from_slice(&bytes)
            .map_err(|error| self.failed("understand", RECORD, &error.into()))?;
        if record.version != VERSION {
            let other = io::Error::other(format!("it is of version {}", record.version));
            return Err(self.failed("understand", RECORD, &other));
        }
        // Inode numbers of namespaces are used again; a cookie of 0 tells nothing.
        let cookies = (record.netns.cookie, self.netns.cookie);
        let same_netns = cookies.0 == cookies.1 || cookies.0 == 0 || cookies.1 == 0;
        Ok((same_netns && record.boot == clock::boot()).then_some(record))
    }

    /// Puts a record in the place of the one there, or of none; it is on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, record: &Record) -> Result<(), ApplyError> {
        let bytes = serde_json::to_vec_pretty(record)
            .map_err(|error| self.failed("write", RECORD, &error.into()))?;
        self.replace(RECORD, &bytes)
    }

    /// Puts the record before in the place of this one, or none.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn pop(&self, record: Record) -> Result<(), ApplyError> {
        match record.previous {
            Some(previous) => self.write(&previous),
            None => {
                fs::remove_file(self.directory.join(RECORD))
                    .map_err(|error| self.failed("remove", RECORD, &error))?;
                self.sync()
            }
        }
    }

    /// Keeps a sentence about the change of that record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn tell(&self, id: &str, outcome: &str) -> Result<(), ApplyError> {
        self.replace(OUTCOME, format!("{id}\n{outcome}\n").as_bytes())
    }

    /// The sentence that was kept last, and whose change it is about.
    #[must_use]
    pub fn told(&self) -> Option<(String, String)> {
        let text = fs::read_to_string(self.directory.join(OUTCOME)).ok()?;
        let (id, outcome) = text.split_once('\n')?;
        Some((id.to_owned(), outcome.trim_end().to_owned()))
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ApplyError> {
        let new = self.directory.join(format!("{name}.new"));
        let write = || {
            let mut options = OpenOptions::new();
            options.create(true).write(true).truncate(true).mode(0o600);
            let mut file = options.open(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, self.directory.join(name))
        };
        write().map_err(|error: io::Error| self.failed("write", name, &error))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), ApplyError> {
        let directory = File::open(&self.directory).and_then(|directory| directory.sync_all());
        directory.map_err(|error| self.failed("write", "", &error))
    }

    fn failed(&self, action: &'static str, name: &str, reason: &io::Error) -> ApplyError {
        ApplyError::State {
            action,
            path: self.directory.join(name).display().to_string(),
            reason: reason.to_string(),
        }
    }
}
