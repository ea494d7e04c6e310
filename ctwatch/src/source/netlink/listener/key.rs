//! What tells one entry from all others, in 64 bits.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use crate::model::entry::Entry;

/// A keyed hash of an entry's original tuple, its zone and its `CTA_ID`. Of a million entries two share one with a
/// probability of 3 in 10⁸; who chooses the tuples does not know the hash's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

/// Makes [`Key`]s with a secret of its own.
#[derive(Debug, Default)]
pub(super) struct Keys(RandomState);

impl Keys {
    pub(super) fn of(&self, entry: &Entry, id: u32) -> Key {
        let tuple = (entry.protocol, entry.original, entry.zone, id);
        Key(self.0.hash_one(tuple))
    }
}

impl Key {
    /// Whether this entry is in the sample of one in `n`.
    pub(super) fn is_sampled(self, n: u64) -> bool {
        self.0.is_multiple_of(n)
    }
}

/// Takes a [`Key`] as the hash that it is.
#[derive(Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// For maps whose keys are [`Key`]s.
pub(super) type ByKey = BuildHasherDefault<AsItIs>;
