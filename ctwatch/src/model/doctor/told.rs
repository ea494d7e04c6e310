//! A value as a file of the node told it, or why it did not.

/// What was asked of the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Told<T> {
    /// The answer.
    Value(T),
    /// There is no such file.
    #[default]
    Absent,
    /// The file is there, or may be, and could not be read: the kernel's reason.
    Hidden(String),
}

impl<T> Told<T> {
    /// The value, if there is one.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Hidden(_) => None,
        }
    }

    /// Whether there is certainly no such file.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Another value in place of this one.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Told<U> {
        match self {
            Self::Value(value) => Told::Value(change(value)),
            Self::Absent => Told::Absent,
            Self::Hidden(reason) => Told::Hidden(reason),
        }
    }
}
