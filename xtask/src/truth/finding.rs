//! What the guest says of a set-up: a line of JSON each, written by `tests/src/truth/play.rs`.

use serde::{Deserialize, Serialize};

/// What came of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Truth {
    /// All goes on as before, and the entries are gone.
    Safe,
    /// Somebody who was served is not served any more.
    Breaks,
    /// Somebody who was not served is served now.
    Opens,
    /// All goes on as before, entries included.
    Idle,
}

/// A line.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Line {
    Played(Box<Finding>),
    Failed(Failure),
}

/// A set-up that could not be played.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Failure {
    pub(super) name: String,
    pub(super) error: String,
}

/// A set-up that was played.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Finding {
    pub(super) name: String,
    /// What stands on the node, in a line.
    pub(super) built: String,
    pub(super) family: String,
    pub(super) protocol: String,
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) expected: Truth,
    /// ctwatch's; `absent` when it did not speak of the port.
    pub(super) verdict: String,
    /// Codes.
    pub(super) reasons: Vec<String>,
    /// Of the first reason.
    pub(super) evidence: Option<String>,
    pub(super) before: Traffic,
    /// Under the rules of somebody who asks nobody.
    pub(super) plain: Option<Phase>,
    /// Under those that ctwatch printed.
    pub(super) advised: Option<Phase>,
    /// That of the plain rules, or of the advised ones where only they were applied.
    pub(super) truth: Truth,
    pub(super) seconds: f64,
}

/// Traffic under rules.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Phase {
    pub(super) truth: Truth,
    #[serde(flatten)]
    pub(super) traffic: Traffic,
}

/// What clients saw, and what is in the table at the end.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Traffic {
    /// Exchanges of those who are welcome.
    pub(super) asked: u64,
    /// Of these, with the right answer.
    pub(super) answered: u64,
    /// Exchanges of those who are not.
    pub(super) unwelcome: u64,
    /// Of these, with an answer.
    pub(super) let_in: u64,
    /// Whether a connection from before the rules still works; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) standing: Option<bool>,
    /// Entries of the endpoint.
    pub(super) entries: u64,
    /// One of the failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
}

impl Line {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Played(finding) => &finding.name,
            Self::Failed(failure) => &failure.name,
        }
    }
}
