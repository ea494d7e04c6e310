//! Sockets as `/proc/net/tcp` and `tcp6` list them.

/// One socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) local_port: u16,
    pub(super) is_listening: bool,
    pub(super) inode: u64,
}

/// `TCP_LISTEN`
const LISTEN: &str = "0A";

/// Reads a row such as `0: 0100007F:0016 00000000:0000 0A … inode …` (`get_tcp4_sock`); the header and anything else
/// is `None`.
pub(super) fn socket(row: &str) -> Option<Socket> {
    let mut fields = row.split_ascii_whitespace();
    let (_, port) = fields.nth(1)?.rsplit_once(':')?;
    let state = fields.nth(1)?;
    Some(Socket {
        local_port: u16::from_str_radix(port, 16).ok()?,
        is_listening: state == LISTEN,
        inode: fields.nth(5)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15213 1 0000000000000000 100 0 0 10 0
   1: 0A7100CB:0016 076433C6:D431 01 00000000:00000000 02:000A1B2C 00000000     0        0 98765 4 0000000000000000 20 4 31 10 -1
";
    const TCP6: &str = "\
   0: 00000000000000000000000000000000:08AE 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15215 1 0000000000000000 100 0 0 10 0
";

    #[test]
    fn rows_of_both_families() {
        let sockets: Vec<_> = TCP.lines().chain(TCP6.lines()).filter_map(socket).collect();
        let expected = [
            (22, true, 15_213),
            (22, false, 98_765),
            (2_222, true, 15_215),
        ];
        assert_eq!(
            sockets,
            expected.map(|(local_port, is_listening, inode)| Socket {
                local_port,
                is_listening,
                inode
            })
        );
    }

    proptest! {
        #[test]
        fn any_row_ends_in_a_result(row: String) {
            let _ = socket(&row);
        }
    }
}
