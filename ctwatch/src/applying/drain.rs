//! Old entries of ports that go untracked now: nothing refreshes them, and each takes room until its timeout.

use std::net::IpAddr;

use crate::{
    analysis::verify::Covered,
    model::plan::Plan,
    source::{
        netlink::{DumpError, delete},
        node::netns::Seen,
    },
};

/// Deletes the entries of the own namespace whose packets the plan's rules leave untracked in both directions, one by one;
/// translated ones and those of helpers stay. Yields how many. `local` are the namespace's addresses.
///
/// # Errors
/// When the table cannot be dumped, or the kernel refuses.
pub fn drain(plan: &Plan, own: &Seen, local: &[IpAddr]) -> Result<usize, DumpError> {
    let covered = Covered::new(&plan.notrack(), local);
    let entries = delete::numbered(own, |entry| covered.has(entry))?;
    delete::delete(own, &entries)
}
