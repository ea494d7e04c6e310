//! Who hurts whom, in which intervals nothing was watched, and whose client ports were reused.

use std::collections::BTreeMap;

use ctwatch::model::{recording::Recording, unobserved::Unobserved};
use insta::assert_snapshot;
use serde_json::Value;

use crate::{fixture, shown::of};

fn json(recording: &Recording, arguments: &[&str]) -> Value {
    let arguments = [&["-o", "json"], arguments].concat();
    serde_json::from_str(&of(recording, &arguments).out).unwrap()
}

fn sum(values: &[Value], figure: &str) -> u64 {
    values.iter().map(|v| v[figure].as_u64().unwrap()).sum()
}

#[test]
fn each_victim_has_its_culprits_and_a_health_check_is_called_by_name() {
    assert_snapshot!(of(&fixture::incident(), &["--by", "victim", "--top", "4"]).out);
}

#[test]
fn what_culprits_took_adds_up_to_what_victims_lost() {
    let report = json(&fixture::incident(), &["--top", "50"]);
    let victims = report["victims"].as_array().unwrap();
    assert_eq!(victims.len(), 3);
    for victim in victims {
        let by = victim["by"].as_array().unwrap();
        let unknown = victim["evicted_by_unknown"].as_u64().unwrap();
        assert_eq!(victim["evicted"], sum(by, "evicted") + unknown, "{victim}");
        // Shares are rounded one by one.
        let refused = victim["refused"].as_u64().unwrap();
        let shared = sum(by, "refused_shared");
        assert!(refused.abs_diff(shared) <= 3, "{victim}");
        let itself = by.iter().filter(|by| by["itself"] == true).count();
        assert_eq!(itself, usize::from(victim["port"] != 10254), "{victim}");
    }
}

/// Between two samples :443 goes from 100 entries to 300 while :53 stays at 100: of nine refused lookups six
/// are :443's doing, and three :53's own.
#[test]
fn refusals_are_shared_out_by_entries_before_and_after_the_interval() {
    let mut recording = fixture::incident();
    recording.samples.truncate(2);
    recording.dumps.truncate(1);
    recording.dumps[0]
        .endpoints
        .retain(|endpoint, _| [fixture::https(), fixture::dns()].contains(endpoint));
    for dump in recording.dumps[0].endpoints.values_mut() {
        dump.entries = 100;
    }
    let deltas = &mut recording.samples[1].deltas;
    deltas.retain(|(endpoint, _)| [fixture::https(), fixture::dns()].contains(endpoint));
    for (endpoint, counters) in deltas.iter_mut() {
        *counters = Default::default();
        match endpoint.port {
            443 => counters.inserted = 200,
            _ => counters.refused = 9,
        }
    }
    recording.samples[1].evictions.clear();
    recording.ledger = Some(fixture::ledger(&recording));
    let report = json(&recording, &[]);
    let by = report["victims"][0]["by"].as_array().unwrap();
    let shares: BTreeMap<u64, u64> = by
        .iter()
        .map(|by| {
            let port = by["port"].as_u64().unwrap();
            (port, by["refused_shared"].as_u64().unwrap())
        })
        .collect();
    // 100 + 300 to 100 + 100.
    assert_eq!(shares, BTreeMap::from([(443, 6), (53, 3)]));
}

#[test]
fn without_probes_refusals_have_culprits_and_evictions_none() {
    let said = of(&fixture::by_netlink(), &["--by", "victim", "--top", "2"]).out;
    assert_snapshot!(said);
    let report = json(&fixture::by_netlink(), &[]);
    let victim = &report["victims"][0];
    assert!(victim["by"][0]["evicted"].is_null() && victim["evicted_by_unknown"].is_null());
    assert!(victim["by"][0]["refused_shared"].as_u64() > Some(0));
    let by_dumps = of(&fixture::by_dumps(), &["--by", "victim"]).out;
    let says = "Who hurt whom: not known, refused or evicted were not seen by port\n";
    assert!(by_dumps.contains(says), "{by_dumps}");
}

#[test]
fn a_recording_from_before_newcomers_were_kept_does_not_say_that_nobody_came() {
    let mut recording = fixture::incident();
    recording
        .header
        .unobserved
        .0
        .extend(Unobserved::BEFORE_VERSION_3);
    for sample in &mut recording.samples {
        sample.evictions.clear();
    }
    let said = of(&recording, &[]).out;
    assert!(
        said.contains("For whom entries were evicted was not kept by"),
        "{said}"
    );
    assert!(
        json(&recording, &[])["ports"][0]["reopened"].is_null(),
        "{said}"
    );
}

#[test]
fn a_time_in_which_nothing_was_watched_is_told_first() {
    let said = of(&fixture::with_a_gap(), &["--by", "netns"]).out;
    assert_snapshot!(said);
    let report = json(&fixture::with_a_gap(), &[]);
    assert_eq!(report["gaps"][0]["from"], "2026-03-01T03:00:40.2Z");
    assert_eq!(report["gaps"][0]["reason"], "nf_conntrack was unloaded");
    // Entries are those of the dump behind it and what moved since, as if there had been no gap; how long entries
    // lived that went in it nobody knows.
    let whole = json(&fixture::incident(), &[]);
    assert_eq!(report["ports"][0]["entries"], whole["ports"][0]["entries"]);
    assert!(report["ports"][0]["mean_lifetime_seconds"].is_null());
    assert_eq!(
        report["ledger"]["namespaces"][0]["last_dump"]["difference"],
        0
    );
    // The books leave out what moved between the tables around it.
    assert_eq!(report["ledger"]["namespaces"][0]["unexplained"], 0);
}

#[test]
fn client_ports_that_came_again_are_listed_only_where_there_are_any() {
    let said = of(&fixture::incident(), &["--by", "port", "--top", "2"]).out;
    assert_snapshot!(said);
    let mut recording = fixture::incident();
    for (_, counters) in recording.samples.iter_mut().flat_map(|s| &mut s.deltas) {
        (counters.reopened, counters.syn_ignored) = (0, 0);
    }
    assert!(!of(&recording, &[]).out.contains("Port reuse"));
    let report = json(&recording, &[]);
    assert_eq!(report["ports"][0]["syn_ignored"], 0);
}

#[test]
fn details_that_were_lost_are_told_and_leave_the_totals_exact() {
    let mut recording = fixture::incident();
    let losses = &mut recording.samples[100].losses;
    (
        losses.events_suppressed,
        losses.ring_lost,
        losses.pairs_lost,
    ) = (1_200, 34, 5);
    recording.ledger = Some(fixture::ledger(&recording));
    let said = of(&recording, &[]).out;
    let lines = "\
Lost: nothing (probe misses 0, unattributed 0, refused unattributed 0,
      cause lost 0, cause raced 0, unreadable 0, unpaired 0)
Details lost, totals exact: events suppressed 1,200, without room 34, newcomers of evictions 5
";
    assert!(said.ends_with(lines), "{said}");
    let by_netlink = json(&fixture::by_netlink(), &[]);
    assert!(by_netlink["ledger"]["losses"]["ring_lost"].is_null());
}
