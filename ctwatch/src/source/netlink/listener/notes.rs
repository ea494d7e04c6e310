//! What the listener cannot tell and how it watches, said by its thread as it finds out.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// Held by the listener and by its thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(Arc<Both>);

#[derive(Debug, Default)]
struct Both {
    reasons: Mutex<Vec<String>>,
    has_events: AtomicBool,
}

impl Notes {
    /// Says something, once.
    pub(super) fn add(&self, reason: String) {
        let mut reasons = self
            .0
            .reasons
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }

    /// All that was said, oldest first.
    pub(super) fn all(&self) -> Vec<String> {
        let reasons = self
            .0
            .reasons
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        reasons.clone()
    }

    pub(super) fn set_events(&self, has: bool) {
        self.0.has_events.store(has, Ordering::Relaxed);
    }

    /// Whether any namespace has events.
    pub(super) fn has_events(&self) -> bool {
        self.0.has_events.load(Ordering::Relaxed)
    }
}
