//! Rules alone, to be given to a shell or to `nft -f`. Everything else is a comment.

use std::collections::BTreeSet;

use super::title::{elsewhere, title};
use crate::{
    analysis::advice::{Advice, PortAdvice, Verdict},
    model::notrack::NotrackRule,
    render::rules::{self, calico, iptables, nft, persist},
};

/// Who shall read the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// A shell, which runs iptables and ip6tables.
    Iptables,
    /// `nft -f`
    Nft,
    /// `kubectl apply -f`, or calicoctl: policies of Calico's.
    Calico,
}

/// Rules of the ports of the recorder's own namespace that are safe, comments for all others. A port that is safe
/// once other rules accept its packets comes with these rules, first, where iptables can say both.
#[must_use]
pub fn script(advice: &Advice, program: Program) -> String {
    let own = advice.table().map(|table| table.netns);
    let mut out = match program {
        Program::Iptables => {
            "# Rules that are there already stay as they are. Run as root: sh FILE\n"
        }
        Program::Nft => {
            "# A table of its own; the same rules again change nothing. Run as root: nft -f FILE\n"
        }
        Program::Calico => {
            "# Policies of Calico's that do not track. Apply with: calicoctl apply -f FILE\n"
        }
    }
    .to_owned();
    let mut added = Vec::new();
    for port in &advice.ports {
        if elsewhere(port, own).is_none() && has_rules(port, program) {
            rules(&mut out, port, program);
            added.push(port);
        } else {
            why_not(&mut out, port, own, program);
        }
    }
    if added.is_empty() {
        out.push_str("# No rules to add.\n");
    } else {
        if program == Program::Calico {
            let all: Vec<NotrackRule> =
                added.iter().flat_map(|port| port.notrack.clone()).collect();
            out.push_str(&calico::policies(&all, &advice.source.hostname));
        }
        undo(&mut out, &added, program, &advice.source.hostname);
        persist(&mut out, program);
    }
    out
}

/// What needs accepting is in iptables' chains, into which `nft -f` should not write.
fn has_rules(port: &PortAdvice, program: Program) -> bool {
    match port.verdict {
        Verdict::Safe => true,
        Verdict::NeedsAccept => program == Program::Iptables,
        _ => false,
    }
}

fn rules(out: &mut String, port: &PortAdvice, program: Program) {
    let verdict = match port.verdict {
        Verdict::NeedsAccept => "safe once these rules accept its packets",
        _ => "safe",
    };
    comment(out, &format!("{}: {verdict}{}", title(port), frees(port)));
    for reason in &port.reasons {
        comment(
            out,
            &format!("  {}: {}", reason.code.as_str(), reason.evidence),
        );
    }
    match program {
        Program::Iptables => {
            let accepts = port.accepts.iter().map(rules::accept_line);
            for line in accepts.chain(port.notrack.iter().map(iptables::notrack_line)) {
                out.push_str(&line);
                out.push('\n');
            }
        }
        Program::Nft => out.push_str(&nft::add(&port.notrack)),
        // One policy a port, whatever its addresses: all of them follow the comments.
        Program::Calico => {}
    }
}

fn frees(port: &PortAdvice) -> String {
    match port.frees_entries {
        Some(entries) => format!(", frees {entries} entries"),
        None => String::new(),
    }
}

/// Verdicts that ask nobody to do anything are left out; the text form has them.
fn why_not(out: &mut String, port: &PortAdvice, own: Option<u32>, program: Program) {
    if port.verdict == Verdict::NoBenefit {
        return;
    }
    let place = elsewhere(port, own).map_or_else(String::new, |netns| format!(" ({netns})"));
    comment(
        out,
        &format!(
            "{}{place}: {}, no rules here",
            title(port),
            port.verdict.as_str()
        ),
    );
    for reason in &port.reasons {
        comment(
            out,
            &format!("  {}: {}", reason.code.as_str(), reason.evidence),
        );
    }
    if port.verdict == Verdict::NeedsAccept {
        needed_first(out, port, program);
    }
}

/// Accept rules stand in chains of others, where `nft -f` would add them again with every run: a shell looks first.
fn needed_first(out: &mut String, port: &PortAdvice, program: Program) {
    if program != Program::Nft {
        return comment(
            out,
            "  `ctwatch advise --format iptables` has the accept rules it needs first",
        );
    }
    comment(
        out,
        "  LEFT OUT: it needs accept rules first, which a shell adds once:",
    );
    for rule in &port.accepts {
        comment(out, &format!("    {}", rules::accept_line(rule)));
    }
    comment(out, "  and only then, by nft -f:");
    for line in nft::add(&port.notrack).lines() {
        comment(out, &format!("    {line}"));
    }
}

/// In the other order: nothing is untracked any more before its packets lose their accept rules.
fn undo(out: &mut String, added: &[&PortAdvice], program: Program, hostname: &str) {
    comment(out, "To take them back:");
    let notrack: Vec<NotrackRule> = added.iter().flat_map(|port| port.notrack.clone()).collect();
    match program {
        Program::Iptables => {
            for rule in &notrack {
                comment(out, &iptables::notrack_undo_line(rule));
            }
            // Ports of one address may share an accept rule.
            let accepts: BTreeSet<String> = added
                .iter()
                .flat_map(|port| port.accepts.iter().map(rules::accept_undo_line))
                .collect();
            for line in &accepts {
                comment(out, line);
            }
        }
        Program::Nft => {
            for line in nft::undo(&notrack).lines() {
                comment(out, line);
            }
        }
        Program::Calico => {
            for line in calico::undo(&notrack, hostname) {
                comment(out, &line);
            }
        }
    }
}

fn persist(out: &mut String, program: Program) {
    let lines = match program {
        Program::Iptables => persist::IPTABLES,
        Program::Nft => persist::NFT,
        Program::Calico => persist::CALICO,
    };
    lines.iter().for_each(|line| comment(out, line));
}

/// Evidence comes from other people's rules and entries: whatever lines it has, each stays a comment.
fn comment(out: &mut String, text: &str) {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    out.push_str("# ");
    out.push_str(&plain);
    out.push('\n');
}
