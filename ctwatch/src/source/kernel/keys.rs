//! Keys as the kernel side makes them, and what they mean in the model.

use std::net::IpAddr;

use ctwatch_common::endpoint::{self, EndpointKey, LocalAddress, role};

use crate::model::endpoint::{Endpoint, Family, Netns, Protocol, Role};

/// The model's endpoint for a key; `by_inode` says that the kernel side tells namespaces by inode, not by cookie.
pub(super) fn endpoint(key: &EndpointKey, netns_inode: u32, by_inode: bool) -> Endpoint {
    let family = if key.family == endpoint::AF_INET6 {
        Family::Ipv6
    } else {
        Family::Ipv4
    };
    Endpoint {
        netns: Netns {
            cookie: if by_inode { 0 } else { key.net_cookie },
            inode: netns_inode,
        },
        family,
        protocol: Protocol(key.protocol),
        role: match key.role {
            role::INBOUND => Some(Role::Inbound),
            role::OUTBOUND => Some(Role::Outbound),
            role::FORWARDED => Some(Role::Forwarded),
            role::LOOPBACK => Some(Role::Loopback),
            role::ENCAPSULATION => Some(Role::Encapsulation),
            _ => None,
        },
        port: key.port,
        address: address(key, family),
    }
}

fn address(key: &EndpointKey, family: Family) -> Option<IpAddr> {
    let octets: [u8; 16] = bytemuck::cast(key.address);
    let [a, b, c, d, ..] = octets;
    match family {
        _ if octets == [0; 16] => None,
        Family::Ipv4 => Some(IpAddr::from([a, b, c, d])),
        Family::Ipv6 => Some(IpAddr::from(octets)),
    }
}

/// What the kernel side tells the namespace by: the cookie, or the inode where cookies are not told.
pub(super) fn cookie(netns: Netns) -> u64 {
    match netns.cookie {
        0 => u64::from(netns.inode),
        cookie => cookie,
    }
}

/// The key of an own address.
pub(super) fn local(netns: Netns, address: IpAddr) -> LocalAddress {
    let mut key = LocalAddress {
        net_cookie: cookie(netns),
        ..LocalAddress::default()
    };
    match address {
        IpAddr::V4(v4) => {
            key.family = endpoint::AF_INET;
            key.address[0] = u32::from_ne_bytes(v4.octets());
        }
        IpAddr::V6(v6) => {
            key.family = endpoint::AF_INET6;
            key.address = bytemuck::cast(v6.octets());
        }
    }
    key
}
