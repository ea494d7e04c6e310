//! What the guest tells of one boot: instructions each, by round.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Boot {
    pub(super) conditions: Vec<Rounds>,
    pub(super) full: Vec<FullRounds>,
}

/// While the table is healthy.
#[derive(Deserialize)]
pub(super) struct Rounds {
    pub(super) condition: String,
    pub(super) absent: Option<String>,
    pub(super) udp_flow: Vec<f64>,
    pub(super) packet: Vec<f64>,
    pub(super) ended_entry: Vec<f64>,
    pub(super) udp_flow_and_end: Vec<f64>,
    pub(super) tcp_connection: Vec<f64>,
    pub(super) programs: BTreeMap<String, Runs>,
    pub(super) reader: Option<Read>,
}

/// Of one program in a round.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Runs {
    pub(super) runs: u64,
    pub(super) instructions: u64,
}

/// Of a program that reads conntrack's events, in a round of its own.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Read {
    pub(super) messages: u64,
    pub(super) dropped: u64,
    pub(super) udp_flow: f64,
    pub(super) tcp_connection: f64,
}

/// While the table is full.
#[derive(Deserialize)]
pub(super) struct FullRounds {
    pub(super) condition: String,
    pub(super) absent: Option<String>,
    pub(super) refused: Vec<f64>,
    pub(super) evicting: Vec<f64>,
    pub(super) evicted: Vec<f64>,
    pub(super) reader_refused: Vec<f64>,
    pub(super) reader_evicting: Vec<f64>,
}
