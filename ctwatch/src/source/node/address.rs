//! Addresses of network namespaces.
//!
//! Addresses that only a local route makes the node's own (`ip route add local …`) are not among them.

use std::net::IpAddr;

use nix::{
    errno::Errno,
    ifaddrs::{InterfaceAddress, getifaddrs},
    sys::socket::SockaddrStorage,
};
use thiserror::Error;

use super::netns::{self, Seen};
use crate::model::{endpoint::Netns, node::Address};

/// Why addresses could not be read.
#[derive(Debug, Error)]
pub enum Error {
    /// The namespace could not be entered.
    #[error(transparent)]
    Netns(#[from] netns::Error),
    /// The kernel refused.
    #[error("cannot list the addresses of {0}: {1}")]
    List(String, Errno),
}

/// The addresses of one namespace, loopback included.
///
/// # Errors
/// When the namespace cannot be entered or the kernel refuses.
pub fn read(seen: &Seen) -> Result<Vec<Address>, Error> {
    netns::within(seen, || list(seen))?
}

/// The addresses of several namespaces, each with its own result.
///
/// # Errors
/// When there is no thread to be had for entering them.
pub fn read_all(namespaces: &[Seen]) -> Result<Vec<Result<Vec<Address>, Error>>, Error> {
    Ok(netns::visit(namespaces, list)?
        .into_iter()
        .map(|entered| entered.map_err(Error::Netns).flatten())
        .collect())
}

/// Of the namespace that the calling thread is in.
fn list(seen: &Seen) -> Result<Vec<Address>, Error> {
    let all = getifaddrs().map_err(|errno| Error::List(seen.to_string(), errno))?;
    let mut addresses: Vec<Address> = all.filter_map(|each| address(seen.netns, &each)).collect();
    addresses.sort();
    Ok(addresses)
}

fn address(netns: Netns, each: &InterfaceAddress) -> Option<Address> {
    let address = ip(each.address.as_ref()?)?;
    let prefix = match ip(each.netmask.as_ref()?)? {
        IpAddr::V4(mask) => u32::from(mask).count_ones(),
        IpAddr::V6(mask) => u128::from(mask).count_ones(),
    };
    // IPv4 addresses come with their label, `eth0:1`; a device's name holds no colon.
    let interface = each.interface_name.split(':').next()?;
    Some(Address {
        netns,
        interface: interface.to_owned(),
        address,
        prefix: u8::try_from(prefix).ok()?,
    })
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let ipv4 = address.as_sockaddr_in().map(|it| it.ip().into());
    ipv4.or_else(|| address.as_sockaddr_in6().map(|it| it.ip().into()))
}
