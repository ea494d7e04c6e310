//! Which endpoint an entry is counted under. The kernel side decides by the same rules, so that what it counts
//! and what a dump shows meet under one key.

use std::{collections::HashSet, net::IpAddr};

use ctwatch_common::endpoint::ENCAPSULATION_PORTS;
use foldhash::fast::RandomState;

use super::{
    endpoint::{Endpoint, Family, Netns, Protocol, Role},
    entry::Tuple,
};

/// The own addresses of a network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalAddresses(HashSet<IpAddr, RandomState>);

impl LocalAddresses {
    /// Whether the address is one of the namespace's own or a loopback address. Multicast and broadcast addresses
    /// are nobody's own.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.0.contains(&address)
    }
}

impl FromIterator<IpAddr> for LocalAddresses {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        Self(addresses.into_iter().collect())
    }
}

/// The endpoint of an entry with this original direction. `local` is `None` where the namespace's addresses are
/// unknown: role and address are unknown then, but for 127.0.0.0/8, which is the node's own everywhere.
#[must_use]
pub fn classify(
    netns: Netns,
    family: Family,
    protocol: Protocol,
    original: &Tuple,
    local: Option<&LocalAddresses>,
) -> Endpoint {
    let port = if protocol.has_ports() {
        original.destination_port
    } else {
        0
    };
    let (role, address) = role(protocol, port, original, local);
    Endpoint {
        netns,
        family,
        protocol,
        role,
        port,
        address,
    }
}

