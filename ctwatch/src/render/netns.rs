//! What network namespaces are called.

/// The inode number, with the name under /run/netns where there is one.
pub(super) fn title(inode: u32, name: Option<&str>, own: bool) -> String {
    match name.unwrap_or(if own { "own" } else { "" }) {
        "" => inode.to_string(),
        name => format!("{inode} {name}"),
    }
}
