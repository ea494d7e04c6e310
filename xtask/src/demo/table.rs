//! Before against after, for people.

use std::io::{self, Write};

use super::facts::Facts;
use super::summary::{Side, Summary};

pub(super) fn print(facts: &Facts, summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    let (before, after) = (&summary.before, &summary.after.side);
    let fill = |side: &Side| format!("{:.0} %", side.fill * 100.0);
    let new = |phase: &super::facts::Phase| phase.inserted_at(&facts.node.advised).to_string();
    let number = |figure: u64| figure.to_string();
    let rows = [
        ("highest fill of the table", fill(before), fill(after)),
        (
            "connections refused",
            number(before.refused),
            number(after.refused),
        ),
        (
            "entries evicted",
            number(before.evicted),
            number(after.evicted),
        ),
        (
            "requests served",
            number(facts.before.load.served),
            number(facts.after.load.served),
        ),
        (
            "requests failed",
            number(before.http_errors),
            number(after.http_errors),
        ),
        (
            "lookups answered",
            number(facts.before.load.answered),
            number(facts.after.load.answered),
        ),
        (
            "lookups failed",
            number(before.dns_errors),
            number(after.dns_errors),
        ),
        (
            "new entries on the advised ports",
            new(&facts.before),
            number(summary.after.new_entries_on_advised_ports),
        ),
    ];
    writeln!(
        out,
        "\n{:<34}{:>8}{:>8}",
        "The same load", "before", "after"
    )?;
    for (name, before, after) in rows {
        writeln!(out, "{name:<34}{before:>8}{after:>8}")?;
    }
    let survived = if summary.foreign_rule_survived {
        "is still there"
    } else {
        "is GONE"
    };
    writeln!(out, "Somebody else's rule in raw {survived}.")?;
    writeln!(
        out,
        "ctwatch and the kernel, first recording: {} inserted − {} ended = {:+} (nf_conntrack_count {:+}), refused {} = {}, evicted {} = {}",
        summary.inserted,
        summary.ended,
        summary.inserted.cast_signed() - summary.ended.cast_signed(),
        summary.count_change,
        summary.refused.ctwatch,
        summary.refused.kernel,
        summary.evicted.ctwatch,
        summary.evicted.kernel
    )
}