fn role(
    protocol: Protocol,
    port: u16,
    original: &Tuple,
    local: Option<&LocalAddresses>,
) -> (Option<Role>, Option<IpAddr>) {
    let is_own = |address: IpAddr| match local {
        Some(local) => local.contains(address),
        None => address.is_ipv4() && address.is_loopback(),
    };
    let encapsulation = protocol == Protocol::UDP && ENCAPSULATION_PORTS.contains(&port);
    let (source, destination) = (original.source, original.destination);
    match (is_own(source), is_own(destination)) {
        (_, true) if encapsulation => (Some(Role::Encapsulation), Some(destination)),
        (true, false) if encapsulation => (Some(Role::Encapsulation), Some(source)),
        (false, true) => (Some(Role::Inbound), Some(destination)),
        (true, true) => (Some(Role::Loopback), Some(destination)),
        (true, false) => (Some(Role::Outbound), None),
        (false, false) => (local.map(|_| Role::Forwarded), None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "literals")]

    use proptest::prelude::*;

    use super::*;

    const NETNS: Netns = Netns {
        cookie: 1,
        inode: 4_026_531_840,
    };

    fn local() -> LocalAddresses {
        ["203.0.113.10", "10.0.0.5", "2001:db8::10"]
            .iter()
            .map(|address| address.parse::<IpAddr>().unwrap())
            .collect()
    }

    fn tuple(source: &str, destination: &str, destination_port: u16) -> Tuple {
        Tuple {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            source_port: 40_000,
            destination_port,
        }
    }

    fn seen(protocol: Protocol, tuple: &Tuple) -> (Option<Role>, Option<String>, u16) {
        let endpoint = classify(NETNS, Family::Ipv4, protocol, tuple, Some(&local()));
        (
            endpoint.role,
            endpoint.address.map(|address| address.to_string()),
            endpoint.port,
        )
    }

    #[test]
    fn only_the_nodes_own_service_addresses_are_part_of_the_key() {
        let vip = Some("203.0.113.10".to_owned());
        let cases = [
            ("198.51.100.7", "203.0.113.10", Role::Inbound, vip.clone()),
            ("10.0.0.5", "198.51.100.7", Role::Outbound, None),
            ("10.0.0.5", "203.0.113.10", Role::Loopback, vip),
            ("10.9.9.9", "198.51.100.7", Role::Forwarded, None),
        ];
        for (source, destination, role, address) in cases {
            assert_eq!(
                seen(Protocol::TCP, &tuple(source, destination, 443)),
                (Some(role), address, 443),
                "{source} {destination}"
            );
        }
    }

    #[test]
    fn loopback_addresses_are_the_nodes_own_without_being_listed() {
        let (role, address, _) = seen(Protocol::TCP, &tuple("127.0.0.1", "127.8.8.8", 53));
        assert_eq!(
            (role, address.as_deref()),
            (Some(Role::Loopback), Some("127.8.8.8"))
        );
        let (role, address, _) = seen(Protocol::TCP, &tuple("::1", "2001:db8::10", 53));
        assert_eq!(
            (role, address.as_deref()),
            (Some(Role::Loopback), Some("2001:db8::10"))
        );
    }

    #[test]
    fn multicast_belongs_to_nobody() {
        let vrrp = tuple("10.0.0.5", "224.0.0.18", 0);
        assert_eq!(seen(Protocol(112), &vrrp), (Some(Role::Outbound), None, 0));
    }

    #[test]
    fn encapsulation_goes_by_the_own_address_in_both_directions() {
        for (source, destination) in [("10.0.0.5", "10.0.0.6"), ("10.0.0.6", "10.0.0.5")] {
            for port in ENCAPSULATION_PORTS {
                assert_eq!(
                    seen(Protocol::UDP, &tuple(source, destination, port)),
                    (Some(Role::Encapsulation), Some("10.0.0.5".to_owned()), port)
                );
            }
        }
        let through = tuple("10.0.0.6", "10.0.0.7", 4789);
        assert_eq!(seen(Protocol::UDP, &through).0, Some(Role::Forwarded));
        let tcp = tuple("10.0.0.6", "10.0.0.5", 4789);
        assert_eq!(seen(Protocol::TCP, &tcp).0, Some(Role::Inbound));
    }

    #[test]
    fn icmps_type_is_no_port() {
        let ping = tuple("198.51.100.7", "203.0.113.10", 0x0800);
        assert_eq!(seen(Protocol::ICMP, &ping).2, 0);
    }

    #[test]
    fn unknown_addresses_give_an_unknown_role() {
        let unknown = |source, destination| {
            let tuple = tuple(source, destination, 53);
            let endpoint = classify(NETNS, Family::Ipv4, Protocol::UDP, &tuple, None);
            assert_eq!(endpoint.port, 53);
            (
                endpoint.role,
                endpoint.address.map(|address| address.to_string()),
            )
        };
        assert_eq!(unknown("198.51.100.7", "203.0.113.10"), (None, None));
        assert_eq!(unknown("::1", "::1"), (None, None));
        let loopback = (Some(Role::Loopback), Some("127.0.0.1".to_owned()));
        assert_eq!(unknown("127.0.0.1", "127.0.0.1"), loopback);
    }

    proptest! {
        #[test]
        fn a_foreign_address_is_never_part_of_a_key(
            source: [u8; 4], destination: [u8; 4], port: u16, protocol: u8, own: Vec<[u8; 4]>
        ) {
            let own: LocalAddresses = own.into_iter().map(IpAddr::from).collect();
            let tuple = Tuple {
                source: source.into(),
                destination: destination.into(),
                source_port: 1,
                destination_port: port,
            };
            let endpoint =
                classify(NETNS, Family::Ipv4, Protocol(protocol), &tuple, Some(&own));
            prop_assert!(endpoint.role.is_some());
            if let Some(address) = endpoint.address {
                prop_assert!(own.contains(address));
                prop_assert!(address == tuple.source || address == tuple.destination);
            }
            let ends = [tuple.source, tuple.destination].map(|end| own.contains(end));
            prop_assert_eq!(endpoint.role == Some(Role::Forwarded), ends == [false, false]);
            prop_assert!(endpoint.port == port || !endpoint.protocol.has_ports());
        }
    }
}
