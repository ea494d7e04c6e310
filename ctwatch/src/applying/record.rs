//! What is written down of a change before it is made, so that whoever finds it can take it back.

use serde::{Deserialize, Serialize};

use crate::model::{
    endpoint::{Family, Netns},
    notrack::NotrackRule,
    turned_away::Rise,
};

/// The version of the file.
pub const VERSION: u32 = 1;

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`].
    pub version: u32,
    /// Tells it from others.
    pub id: String,
    /// Which of the machine's lives it belongs to: rules do not outlast one.
    pub boot: String,
    /// Network namespace.
    pub netns: Netns,
    /// How far it got.
    pub stage: Stage,
    /// Milliseconds between installation and rollback.
    pub confirm_within_ms: u64,
    /// What is changed.
    pub change: Change,
    /// What installs it, in order.
    pub steps: Vec<Step>,
    /// How fast drops and resets rose before; `None` where it was not looked at.
    pub before: Option<Rise>,
    /// The change before, which was confirmed.
    pub previous: Option<Box<Record>>,
}

/// How far a change got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Written down; nothing is installed.
    Prepared,
    /// Some of it may be installed.
    Installing,
    /// Installed until the deadline, in milliseconds of [`super::clock::since_boot`].
    Pending(u64),
    /// Installed.
    Confirmed,
}

/// What is added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Elements of ctwatch's table of nft, and accept rules in others' tables.
    Nft {
        /// They.
        added: Vec<NotrackRule>,
        /// Accept rules.
        #[serde(default)]
        accepts: Vec<Mark>,
        /// Chains that were there before.
        chains: Vec<String>,
        /// Whether the table was.
        table: bool,
    },
    /// Rules in ctwatch's chains of iptables, which go with their last rule, and accept rules in others' tables of nft.
    Iptables {
        /// They.
        added: Vec<Line>,
        /// Accept rules.
        #[serde(default)]
        accepts: Vec<Mark>,
    },
}

/// By what an accept rule in somebody else's table of nft is found again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Table with its family.
    pub table: String,
    /// Chain.
    pub chain: String,
    /// The rule's comment.
    pub comment: String,
}

/// A rule of iptables in a chain of ctwatch's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Line {
    /// Family.
    pub family: Family,
    /// Table.
    pub table: String,
    /// Chain.
    pub chain: String,
    /// What stands behind the chain's name.
    pub spec: String,
}

/// A program and what it reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Name.
    pub program: String,
    /// Arguments.
    pub arguments: Vec<String>,
    /// What it reads.
    pub input: String,
}

impl Change {
    /// Whether nothing is added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many rules are added.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Nft { added, accepts, .. } => added.len() + accepts.len(),
            Self::Iptables { added, accepts } => added.len() + accepts.len(),
        }
    }
}
