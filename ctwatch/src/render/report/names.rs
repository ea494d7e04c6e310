//! What lines and lists call things.

use crate::{analysis::report::NamespaceReport, model::endpoint::Family, render::netns::title};

/// `tcp/443`, `tcp6/443`, `icmp`
pub(super) fn endpoint_name(family: Family, protocol: &str, port: u16) -> String {
    let six = match family {
        Family::Ipv6 if protocol != "icmpv6" => "6",
        _ => "",
    };
    match port {
        0 => format!("{protocol}{six}"),
        port => format!("{protocol}{six}/{port}"),
    }
}

/// The name a namespace has, or its inode number.
pub(super) fn netns_name(table: &NamespaceReport) -> String {
    title(table.netns, table.name.as_deref(), table.own)
}
