//! What this process may do: what watching needs, what a program it runs is lent, and giving it all up.
//!
//! docs/privileges.md has the table of what needs which capability.

mod confine;
mod lend;
mod need;
mod sets;

pub use caps::{Capability, errors::CapsError};
pub use confine::{Confined, confine, lock, seal};
pub use lend::lend;
pub use need::{
    APPLYING, Missing, NETLINK, PROBES, REFUSALS, TABLE, Watching, check, may_enter_namespaces,
};
pub use sets::{KEEPER, give_up, keep_only, raise, rest};
