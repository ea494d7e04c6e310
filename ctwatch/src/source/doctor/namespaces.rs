//! Other network namespaces in which something is tracked.

use super::tree::Tree;
use crate::source::{node::netns, table};

/// Name or inode, and entries; only of the running system, whose namespaces can be entered.
pub(super) fn read(tree: &Tree, unread: &mut Vec<String>) -> Vec<(String, u64)> {
    if !tree.is_live() {
        return Vec::new();
    }
    let seen = match netns::scan() {
        Ok(seen) => seen,
        Err(error) => {
            unread.push(format!("other network namespaces: {error}"));
            return Vec::new();
        }
    };
    let others: Vec<_> = seen.into_iter().filter(|seen| !seen.own).collect();
    let tables = table::Reader::new().read_all(&others);
    let counts: Vec<_> = others
        .iter()
        .zip(&tables)
        .map(|(seen, table)| (seen, table.count))
        .collect();
    let refused = counts.iter().filter(|(_, count)| count.is_none()).count();
    if refused > 0 {
        unread.push(format!(
            "tables of {refused} other network namespaces (needs CAP_SYS_ADMIN and CAP_SYS_PTRACE: run as root)"
        ));
    }
    counts
        .into_iter()
        .filter_map(|(seen, count)| {
            let name = seen
                .name
                .clone()
                .unwrap_or_else(|| seen.netns.inode.to_string());
            Some((name, count.filter(|count| *count > 0)?))
        })
        .collect()
}
