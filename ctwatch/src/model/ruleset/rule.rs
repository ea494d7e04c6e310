//! A rule, and what it does.

use super::Match;
use crate::model::notrack::OWNER;

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// As printed, without counters: `-A INPUT …`, `tcp dport 22 accept # handle 4`.
    pub text: String,
    /// All must match.
    pub matches: Vec<Match>,
    /// What happens to the packet before the target.
    pub effects: Vec<Effect>,
    /// What then happens.
    pub target: Target,
    /// The text of `-m comment`, `comment`.
    pub comment: Option<String>,
    /// What nftables knows it by; `None` for iptables.
    pub handle: Option<u64>,
}

impl Rule {
    /// Whether ctwatch put it there: its comment is ctwatch's, or begins with that word.
    #[must_use]
    pub fn is_own(&self) -> bool {
        let mut words = self.comment.iter().flat_map(|text| text.split(' '));
        words.next() == Some(OWNER)
    }
}

/// What a rule does to a packet that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// `NOTRACK`, `CT --notrack`, `notrack`
    Notrack,
    /// `MARK`, `meta mark set`: the new mark is `(mark & !clear) ^ flip`.
    Mark {
        /// Bits put to 0 first.
        clear: u32,
        /// Bits turned over then.
        flip: u32,
    },
    /// The mark becomes something that is not known.
    AnyMark,
    /// Something that only packets with an entry can have.
    Needs(Need),
}

/// What needs an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// `CT --helper`, `ct helper set`, an expectation
    Helper,
    /// `CT --zone`, `ct zone set`
    Zone,
    /// `CONNMARK`, `ct mark set`, a mark taken from the entry
    Connmark,
    /// `ct label set`
    Connlabel,
    /// `-m connlimit`, `ct count`: connections are counted by their entries
    Connlimit,
    /// `SYNPROXY`, `synproxy`
    Synproxy,
    /// `TPROXY`, `tproxy`
    Tproxy,
    /// `FLOWOFFLOAD`, `flow add`
    Flowtable,
}

/// What a rule does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// `ACCEPT`
    Accept,
    /// `DROP`
    Drop,
    /// `REJECT`
    Reject,
    /// `RETURN`
    Return,
    /// `LOG`, or no target at all: counts and goes on.
    #[default]
    Continue,
    /// `DNAT`, `REDIRECT`, `SNAT`
    Nat,
    /// `MASQUERADE`
    Masquerade,
    /// `-j CHAIN`
    Jump(String),
    /// `-g CHAIN`
    Goto(String),
    /// Anything else, word for word.
    Unknown(String),
}
