//! A dump under way: its rows go to the mirror and, boiled down, into a [`Dump`].

use std::{
    fs,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    super::{
        DumpError, Reason,
        opener::{Makes, OpenError, Opener},
        socket,
    },
    mirror::Mirror,
};
use crate::{
    model::{
        aggregate::Aggregator,
        dump::{Dump, DumpKind},
    },
    source::node::netns::Seen,
};

/// An entry lies in the table a little before its event is sent: the sender may be interrupted in between.
const SETTLES: Duration = Duration::from_millis(20);
/// The same in all namespaces.
const BUCKETS: &str = "/proc/sys/net/netfilter/nf_conntrack_buckets";

/// One dump of one namespace.
#[derive(Debug)]
pub(super) struct Run {
    fd: OwnedFd,
    /// What the namespace made events of when it began.
    pub(super) makes: Makes,
    kind: DumpKind,
    aggregator: Aggregator,
    buckets: Option<String>,
    at_ms: i64,
    started: Instant,
    ended: Option<Instant>,
}

impl Run {
    /// Asks for it.
    pub(super) fn start(
        opener: &dyn Opener,
        seen: &Seen,
        mirror: &mut Mirror,
        kind: DumpKind,
    ) -> Result<Self, DumpError> {
        let (fd, makes) = opener.dump(seen).map_err(|error| match error {
            OpenError::Netns(error) => DumpError::Netns(error),
            OpenError::Kernel(errno) => refused(seen, errno.into()),
        })?;
        mirror.begin();
        Ok(Self {
            fd,
            makes,
            kind,
            aggregator: Aggregator::new(seen.netns, mirror.local.clone()),
            buckets: fs::read_to_string(BUCKETS).ok(),
            at_ms: Timestamp::now().as_millisecond(),
            started: Instant::now(),
            ended: None,
        })
    }

    /// Reads the next part, if there is one.
    pub(super) fn step(
        &mut self,
        buffer: &mut [u8],
        seen: &Seen,
        mirror: &mut Mirror,
        now_ms: u64,
    ) -> Result<(), DumpError> {
        if self.ended.is_some() {
            return Ok(());
        }
        let aggregator = &mut self.aggregator;
        let ended = socket::receive(&self.fd, buffer)
            .map_err(Reason::from)
            .and_then(|part| {
                socket::read_part(part, &mut |entry, id| {
                    mirror.row(entry, id, now_ms);
                    aggregator.add(entry);
                })
            });
        if ended.map_err(|reason| refused(seen, reason))? {
            // While the hash is being resized a dump skips entries and shows others twice.
            if fs::read_to_string(BUCKETS).ok() != self.buckets {
                return Err(refused(seen, Reason::Interrupted));
            }
            self.ended = Some(Instant::now());
        }
        Ok(())
    }

    /// Whether all rows have been read.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether the events of what it showed must have been sent by now.
    pub(super) fn has_settled(&self) -> bool {
        self.ended.is_some_and(|at| at.elapsed() >= SETTLES)
    }

    /// The mirror is as the dump and the events until now say.
    pub(super) fn finish(self, mirror: &mut Mirror, now_ms: u64) -> Dump {
        mirror.end(now_ms);
        let took = self.ended.unwrap_or_else(Instant::now) - self.started;
        let took_ms = took.as_millis() as u64;
        self.aggregator.finish(self.at_ms, took_ms, self.kind)
    }
}

fn refused(seen: &Seen, reason: Reason) -> DumpError {
    DumpError::Refused {
        namespace: seen.to_string(),
        reason,
    }
}
