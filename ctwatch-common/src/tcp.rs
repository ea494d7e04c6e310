//! TCP states of the tracker (`enum tcp_conntrack`).

/// States, `TCP_CONNTRACK_NONE` to `TCP_CONNTRACK_LISTEN` (alias `SYN_SENT2`).
pub const COUNT: usize = 10;

/// `TCP_CONNTRACK_FIN_WAIT`
pub const FIN_WAIT: u8 = 4;
/// `TCP_CONNTRACK_CLOSE_WAIT`
pub const CLOSE_WAIT: u8 = 5;
/// `TCP_CONNTRACK_LAST_ACK`
pub const LAST_ACK: u8 = 6;
/// `TCP_CONNTRACK_TIME_WAIT`
pub const TIME_WAIT: u8 = 7;
/// `TCP_CONNTRACK_CLOSE`
pub const CLOSE: u8 = 8;

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
