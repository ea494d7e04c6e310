//! What changes the node, and takes the change back: the only part of ctwatch that does. docs/apply.md tells how.
//!
//! `apply` finds out what is missing and writes it down ([`record`], in a directory of the namespace's own, [`store`]);
//! a guard ([`guard`]), which no terminal or session ends, installs it and takes it back at the deadline. Killed at any
//! moment, the one finds what the other left in the record.

pub mod clock;
pub mod drain;
pub mod guard;
pub mod install;
pub mod record;
pub mod start;
pub mod store;

use thiserror::Error;

/// Why nothing was changed, or could not be taken back.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The state directory cannot be used.
    #[error(
        "cannot {action} {path}: {reason} (ctwatch keeps there what it needs to take rules back; run as root)"
    )]
    State {
        /// What was tried.
        action: &'static str,
        /// File or directory.
        path: String,
        /// The kernel's reason, or what is wrong with the contents.
        reason: String,
    },
    /// A program said no.
    #[error("cannot {action}: {reason}")]
    Program {
        /// What was tried.
        action: &'static str,
        /// The program's words.
        reason: String,
    },
    /// An accept rule has no place.
    #[error(
        "an accept rule is to stand before rule {number} of {table} {chain}, which has {count} (make the plan anew: ctwatch \
         advise --plan)"
    )]
    NoPlace {
        /// Table.
        table: String,
        /// Chain.
        chain: String,
        /// The rule's number, others' only.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// Another apply is not over.
    #[error("an earlier apply waits for ctwatch confirm, or ctwatch rollback")]
    Pending,
    /// Another one works on it.
    #[error("another ctwatch changes the rules of this network namespace (wait for it)")]
    Busy,
    /// An apply was killed while it installed, and nothing took it back yet.
    #[error("the rules were not installed wholly (ctwatch rollback)")]
    Half,
    /// There is nothing to confirm or take back.
    #[error("{0}")]
    Nothing(String),
    /// The guard did not start.
    #[error("cannot start what takes the rules back: {0} (nothing was changed)")]
    NoGuard(String),
    /// It was not installed, and what was is taken back.
    #[error("{0} (all is as it was before)")]
    NotInstalled(String),
}
