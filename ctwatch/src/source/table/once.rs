//! One look at all tables, which tells why figures are missing.

use super::{Limits, Look, Unwrap, netns, number};
use crate::{
    model::table::Table,
    source::node::netns::{Error, Seen},
};

/// The tables of these namespaces once, in their order; those of namespaces that ended meanwhile are left out.
/// Statistics are the kernel's present 32-bit values. Why figures are missing is added to `unread`, once for each
/// reason.
pub fn read_once(namespaces: &[Seen], unread: &mut Vec<String>) -> Vec<Table> {
    let mut reasons = Reasons::default();
    let limits = Limits::read();
    if limits.max.is_none() {
        unread.extend(number(super::MAX).err());
    }
    let visited = netns::visit(namespaces, |_| Look::take()).unwrap_or_else(|error| {
        unread.push(error.to_string());
        Vec::new()
    });
    let mut tables = Vec::with_capacity(namespaces.len());
    for (seen, look) in namespaces.iter().zip(visited) {
        let mut table = limits.table(seen.netns);
        match look {
            Ok(look) => {
                table.count = reasons.unless(seen, look.count);
                let stat = reasons.unless(seen, look.stat);
                table.stats = stat.map(|stat| Unwrap::default().add(&stat));
            }
            Err(Error::Gone(_)) => continue,
            Err(Error::Denied(_)) => reasons.add(
                seen,
                "cannot be entered: not permitted (needs CAP_SYS_ADMIN and CAP_SYS_PTRACE: run as root)"
                    .to_owned(),
            ),
            Err(error) => unread.push(error.to_string()),
        }
        tables.push(table);
    }
    unread.extend(reasons.told());
    tables
}

/// Reasons, each with the first namespace it was met in and how many more there were.
#[derive(Default)]
struct Reasons(Vec<(String, String, usize)>);

impl Reasons {
    fn unless<T>(&mut self, seen: &Seen, read: Result<T, String>) -> Option<T> {
        read.map_err(|reason| self.add(seen, reason)).ok()
    }

    fn add(&mut self, seen: &Seen, reason: String) {
        match self.0.iter_mut().find(|(known, ..)| *known == reason) {
            Some((.., more)) => *more += 1,
            None => self.0.push((reason, seen.to_string(), 0)),
        }
    }

    fn told(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|(reason, first, more)| match more {
            0 => format!("{first}: {reason}"),
            more => format!("{first} and {more} more: {reason}"),
        })
    }
}
