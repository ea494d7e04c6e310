//! What `conntrack -L` lists.

use std::collections::BTreeMap;

use anyhow::Result;

use super::world::World;

/// Entries by protocol and the port they were opened to.
pub(crate) type ByPort = BTreeMap<(String, u16), i64>;

/// The node's IPv4 entries.
pub(crate) fn by_port(world: &World) -> Result<ByPort> {
    Ok(count(&world.conntrack(&["-L", "-f", "ipv4"])?))
}

/// Reads lines `udp 17 29 src=… dst=… sport=… dport=53 [UNREPLIED] src=… dport=…`.
fn count(listing: &str) -> ByPort {
    let mut ports = ByPort::new();
    for line in listing.lines() {
        let mut words = line.split_whitespace();
        let protocol = words.next().unwrap_or_default().to_owned();
        let port = words.find_map(|word| word.strip_prefix("dport=")?.parse().ok());
        if let Some(port) = port {
            *ports.entry((protocol, port)).or_default() += 1;
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_count_under_the_port_of_their_first_packet() {
        let listing = "udp      17 29 src=10.9.0.2 dst=10.9.0.1 sport=4 dport=53 [UNREPLIED] src=10.9.0.1 dst=10.9.0.2 sport=53 dport=4\n\
                       tcp      6 117 TIME_WAIT src=10.9.0.2 dst=10.9.0.1 sport=5 dport=80 src=10.9.0.1 dport=5\n\
                       udp      17 29 src=10.9.0.2 dst=10.9.0.1 sport=6 dport=53 [UNREPLIED] src=10.9.0.1 dst=10.9.0.2 sport=53 dport=6\n";
        let ports = count(listing);
        assert_eq!(ports.get(&("udp".to_owned(), 53)), Some(&2));
        assert_eq!(ports.get(&("tcp".to_owned(), 80)), Some(&1));
        assert_eq!(ports.len(), 2);
    }
}
