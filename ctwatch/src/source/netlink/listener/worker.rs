//! The thread that listens: what is asked of it, then events, then the next part of a dump.

use std::{
    os::fd::AsFd,
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
    time::Instant,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::eventfd::EventFd,
};

use super::{
    notes::Notes,
    order::Order,
    price::Price,
    round::Rounds,
    socket::Mailbox,
    tally::none_lost,
    watched::{Watched, has_events},
};
use crate::model::{
    dump::DumpKind, endpoint::Endpoint, endpoint::Netns, lifetime::Lifetimes, reading::Reading,
};

/// After messages came, the thread sleeps this many milliseconds before it looks again: each look takes many at once,
/// and the kernel has nobody to wake. The socket holds what comes meanwhile many times over.
const PAUSE_MS: u8 = 10;
/// Looks into a socket until what waited in it has been read: a full one holds some 105,000 messages, a look takes up to
/// 8,192. No more than these, should messages come as fast as they are read; no clock, for a busy machine needs longer.
const LOOKS_AT_MOST: usize = 16;
/// Entries that are remembered, of all namespaces, at most: some 200 MB.
const ENTRIES: usize = 4_000_000;
/// Endpoints of namespaces gone whose lifetimes are kept, at most.
const GONE_LIFETIMES: usize = 4_096;

/// All that the thread holds.
pub(super) struct Worker {
    orders: Receiver<Order>,
    wake: Arc<EventFd>,
    started: Instant,
    watched: Vec<Watched>,
    rounds: Rounds,
    mailbox: Mailbox,
    price: Price,
    notes: Notes,
    /// What moved in namespaces that are gone.
    gone: Reading,
    gone_lifetimes: Vec<(Endpoint, Lifetimes)>,
}

/// What a look into all sockets found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    Messages,
    MoreThanItTook,
}

impl Worker {
    pub(super) fn new(
        orders: Receiver<Order>,
        rounds: Rounds,
        wake: Arc<EventFd>,
        started: Instant,
        watched: Vec<Watched>,
        notes: Notes,
    ) -> Self {
        Self {
            orders,
            wake,
            started,
            watched,
            rounds,
            mailbox: Mailbox::new(),
            price: Price::new(),
            notes,
            gone: quiet(),
            gone_lifetimes: Vec::new(),
        }
    }

