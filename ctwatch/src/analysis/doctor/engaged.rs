//! The rule that makes the kernel track: without one, conntrack sees no packet (`nf_ct_netns_get`).

use super::conntrack::count;
use crate::model::{
    doctor::{
        Answer, Facts, Finding, Told, Topic,
        facts::{Elsewhere, Read},
    },
    ruleset::{Condition, Content, Effect, ReadRuleset, Rule, Target},
};

/// Matches and targets that need an entry, beside the conntrack match and NAT.
const WORDS: [&str; 9] = [
    "connmark",
    "CONNMARK",
    "connlimit",
    "connbytes",
    "connlabel",
    "CONNSECMARK",
    "-m cluster",
    "-j CT",
    "SYNPROXY",
];

pub(super) fn finding(facts: &Facts) -> Finding {
    let finding =
        |answer, reason: String| Finding::new(Topic::Conntrack, "engaged", answer, reason);
    let entries = count(facts);
    match (rule(&facts.rules.read), entries) {
        (Some(rule), _) => finding(Answer::Yes, format!("by {rule}")),
        (None, Some(1..)) => finding(
            Answer::Yes,
            format!("{} entries are in the table{}; no rule that uses conntrack was seen", entries.unwrap_or(0), unseen(facts)),
        )
        .todo("as root: nft list ruleset, iptables-save; IPVS, Open vSwitch and tc's act_ct engage it as well"),
        (None, _) if was_read(facts) => finding(
            Answer::No,
            "no rule of this network namespace uses conntrack, and the table is empty: packets pass untracked".to_owned(),
        ),
        (None, _) => finding(Answer::Unknown, format!("the rules could not be read{}", unseen(facts)))
            .todo("run doctor as root, or with CAP_NET_ADMIN"),
    }
}

/// Other namespaces with entries.
pub(super) fn elsewhere(namespace: &Elsewhere) -> Finding {
    let by = match &namespace.rules {
        None => "its rules were not looked at".to_owned(),
        Some(read) => rule(read).map_or_else(
            || "no rule that uses conntrack was seen there".to_owned(),
            |rule| format!("by {rule}"),
        ),
    };
    let reason = format!("{by}; {} entries", namespace.count);
    Finding::new(Topic::Conntrack, "engaged", Answer::Yes, reason)
        .of(format!("netns {}", namespace.name))
}

/// The first rule that uses conntrack, with who printed it.
fn rule(read: &Read) -> Option<String> {
    let iptables = read.rulesets.iter().find_map(|ruleset| {
        let rule = first(ruleset)?;
        Some(format!("{rule} ({})", ruleset.origin))
    });
    let nft = || {
        let rule = read.nft_tracking.as_ref()?;
        Some(format!("`{rule}` (nft list ruleset)"))
    };
    iptables.or_else(nft)
}

fn first(ruleset: &ReadRuleset) -> Option<String> {
    let Ok(Content::Xtables(xtables)) = &ruleset.content else {
        return None;
    };
    let chains = xtables
        .tables
        .iter()
        .flat_map(|table| table.chains().iter().map(move |chain| (table, chain)));
    chains
        .flat_map(|(table, chain)| chain.rules.iter().map(move |rule| (table, rule)))
        .find(|(_, rule)| needs_an_entry(rule))
        .map(|(table, rule)| format!("`-t {} {}`", table.name, rule.text))
}

fn needs_an_entry(rule: &Rule) -> bool {
    matches!(rule.target, Target::Nat | Target::Masquerade)
        || rule
            .matches
            .iter()
            .any(|matched| matches!(matched.condition, Condition::State(_)))
        || !rule.effects.contains(&Effect::Notrack)
            && WORDS.iter().any(|word| rule.text.contains(word))
}

/// Whether there can be no rule that was not read.
fn was_read(facts: &Facts) -> bool {
    let nft = facts.rules.nf_tables == Some(false)
        || facts
            .rules
            .read
            .rulesets
            .iter()
            .any(|ruleset| matches!(ruleset.content, Ok(Content::Nft(_))));
    let legacy = facts.rules.legacy_tables.value().is_some_and(|tables| {
        let read = facts
            .rules
            .read
            .rulesets
            .iter()
            .filter(|ruleset| matches!(ruleset.content, Ok(Content::Xtables(_))));
        tables.is_empty() || read.count() > 0
    });
    nft && legacy
}

fn unseen(facts: &Facts) -> String {
    match (
        &facts.rules.legacy_tables,
        facts
            .unread
            .iter()
            .find(|reason| reason.starts_with("rules: ")),
    ) {
        (_, Some(reason)) => format!(" ({})", reason.trim_start_matches("rules: ")),
        (Told::Hidden(reason), None) => format!(" ({reason})"),
        _ => String::new(),
    }
}
