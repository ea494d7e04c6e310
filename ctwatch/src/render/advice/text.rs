//! The advice as people read it.

use std::fmt::Write;

use super::{
    remedies_text,
    title::{elsewhere, title},
};
use crate::{
    analysis::advice::{Advice, Kind, PortAdvice, Verdict},
    model::endpoint::Role,
    render::{
        number,
        paint::Paint,
        rules::{self, iptables},
    },
};

/// Ports shown that have no rules to print.
const OTHERS: usize = 10;

/// The whole text; `file` is how the recording was named.
#[must_use]
pub fn text(advice: &Advice, file: &str, paint: Paint) -> String {
    let own = advice.table().map(|table| table.netns);
    let mut out = headline(advice, file, paint);
    remedies_text::worth(&mut out, advice, paint);
    let mut others = 0;
    for port in &advice.ports {
        let has_rules = !port.notrack.is_empty();
        others += usize::from(!has_rules);
        if has_rules || others <= OTHERS {
            out.push('\n');
            block(&mut out, port, own, paint);
        }
    }
    if others > OTHERS {
        let more = others - OTHERS;
        let _ = writeln!(
            out,
            "\n{more} more ports without rules to add: -o json has them"
        );
    }
    if advice.ports.is_empty() {
        out.push_str("\nNothing was recorded at any port.\n");
    }
    remedies_text::blocks(&mut out, advice, paint);
    out
}

fn headline(advice: &Advice, file: &str, paint: Paint) -> String {
    let source = &advice.source;
    let window = number::duration(Some(source.window_seconds));
    let mut out = match advice.kind {
        Kind::Recording => format!(
            "{file}: {window} on {}, Linux {}\n",
            source.hostname, source.kernel
        ),
        Kind::Live => format!("{file}: {}, Linux {}\n", source.hostname, source.kernel),
        Kind::Files => format!("{file}: a listing of one moment\n"),
    };
    if let Some(table) = advice.table() {
        let mut line = format!(
            "table: {} of {} entries ({})",
            number::count(table.count),
            number::count(table.max),
            number::percent(table.fill)
        );
        if advice.needs_attention() {
            let lost = format!(
                "; {} refused, {} evicted",
                number::count(table.lost.refused),
                number::count(table.lost.all_evicted())
            );
            line.push_str(&paint.alarm(&lost));
        }
        if let Some(after) = advice.fill_after {
            let _ = write!(
                line,
                "; {} without the safe ports, {}",
                number::percent(Some(after)),
                remedies_text::until(advice.until_full_after)
            );
        }
        let _ = writeln!(out, "{line}");
    }
    out
}

fn block(out: &mut String, port: &PortAdvice, own: Option<u32>, paint: Paint) {
    let verdict = port.verdict.as_str();
    let verdict = match port.verdict {
        Verdict::Safe | Verdict::Done => paint.strong(verdict),
        Verdict::NeedsAccept | Verdict::Unproven => paint.caution(verdict),
        Verdict::Blocked => paint.alarm(verdict),
        Verdict::NoBenefit => paint.faint(verdict),
    };
    let place = elsewhere(port, own).map_or_else(String::new, |netns| format!(", {netns}"));
    let role = port.role.map_or("role unknown", Role::as_str);
    let _ = writeln!(
        out,
        "{} ({role}{place}): {verdict}",
        paint.strong(&title(port))
    );
    figures(out, port);
    for reason in &port.reasons {
        field(
            out,
            "why",
            &format!("{}: {}", reason.code.as_str(), reason.evidence),
        );
    }
    if matches!(
        port.verdict,
        Verdict::Safe | Verdict::NeedsAccept | Verdict::Done
    ) {
        field(out, "looked at", &port.looked_at.join(", "));
    }
    rules(out, port);
}

fn figures(out: &mut String, port: &PortAdvice) {
    let figures = &port.figures;
    let verb = if port.verdict == Verdict::Done {
        "draining"
    } else {
        "frees"
    };
    let text = format!(
        "{} entries ({} of the table), {} new/s, mean lifetime {}, {} clients",
        number::count(port.frees_entries),
        number::percent(port.share),
        number::rate(figures.new_per_second),
        number::duration(figures.mean_lifetime_seconds),
        number::count(figures.clients),
    );
    let has_rules = !port.notrack.is_empty() || port.verdict == Verdict::Done;
    field(out, if has_rules { verb } else { "holds" }, &text);
    let mut states: Vec<(&String, &u64)> = figures.states.iter().collect();
    states.sort_by_key(|(_, entries)| std::cmp::Reverse(**entries));
    if !states.is_empty() {
        let states: Vec<String> = states
            .iter()
            .map(|(state, n)| format!("{state} {}", number::count(**n)))
            .collect();
        field(out, "states", &states.join(", "));
    }
    let lost = &figures.lost;
    if lost.total() > 0 {
        let paid = format!(
            "{} refused, {} evicted, {} evicted in the background",
            number::count(lost.refused),
            number::count(lost.evicted),
            number::count(lost.evicted_background)
        );
        field(out, "paid", &paid);
    }
    if let Some(seconds) = port.drain_seconds.filter(|_| has_rules) {
        let text = format!(
            "within {} once untracked",
            number::duration(Some(seconds as f64))
        );
        field(out, "drains", &text);
    }
}

fn rules(out: &mut String, port: &PortAdvice) {
    if port.notrack.is_empty() {
        return;
    }
    if !port.accepts.is_empty() {
        out.push_str(
            "  first, let untracked packets through (rule numbers as of the recording):\n",
        );
        for rule in &port.accepts {
            let _ = writeln!(out, "    {}", rules::accept_line(rule));
        }
    }
    out.push_str("  apply:\n");
    for rule in &port.notrack {
        let _ = writeln!(out, "    {}", iptables::notrack_line(rule));
    }
    out.push_str("  undo:\n");
    for rule in &port.notrack {
        let _ = writeln!(out, "    {}", iptables::notrack_undo_line(rule));
    }
    for rule in &port.accepts {
        let _ = writeln!(out, "    {}", rules::accept_undo_line(rule));
    }
}

/// Evidence comes from elsewhere; it must not move the cursor.
pub(super) fn field(out: &mut String, name: &str, text: &str) {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let _ = writeln!(out, "  {name:<10}{plain}");
}
