//! The node itself: its namespaces, tables, addresses, settings and rulesets.

pub mod netns;
