//! Refused and evicted connections, one by one (docs/drops.md): lines, objects, packets.

mod json;
pub mod pcapng;
mod text;
mod tuple;

pub use json::{line as json_line, summary as json_summary};
pub use text::{heading, line, summary};

use crate::analysis::drops::Explained;

/// What a namespace is called in one word.
fn netns(explained: &Explained) -> String {
    let inode = explained.event.endpoint.netns.inode;
    let name = explained.netns_name.clone();
    name.unwrap_or_else(|| inode.to_string())
}

/// RFC 3339, in milliseconds and UTC.
fn time(at_ns: i64) -> String {
    let moment = jiff::Timestamp::from_nanosecond(at_ns.into());
    // Every i64 of nanoseconds lies within jiff's years.
    moment.map_or_else(|_| "-".to_owned(), |moment| format!("{moment:.3}"))
}
