//! /proc/net/ip_vs (`ip_vs_info_seq_show`): a line `TCP  0A600001:0050 rr` a service, `  -> 0A000001:0050 Masq 1 0 0`
//! a backend; numbers of addresses and ports are hexadecimal, IPv6 stands in brackets.

use std::net::{IpAddr, Ipv4Addr};

use super::{Problem, foreign};
use crate::model::{
    endpoint::Protocol,
    ipvs::{Backend, Forwarding, IpvsTable, ServiceKey, VirtualService},
};

pub(super) fn line(table: &mut IpvsTable, words: &[&str]) -> Result<(), Problem> {
    match words {
        ["IP", "Virtual", "Server", ..] | ["Prot", ..] | ["->", "RemoteAddress:Port", ..] => Ok(()),
        ["->", socket, forwarding, weight, counts @ ..] => {
            let backend = backend(socket, forwarding, weight, counts)?;
            let service = table.services.last_mut().ok_or(Problem::Orphan)?;
            service.backends.push(backend);
            Ok(())
        }
        [protocol, key, scheduler, flags @ ..] => {
            let service = VirtualService {
                key: key_of(protocol, key).unwrap_or_else(|| Err(foreign(words)))?,
                scheduler: (*scheduler).to_owned(),
                persistent: flags.contains(&"persistent"),
                backends: Vec::new(),
            };
            table.services.push(service);
            Ok(())
        }
        _ => Err(foreign(words)),
    }
}

/// `None` for a word that is no protocol.
fn key_of(protocol: &str, key: &str) -> Option<Result<ServiceKey, Problem>> {
    let protocol = match protocol {
        "TCP" => Protocol::TCP,
        "UDP" => Protocol::UDP,
        "SCTP" => Protocol::SCTP,
        "FWM" => {
            let mark = u32::from_str_radix(key, 16);
            return Some(
                mark.map(ServiceKey::Mark)
                    .map_err(|_| Problem::Number(key.to_owned())),
            );
        }
        _ => return None,
    };
    Some(socket(key).map(|(address, port)| ServiceKey::Address {
        protocol,
        address,
        port,
    }))
}

fn socket(text: &str) -> Result<(IpAddr, u16), Problem> {
    let read = || -> Option<(IpAddr, u16)> {
        let (address, port) = text.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let address = match address.strip_prefix('[') {
            Some(six) => IpAddr::V6(six.strip_suffix(']')?.parse().ok()?),
            None => IpAddr::V4(Ipv4Addr::from_bits(u32::from_str_radix(address, 16).ok()?)),
        };
        Some((address, port))
    };
    read().ok_or_else(|| Problem::Address(text.to_owned()))
}

fn backend(at: &str, forwarding: &str, weight: &str, counts: &[&str]) -> Result<Backend, Problem> {
    let (address, port) = socket(at)?;
    let number = |text: &str| text.parse().map_err(|_| Problem::Number(text.to_owned()));
    let connections = match counts {
        [active, inactive, ..] => Some(u64::saturating_add(number(active)?, number(inactive)?)),
        _ => None,
    };
    Ok(Backend {
        address,
        port,
        forwarding: match forwarding {
            "Masq" => Forwarding::Masquerade,
            "Route" => Forwarding::Route,
            "Tunnel" => Forwarding::Tunnel,
            "Local" => Forwarding::Local,
            "Bypass" => Forwarding::Bypass,
            other => return Err(Problem::Forwarding(other.to_owned())),
        },
        weight: number(weight)?,
        connections,
    })
}
