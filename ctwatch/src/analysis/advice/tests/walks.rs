//! Ways through chains.

use super::*;

#[test]
fn a_ruleset_with_too_many_ways_is_not_called_safe() {
    let mut input: Vec<String> = (0..40)
        .map(|n| format!("-s 10.0.{n}.0/24 -j c{n}"))
        .collect();
    input.push("-m state --state INVALID -j DROP".into());
    let input: Vec<&str> = input.iter().map(String::as_str).collect();
    let chains: String = (0..40).map(|n| format!(":c{n} - [0:0]\n")).collect();
    let marks: String = (0..40)
        .map(|n| format!("-A c{n} -j MARK --set-xmark 0x1/0x1\n"))
        .collect();
    let rules = filter(&input, &[], OPEN)
        .replace("*filter\n", &format!("*filter\n{chains}"))
        .replace("COMMIT", &format!("{marks}COMMIT"));
    let advice = https(&rules);
    assert_eq!(advice.verdict, Verdict::Unproven);
    assert!(
        advice.reasons[0].evidence.starts_with("too many ways"),
        "{:?}",
        advice.reasons
    );
}

#[test]
fn a_goto_does_not_come_back() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n\
        -A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -g a\n-A INPUT -j ACCEPT\n-A a -m state --state NEW,ESTABLISHED -j ACCEPT\nCOMMIT\n";
    expect(
        &https(rules),
        Verdict::NeedsAccept,
        &["established-only-ruleset"],
    );
    expect(&https(&rules.replace("-g a", "-j a")), Verdict::Safe, &[]);
}

#[test]
fn chains_that_jump_in_a_circle_are_not_followed_for_ever() {
    let loops = "*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n-A INPUT -j a\n-A a -j a\nCOMMIT\n";
    assert_eq!(https(loops).verdict, Verdict::Unproven);
}

/// Conditions and targets that rules are made of; the last condition is not understood.
const CONDITIONS: [&str; 9] = [
    "",
    "-p tcp -m tcp --dport 443",
    "-p udp",
    "-s 198.51.100.0/24",
    "! -i eth0",
    "-m conntrack --ctstate RELATED,ESTABLISHED",
    "-m state ! --state NEW",
    "-m state --state INVALID",
    "-m recent --update",
];
const TARGETS: [&str; 8] = [
    "ACCEPT",
    "DROP",
    "RETURN",
    "LOG",
    "a",
    "b",
    "NFQUEUE --queue-num 0",
    "REJECT",
];

proptest::proptest! {
    #[test]
    fn any_ruleset_comes_to_a_verdict_that_its_own_rules_bear_out(
        picks in proptest::collection::vec((0..4usize, 0..CONDITIONS.len(), 0..TARGETS.len()), 0..12),
        drops in proptest::prelude::any::<bool>(),
    ) {
        let chains = ["INPUT", "OUTPUT", "a", "b"];
        let rules: String = picks
            .iter()
            .map(|(chain, condition, target)| {
                format!("-A {} {} -j {}\n", chains[*chain], CONDITIONS[*condition], TARGETS[*target])
            })
            .collect();
        let policy = if drops { "DROP" } else { "ACCEPT" };
        let text = format!("*filter\n:INPUT {policy}\n:OUTPUT {policy}\n:a -\n:b -\n{rules}COMMIT\n");
        let advice = https(&text);
        let rests_on_reasons = !advice.reasons.is_empty();
        proptest::prop_assert_eq!(rests_on_reasons, advice.verdict != Verdict::Safe);
        proptest::prop_assert_eq!(!advice.accepts.is_empty(), advice.verdict == Verdict::NeedsAccept);
    }
}
