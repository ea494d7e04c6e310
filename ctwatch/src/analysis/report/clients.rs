//! Clients, from dumps.

use std::net::IpAddr;

use serde::Serialize;

use super::Options;
use crate::model::{
    dump::{ClientDump, Dump},
    recording::Recording,
};

/// One client of one namespace, as of the last dump.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClientReport {
    /// Namespace's inode number.
    pub netns: u32,
    /// Source address of the original direction.
    pub client: IpAddr,
    /// Entries.
    pub entries: u64,
    /// Part of the dump's entries.
    pub share: f64,
    /// Entries that never saw a reply.
    pub unreplied: u64,
    /// Distinct endpoints it uses.
    pub endpoints: u64,
    /// Change of its entries from the first dump to the last; `None` with one dump, or where the first does not
    /// name it.
    pub change_per_second: Option<f64>,
}

/// The first [`Options::top`], most entries first.
pub(super) fn clients(recording: &Recording, options: &Options) -> Vec<ClientReport> {
    let mut rows = Vec::new();
    for netns in super::known_netns(recording) {
        let mut dumps = recording.dumps.iter().filter(|dump| dump.netns == netns);
        if !options.wants_netns(netns) {
            continue;
        }
        if let Some(first) = dumps.next() {
            let last = dumps.next_back();
            let shown = last.unwrap_or(first);
            let row = |client| row(client, shown, last.map(|_| first));
            rows.extend(shown.clients.iter().map(row));
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.entries));
    rows.truncate(options.top);
    rows
}

fn row(client: &ClientDump, dump: &Dump, earlier: Option<&Dump>) -> ClientReport {
    ClientReport {
        netns: dump.netns.inode,
        client: client.address,
        entries: client.entries,
        share: client.entries as f64 / dump.entries.max(1) as f64,
        unreplied: client.unreplied,
        endpoints: client.endpoints,
        change_per_second: earlier.and_then(|earlier| change(client, dump, earlier)),
    }
}

fn change(client: &ClientDump, dump: &Dump, earlier: &Dump) -> Option<f64> {
    let seconds = (dump.at_ms - earlier.at_ms) as f64 / 1_000.0;
    let before = earlier.clients.iter().find(|c| c.address == client.address);
    let before = match before {
        Some(before) => before.entries,
        // All clients are named, so it had none.
        None if earlier.distinct_clients == earlier.clients.len() as u64 => 0,
        None => return None,
    };
    (seconds > 0.0).then(|| super::rounded((client.entries as f64 - before as f64) / seconds))
}
