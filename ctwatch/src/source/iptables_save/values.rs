//! Values of options: each gives `None` for what it does not understand.

use std::{net::IpAddr, ops::RangeInclusive};

use crate::model::{
    endpoint::{Family, Protocol},
    ruleset::{Prefix, States},
};

/// `203.0.113.10/32`, `2001:db8::/64`, `10.0.0.0/255.0.0.0`, or an address alone.
pub(super) fn prefix(text: &str, family: Family) -> Option<Prefix> {
    let (address, length) = match text.split_once('/') {
        None => (text, None),
        Some((address, length)) => (address, Some(length)),
    };
    let address: IpAddr = address.parse().ok()?;
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => widest,
        Some(digits) => digits.parse().ok().or_else(|| mask_length(digits))?,
    };
    Prefix::new(address, length).filter(|prefix| prefix.family() == family)
}

/// The length of a mask in address form; a mask with holes has none.
fn mask_length(text: &str) -> Option<u8> {
    let (ones, all) = match text.parse().ok()? {
        IpAddr::V4(mask) => {
            let bits = mask.to_bits();
            (bits.leading_ones(), bits.count_ones())
        }
        IpAddr::V6(mask) => {
            let bits = mask.to_bits();
            (bits.leading_ones(), bits.count_ones())
        }
    };
    (ones == all).then(|| u8::try_from(ones).ok()).flatten()
}

/// `80`, `80:90`, `80,443,8000:8010`.
pub(super) fn ports(text: &str) -> Option<Vec<RangeInclusive<u16>>> {
    text.split(',').map(port_range).collect()
}

fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    let first = if first.is_empty() {
        0
    } else {
        first.parse().ok()?
    };
    let last = if last.is_empty() {
        u16::MAX
    } else {
        last.parse().ok()?
    };
    (first <= last).then_some(first..=last)
}

/// `0x4000`, `0x4000/0xffff`: value and mask.
pub(super) fn mark(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    match text.split_once('/') {
        None => Some((number(text)?, u32::MAX)),
        Some((value, mask)) => Some((number(value)?, number(mask)?)),
    }
}

/// `10.0.0.1-10.0.0.9`, or an address alone.
pub(super) fn address_range(text: &str, family: Family) -> Option<(IpAddr, IpAddr)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
    let of_family = |address: IpAddr| address.is_ipv4() == (family == Family::Ipv4);
    (of_family(first) && of_family(last) && first <= last).then_some((first, last))
}

/// `RELATED,ESTABLISHED`.
pub(super) fn states(text: &str) -> Option<States> {
    text.split(',').try_fold(States::default(), |all, name| {
        Some(all.union(States::from_name(name)?))
    })
}

/// `tcp`, `6`, `ipv6-icmp`; not `all`, which is no condition.
pub(super) fn protocol(text: &str) -> Option<Protocol> {
    if let Ok(number) = text.parse() {
        return (number != 0).then_some(Protocol(number));
    }
    match text {
        "ipv6-icmp" | "icmp6" => Some(Protocol::ICMPV6),
        "igmp" => Some(Protocol(2)),
        "esp" => Some(Protocol(50)),
        "ah" => Some(Protocol(51)),
        "ospf" => Some(Protocol(89)),
        "vrrp" => Some(Protocol(112)),
        name => Protocol::from_name(name),
    }
}

/// `3`, `3/4`.
pub(super) fn icmp_type(text: &str) -> Option<(u8, Option<u8>)> {
    match text.split_once('/') {
        None => Some((text.parse().ok()?, None)),
        Some((kind, code)) => Some((kind.parse().ok()?, Some(code.parse().ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, ports, prefix};

    #[test]
    fn a_mask_with_holes_is_not_understood() {
        assert!(prefix("10.0.0.0/255.0.0.0", Family::Ipv4).is_some());
        assert!(prefix("10.0.0.0/255.0.0.255", Family::Ipv4).is_none());
        assert!(prefix("10.0.0.0/33", Family::Ipv4).is_none());
        assert!(prefix("2001:db8::/32", Family::Ipv4).is_none());
    }

    #[test]
    fn port_lists_may_hold_ranges() {
        assert_eq!(ports("80,8000:8010"), Some(vec![80..=80, 8000..=8010]));
        assert_eq!(ports("90:80"), None);
        assert_eq!(ports("http"), None);
    }
}
