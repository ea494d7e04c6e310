//! What is wrong with a line, and where.

use std::fmt;

/// Why a line is no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Neither a protocol's name with its number, nor an option, nor an element.
    NoForm,
    /// A line of `conntrack -E`.
    Event,
    /// No number here.
    NoNumber,
    /// A number that is larger than it may be.
    TooLarge,
    /// No address here.
    NoAddress,
    /// A word that does not end where it should.
    Unended,
    /// A direction lacks an address or a port; mostly the line is cut off.
    Incomplete,
    /// Addresses of both families.
    MixedFamilies,
    /// More than two directions.
    ThirdDirection,
    /// Longer than any entry.
    TooLong,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoForm => "not an entry of a listing",
            Self::Event => "an event of `conntrack -E`, not an entry of a table",
            Self::NoNumber => "a number was expected",
            Self::TooLarge => "the number is too large",
            Self::NoAddress => "an address was expected",
            Self::Unended => "there is more than was expected",
            Self::Incomplete => "the line ends before both directions are told",
            Self::MixedFamilies => "addresses of both IPv4 and IPv6",
            Self::ThirdDirection => "a third direction",
            Self::TooLong => "longer than any entry",
        })
    }
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where, in bytes, from 1 on.
    pub column: usize,
    /// What.
    pub what: What,
}

impl Damage {
    /// After so many bytes.
    pub(super) fn at(bytes: usize, what: What) -> Self {
        Self {
            column: bytes + 1,
            what,
        }
    }
}
