//! One namespace that is listened to.

use nix::errno::Errno;

use super::{
    super::{
        opener::{Makes, OpenError, Opener},
        subscription::{BUFFER, has_terse_ends},
    },
    ListenError, event,
    mirror::Mirror,
    notes::Notes,
    socket::{Look, Mailbox, Socket},
};
use crate::{
    model::{classify::LocalAddresses, node::Address},
    source::node::netns::Seen,
};

/// Batches taken from one namespace before the others have their turn.
const BATCHES: usize = 64;

/// A namespace, its socket and its mirror.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) seen: Seen,
    /// `None` where there are no events to be had, or no more.
    pub(super) socket: Option<Socket>,
    pub(super) mirror: Mirror,
    /// Messages that could not be read, since the reading before.
    pub(super) unreadable: u64,
    /// The entries whose end the kernel tells of.
    pub(super) makes: Makes,
    /// The kernel drops messages until the socket is empty.
    congested: bool,
}

/// What came of looking into a namespace's socket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drained {
    pub(super) messages: usize,
    /// The kernel dropped messages: only a dump can tell now what is in the table.
    pub(super) overrun: bool,
    /// More messages wait.
    pub(super) more: bool,
    /// Nothing can be read any more, for this reason.
    pub(super) failed: Option<Errno>,
}

impl Watched {
    /// Opens a socket in a namespace.
    pub(super) fn open(
        opener: &dyn Opener,
        seen: &Seen,
        addresses: Option<&[Address]>,
        notes: &Notes,
    ) -> Result<Self, ListenError> {
        let refused = |errno: Errno| ListenError::Refused {
            namespace: seen.to_string(),
            reason: errno.into(),
        };
        let local = addresses.map(|all| own_addresses(seen, all));
        let mut watched = Self::new(seen.clone(), local);
        let opened = opener.events(seen).map_err(|error| match error {
            OpenError::Netns(error) => ListenError::Netns(error),
            OpenError::Kernel(errno) => refused(errno),
        })?;
        match opened {
            Some((fd, makes)) => watched.listen(Socket::new(fd).map_err(refused)?, makes, notes),
            None => notes.add(no_events(seen)),
        }
        Ok(watched)
    }

    fn new(seen: Seen, local: Option<LocalAddresses>) -> Self {
        Self {
            mirror: Mirror::new(seen.netns, local),
            seen,
            socket: None,
            unreadable: 0,
            makes: Makes::None,
            congested: false,
        }
    }

    fn listen(&mut self, socket: Socket, makes: Makes, notes: &Notes) {
        if let Ok(bytes) = socket.buffer()
            && bytes < BUFFER
        {
            notes.add(format!(
                "the buffer for the events of {} is {} KiB instead of {} MiB, and bursts may be lost (needs \
                 CAP_NET_ADMIN, or sysctl net.core.rmem_max)",
                self.seen,
                bytes >> 10,
                BUFFER >> 20
            ));
        }
        self.socket = Some(socket);
        self.makes = makes;
        self.mirror.expect_events(has_terse_ends());
    }

    /// Does without events from now on.
    pub(super) fn give_up_events(&mut self) {
        self.socket = None;
        self.mirror.give_up_events();
    }

    /// Reads what waits, a fair share of it.
    pub(super) fn drain(&mut self, mailbox: &mut Mailbox, now_ms: u64) -> Drained {
        let mut drained = Drained::default();
        let Some(socket) = &self.socket else {
            return drained;
        };
        for _ in 0..BATCHES {
            let (mirror, unreadable) = (&mut self.mirror, &mut self.unreadable);
            let looked = mailbox.receive(socket, |message| {
                let read =
                    message.map(|bytes| event::read(bytes, |event| mirror.event(&event, now_ms)));
                *unreadable += u64::from(!matches!(read, Some(Ok(()))));
            });
            match looked {
                Ok(Look::Messages(count)) => drained.messages += count,
                Err(errno) => {
                    drained.failed = Some(errno);
                    return drained;
                }
                Ok(Look::Overrun) => {
                    drained.overrun = true;
                    self.congested = true;
                    self.mirror.lose(0);
                }
                Ok(Look::Empty) => {
                    self.count_lost();
                    return drained;
                }
            }
        }
        drained.more = true;
        drained
    }

    /// Once dropping has begun the kernel drops all that comes until the socket is empty, so it is asked then.
    fn count_lost(&mut self) {
        if let Some(socket) = self.socket.as_mut().filter(|_| self.congested) {
            self.congested = false;
            self.mirror.lose(socket.dropped());
        }
    }
}

/// Whether any of these is told of what happens.
pub(super) fn has_events(watched: &[Watched]) -> bool {
    watched.iter().any(|each| each.socket.is_some())
}

/// For people.
pub(super) fn no_events(seen: &Seen) -> String {
    format!(
        "net.netfilter.nf_conntrack_events is 0 in {seen}: inserted and ended are the differences between dumps, and \
         entries that came and went between two dumps are not counted"
    )
}

/// The addresses of this namespace among all.
pub(super) fn own_addresses(seen: &Seen, all: &[Address]) -> LocalAddresses {
    all.iter()
        .filter(|each| each.netns.inode == seen.netns.inode)
        .map(|each| each.address)
        .collect()
}
