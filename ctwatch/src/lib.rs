//! ctwatch watches Linux connection tracking: which ports fill the table, who was refused or evicted because of
//! it, and which ports should not be tracked at all.
//!
//! Data flows one way: [`source`] (kernel, netlink, files) → [`model`] (plain values) → `analysis` (pure
//! functions) → `render` (text, JSON, rules). docs/architecture.md has the picture.

pub mod analysis;
pub mod applying;
pub mod cli;
pub mod model;
pub mod recorder;
pub mod recording;
pub mod render;
pub mod source;
