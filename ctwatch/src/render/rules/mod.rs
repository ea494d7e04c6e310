//! Advice as lines that can be pasted, and as lines that take it back.

pub mod iptables;
pub mod nft;

#[cfg(test)]
mod tests;

/// The comment, or the name of the table, by which ctwatch knows its own rules.
pub const OWNER: &str = "ctwatch";
