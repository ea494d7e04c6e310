//! Advice as lines that can be pasted, and as lines that take it back.

pub mod calico;
pub mod iptables;
pub mod nft;
pub mod persist;

#[cfg(test)]
mod tests;

use crate::model::notrack::AcceptRule;

/// The shell line that adds an accept rule unless it is there, by the program that edits its table.
#[must_use]
pub fn accept_line(rule: &AcceptRule) -> String {
    if rule.is_native() {
        nft::accept_line(rule)
    } else {
        iptables::accept_line(rule)
    }
}

/// The shell line that takes an accept rule out.
#[must_use]
pub fn accept_undo_line(rule: &AcceptRule) -> String {
    if rule.is_native() {
        nft::accept_undo_line(rule)
    } else {
        iptables::accept_undo_line(rule)
    }
}
