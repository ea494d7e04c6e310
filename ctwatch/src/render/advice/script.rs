//! Rules alone, to be given to a shell or to `nft -f`. Everything else is a comment.

use super::title::{elsewhere, title};
use crate::{
    analysis::advice::{Advice, PortAdvice, Verdict},
    model::notrack::NotrackRule,
    render::rules::{iptables, nft},
};

/// Who shall read the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// A shell, which runs iptables and ip6tables.
    Iptables,
    /// `nft -f`
    Nft,
}

/// Rules of the safe ports of the recorder's own namespace, comments for all others.
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
    }
    .to_owned();
    let mut added = Vec::new();
    for port in &advice.ports {
        if elsewhere(port, own).is_none() && port.verdict == Verdict::Safe {
            safe(&mut out, port, program);
            added.extend(port.notrack.iter().copied());
        } else {
            why_not(&mut out, port, own);
        }
    }
    if added.is_empty() {
        out.push_str("# No rules to add.\n");
    } else {
        undo(&mut out, &added, program);
    }
    out
}

fn safe(out: &mut String, port: &PortAdvice, program: Program) {
    comment(out, &format!("{}: safe{}", title(port), frees(port)));
    for reason in &port.reasons {
        comment(
            out,
            &format!("  {}: {}", reason.code.as_str(), reason.evidence),
        );
    }
    match program {
        Program::Iptables => {
            for rule in &port.notrack {
                out.push_str(&iptables::notrack_line(rule));
                out.push('\n');
            }
        }
        Program::Nft => out.push_str(&nft::add(&port.notrack)),
    }
}

fn frees(port: &PortAdvice) -> String {
    match port.frees_entries {
        Some(entries) => format!(", frees {entries} entries"),
        None => String::new(),
    }
}

/// Verdicts that ask nobody to do anything are left out; the text form has them.
fn why_not(out: &mut String, port: &PortAdvice, own: Option<u32>) {
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
        comment(
            out,
            "  `ctwatch advise` prints the accept rules it needs first",
        );
    }
}

fn undo(out: &mut String, rules: &[NotrackRule], program: Program) {
    comment(out, "To take them back:");
    match program {
        Program::Iptables => {
            for rule in rules {
                comment(out, &iptables::notrack_undo_line(rule));
            }
        }
        Program::Nft => {
            for line in nft::undo(rules).lines() {
                comment(out, line);
            }
        }
    }
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
