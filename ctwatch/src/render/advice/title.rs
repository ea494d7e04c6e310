//! A port in a few words.

use crate::analysis::advice::PortAdvice;

/// `tcp 443 at 203.0.113.10, 203.0.113.11`
pub(super) fn title(port: &PortAdvice) -> String {
    let mut title = port.protocol.to_string();
    if port.port != 0 {
        title.push_str(&format!(" {}", port.port));
    }
    if !port.addresses.is_empty() {
        let addresses: Vec<String> = port.addresses.iter().map(ToString::to_string).collect();
        title.push_str(&format!(" at {}", addresses.join(", ")));
    }
    title
}

/// `netns 4026531840`, for ports outside the recorder's own namespace.
pub(super) fn elsewhere(port: &PortAdvice, own: Option<u32>) -> Option<String> {
    let inode = port.netns.inode;
    own.is_some_and(|own| own != inode)
        .then(|| format!("netns {inode}"))
}
