//! Dumps beside the samples: on a thread of their own, as often as half a per cent of a core allows. The
//! samples and writing the dumps have the other half.

use std::{
    io,
    sync::mpsc::{Receiver, TryRecvError, channel},
    thread,
    time::{Duration, Instant},
};

use crate::{
    model::{
        dump::{Dump, DumpKind},
        node::Address,
    },
    source::{netlink, node::netns::Seen},
};

/// A dump that took t is repeated after t times this.
const SPACING: u32 = 200;
/// But not sooner than this.
const AT_LEAST: Duration = Duration::from_secs(10);

/// A namespace's dump, or why there is none.
pub(super) type Outcome = Result<Dump, String>;

/// The round of dumps under way, if any, and when the next is due.
#[derive(Debug, Default)]
pub(super) struct Dumps {
    round: Option<(Instant, Receiver<Outcome>)>,
    next: Option<Instant>,
}

impl Dumps {
    /// Dumps these namespaces, one after the other.
    pub(super) fn start(
        &mut self,
        namespaces: Vec<(Seen, Option<Vec<Address>>)>,
        kind: DumpKind,
    ) -> io::Result<()> {
        let (sender, receiver) = channel();
        thread::Builder::new().name("dump".into()).spawn(move || {
            for (seen, addresses) in namespaces {
                let outcome = netlink::dump(&seen, addresses.as_deref(), kind)
                    .map_err(|error| format!("no dump of {seen}: {error}"));
                if sender.send(outcome).is_err() {
                    break;
                }
            }
        })?;
        self.round = Some((Instant::now(), receiver));
        Ok(())
    }

    /// Whether the next round should begin.
    pub(super) fn is_due(&self) -> bool {
        self.round.is_none() && self.next.is_none_or(|next| next <= Instant::now())
    }

    /// Dumps that have come in.
    pub(super) fn finished(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some((began, receiver)) = &self.round {
            match receiver.try_recv() {
                Ok(outcome) => outcomes.push(outcome),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    let pause = (began.elapsed() * SPACING).max(AT_LEAST);
                    self.next = Some(Instant::now() + pause);
                    self.round = None;
                }
            }
        }
        outcomes
    }

    /// The rest of the round under way, waited for.
    pub(super) fn wait(&mut self) -> Vec<Outcome> {
        self.round
            .take()
            .map(|(_, receiver)| receiver.into_iter().collect())
            .unwrap_or_default()
    }
}
