//! The keeper's side: one question after the other.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::{Pid, getppid},
};
use serde::Serialize;

use super::{
    Kept, channel,
    request::{Refusal, Request},
};
use crate::{
    model::{endpoint::Netns, node::Address},
    source::{
        netlink::opener::{InPerson, Makes, Opener as _},
        node::{
            address,
            netns::{Scanner, Seen},
        },
        table,
    },
};

/// What the keeper remembers.
pub(super) struct Server<'a> {
    stream: UnixStream,
    scanner: Scanner,
    reader: table::Reader,
    seen: Vec<Seen>,
    kept: &'a mut dyn Kept,
}

impl<'a> Server<'a> {
    pub(super) fn new(stream: UnixStream, kept: &'a mut dyn Kept) -> Self {
        Self {
            stream,
            scanner: Scanner::new(),
            reader: table::Reader::new(),
            seen: Vec::new(),
            kept,
        }
    }

    /// Answers until the recorder has ended.
    pub(super) fn serve(mut self) -> io::Result<()> {
        while let Some((request, _)) = channel::receive(&self.stream)? {
            self.answer(request)?;
        }
        Ok(())
    }

    fn answer(&mut self, request: Request) -> io::Result<()> {
        match request {
            Request::Scan => {
                let scanned = self.scan();
                self.reply(&scanned, None)
            }
            Request::Addresses(of) => self.reply(&self.addresses(&of), None),
            Request::Tables(of) => {
                let seen = self.find_all(&of);
                let tables = self.reader.read_all(&seen);
                self.reply(&tables, None)
            }
            Request::Dump(netns) => self.hand_over(self.dump(netns)),
            Request::Events(netns) => self.hand_over(self.events(netns)),
            Request::SetAddresses(netns, addresses) => {
                let set = self.kept.set_addresses(netns, &addresses);
                self.reply(&set.map_err(Refusal::Other), None)
            }
            Request::WatchFailures => {
                let attached = self.kept.watch_failures();
                self.reply(&attached.map_err(Refusal::Other), None)
            }
            Request::WatchNewcomers => {
                let attached = self.kept.watch_newcomers();
                self.reply(&attached.map_err(Refusal::Other), None)
            }
            Request::AttachAgain => {
                let attached = self.kept.attach_again();
                // The kernel's counters begin anew with the module.
                self.reader = table::Reader::new();
                self.reply(&attached.map_err(Refusal::Other), None)
            }
            Request::Dropped => {
                let dropped = self.kept.dropped();
                self.reply(&dropped, None)
            }
            Request::End(process) => self.reply(&end(process), None),
        }
    }

    fn scan(&mut self) -> Result<Vec<Seen>, Refusal> {
        self.seen = self.scanner.scan()?;
        Ok(self.seen.clone())
    }

    fn addresses(&self, of: &[Netns]) -> Result<Vec<Result<Vec<Address>, Refusal>>, Refusal> {
        let read = address::read_all(&self.find_all(of))?;
        Ok(read
            .into_iter()
            .map(|each| each.map_err(Refusal::from))
            .collect())
    }

    fn dump(&self, netns: Netns) -> Result<(Option<OwnedFd>, Makes), Refusal> {
        let (fd, makes) = InPerson.dump(&self.find(netns))?;
        Ok((Some(fd), makes))
    }

    fn events(&self, netns: Netns) -> Result<(Option<OwnedFd>, Makes), Refusal> {
        let opened = InPerson.events(&self.find(netns))?;
        Ok(opened.map_or((None, Makes::None), |(fd, makes)| (Some(fd), makes)))
    }

    /// As the last scan saw it; otherwise one that cannot be entered.
    fn find(&self, netns: Netns) -> Seen {
        let found = self.seen.iter().find(|seen| seen.netns == netns);
        found.cloned().unwrap_or_else(|| Seen::gone(netns))
    }

    fn find_all(&self, of: &[Netns]) -> Vec<Seen> {
        of.iter().map(|netns| self.find(*netns)).collect()
    }

    fn hand_over(&self, opened: Result<(Option<OwnedFd>, Makes), Refusal>) -> io::Result<()> {
        match opened {
            Ok((fd, makes)) => self.reply(&Ok::<Makes, Refusal>(makes), fd),
            Err(refusal) => self.reply(&Err::<Makes, Refusal>(refusal), None),
        }
    }

    fn reply(&self, value: &impl Serialize, fd: Option<OwnedFd>) -> io::Result<()> {
        channel::send(&self.stream, value, fd)
    }
}

/// Signals a child of the recorder, and nobody else. One that has ended keeps its number until the recorder asks for its
/// status.
fn end(process: i32) -> Result<(), Refusal> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    if !status.contains(&format!("\nPPid:\t{}\n", getppid())) {
        return Err(Refusal::Errno(Errno::ECHILD as i32));
    }
    kill(Pid::from_raw(process), Signal::SIGTERM).map_err(|errno| Refusal::Errno(errno as i32))
}
