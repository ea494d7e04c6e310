//! The small part of a recorder that keeps capabilities: a process of its own, forked once everything is attached.
//!
//! What needs a capability while a recording runs is entering network namespaces, asking ctnetlink for a dump or for
//! events, and changing what the kernel programs do. The keeper does these and nothing else, for whoever holds the
//! other end of its socket pair: it hands sockets over and answers with values. What is read from such a socket, the
//! analysis, the recording and the terminal belong to the recorder, which holds no capability.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::wait::waitpid,
    time::{ClockId, clock_gettime},
    unistd::Pid,
};
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::{
    netlink::opener::{Makes, OpenError, Opener},
    node::netns::{self, Seen},
    privilege,
};
use crate::model::{dropped::Dropped, endpoint::Netns, node::Address, table::Table};

mod channel;
mod fork;
mod request;
mod serve;

pub use request::Refusal;
use request::Request;
use serve::Server;

/// Kernel programs that change while they are attached.
pub trait Kept {
    /// Replaces the own addresses of a namespace.
    ///
    /// # Errors
    /// In words.
    fn set_addresses(&mut self, netns: Netns, now: &[Address]) -> Result<(), String>;

    /// Attaches what tells whose failed inserts are; says whether that is new.
    ///
    /// # Errors
    /// In words.
    fn watch_failures(&mut self) -> Result<bool, String> {
        Ok(false)
    }

    /// Attaches what tells all there is of a newcomer that a full table refuses.
    ///
    /// # Errors
    /// In words.
    fn watch_newcomers(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// Attaches everything again, after nf_conntrack was unloaded and loaded.
    ///
    /// # Errors
    /// In words.
    fn attach_again(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// Packets without an entry that netfilter dropped since the last call.
    fn dropped(&mut self) -> Dropped {
        Dropped::default()
    }
}

/// Why the keeper could not do it.
#[derive(Debug, Error)]
pub enum Error {
    /// There is none.
    #[error("cannot start the process that keeps the capabilities: {0}")]
    Start(#[source] io::Error),
    /// It has ended, or answers with something else.
    #[error("the process that keeps the capabilities does not answer ({0}): was it killed?")]
    Silent(#[source] io::Error),
    /// Its own reason.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// The recorder's end; dropped, the keeper ends.
#[derive(Debug)]
pub struct Keeper {
    /// `None` once it is to end.
    stream: Mutex<Option<UnixStream>>,
    process: Pid,
}

impl Keeper {
    /// Starts it with a copy of `kept`, and with what it needs of what this process may do.
    ///
    /// # Errors
    /// [`Error::Start`]
    pub fn start(kept: &mut dyn Kept) -> Result<Self, Error> {
        let (here, there) = UnixStream::pair().map_err(Error::Start)?;
        match fork::fork().map_err(Error::Start)? {
            Some(process) => Ok(Self {
                stream: Mutex::new(Some(here)),
                process,
            }),
            None => fork::run(|| {
                // That nobody holds it any more is how the recorder's end is noticed.
                drop(here);
                privilege::keep_only(&privilege::KEEPER).map_err(io::Error::other)?;
                Server::new(there, kept).serve()
            }),
        }
    }

    /// All namespaces that can be seen, the own first. Those of the last scan are the ones that can be named below.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn scan(&self) -> Result<Vec<Seen>, Error> {
        self.ask_to(&Request::Scan)
    }

    /// The addresses of these namespaces, each with its own result.
    ///
    /// # Errors
    /// When there is no thread to be had for entering them.
    pub fn addresses(&self, of: &[Seen]) -> Result<Vec<Result<Vec<Address>, Refusal>>, Error> {
        self.ask_to(&Request::Addresses(names(of)))
    }

    /// The tables of these namespaces, in their order, as [`table::Reader::read_all`] gives them.
    ///
    /// [`table::Reader::read_all`]: super::table::Reader::read_all
    ///
    /// # Errors
    /// When the keeper is gone.
    pub fn tables(&self, of: &[Seen]) -> Result<Vec<Table>, Error> {
        Ok(self.ask(&Request::Tables(names(of)))?.0)
    }

    /// Tells the kernel programs the addresses of a namespace.
    ///
    /// # Errors
    /// When a map is full or refuses.
    pub fn set_addresses(&self, netns: Netns, now: &[Address]) -> Result<(), Error> {
        self.ask_to(&Request::SetAddresses(netns, now.to_vec()))
    }

    /// Attaches what tells whose failed inserts are; says whether that is new.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn watch_failures(&self) -> Result<bool, Error> {
        self.ask_to(&Request::WatchFailures)
    }

    /// As [`Kept::watch_newcomers`].
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn watch_newcomers(&self) -> Result<(), Error> {
        self.ask_to(&Request::WatchNewcomers)
    }

    /// As [`Kept::attach_again`].
    ///
    /// # Errors
    /// When the module is not there, is another, or the kernel refuses.
    pub fn attach_again(&self) -> Result<(), Error> {
        self.ask_to(&Request::AttachAgain)
    }

    /// As [`Kept::dropped`].
    ///
    /// # Errors
    /// When the keeper is gone.
    pub fn dropped(&self) -> Result<Dropped, Error> {
        Ok(self.ask(&Request::Dropped)?.0)
    }

    /// Asks a child of this process to end that runs as another user.
    ///
    /// # Errors
    /// When that is not permitted.
    pub fn end(&self, process: Pid) -> Result<(), Error> {
        self.ask_to(&Request::End(process.as_raw()))
    }

    /// CPU time that it has used; none where the kernel does not tell.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        let clock = ClockId::pid_cpu_clock_id(self.process);
        clock
            .and_then(clock_gettime)
            .map_or(Duration::ZERO, Duration::from)
    }

    fn ask_to<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Error> {
        let (answer, _) = self.ask::<Result<T, Refusal>>(request)?;
        answer.map_err(Error::Refused)
    }

    fn ask_for_socket(&self, request: &Request) -> Result<(Option<OwnedFd>, Makes), OpenError> {
        match self.ask::<Result<Makes, Refusal>>(request) {
            Ok((Ok(makes), fd)) => Ok((fd, makes)),
            Ok((Err(refusal), _)) => Err(refusal.into()),
            Err(error) => Err(netns::Error::Told(error.to_string()).into()),
        }
    }

    fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<(T, Option<OwnedFd>), Error> {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let stream = stream.as_ref().ok_or_else(|| Error::Silent(gone()))?;
        channel::send(stream, request, None).map_err(Error::Silent)?;
        let answer = channel::receive(stream).map_err(Error::Silent)?;
        answer.ok_or_else(|| Error::Silent(gone()))
    }
}

impl Drop for Keeper {
    /// Returns once the keeper has ended, and its hooks have gone with it.
    fn drop(&mut self) {
        let stream = self
            .stream
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        drop(stream.take());
        let _ = waitpid(self.process, None);
    }
}

impl Opener for Keeper {
    fn dump(&self, seen: &Seen) -> Result<(OwnedFd, Makes), OpenError> {
        let (fd, makes) = self.ask_for_socket(&Request::Dump(seen.netns))?;
        Ok((fd.ok_or(Errno::EBADF)?, makes))
    }

    fn events(&self, seen: &Seen) -> Result<Option<(OwnedFd, Makes)>, OpenError> {
        let (fd, makes) = self.ask_for_socket(&Request::Events(seen.netns))?;
        Ok(fd.map(|fd| (fd, makes)))
    }
}

fn names(of: &[Seen]) -> Vec<Netns> {
    of.iter().map(|seen| seen.netns).collect()
}
