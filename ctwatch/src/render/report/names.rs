//! What lines and lists call things.

use crate::{analysis::report::NamespaceReport, render::netns::title};

pub(super) use crate::render::endpoint::endpoint_name;

/// The name a namespace has, or its inode number.
pub(super) fn netns_name(table: &NamespaceReport) -> String {
    title(table.netns, table.name.as_deref(), table.own)
}
