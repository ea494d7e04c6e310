//! What the kernel log and the guest's first process say about a run.

/// Whether a line of the kernel log means that the run is over: panic, BUG, oops, lockup.
pub(super) fn is_fatal(line: &str) -> bool {
    let bug = line
        .match_indices("BUG:")
        .any(|(at, _)| !line[..at].ends_with(|before: char| before.is_ascii_alphanumeric()));
    bug || [
        "Kernel panic - not syncing",
        "kernel BUG at",
        "Oops: ",
        "soft lockup",
    ]
    .iter()
    .any(|sign| line.contains(sign))
}

/// The exit status in the first process's last word, `exit N`.
pub(super) fn exit_status(line: &str) -> Option<u8> {
    line.trim().strip_prefix("exit ")?.parse().ok()
}

/// A kernel message without its time stamp, for an error of one line.
pub(super) fn message(line: &str) -> &str {
    let line = line.trim();
    line.strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .map_or(line, |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_in_the_kernel_ends_a_run() {
        for line in [
            "[    1.5] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
            "[    9.1] BUG: kernel NULL pointer dereference, address: 0000000000000000",
            "[   30.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [nft:301]",
            "[    2.2] kernel BUG at mm/slub.c:419!",
        ] {
            assert!(is_fatal(line), "{line}");
        }
    }

    #[test]
    fn ordinary_messages_do_not() {
        for line in [
            "[    0.1] [Firmware Bug]: TSC doesn't count with P0 frequency!",
            "[    3.0] nf_conntrack: table full, dropping packet",
            "[    3.0] my_module: DEBUG: all is well",
        ] {
            assert!(!is_fatal(line), "{line}");
        }
    }

    #[test]
    fn only_the_agreed_word_is_an_exit_status() {
        assert_eq!(exit_status("exit 3\n"), Some(3));
        assert_eq!(exit_status("exit 256"), None);
        assert_eq!(exit_status("exit"), None);
    }

    #[test]
    fn an_error_shows_the_message_without_its_time() {
        assert_eq!(
            message("[    1.5] Kernel panic - not syncing: x\r\n"),
            "Kernel panic - not syncing: x"
        );
        assert_eq!(message("plain"), "plain");
    }
}