    /// Listens until nobody can give orders any more.
    pub(super) fn listen(mut self) {
        loop {
            loop {
                match self.orders.try_recv() {
                    Ok(order) => self.obey(order),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            let found = self.drain();
            self.keep_limits();
            if found < Found::MoreThanItTook {
                let now_ms = self.now_ms();
                self.rounds.step(&mut self.watched, now_ms);
            }
            if !self.rounds.has_work() {
                self.wait(found);
            }
        }
    }

    fn obey(&mut self, order: Order) {
        // Whoever asked may have gone by the time of an answer.
        match order {
            Order::Read(early_drops, answer) => {
                let _ = answer.send(self.read(&early_drops));
            }
            Order::Lifetimes(answer) => {
                let all = self.watched.iter();
                let mut lifetimes = self.gone_lifetimes.clone();
                lifetimes.extend(all.flat_map(|each| each.mirror.tally.lifetimes()));
                let _ = answer.send(lifetimes);
            }
            Order::Add(watched) => {
                self.rounds.ask_one(watched.seen.netns, DumpKind::Baseline);
                self.watched.push(*watched);
                self.notes.set_events(has_events(&self.watched));
            }
            Order::Addresses(netns, local) => {
                if let Some(each) = self.watched.iter_mut().find(|it| it.seen.netns == netns) {
                    each.mirror.local = Some(local);
                }
            }
            Order::Remove(netns) => self.remove(netns),
            Order::Dump(kind) => {
                let all = self.watched.iter().map(|each| each.seen.netns);
                self.rounds.ask(all, kind);
            }
        }
    }

    /// Reads what waits in all sockets, a fair share of each.
    fn drain(&mut self) -> Found {
        let now_ms = self.now_ms();
        let (mut found, mut failed) = (Found::Nothing, false);
        for each in &mut self.watched {
            let drained = self.price.pay(|| each.drain(&mut self.mailbox, now_ms));
            if drained.overrun {
                self.rounds.ask_first(each.seen.netns);
            }
            if let Some(errno) = drained.failed {
                each.give_up_events();
                failed = true;
                self.notes.add(format!(
                    "the events of {} cannot be read: {errno}; from then on inserted and ended are the differences \
                     between dumps",
                    each.seen
                ));
            }
            found = found.max(match drained {
                it if it.more => Found::MoreThanItTook,
                it if it.messages > 0 => Found::Messages,
                _ => Found::Nothing,
            });
        }
        if failed {
            self.notes.set_events(has_events(&self.watched));
        }
        found
    }

    /// Reads all that waits, unless it comes as fast as it is read.
    fn drain_all(&mut self) {
        for _ in 0..LOOKS_AT_MOST {
            if self.drain() != Found::MoreThanItTook {
                break;
            }
        }
    }

    /// What moved since the reading before, all events included that waited when it was asked for.
    fn read(&mut self, early_drops: &[(Netns, u64)]) -> Reading {
        self.drain_all();
        let mut reading = std::mem::replace(&mut self.gone, quiet());
        for each in &mut self.watched {
            let netns = each.seen.netns;
            let early_drop = early_drops.iter().find(|(of, _)| *of == netns);
            each.mirror
                .tally
                .take(early_drop.map(|(_, count)| *count), &mut reading);
            reading.losses.unreadable += std::mem::take(&mut each.unreadable);
        }
        reading
    }

    /// Gives up what costs too much.
    fn keep_limits(&mut self) {
        if let Some(share) = self.price.is_too_high() {
            self.give_up_events();
            self.notes.add(format!(
                "conntrack events took {:.0} % of a core over ten seconds, more than a quarter: from then on inserted \
                 and ended are the differences between dumps, and entries that came and went between two dumps are \
                 not counted",
                share * 100.0
            ));
        }
        let entries: usize = self.watched.iter().map(|each| each.mirror.len()).sum();
        if entries > ENTRIES {
            self.give_up_events();
            for each in &mut self.watched {
                each.mirror.switch_off();
            }
            self.notes.add(format!(
                "the tables hold more than {ENTRIES} entries: from then on inserted and ended are not counted"
            ));
        }
    }

    fn give_up_events(&mut self) {
        self.drain_all();
        for each in &mut self.watched {
            each.give_up_events();
        }
        self.notes.set_events(has_events(&self.watched));
    }

    fn remove(&mut self, netns: Netns) {
        let now_ms = self.now_ms();
        let Some(at) = self.watched.iter().position(|it| it.seen.netns == netns) else {
            return;
        };
        let mut gone = self.watched.swap_remove(at);
        while gone.drain(&mut self.mailbox, now_ms).more {}
        self.rounds.forget(netns);
        self.notes.set_events(has_events(&self.watched));
        gone.mirror.close(now_ms);
        gone.mirror.tally.take(None, &mut self.gone);
        self.gone.losses.unreadable += gone.unreadable;
        let room = GONE_LIFETIMES.saturating_sub(self.gone_lifetimes.len());
        self.gone_lifetimes
            .extend(gone.mirror.tally.lifetimes().take(room));
    }

    /// Until there is something to do.
    fn wait(&self, found: Found) {
        let timeout = match found {
            Found::MoreThanItTook => return,
            Found::Nothing if !self.rounds.is_settling() => PollTimeout::NONE,
            _ => PollTimeout::from(PAUSE_MS),
        };
        let mut fds = vec![PollFd::new(self.wake.as_fd(), PollFlags::POLLIN)];
        if found == Found::Nothing {
            let sockets = self.watched.iter().filter_map(|each| each.socket.as_ref());
            fds.extend(sockets.map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)));
        }
        // An interrupted wait is a wait; the loop looks at everything anyway.
        let woken = poll(&mut fds, timeout);
        let ordered = fds.first().and_then(PollFd::any).unwrap_or_default();
        if woken.is_ok() && ordered {
            let _ = self.wake.read();
        }
    }

    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}

fn quiet() -> Reading {
    Reading {
        losses: none_lost(),
        ..Reading::default()
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
