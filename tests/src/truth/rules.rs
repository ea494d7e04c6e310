//! Rules, put in and taken out on the node.

use anyhow::Result;

use super::{
    advice::Advice,
    setup::{Place, Protocol, Setup, Shape, Subject},
    stage::Stage,
};

/// The rules of somebody who asks nobody: one for each direction, and two more for clients on the node.
pub(crate) fn plain(subject: Subject) -> Vec<String> {
    let protocol = match subject.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    let Subject { address, port, .. } = subject;
    let rule = |chain: &str, side: &str, end: &str| {
        format!("-t raw -A {chain} {side} {address} -p {protocol} {end} {port} -j NOTRACK")
    };
    let mut rules = vec![rule("PREROUTING", "-d", "--dport")];
    match subject.shape {
        Shape::Tunnel => rules.push(rule("OUTPUT", "-s", "--dport")),
        Shape::Service | Shape::Local => rules.push(rule("OUTPUT", "-s", "--sport")),
    }
    if subject.shape == Shape::Local {
        rules.push(rule("OUTPUT", "-d", "--dport"));
        rules.push(rule("PREROUTING", "-s", "--sport"));
    }
    rules
}

/// Puts rules in.
pub(crate) fn add(stage: &Stage, setup: &Setup, rules: &[String]) -> Result<()> {
    let command = command(setup);
    let lines = rules.iter().map(|rule| format!("{command} -w {rule}\n"));
    stage
        .script(Place::Node, &lines.collect::<String>())
        .map(drop)
}

/// Takes plain rules out.
pub(crate) fn delete(stage: &Stage, setup: &Setup, rules: &[String]) -> Result<()> {
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| rule.replacen(" -A ", " -D ", 1))
        .collect();
    add(stage, setup, &rules)
}

/// Puts in what was advised, in the language in which the set-up's own rules are written.
pub(crate) fn follow(stage: &Stage, setup: &Setup, advice: &Advice) -> Result<()> {
    if setup.name.starts_with("nft-") {
        let nft = format!("nft -f - <<'END'\n{}\nEND\n", advice.rules.nft);
        return stage.script(Place::Node, &nft).map(drop);
    }
    add(stage, setup, &advice.rules.iptables)
}

fn command(setup: &Setup) -> &'static str {
    if setup.subject.is_ipv6() {
        "ip6tables"
    } else {
        "iptables"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_go_both_ways() {
        let rules = plain(Subject::tcp("203.0.113.10", 80));
        let expected = [
            "-t raw -A PREROUTING -d 203.0.113.10 -p tcp --dport 80 -j NOTRACK",
            "-t raw -A OUTPUT -s 203.0.113.10 -p tcp --sport 80 -j NOTRACK",
        ];
        assert_eq!(rules, expected);
        let tunnel = plain(Subject::udp("192.0.2.1", 4789).shaped(Shape::Tunnel));
        assert!(tunnel[1].contains("OUTPUT -s 192.0.2.1 -p udp --dport 4789"));
    }
}
