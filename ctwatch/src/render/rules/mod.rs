//! Advice as lines that can be pasted, and as lines that take it back.

pub mod iptables;
pub mod nft;

#[cfg(test)]
mod tests;
