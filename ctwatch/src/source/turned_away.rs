//! Packets that this network namespace turns away, as its counters tell.

use std::fs;

use serde_json::Value;

use super::{iptables_save, node::ruleset::by_program};
use crate::model::turned_away::TurnedAway;

const SNMP: &str = "/proc/thread-self/net/snmp";
/// Tables that iptables-nft makes: iptables-save tells of these.
const IPTABLES: [&str; 5] = ["raw", "mangle", "nat", "filter", "security"];

/// The counters now. What cannot be read is `None`.
#[must_use]
pub fn read() -> TurnedAway {
    TurnedAway {
        resets: fs::read_to_string(SNMP).ok().and_then(|text| resets(&text)),
        filter_drops: filter_drops(),
    }
}

/// Where one of the programs is missing, there are none of its rules; where all are, nothing is known.
fn filter_drops() -> Option<u64> {
    let saved = ["iptables-save", "ip6tables-save"].map(|program| {
        let text = by_program(program, &["-c"], String::new()).ok()?;
        Some(iptables_save::dropped(&text))
    });
    let listed = by_program("nft", &["-j", "list", "ruleset"], String::new());
    let listed = listed.ok().map(|text| dropped(&text));
    let known = saved.into_iter().chain([listed]).flatten();
    known.reduce(|sum, more| sum + more)
}

/// `Tcp: OutRsts` and `EstabResets`, which stand below their names.
fn resets(snmp: &str) -> Option<u64> {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (lines.next()?, lines.next()?);
    let figures = names.split(' ').zip(values.split(' '));
    let wanted = figures.filter(|(name, _)| matches!(*name, "OutRsts" | "EstabResets"));
    wanted.map(|(_, value)| value.parse::<u64>().ok()).sum()
}

/// Of rules of nft that count and drop or reject.
fn dropped(listing: &str) -> u64 {
    let document: Value = serde_json::from_str(listing).unwrap_or_default();
    let objects = document.get("nftables").and_then(Value::as_array);
    let packets = objects.into_iter().flatten().filter_map(|object| {
        let rule = object.get("rule")?;
        let word = |key| rule.get(key).and_then(Value::as_str);
        if matches!(word("family"), Some("ip" | "ip6")) && IPTABLES.contains(&word("table")?) {
            return None;
        }
        let expressions = rule.get("expr")?.as_array()?;
        let drops = expressions
            .iter()
            .any(|each| each.get("drop").is_some() || each.get("reject").is_some());
        let mut counters = expressions
            .iter()
            .filter_map(|each| each.pointer("/counter/packets"));
        drops.then(|| counters.next()?.as_u64())?
    });
    packets.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_found_by_their_names() {
        let text = "Ip: A B\nIp: 1 2\nTcp: RtoMin OutRsts EstabResets InErrs\nTcp: 200 7 5 3\nUdp: X\nUdp: 9\n";
        assert_eq!(resets(text), Some(12));
        assert_eq!(resets("Tcp: OutRsts\n"), None);
    }

    #[test]
    fn rules_that_drop_are_counted_once() {
        let rule = |family: &str, table: &str, verdict: &str| {
            format!(
                "{{\"rule\": {{\"family\": \"{family}\", \"table\": \"{table}\", \"expr\": [{{\"counter\": {{\"packets\": 4, \
                 \"bytes\": 1}}}}, {{\"{verdict}\": null}}]}}}}"
            )
        };
        let rules = [
            rule("inet", "fw", "drop"),
            rule("inet", "fw", "reject"),
            rule("inet", "fw", "accept"),
            rule("ip", "filter", "drop"),
        ];
        assert_eq!(
            dropped(&format!("{{\"nftables\": [{}]}}", rules.join(", "))),
            8
        );
        assert_eq!(dropped("nonsense"), 0);
    }
}
