//! Advice as lines that can be pasted, and as lines that take it back.

pub mod calico;
pub mod iptables;
pub mod nft;
pub mod persist;

#[cfg(test)]
mod tests;
