//! For people.

use super::word;
use crate::{
    analysis::verify::{Compared, Finding, Outcome, Packets, PortProof, Verification},
    render::{number::count, paint::Paint, rules::iptables::notrack_spec, table::Table},
};

/// A line a port, what speaks against it below, and what the node turns away.
#[must_use]
pub fn text(verification: &Verification, paint: Paint) -> String {
    let mut table = Table::new(&[
        "<PORT", "<ADDRESS", "<VERDICT", "TO IT", "FROM IT", "OLD", "LEFT", "NEW",
    ]);
    for port in &verification.ports {
        table.row([
            format!("{}/{}", port.protocol, port.port),
            port.address.to_string(),
            word(port.outcome).to_owned(),
            packets(port.requests),
            packets(port.replies),
            count(port.entries_before),
            count(port.entries_left),
            count(port.entries_new),
        ]);
    }
    let mut text = table.lines(paint);
    text.push_str(&paint.faint(&format!(
        "untracked packets and entries within {:.0} s; OLD entries were there at the beginning, LEFT are those of them that \
         have not run out\n",
        verification.seconds
    )));
    for port in &verification.ports {
        for finding in &port.findings {
            text.push_str(&line(port, finding, paint));
        }
    }
    text.push_str(&node("TCP resets", &verification.resets, paint));
    text.push_str(&node(
        "packets dropped by filters",
        &verification.filter_drops,
        paint,
    ));
    text
}

fn packets(packets: Option<Packets>) -> String {
    packets.map_or_else(|| "-".to_owned(), |packets| count(packets.now))
}

fn line(port: &PortProof, finding: &Finding, paint: Paint) -> String {
    let outcome = word(port.outcome);
    let outcome = match port.outcome {
        Outcome::Failed => paint.alarm(outcome),
        _ => paint.caution(outcome),
    };
    let service = format!("{}/{} at {}", port.protocol, port.port, port.address);
    format!("{outcome}: {service}: {}\n", sentence(port, finding))
}

/// Symptom, and what to look at.
pub(super) fn sentence(port: &PortProof, finding: &Finding) -> String {
    match finding {
        Finding::RuleMissing(rule) => format!(
            "a rule does not stand: {} {} (ctwatch apply PLAN)",
            rule.direction.chain(),
            notrack_spec(rule)
        ),
        Finding::AcceptMissing(rule) => format!(
            "an accept rule does not stand in {} {}, and its packets are dropped without it: whoever loads that table took it \
             away (ctwatch apply PLAN puts it back; put it into that program's rules, too)",
            rule.table, rule.chain
        ),
        Finding::Stale(stale) => format!("{stale}"),
        Finding::NewEntry(entry) => format!(
            "{} entries came although its packets go untracked, the first: {entry} (an earlier rule may end the raw chain: \
             ctwatch advise)",
            port.entries_new
        ),
        Finding::Refreshed(entry) => format!(
            "an old entry still sees packets, so that they are tracked: {entry} (an earlier rule may end the raw chain: \
             ctwatch advise)"
        ),
        Finding::OneDirection(true) => {
            "packets come, and none goes back: they may be dropped on the way in or out (ctwatch rollback, and look for rules \
             that accept ESTABLISHED only)"
                .to_owned()
        }
        Finding::OneDirection(false) => {
            "packets go out, and none comes: requests may be dropped, or take another way (ctwatch rollback)".to_owned()
        }
        Finding::NothingSeen => "no packet came by: nothing is proven (try again with -d 60s, or connect to it)".to_owned(),
        Finding::NotCounted => {
            "the rules there do not count packets (ctwatch rollback and apply put in rules that do)".to_owned()
        }
    }
}

fn node(what: &str, compared: &Compared, paint: Paint) -> String {
    let now = count(compared.count);
    match compared.expected {
        Some(expected) if compared.rises() => format!(
            "{}: {now} {what}, {expected:.0} would be as before the rules (ctwatch rollback)\n",
            paint.alarm("rising")
        ),
        Some(expected) => format!("{now} {what}; {expected:.0} would be as before the rules\n"),
        None => format!("{now} {what}; nobody looked before the rules came\n"),
    }
}
