//! Counters in what `iptables-save -c` prints.

use std::collections::BTreeMap;

/// Packets that rules with the targets DROP and REJECT, and policies DROP, have met.
#[must_use]
pub fn dropped(text: &str) -> u64 {
    let packets = text.lines().filter_map(|line| {
        if let Some(chain) = line.strip_prefix(':') {
            let (name_and_policy, counters) = chain.rsplit_once(" [")?;
            return name_and_policy
                .ends_with(" DROP")
                .then(|| first(counters))?;
        }
        let (counters, rule) = line.strip_prefix('[')?.split_once("] -A ")?;
        let (_, target) = rule.rsplit_once(" -j ")?;
        let drops = matches!(target.split(' ').next(), Some("DROP" | "REJECT"));
        drops.then(|| first(counters))?
    });
    packets.sum()
}

/// The packets that each rule has met, in order, by table and chain; `None` where they are not printed.
#[must_use]
pub fn rule_packets(text: &str) -> BTreeMap<(String, String), Vec<Option<u64>>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut table = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
            continue;
        }
        let (counters, rule) = match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((counters, rule)) => (first(counters), rule.trim_start()),
            None => (None, line),
        };
        let chain = rule
            .strip_prefix("-A ")
            .and_then(|rest| rest.split(' ').next());
        if let Some(chain) = chain {
            let rules = all.entry((table.to_owned(), chain.to_owned())).or_default();
            rules.push(counters);
        }
    }
    all
}

/// `PACKETS:BYTES`
fn first(counters: &str) -> Option<u64> {
    counters.split(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "*filter\n:INPUT DROP [5:300]\n:OUTPUT ACCEPT [7:1]\n:MINE - [0:0]\n[2:80] -A INPUT -p tcp -j REJECT \
                        --reject-with tcp-reset\n[11:1] -A INPUT -j MINE\n[3:90] -A MINE -j DROP\n-A MINE -j DROP\nCOMMIT\n";

    #[test]
    fn drops_are_those_of_rules_and_policies() {
        assert_eq!(dropped(TEXT), 5 + 2 + 3);
        assert_eq!(
            dropped("[x:1] -A INPUT -j DROP\n:INPUT DROP\n[1:1] -A INPUT -j DROPS\n"),
            0
        );
    }

    #[test]
    fn each_rule_has_its_own_packets() {
        let packets = rule_packets(TEXT);
        let of = |chain: &str| packets[&("filter".to_owned(), chain.to_owned())].clone();
        assert_eq!(of("INPUT"), [Some(2), Some(11)]);
        assert_eq!(of("MINE"), [Some(3), None]);
    }
}
