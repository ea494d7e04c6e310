//! Watches tables through ctnetlink: its events as they come, and dumps that show what they left out.
//!
//! Everything happens on one thread, so that a dump's rows and the events around them are told apart by the order in
//! which they are read.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Instant,
};

use nix::{
    errno::Errno,
    sys::eventfd::{EfdFlags, EventFd},
};
use thiserror::Error;

use super::{
    NF_CONNTRACK_MAX, Reason,
    opener::{InPerson, Opener},
};
use crate::{
    model::{
        dump::{Dump, DumpKind},
        endpoint::{Endpoint, Netns},
        lifetime::Lifetimes,
        node::Address,
        reading::Reading,
        table::Table,
    },
    source::node::netns::{self, Seen},
};

mod drops;
mod end;
mod event;
mod evictions;
mod key;
mod mirror;
mod notes;
mod order;
mod price;
mod record;
mod round;
mod run;
mod socket;
mod tally;
mod watched;
mod worker;

use notes::Notes;
use order::{Order, Outcome};
use round::Rounds;
use watched::{Watched, has_events, own_addresses};
use worker::Worker;

/// Why nothing can be watched.
#[derive(Debug, Error)]
pub enum ListenError {
    /// No conntrack in this kernel.
    #[error(
        "conntrack is not loaded in this kernel: nothing is tracked on this node (modprobe nf_conntrack, or add \
         a rule that uses it)"
    )]
    NotLoaded,
    /// The namespace could not be entered.
    #[error(transparent)]
    Netns(#[from] netns::Error),
    /// The kernel gave no socket for events.
    #[error("cannot listen to conntrack events in {namespace}: {reason}")]
    Refused {
        /// Which namespace.
        namespace: String,
        /// Why.
        reason: Reason,
    },
    /// No thread, or nothing to wake it with.
    #[error("cannot start a thread to listen to conntrack events: {0}")]
    Thread(io::Error),
}

/// How the tables are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By events, of inserts and of ends.
    Events,
    /// By dumps only: what comes and goes between two of them is not seen.
    Dumps,
}

/// Watches the tables of namespaces through ctnetlink.
#[derive(Debug)]
pub struct Listener {
    opener: Arc<dyn Opener>,
    orders: Sender<Order>,
    outcomes: Receiver<Outcome>,
    wake: Arc<EventFd>,
    thread: Option<thread::JoinHandle<()>>,
    started: Instant,
    /// Namespaces that are listened to, with their addresses.
    known: HashMap<Netns, Option<Vec<Address>>>,
    /// Rounds of dumps that were asked for and are not done.
    rounds: usize,
    /// A namespace had events at the start.
    had_events: bool,
    notes: Notes,
}

impl Listener {
    /// Opens a socket in each namespace and starts the thread.
    ///
    /// # Errors
    /// When conntrack is not loaded, or none of the namespaces can be listened to.
    pub fn start(namespaces: &[(Seen, Option<Vec<Address>>)]) -> Result<Self, ListenError> {
        Self::start_by(Arc::new(InPerson), namespaces)
    }

    /// As [`Listener::start`], where another opens the sockets.
    ///
    /// # Errors
    /// As [`Listener::start`].
    pub fn start_by(
        opener: Arc<dyn Opener>,
        namespaces: &[(Seen, Option<Vec<Address>>)],
    ) -> Result<Self, ListenError> {
        // A socket that joins the groups makes the kernel load ctnetlink, and conntrack with it.
        if !Path::new(NF_CONNTRACK_MAX).exists() {
            return Err(ListenError::NotLoaded);
        }
        let started = Instant::now();
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
        let wake = Arc::new(wake.map_err(thread_error)?);
        let notes = Notes::default();
        let (mut watched, mut refused) = (Vec::new(), None);
        for (seen, addresses) in namespaces {
            match Watched::open(&*opener, seen, addresses.as_deref(), &notes) {
                Ok(each) => watched.push(each),
                Err(error) => {
                    notes.add(error.to_string());
                    refused.get_or_insert(error);
                }
            }
        }
        notes.set_events(has_events(&watched));
        if let Some(error) = refused.filter(|_| watched.is_empty()) {
            return Err(error);
        }
        let had_events = notes.has_events();
        let is_known = |netns: &Netns| watched.iter().any(|each| each.seen.netns == *netns);
        let known = namespaces
            .iter()
            .map(|(seen, addresses)| (seen.netns, addresses.clone()))
            .filter(|(netns, _)| is_known(netns))
            .collect();
        let (orders, their_orders) = channel();
        let (their_outcomes, outcomes) = channel();
        let (their_wake, their_notes) = (Arc::clone(&wake), notes.clone());
        let rounds = Rounds::new(Arc::clone(&opener), their_outcomes, notes.clone());
        let work = move || {
            let worker = Worker::new(
                their_orders,
                rounds,
                their_wake,
                started,
                watched,
                their_notes,
            );
            worker.listen();
        };
        let thread = thread::Builder::new().name("ctnetlink".to_owned());
        Ok(Self {
            opener,
            orders,
            outcomes,
            wake,
            thread: Some(thread.spawn(work).map_err(ListenError::Thread)?),
            started,
            known,
            rounds: 0,
            had_events,
            notes,
        })
    }

