//! Traffic: each function opens exactly as many connections as it is told to.

pub(crate) mod clash;
pub(crate) mod icmp;
pub(crate) mod raw;
pub(crate) mod segments;
pub(crate) mod tcp;
pub(crate) mod udp;
