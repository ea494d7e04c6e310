//! The rulesets of the own network namespace, as the programs that everybody has print them.
//!
//! Nothing is changed. `nft` and the nft variant of iptables may make the kernel load nf_tables, which then holds
//! no rule; the legacy variants, whose mere listing can create tables, run only where legacy tables exist.

use std::{fs, time::Duration};

use super::netns::Seen;
use crate::model::node::{RulesetKind, RulesetText};

mod program;

use program::{Limits, run};

const LIMITS: Limits = Limits {
    time: Duration::from_secs(5),
    output: 32 << 20,
};

/// Program, legacy program, where the kernel lists legacy tables, and the kinds of both programs' texts.
const FAMILIES: [(&str, &str, &str, RulesetKind, RulesetKind); 2] = [
    (
        "iptables-save",
        "iptables-legacy-save",
        "/proc/thread-self/net/ip_tables_names",
        RulesetKind::IptablesSave,
        RulesetKind::IptablesLegacySave,
    ),
    (
        "ip6tables-save",
        "ip6tables-legacy-save",
        "/proc/thread-self/net/ip6_tables_names",
        RulesetKind::Ip6tablesSave,
        RulesetKind::Ip6tablesLegacySave,
    ),
];

/// What could be read; the rest is named in `unread`.
pub(super) fn read(own: &Seen, unread: &mut Vec<String>) -> Vec<RulesetText> {
    let mut texts: Vec<(RulesetKind, String)> = Vec::new();
    let mut keep = |kind, result: Result<String, String>| match result {
        Ok(text) => Some((kind, text)),
        Err(reason) => {
            unread.push(format!("ruleset: {}", with_capability(reason)));
            None
        }
    };
    for (program, legacy_program, tables, kind, legacy_kind) in FAMILIES {
        let text = keep(kind, run(program, &[], LIMITS));
        let has_legacy = fs::read_to_string(tables).is_ok_and(|names| !names.trim().is_empty());
        let legacy = if has_legacy {
            keep(legacy_kind, run(legacy_program, &[], LIMITS))
        } else {
            None
        };
        // Where iptables-save is the legacy one, both print the same.
        let is_new = |legacy: &(_, String)| {
            text.as_ref()
                .is_none_or(|text| !are_same_rules(&text.1, &legacy.1))
        };
        let legacy = legacy.filter(is_new);
        texts.extend(text.into_iter().chain(legacy));
    }
    texts.extend(keep(
        RulesetKind::NftJson,
        run("nft", &["-j", "list", "ruleset"], LIMITS),
    ));
    texts
        .into_iter()
        .map(|(kind, text)| RulesetText {
            netns: own.netns,
            kind,
            text,
        })
        .collect()
}

/// Compares but for comments, which hold the time, and counters.
fn are_same_rules(a: &str, b: &str) -> bool {
    let rules = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(" [").next().unwrap_or(line).to_owned())
            .collect()
    };
    rules(a) == rules(b)
}

fn with_capability(reason: String) -> String {
    let refusals = ["ermission denied", "not permitted", "must be root"];
    if refusals.iter().any(|refusal| reason.contains(refusal)) {
        format!("{reason} (needs CAP_NET_ADMIN)")
    } else {
        reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_rules_at_another_time_are_the_same() {
        let early = "# Generated at 12:00\n*raw\n:PREROUTING ACCEPT [1:60]\n-A OUTPUT -j ACCEPT\n";
        let late = "# Generated at 12:01\n*raw\n:PREROUTING ACCEPT [9:540]\n-A OUTPUT -j ACCEPT\n";
        assert!(are_same_rules(early, late));
        assert!(!are_same_rules(
            early,
            &late.replace("OUTPUT", "PREROUTING")
        ));
    }

    #[test]
    fn a_refusal_names_the_capability() {
        let refused = with_capability("nft failed: Operation not permitted".to_owned());
        assert!(refused.ends_with("(needs CAP_NET_ADMIN)"));
        assert_eq!(
            with_capability("nft failed: bad".to_owned()),
            "nft failed: bad"
        );
    }
}
