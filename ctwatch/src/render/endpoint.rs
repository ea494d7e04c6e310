//! What lists call a port.

use crate::model::endpoint::Family;

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
