//! The dumps that are to be made, one after the other.

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc::Sender},
};

use super::{
    super::{
        DumpError, Reason,
        opener::{Makes, Opener},
        socket,
    },
    notes::Notes,
    order::Outcome,
    run::Run,
    watched::{Watched, has_events, no_events},
};
use crate::model::{dump::DumpKind, endpoint::Netns};

/// How often a dump that the kernel calls unreliable is begun anew.
const ATTEMPTS: u32 = 3;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
enum Task {
    Dump(Request),
    /// All dumps that were asked for together are done.
    RoundDone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    netns: Netns,
    kind: DumpKind,
    attempt: u32,
}

/// The dump under way and those to come.
pub(super) struct Rounds {
    opener: Arc<dyn Opener>,
    queue: VecDeque<Task>,
    run: Option<(Request, Run)>,
    part: Vec<u8>,
    outcomes: Sender<Outcome>,
    notes: Notes,
}

impl Rounds {
    pub(super) fn new(opener: Arc<dyn Opener>, outcomes: Sender<Outcome>, notes: Notes) -> Self {
        Self {
            opener,
            queue: VecDeque::new(),
            run: None,
            part: vec![0; socket::BUFFER],
            outcomes,
            notes,
        }
    }

    /// Dumps of these namespaces, then word that they are done.
    pub(super) fn ask(&mut self, namespaces: impl Iterator<Item = Netns>, kind: DumpKind) {
        for netns in namespaces {
            self.ask_one(netns, kind);
        }
        self.queue.push_back(Task::RoundDone);
    }

    /// A dump of this namespace.
    pub(super) fn ask_one(&mut self, netns: Netns, kind: DumpKind) {
        self.queue.push_back(Task::Dump(Request {
            netns,
            kind,
            attempt: 1,
        }));
    }

    /// A dump of this namespace before all others, unless one is waiting to begin: events were lost.
    pub(super) fn ask_first(&mut self, netns: Netns) {
        let waits = |task: &Task| matches!(task, Task::Dump(request) if request.netns == netns);
        if !self.queue.iter().any(waits) {
            self.queue.push_front(Task::Dump(Request {
                netns,
                kind: DumpKind::Periodic,
                attempt: 1,
            }));
        }
    }

    /// The dump under way is of no use: its namespace is gone.
    pub(super) fn forget(&mut self, netns: Netns) {
        if self
            .run
            .as_ref()
            .is_some_and(|(request, _)| request.netns == netns)
        {
            self.run = None;
        }
    }

    /// Whether a part of a dump can be read at once.
    pub(super) fn has_work(&self) -> bool {
        match &self.run {
            Some((_, run)) => !run.has_ended(),
            None => !self.queue.is_empty(),
        }
    }

    /// Whether a dump is all but done.
    pub(super) fn is_settling(&self) -> bool {
        self.run.as_ref().is_some_and(|(_, run)| run.has_ended())
    }

    /// Goes on with the dump under way or begins the next. All events were read just before.
    pub(super) fn step(&mut self, watched: &mut [Watched], now_ms: u64) {
        let Some((request, mut run)) = self.run.take() else {
            self.next(watched);
            return;
        };
        let Some(of) = find(watched, request.netns) else {
            return;
        };
        if run.has_settled() {
            let first = of.mirror.is_first();
            let dump = run.finish(&mut of.mirror, now_ms);
            if first {
                self.note_silent(of);
            }
            self.tell(Outcome::Dump(Ok(Box::new(dump))));
            return;
        }
        match run.step(&mut self.part, &of.seen, &mut of.mirror, now_ms) {
            Ok(()) => self.run = Some((request, run)),
            Err(error) => self.fail(request, of, &error),
        }
    }

    fn next(&mut self, watched: &mut [Watched]) {
        match self.queue.pop_front() {
            None => {}
            Some(Task::RoundDone) => self.tell(Outcome::RoundDone),
            Some(Task::Dump(request)) => {
                if let Some(of) = find(watched, request.netns) {
                    self.begin(request, of);
                }
                self.notes.set_events(has_events(watched));
            }
        }
    }

    fn begin(&mut self, request: Request, of: &mut Watched) {
        let run = Run::start(&*self.opener, &of.seen, &mut of.mirror, request.kind);
        match run {
            Ok(run) => {
                if run.makes == Makes::None && of.socket.is_some() {
                    self.notes.add(no_events(&of.seen));
                    of.give_up_events();
                }
                self.run = Some((request, run));
            }
            Err(error) => self.fail(request, of, &error),
        }
    }

    /// Says of how many entries the kernel may not tell that they ended.
    fn note_silent(&self, of: &Watched) {
        let before = of.mirror.older();
        if before > 0 && of.socket.is_some() && of.makes != Makes::All {
            self.notes.add(format!(
                "{before} entries of {} were there before: the kernel may not tell of their end, so it is counted when \
                 a dump no longer shows them",
                of.seen
            ));
        }
    }

    fn fail(&mut self, mut request: Request, of: &Watched, error: &DumpError) {
        let interrupted = matches!(
            error,
            DumpError::Refused {
                reason: Reason::Interrupted,
                ..
            }
        );
        if interrupted && request.attempt < ATTEMPTS {
            request.attempt += 1;
            self.queue.push_front(Task::Dump(request));
        } else {
            self.tell(Outcome::Dump(Err(format!(
                "no dump of {}: {error}",
                of.seen
            ))));
        }
    }

    fn tell(&self, outcome: Outcome) {
        // Whoever asked may have gone; then the thread ends with the next order.
        let _ = self.outcomes.send(outcome);
    }
}

fn find(watched: &mut [Watched], netns: Netns) -> Option<&mut Watched> {
    watched.iter_mut().find(|each| each.seen.netns == netns)
}
