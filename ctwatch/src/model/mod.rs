//! Plain values that sources produce, recordings keep and analyses read. Nothing here does input or output.

pub mod aggregate;
pub mod classify;
pub mod counters;
pub mod doctor;
pub mod dropped;
pub mod dump;
pub mod endpoint;
pub mod entry;
pub mod event;
pub mod gap;
pub mod ledger;
pub mod lifetime;
pub mod limit;
pub mod listed;
pub mod listing;
pub mod node;
pub mod notrack;
pub mod reading;
pub mod recording;
pub mod remedy;
pub mod ruleset;
pub mod sample;
pub mod states;
pub mod status;
pub mod table;
pub mod unobserved;
