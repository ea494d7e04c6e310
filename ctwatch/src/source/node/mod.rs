//! The node itself: its namespaces, tables, addresses, settings and rulesets.

pub mod address;
pub mod netns;
pub mod table;
