//! Messages that did not fit into a netlink socket, as the kernel counts them.

use std::fs;

use anyhow::{Context, Result};

/// Of all netlink sockets of the calling thread's namespace (`netlink_seq_show`).
pub(crate) fn read() -> Result<i64> {
    let path = "/proc/thread-self/net/netlink";
    let text = fs::read_to_string(path).context(path)?;
    sum(&text).with_context(|| format!("{path} has no column Drops"))
}

fn sum(text: &str) -> Option<i64> {
    let mut lines = text.lines().map(str::split_whitespace);
    let place = lines.next()?.position(|name| name == "Drops")?;
    Some(
        lines
            .filter_map(|mut row| row.nth(place)?.parse::<i64>().ok())
            .sum(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_of_all_sockets_are_added_up() {
        let text = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n\
                    00000000aaaaaaaa 12  4711       00000005 0        0        0     2        7        100\n\
                    00000000bbbbbbbb 0   0          00000000 0        0        0     2        2        101\n";
        assert_eq!(sum(text), Some(9));
        assert_eq!(sum("sk Eth\n"), None);
    }
}
