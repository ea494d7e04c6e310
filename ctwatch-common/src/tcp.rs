//! TCP states of the tracker (`enum tcp_conntrack`).

/// States, `TCP_CONNTRACK_NONE` to `TCP_CONNTRACK_LISTEN` (alias `SYN_SENT2`).
pub const COUNT: usize = 10;

/// Names as conntrack-tools prints them.
pub const NAMES: [&str; COUNT] = [
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "SYN_SENT2",
];
