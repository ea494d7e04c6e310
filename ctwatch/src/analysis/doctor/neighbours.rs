//! Who else uses conntrack here, and both backends of iptables side by side.

use crate::model::{
    doctor::{
        Answer, Facts, Finding, Told, Topic,
        facts::{Program, ProgramKind},
    },
    ruleset::Content,
};

/// How a neighbour shows itself beside its process.
struct Neighbour {
    check: &'static str,
    kind: ProgramKind,
    /// Beginnings of interface names.
    interfaces: &'static [&'static str],
    /// Beginnings of chain names.
    chains: &'static [&'static str],
    /// What it does with conntrack.
    means: &'static str,
}

const NEIGHBOURS: [Neighbour; 4] = [
    Neighbour {
        check: "kube-proxy",
        kind: ProgramKind::KubeProxy,
        interfaces: &["kube-ipvs0"],
        chains: &["KUBE-"],
        means: "it translates services' addresses with conntrack, and sets its limit and timeouts at each start",
    },
    Neighbour {
        check: "docker",
        kind: ProgramKind::Docker,
        interfaces: &["docker0"],
        chains: &["DOCKER"],
        means: "published ports and masquerading need conntrack; ports of the node itself do not",
    },
    Neighbour {
        check: "calico",
        kind: ProgramKind::Calico,
        interfaces: &["cali", "vxlan.calico"],
        chains: &["cali-"],
        means: "its policies accept by conntrack's state; it has untracked policies of its own (doNotTrack)",
    },
    Neighbour {
        check: "cilium",
        kind: ProgramKind::Cilium,
        interfaces: &["cilium_host", "cilium_net", "cilium_vxlan"],
        chains: &["CILIUM_"],
        means: "it tracks in BPF maps of its own, which ctwatch does not see; what passes iptables is in the kernel's table as well",
    },
];

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<_> = NEIGHBOURS
        .iter()
        .map(|neighbour| present(facts, neighbour))
        .collect();
    findings.push(backends(facts));
    findings
}

fn present(facts: &Facts, neighbour: &Neighbour) -> Finding {
    let finding =
        |answer, reason: String| Finding::new(Topic::Neighbours, neighbour.check, answer, reason);
    let evidence = evidence(facts, neighbour);
    if !evidence.is_empty() {
        return finding(
            Answer::Yes,
            format!("{}; {}", evidence.join(", "), neighbour.means),
        );
    }
    if facts.processes_hidden {
        let reason = "no interface and no chain of its, and other users' processes cannot be seen";
        return finding(Answer::Unknown, reason.to_owned())
            .todo("run doctor as root, in the node's own process namespace");
    }
    finding(
        Answer::No,
        "no process, no interface, no chain of its".to_owned(),
    )
}

fn evidence(facts: &Facts, neighbour: &Neighbour) -> Vec<String> {
    let begins = |name: &str, with: &[&str]| with.iter().any(|prefix| name.starts_with(prefix));
    let program = facts
        .programs
        .iter()
        .find(|program| program.kind == neighbour.kind);
    let interface = facts
        .interfaces
        .iter()
        .find(|name| begins(name, neighbour.interfaces));
    let chain = chains(facts).find(|name| begins(name, neighbour.chains));
    let mut evidence = Vec::new();
    evidence.extend(program.map(process));
    evidence.extend(interface.map(|name| format!("interface {name}")));
    evidence.extend(chain.map(|name| format!("chain {name}")));
    evidence
}

fn process(program: &Program) -> String {
    let named = program
        .configuration
        .as_ref()
        .map(|(file, told)| match told {
            Told::Value(_) => format!(", configured in {file}"),
            Told::Absent => format!(", configured in {file}, which is not there"),
            Told::Hidden(reason) => format!(", configured in {file} ({reason})"),
        });
    format!("process {}{}", program.pid, named.unwrap_or_default())
}

fn chains(facts: &Facts) -> impl Iterator<Item = &str> {
    let tables = facts
        .rules
        .read
        .rulesets
        .iter()
        .filter_map(|ruleset| match &ruleset.content {
            Ok(Content::Xtables(xtables)) => Some(&xtables.tables),
            _ => None,
        });
    tables
        .flatten()
        .flat_map(|table| table.chains())
        .map(|chain| chain.name.as_str())
}

/// Both backends at once: each packet passes the rules of both.
fn backends(facts: &Facts) -> Finding {
    let finding = |answer, reason: String| {
        Finding::new(Topic::Neighbours, "one-set-of-rules", answer, reason)
    };
    let legacy = match &facts.rules.legacy_tables {
        Told::Value(tables) => tables,
        Told::Absent => &Vec::new(),
        Told::Hidden(reason) => {
            return finding(Answer::Unknown, reason.clone())
                .todo("run doctor as root, or: sudo cat /proc/net/ip_tables_names");
        }
    };
    let nft = facts
        .rules
        .read
        .rulesets
        .iter()
        .find_map(|ruleset| match &ruleset.content {
            Ok(Content::Nft(nft)) => Some(&nft.tables),
            _ => None,
        });
    let names = |tables: Vec<String>| {
        if tables.is_empty() {
            "none".to_owned()
        } else {
            tables.join(", ")
        }
    };
    let legacy_names = names(legacy.clone());
    match nft {
        None if facts.rules.nf_tables == Some(false) => finding(
            Answer::Yes,
            format!("legacy tables: {legacy_names}; nf_tables is not loaded"),
        ),
        None => finding(
            Answer::Unknown,
            format!("legacy tables: {legacy_names}; those of nftables could not be read"),
        )
        .todo("run doctor as root, or: sudo nft list tables"),
        Some(nft) => {
            let nft: Vec<String> = nft
                .iter()
                .map(|table| format!("{} {}", table.family, table.name))
                .collect();
            let reason = format!(
                "legacy tables: {legacy_names}; nftables: {}",
                names(nft.clone())
            );
            if legacy.is_empty() || nft.is_empty() {
                return finding(Answer::Yes, reason);
            }
            finding(Answer::No, format!("{reason}: packets pass the rules of both")).attention(
                "rules that `iptables -L` or `nft list ruleset` does not show drop, translate or track packets",
                "iptables-legacy-save; nft list ruleset",
                "move the rules to one of the two (update-alternatives --display iptables says which `iptables` is), and restart what wrote the others",
            )
        }
    }
}
