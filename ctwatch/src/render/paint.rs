//! Colours, where they are allowed.

/// Whether text carries colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Terminal escape sequences.
    Colored,
    /// None.
    Plain,
}

impl Paint {
    /// What is wrong now.
    pub(super) fn alarm(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// What may go wrong.
    pub(super) fn caution(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// What to read first.
    pub(super) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// What to read last.
    pub(super) fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Self::Colored => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}