    /// When it began: times in what it counts are from then on.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Namespaces that are there now, with their addresses: sockets are opened in new ones and closed in those gone.
    pub fn update(&mut self, namespaces: Vec<(Seen, Option<Vec<Address>>)>) {
        let is_there = |netns: &Netns| namespaces.iter().any(|(seen, _)| seen.netns == *netns);
        let gone: Vec<Netns> = self
            .known
            .keys()
            .copied()
            .filter(|it| !is_there(it))
            .collect();
        for netns in gone {
            self.known.remove(&netns);
            self.order(Order::Remove(netns));
        }
        let mut new = Vec::new();
        for (seen, addresses) in namespaces {
            match self.known.get_mut(&seen.netns) {
                None => new.push((seen, addresses)),
                Some(known) if *known != addresses => {
                    if let Some(now) = &addresses {
                        let local = own_addresses(&seen, now);
                        known.clone_from(&addresses);
                        self.order(Order::Addresses(seen.netns, local));
                    }
                }
                Some(_) => {}
            }
        }
        if !new.is_empty() {
            self.add(new);
        }
    }

    fn add(&mut self, new: Vec<(Seen, Option<Vec<Address>>)>) {
        for (seen, addresses) in new {
            match Watched::open(&*self.opener, &seen, addresses.as_deref(), &self.notes) {
                Ok(watched) => {
                    self.known.insert(seen.netns, addresses);
                    self.order(Order::Add(Box::new(watched)));
                }
                // It may well be gone again.
                Err(ListenError::Netns(netns::Error::Gone(_))) => {}
                Err(error) => self.notes.add(error.to_string()),
            }
        }
    }

    /// What moved since the last call: all events included that the kernel had sent when it was called. `tables`
    /// are the kernel's figures of the same moment.
    pub fn read(&mut self, tables: &[Table]) -> Reading {
        let early_drop = |table: &Table| Some((table.netns, table.stats?.early_drop));
        let early_drops = tables.iter().filter_map(early_drop).collect();
        let (answer, reading) = channel();
        self.order(Order::Read(early_drops, answer));
        let mut reading = self.answer(&reading);
        if !self.had_events {
            reading.losses.events_lost = None;
        }
        reading
    }

    /// Lifetimes of a sample of the entries whose insert and end were both seen, since the start.
    #[must_use]
    pub fn lifetimes(&mut self) -> Vec<(Endpoint, Lifetimes)> {
        let (answer, lifetimes) = channel();
        self.order(Order::Lifetimes(answer));
        self.answer(&lifetimes)
    }

    /// Begins a dump of every namespace. The same rows verify what the events told.
    pub fn start_dumps(&mut self, kind: DumpKind) {
        self.rounds += 1;
        self.order(Order::Dump(kind));
    }

    /// Whether dumps that were asked for are not done yet.
    #[must_use]
    pub fn is_dumping(&self) -> bool {
        self.rounds > 0
    }

    /// Dumps that are done: each a dump or why there is none.
    pub fn dumps(&mut self) -> Vec<Result<Dump, String>> {
        let mut dumps = Vec::new();
        while let Ok(outcome) = self.outcomes.try_recv() {
            self.take(outcome, &mut dumps);
        }
        dumps
    }

    /// The rest of the rounds under way, waited for.
    pub fn wait_dumps(&mut self) -> Vec<Result<Dump, String>> {
        let mut dumps = self.dumps();
        while self.rounds > 0 {
            match self.outcomes.recv() {
                Ok(outcome) => self.take(outcome, &mut dumps),
                Err(_) => self.rounds = 0,
            }
        }
        dumps
    }

    fn take(&mut self, outcome: Outcome, dumps: &mut Vec<Result<Dump, String>>) {
        match outcome {
            Outcome::Dump(dump) => dumps.push(dump.map(|dump| *dump)),
            Outcome::RoundDone => self.rounds = self.rounds.saturating_sub(1),
        }
    }

    /// What cannot be told and why, for people. It grows.
    #[must_use]
    pub fn degraded(&self) -> Vec<String> {
        self.notes.all()
    }

    /// How it watches now.
    #[must_use]
    pub fn mode(&self) -> Mode {
        if self.notes.has_events() {
            Mode::Events
        } else {
            Mode::Dumps
        }
    }

    fn order(&self, order: Order) {
        // A thread that has ended is found out by the answer that does not come.
        let _ = self.orders.send(order);
        let _ = self.wake.write(1);
    }

    fn answer<T: Default>(&mut self, answer: &Receiver<T>) -> T {
        answer.recv().unwrap_or_else(|_| {
            self.notes.add(
                "the thread that listens to conntrack events has ended: nothing is counted"
                    .to_owned(),
            );
            T::default()
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The thread ends when nobody can give orders any more.
        self.orders = channel().0;
        let _ = self.wake.write(1);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn thread_error(errno: Errno) -> ListenError {
    ListenError::Thread(errno.into())
}
