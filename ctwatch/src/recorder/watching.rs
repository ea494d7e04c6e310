//! What watches, and what it needs around it: the keeper, the namespaces, the books. `record` adds a writer,
//! `drops` tells one event after the other.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;

use super::{
    Error, News,
    absence::{Absence, Found},
    failures::Failures,
    namespaces::Namespaces,
    settle,
    watch::{Attached, Ready, Watch},
};
use crate::{
    analysis::ledger::Books,
    model::{gap::Gap, ledger::Ledger, node::Node, sample::Sample},
    source::{
        keeper::{self, Keeper},
        node, privilege,
    },
};

/// Watching that has begun. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Watching {
    /// Before the keeper: what it has attached goes when that ends.
    pub(super) watch: Box<dyn Watch>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) namespaces: Namespaces,
    /// What is to be told of the source.
    notice: Option<String>,
    books: Books,
    failures: Failures,
    absence: Absence,
    /// Gaps that nobody has asked for yet.
    gaps: Vec<Gap>,
    /// What they leave untold, likewise.
    reasons: Vec<String>,
    started: Instant,
}

impl Watching {
    /// Reads the node, attaches, gives all capabilities up to the keeper, and watches. `check` says whether what is to
    /// be written can be.
    ///
    /// # Errors
    /// Those of `check` and `attach`, and [`Error`].
    pub(super) fn start<E: From<Error>>(
        check: impl Fn() -> Result<(), E>,
        attach: impl FnOnce(&Node) -> Result<Ready, E>,
    ) -> Result<(Self, Node), E> {
        // Before anything takes time or privileges: a file in the way is the user's to deal with first.
        privilege::rest().map_err(Error::from)?;
        check()?;
        privilege::raise().map_err(Error::from)?;
        let node = node::read(false);
        let may_enter = privilege::may_enter_namespaces();
        let mut ready = attach(&node)?;
        let keeper = Arc::new(Keeper::start(&mut ready).map_err(Error::from)?);
        // Before the first thread starts, and before a file is written.
        privilege::give_up(|| check().is_err()).map_err(Error::from)?;
        let mut namespaces = Namespaces::new(&node, Arc::clone(&keeper), may_enter);
        let (watch, notice) = ready
            .watch(&keeper, &namespaces.all())
            .map_err(Error::from)?;
        for reason in notice.iter().cloned().chain(watch.degraded()) {
            namespaces.degrade(&reason);
        }
        namespaces.degrade_unentered(watch.backend());
        let watching = Self {
            books: Books::new(&watch.unobserved()),
            failures: Failures::default(),
            absence: Absence::new(watch.backend()),
            gaps: Vec::new(),
            reasons: Vec::new(),
            started: watch.started(),
            watch,
            keeper,
            namespaces,
            notice,
        };
        Ok((watching, node))
    }

    /// Looks for new namespaces and addresses, and tells whoever watches.
    pub(super) fn refresh(&mut self) -> Vec<News> {
        let news = self.namespaces.refresh();
        if let Some(now) = self.namespaces.changed() {
            self.watch.update(now);
        }
        news
    }

    /// What moved since the sample before, and the tables.
    pub(super) fn sample(&mut self) -> Sample {
        let sample = settle::once(&mut *self.watch, &mut self.namespaces, self.started);
        self.attended(sample)
    }

    /// A sample that books can open and close with, taken while nothing moves, if such a moment comes soon.
    pub(super) fn settled_sample(&mut self) -> Sample {
        let sample = settle::sample(&mut *self.watch, &mut self.namespaces, self.started);
        self.attended(sample)
    }

    /// Leaves out tables of a sample that nothing was counted beside: they would be held against counts. If the module is
    /// there again, probes are attached again.
    fn attended(&mut self, mut sample: Sample) -> Sample {
        match self.absence.look(sample.at_ms) {
            Found::There => return sample,
            Found::Gone => {
                self.books.gap();
                let from = told(self.absence.since());
                self.reasons.push(format!(
                    "nf_conntrack was unloaded: from {from} on nothing is counted until it is loaded again"
                ));
            }
            Found::Away => {}
        }
        sample.tables.clear();
        if self.absence.attach_again(&self.keeper) {
            // What was counted while hooks were being attached one by one has no insert or no end to go with.
            self.watch.read(&[]);
            // The kernel's counters begin anew.
            self.failures = Failures::default();
            self.end_gap();
        }
        sample
    }

    /// Ends the gap that is open, if one is.
    fn end_gap(&mut self) {
        if let Some(gap) = self.absence.end() {
            let (from, to) = (told(Some(gap.from_ms)), told(Some(gap.to_ms)));
            self.reasons.push(format!(
                "from {from} to {to} nothing was counted: {}",
                gap.reason
            ));
            self.gaps.push(gap);
        }
    }

    /// Whether nothing is being counted, since the module is not there.
    pub(super) fn is_away(&self) -> bool {
        self.absence.is_away()
    }

    /// Times in which nothing was counted that have ended since the last call.
    pub(super) fn gaps(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.gaps)
    }

    /// The same at the end of all, a gap that is still open included.
    pub(super) fn last_gaps(&mut self) -> Vec<Gap> {
        self.end_gap();
        self.gaps()
    }

    /// Takes a sample into the books. Yields what cannot be told any more since then, each reason once; hooks that it shows
    /// to be needed are attached.
    pub(super) fn heed(&mut self, sample: &Sample) -> Result<Vec<String>, Error> {
        self.books.add(sample);
        let mut reasons = self.watch.degraded();
        reasons.append(&mut self.reasons);
        // From now on failed inserts are attributed; what came before is said to be missing.
        if self.failures.are_unexplained(sample) && self.keeper.watch_failures()? {
            reasons.push(
                "inserts that failed other than by a clash were not attributed to ports before the first of them \
                 showed in the kernel's insert_failed"
                    .to_owned(),
            );
        }
        reasons.retain(|reason| self.namespaces.degrade(reason));
        Ok(reasons)
    }

    /// From now on all there is of newcomers is told.
    ///
    /// # Errors
    /// When the process that keeps the capabilities is gone. What the kernel refuses is among what cannot be told.
    pub(super) fn watch_newcomers(&mut self) -> Result<(), Error> {
        match self.keeper.watch_newcomers() {
            Err(keeper::Error::Refused(refusal)) => {
                let reason = format!("zones of refused connections are not told: {refusal}");
                self.namespaces.degrade(&reason);
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// The books as they stand.
    pub(super) fn ledger(&self) -> Ledger {
        self.books.close()
    }

    /// What cannot be told and why.
    pub(super) fn degraded(&self) -> Vec<String> {
        self.namespaces.degraded().to_vec()
    }

    /// What sits where.
    pub(super) fn attached(&self) -> Attached {
        self.watch.attached()
    }

    /// What is to be told of the source: which it is and why, where it is not the best there is.
    pub(super) fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// When ages begin.
    pub(super) fn started(&self) -> Instant {
        self.started
    }
}

/// A time for people; nothing where there is none.
fn told(ms: Option<i64>) -> String {
    let time = ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(String::new, |time| time.to_string())
}
