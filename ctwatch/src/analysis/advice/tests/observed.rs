//! Verdicts by what was seen in entries.

use super::*;
use crate::model::dump::{Evidence, Finding};

#[test]
fn findings_in_entries_block_and_are_shown() {
    let cases = [
        (Finding::DnatObserved, "dnat-observed"),
        (Finding::SnatObserved, "snat-observed"),
        (Finding::Helper, "helper"),
        (Finding::Expectation, "expectation"),
        (Finding::Connmark, "connmark"),
        (Finding::Connlabel, "connlabel"),
        (Finding::CtZone, "ct-zone"),
        (Finding::SeqAdjust, "seq-adjust"),
        (Finding::Flowtable, "flowtable"),
    ];
    for (finding, code) in cases {
        let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], DEMO);
        let evidence = Evidence {
            entries: 3,
            example: "tcp 6 src=192.0.2.1 …".into(),
        };
        scene.endpoints[0].1.findings.insert(finding, evidence);
        let advice = scene.only();
        expect(&advice, Verdict::Blocked, &[code]);
        assert!(
            advice.reasons[0]
                .evidence
                .ends_with("tcp 6 src=192.0.2.1 …")
        );
    }
}

#[test]
fn entries_that_came_and_went_between_dumps_are_counted() {
    let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], DEMO);
    scene.endpoints[0].2.dnat = 7;
    let advice = scene.only();
    expect(&advice, Verdict::Blocked, &["dnat-observed"]);
    assert_eq!(
        advice.reasons[0].evidence,
        "7 of 1000 new entries with a translated destination"
    );
}

#[test]
fn a_flood_of_syns_is_told_and_decides_nothing() {
    let flooded = |clients| {
        let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], "*filter\nCOMMIT\n");
        let (_, seen, _) = &mut scene.endpoints[0];
        seen.states = [("SYN_RECV", 900), ("ESTABLISHED", 100)]
            .into_iter()
            .collect();
        seen.clients = clients;
        scene.only()
    };
    let advice = flooded(700);
    expect(&advice, Verdict::Safe, &["syn-flood"]);
    let evidence = &advice.reasons[0].evidence;
    assert!(
        evidence.starts_with("900 of 1000 entries are half-open, from 700 sources"),
        "{evidence}"
    );
    assert!(!evidence.contains("  "), "{evidence}");
    expect(&flooded(12), Verdict::Safe, &[]);
}
