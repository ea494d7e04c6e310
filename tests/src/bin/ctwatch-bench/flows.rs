//! UDP flows of one packet each: their first packet, another one, and the end of their entries.

use std::{net::UdpSocket, ops::Range};

use anyhow::{Result, bail};
use nix::sys::socket::{setsockopt, sockopt::RcvBuf};

use super::{
    clock::Meter,
    frames::Sender,
    node::{self, NODE},
    table::{self, Flusher},
};

/// How often a disturbed round is repeated.
const ATTEMPTS: usize = 10;
/// Flows of a round.
pub(crate) const FLOWS: u16 = 20_000;
/// The flows' destination: discard.
const PORT: u16 = 9;
/// Their ports.
pub(crate) const SOURCES: Range<u16> = 10_000..10_000 + FLOWS;

/// Instructions of one round, all flows together.
pub(crate) struct Round {
    pub(crate) new: u64,
    pub(crate) existing: u64,
    /// `None` where nothing is tracked.
    pub(crate) ended: Option<u64>,
}

/// Client and service.
pub(crate) struct Flows {
    sender: Sender,
    flusher: Flusher,
    pub(crate) meter: Meter,
    /// Nobody reads it: its buffer is full after the first few datagrams, and all the others end at the same place.
    _service: UdpSocket,
}

impl Flows {
    pub(crate) fn open() -> Result<Self> {
        let service = UdpSocket::bind((NODE, PORT))?;
        setsockopt(&service, RcvBuf, &1)?;
        Ok(Self {
            sender: Sender::open()?,
            flusher: Flusher::open()?,
            meter: Meter::Process,
            _service: service,
        })
    }

    /// A round in which all packets were received on the back of this process, if that alone is measured.
    pub(crate) fn round(&mut self, tracked: bool) -> Result<Round> {
        for _ in 0..ATTEMPTS {
            node::rest();
            let waits = self.sender.waits();
            let round = self.attempt(tracked)?;
            if self.sender.waits() == waits || matches!(self.meter, Meter::AllBut(_)) {
                return Ok(round);
            }
        }
        bail!("ksoftirqd took part in each of {ATTEMPTS} rounds")
    }

    /// Makes the flows, sends one more packet of each, and flushes the table if it is `tracked`.
    fn attempt(&mut self, tracked: bool) -> Result<Round> {
        let meter = self.meter;
        let new = meter.ns(|| self.burst())?;
        let entries = table::count()?;
        let expected = if tracked { u64::from(FLOWS) } else { 0 };
        if entries != expected {
            bail!("{entries} entries instead of {expected}");
        }
        let existing = meter.ns(|| self.burst())?;
        let ended = if tracked { Some(self.end()?) } else { None };
        Ok(Round {
            new,
            existing,
            ended,
        })
    }

    fn burst(&mut self) -> Result<()> {
        self.sender.burst(SOURCES, PORT)
    }

    /// The entries' end alone: the walk over the empty table is taken off.
    fn end(&self) -> Result<u64> {
        let flush = self.meter.ns(|| self.flusher.flush())?;
        if table::count()? != 0 {
            bail!("entries are left after a flush");
        }
        let empty = self.meter.ns(|| self.flusher.flush())?;
        Ok(flush.saturating_sub(empty))
    }
}
