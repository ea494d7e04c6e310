//! The advice as one JSON document, described in docs/advice.md.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Serialize;

use super::remedies::RemedyObject;
use crate::{
    analysis::{
        advice::{Advice, Kind, PortAdvice, Reason, Verdict},
        lost::Lost,
        report::NamespaceReport,
    },
    model::{endpoint::Family, notrack::AcceptRule, recording::Backend},
    render::rules::{
        iptables::{self, Action},
        nft,
    },
};

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    source: Source<'a>,
    table: Option<Table>,
    ports: Vec<Port<'a>>,
    remedies: Vec<RemedyObject<'a>>,
    forecast: Forecast,
}

#[derive(Serialize)]
struct Source<'a> {
    kind: Kind,
    window_seconds: Option<f64>,
    backend: Backend,
    degraded: &'a [String],
}

#[derive(Serialize)]
struct Table {
    netns: Option<u32>,
    count: Option<u64>,
    max: Option<u64>,
    buckets: Option<u64>,
    fill: Option<f64>,
    growth_per_second: Option<f64>,
    seconds_until_full: Option<u64>,
    bytes: Option<u64>,
}

#[derive(Serialize)]
struct Port<'a> {
    /// Null where it is not known whose table it is.
    netns: Option<u32>,
    family: Family,
    protocol: String,
    port: u16,
    addresses: &'a [IpAddr],
    role: Option<&'static str>,
    entries: Option<u64>,
    share: Option<f64>,
    new_per_second: Option<f64>,
    mean_lifetime_seconds: Option<f64>,
    states: &'a BTreeMap<String, u64>,
    clients: Option<u64>,
    #[serde(flatten)]
    lost: Lost,
    verdict: Verdict,
    reasons: &'a [Reason],
    looked_at: &'a [String],
    frees_entries: Option<u64>,
    drain_seconds: Option<u64>,
    rules: Rules,
    undo: Rules,
}

/// Bare rules, without the command before them.
#[derive(Serialize)]
struct Rules {
    iptables: Vec<String>,
    nft: String,
}

#[derive(Serialize)]
struct Forecast {
    fill_after: Option<f64>,
    seconds_until_full_after: Option<u64>,
}

/// The document, with a line end.
///
/// # Errors
/// None that advice can cause; serde_json's signature has them.
pub fn json(advice: &Advice) -> serde_json::Result<String> {
    let document = Document {
        schema_version: 1,
        source: Source {
            kind: advice.kind,
            window_seconds: (advice.kind == Kind::Recording)
                .then_some(advice.source.window_seconds),
            backend: advice.source.backend,
            degraded: &advice.source.degraded,
        },
        table: advice.table().map(|table| of_table(table, advice.bytes)),
        ports: advice.ports.iter().map(port).collect(),
        remedies: advice.remedies.iter().map(RemedyObject::of).collect(),
        forecast: Forecast {
            fill_after: advice.fill_after,
            seconds_until_full_after: advice.until_full_after.seconds(),
        },
    };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

/// No namespace has the number 0.
fn known(netns: u32) -> Option<u32> {
    (netns != 0).then_some(netns)
}

fn of_table(table: &NamespaceReport, bytes: Option<u64>) -> Table {
    Table {
        netns: known(table.netns),
        count: table.count,
        max: table.max,
        buckets: table.buckets,
        fill: table.fill,
        growth_per_second: table.growth_per_second,
        seconds_until_full: table.seconds_until_full,
        bytes,
    }
}

fn port(advice: &PortAdvice) -> Port<'_> {
    let PortAdvice { figures, .. } = advice;
    Port {
        netns: known(advice.netns.inode),
        family: advice.family,
        protocol: advice.protocol.to_string(),
        port: advice.port,
        addresses: &advice.addresses,
        role: advice.role.map(crate::model::endpoint::Role::as_str),
        entries: figures.entries,
        share: advice.share,
        new_per_second: figures.new_per_second,
        mean_lifetime_seconds: figures.mean_lifetime_seconds,
        states: &figures.states,
        clients: figures.clients,
        lost: figures.lost,
        verdict: advice.verdict,
        reasons: &advice.reasons,
        looked_at: &advice.looked_at,
        frees_entries: advice.frees_entries,
        drain_seconds: advice.drain_seconds,
        rules: Rules {
            iptables: iptables_rules(advice, Action::Add),
            nft: nft_accepts(advice) + &nft::add(&advice.notrack),
        },
        undo: Rules {
            iptables: iptables_rules(advice, Action::Delete),
            nft: nft::undo(&advice.notrack),
        },
    }
}

/// Accept rules that stand in tables of nftables' own.
fn nft_accepts(advice: &PortAdvice) -> String {
    let native = advice.accepts.iter().filter(|rule| rule.is_native());
    native
        .map(|rule| format!("{}\n", nft::accept(rule)))
        .collect()
}

/// Accept rules first: they must stand before packets go untracked.
fn iptables_rules(advice: &PortAdvice, action: Action) -> Vec<String> {
    // Without the accept rules that iptables cannot make, the others would cut the service off.
    if advice.accepts.iter().any(AcceptRule::is_native) {
        return Vec::new();
    }
    let accepts = advice
        .accepts
        .iter()
        .map(|rule| iptables::accept(rule, action));
    let notrack = advice
        .notrack
        .iter()
        .map(|rule| iptables::notrack(rule, action));
    match action {
        Action::Delete => notrack.chain(accepts).collect(),
        Action::Add | Action::Check => accepts.chain(notrack).collect(),
    }
}
