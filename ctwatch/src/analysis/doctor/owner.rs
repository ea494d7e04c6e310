//! Who gave a setting the value that it has, and where to change it.

/// Who it was, and where to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// In words, with the evidence.
    pub(super) who: String,
    /// Where to change it.
    pub(super) how: String,
}
