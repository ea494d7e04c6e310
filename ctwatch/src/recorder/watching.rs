//! What watches, and what it needs around it: the keeper, the namespaces, the books. `record` adds a writer,
//! `drops` tells one event after the other.

use std::{sync::Arc, time::Instant};

use super::{
    Error, News,
    failures::Failures,
    namespaces::Namespaces,
    settle,
    watch::{Attached, Ready, Watch},
};
use crate::{
    analysis::ledger::Books,
    model::{ledger::Ledger, node::Node, sample::Sample},
    source::{keeper::Keeper, node, privilege},
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
        settle::once(&mut *self.watch, &mut self.namespaces, self.started)
    }

    /// A sample that books can open and close with, taken while nothing moves, if such a moment comes soon.
    pub(super) fn settled_sample(&mut self) -> Sample {
        settle::sample(&mut *self.watch, &mut self.namespaces, self.started)
    }

    /// Takes a sample into the books. Yields what cannot be told any more since then, each reason once; hooks that it shows
    /// to be needed are attached.
    pub(super) fn heed(&mut self, sample: &Sample) -> Result<Vec<String>, Error> {
        self.books.add(sample);
        let mut reasons = self.watch.degraded();
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
