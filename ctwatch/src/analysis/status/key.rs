//! One figure by its name, as monitoring asks for it: `count`, `fill[web]`, `refused[4026531840]`.

use std::str::FromStr;

use thiserror::Error;

use super::{NetnsStatus, Status};
use crate::model::limit::Limit;

/// A figure of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which figure.
    pub figure: Figure,
    /// Of which namespace.
    pub netns: Which,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Entries.
    Count,
    /// Entries that fit; 0 is what the kernel has, whatever it means there.
    Max,
    /// Part of `max` that is taken, in per cent.
    Fill,
    /// The kernel's `drop`.
    Refused,
    /// The kernel's `early_drop`.
    EarlyDrop,
    /// The kernel's `insert_failed`.
    InsertFailed,
}

/// Figures by the names that keys have.
pub const FIGURES: [(&str, Figure); 6] = [
    ("count", Figure::Count),
    ("max", Figure::Max),
    ("fill", Figure::Fill),
    ("refused", Figure::Refused),
    ("early_drop", Figure::EarlyDrop),
    ("insert_failed", Figure::InsertFailed),
];

/// A namespace, as a key names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// That of the process which asks.
    Own,
    /// By inode number, or by name under /run/netns.
    Other(String),
}

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number of things.
    Number(u64),
    /// Per cent.
    Percent(f64),
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No such key.
    #[error(
        "no such key; keys are {}, each also with a network namespace: count[own], count[NAME], count[INODE]",
        names()
    )]
    Unknown,
    /// No such namespace, or none that may be seen.
    #[error("no network namespace {0} (or none that may be seen: needs root)")]
    NoNetns(String),
    /// Not read.
    #[error("not known{}", because(.0))]
    NotKnown(Vec<String>),
    /// `nf_conntrack_max` is 0.
    #[error("nf_conntrack_max is 0, which is no limit on this kernel: there is no fill")]
    NoLimit,
}

fn names() -> String {
    FIGURES.map(|(name, _)| name).join(", ")
}

fn because(reasons: &[String]) -> String {
    let reasons = reasons.join("; ");
    if reasons.is_empty() {
        reasons
    } else {
        format!(": {reasons}")
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, netns) = match text.split_once('[') {
            None => (text, ""),
            Some((name, rest)) => (name, rest.strip_suffix(']').ok_or(KeyError::Unknown)?),
        };
        let known = FIGURES.iter().find(|(known, _)| *known == name);
        let (_, figure) = known.ok_or(KeyError::Unknown)?;
        Ok(Self {
            figure: *figure,
            netns: match netns {
                // An item without parameters leaves the brackets empty.
                "" | "own" => Which::Own,
                other => Which::Other(other.to_owned()),
            },
        })
    }
}

impl Key {
    /// Its value now.
    ///
    /// # Errors
    /// When there is no such namespace, the figure could not be read, or there is none.
    pub fn value(&self, status: &Status) -> Result<Value, KeyError> {
        let netns = status.namespaces.iter().find(|netns| self.netns.is(netns));
        let netns = netns.ok_or_else(|| match &self.netns {
            Which::Own => KeyError::NotKnown(status.degraded.clone()),
            Which::Other(name) => KeyError::NoNetns(name.clone()),
        })?;
        let value = match self.figure {
            Figure::Count => netns.count.map(Value::Number),
            Figure::Max => netns.max.map(Value::Number),
            Figure::Refused => netns.refused.map(Value::Number),
            Figure::EarlyDrop => netns.early_drop.map(Value::Number),
            Figure::InsertFailed => netns.insert_failed.map(Value::Number),
            Figure::Fill => match netns.limit {
                Some(Limit::Unlimited) => return Err(KeyError::NoLimit),
                // Nothing fits, so nothing is left.
                Some(Limit::Nothing) => Some(Value::Percent(100.0)),
                _ => netns.fill.map(|fill| Value::Percent(fill * 100.0)),
            },
        };
        value.ok_or_else(|| KeyError::NotKnown(status.degraded.clone()))
    }
}

impl Which {
    fn is(&self, netns: &NetnsStatus) -> bool {
        match self {
            Self::Own => netns.own,
            Self::Other(name) => {
                netns.name.as_ref() == Some(name) || *name == netns.netns.to_string()
            }
        }
    }
}
