//! What reading a listing of the table was like.

use serde::Serialize;

/// A listing as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Lines read.
    pub lines: u64,
    /// Of them, entries.
    pub entries: u64,
    /// Entries in the form of `conntrack -L -o save`, which tells neither marks nor helpers.
    pub saved: u64,
    /// Entries in the form of `conntrack -L -o xml`.
    pub xml: u64,
    /// Lines that are no entries and were left out.
    pub damaged: u64,
    /// The first of them, at most [`Listing::MAX_SHOWN`].
    pub damaged_lines: Vec<DamagedLine>,
    /// Entries with words that are not understood.
    pub unknown_entries: u64,
    /// Names of such words, at most [`Listing::MAX_SHOWN`].
    pub unknown: Vec<String>,
}

impl Listing {
    /// Damaged lines, and words that are not understood, that are kept.
    pub const MAX_SHOWN: usize = 5;
}

/// A line that is no entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DamagedLine {
    /// Which, from 1 on.
    pub line: u64,
    /// Where in it the damage is, in bytes, from 1 on.
    pub column: u64,
    /// What is wrong there.
    pub reason: String,
    /// Its beginning.
    pub text: String,
}
