//! A node's own addresses, as users name them.

use std::net::IpAddr;

use serde::Deserialize;

/// Addresses separated by commas; `None` when any of them is none.
#[must_use]
pub fn list(text: &str) -> Option<Vec<IpAddr>> {
    text.split(',')
        .map(|address| address.trim().parse().ok())
        .collect()
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    addr_info: Vec<Info>,
}

#[derive(Deserialize)]
struct Info {
    local: Option<IpAddr>,
}

/// The output of `ip -j addr`.
///
/// # Errors
/// When it is not such JSON.
pub fn ip_json(text: &str) -> serde_json::Result<Vec<IpAddr>> {
    let links: Vec<Link> = serde_json::from_str(text)?;
    let infos = links.into_iter().flat_map(|link| link.addr_info);
    Ok(infos.filter_map(|info| info.local).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::{ip_json, list};

    #[test]
    fn lists_and_files_are_told_apart() {
        assert_eq!(list("203.0.113.10, ::1").unwrap().len(), 2);
        assert_eq!(list("203.0.113.10,addr.json"), None);
        assert_eq!(list(""), None);
    }

    #[test]
    fn ip_prints_links_with_addresses_and_without() {
        let text = r#"[{"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8},
            {"family":"inet","local":"203.0.113.10","prefixlen":32}]},{},{"ifname":"eth0","addr_info":[{}]}]"#;
        let addresses = ip_json(text).unwrap();
        assert_eq!(addresses.len(), 2);
        assert_eq!(addresses[1].to_string(), "203.0.113.10");
        assert!(ip_json("1: lo: <LOOPBACK,UP>").is_err());
    }
}
