//! The small world most scenarios need: a node that tracks, and a client that does not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;

use super::{command, figures::Figures, netns::Netns};

/// The node's addresses.
pub(crate) const NODE4: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
pub(crate) const NODE6: Ipv6Addr = Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 1);
/// The client's addresses.
pub(crate) const CLIENT4: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

/// A rule that makes a namespace track all connections, incoming and its own.
const TRACK: &str = "table inet lab {
    chain incoming { type filter hook prerouting priority 0; ct state new counter; }
    chain outgoing { type filter hook output priority 0; ct state new counter; }
}";

/// A node and its client, joined by a veth pair.
pub(crate) struct World {
    /// Tracks connections.
    pub(crate) node: Netns,
    /// Does not.
    pub(crate) client: Netns,
}

impl World {
    /// Makes one; worlds of different names do not know each other.
    pub(crate) fn create(name: &str) -> Result<Self> {
        Self::around(Netns::create(&format!("{name}-node"))?, name)
    }

    /// Makes one whose node there is already.
    pub(crate) fn around(node: Netns, name: &str) -> Result<Self> {
        let client = Netns::create(&format!("{name}-client"))?;
        let ends = format!(
            "link add eth0 netns {} type veth peer name eth0 netns {}\n",
            node.name(),
            client.name()
        );
        command::feed("ip", &["-batch", "-"], &ends)?;
        for (netns, last) in [(&node, 1), (&client, 2)] {
            netns.ip(&format!(
                "addr add 10.9.0.{last}/24 dev eth0 noprefixroute\n\
                 addr add fd09::{last}/64 dev eth0 nodad\n\
                 link set eth0 up\n\
                 route add 10.9.0.0/24 dev eth0 rto_min 10s\n"
            ))?;
            // Emulation is slow: what is sent again although nothing was lost may meet a closed socket.
            netns.set("ipv4.tcp_early_retrans", 0)?;
        }
        let world = Self { node, client };
        world.load_rules(TRACK)?;
        Ok(world)
    }

    /// Loads nft rules on the node.
    pub(crate) fn load_rules(&self, rules: &str) -> Result<()> {
        self.node
            .run(|| command::feed("nft", &["-f", "-"], rules))
            .map(drop)
    }

    /// What the kernel says of the node's table.
    pub(crate) fn figures(&self) -> Result<Figures> {
        self.node.run(Figures::read)
    }

    /// Runs `conntrack` on the node.
    pub(crate) fn conntrack(&self, arguments: &[&str]) -> Result<String> {
        self.node.run(|| command::run("conntrack", arguments))
    }

    /// Adds a server, 10.8.0.2, that the client reaches through the node.
    pub(crate) fn add_server(&self) -> Result<Netns> {
        let server = Netns::create(&format!("{}-server", self.node.name()))?;
        let ends = format!(
            "link add eth1 netns {} type veth peer name eth0 netns {}\n",
            self.node.name(),
            server.name()
        );
        command::feed("ip", &["-batch", "-"], &ends)?;
        self.node
            .ip("addr add 10.8.0.1/24 dev eth1\nlink set eth1 up\n")?;
        server.ip(
            "addr add 10.8.0.2/24 dev eth0\nlink set eth0 up\nroute add 10.9.0.0/24 via 10.8.0.1\n",
        )?;
        self.client.ip("route add 10.8.0.0/24 via 10.9.0.1\n")?;
        self.node.set("ipv4.ip_forward", 1)?;
        Ok(server)
    }
}

/// The address of the server that [`World::add_server`] adds.
pub(crate) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 8, 0, 2));

/// The node's IPv4 address as services are named by.
pub(crate) const NODE: IpAddr = IpAddr::V4(NODE4);
