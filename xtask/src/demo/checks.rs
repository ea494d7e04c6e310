//! What the demonstration claims, held against what was measured.

use super::facts::{Facts, Phase};
use super::summary::Summary;

/// The claims that do not hold, in words.
pub(super) fn broken(facts: &Facts, summary: &Summary) -> Vec<String> {
    let mut broken = Vec::new();
    let mut claim = |holds: bool, claim: String| {
        if !holds {
            broken.push(claim);
        }
    };
    let (before, after) = (&summary.before, &summary.after.side);
    for (what, figure) in [
        ("refused connections", before.refused),
        ("failed requests", before.http_errors),
        ("failed lookups", before.dns_errors),
    ] {
        claim(figure > 0, format!("before: there are {what}"));
    }
    claim(
        before.fill >= 1.0,
        format!("before: the table was full ({:.2})", before.fill),
    );
    for (what, figure) in [
        ("refused connections", after.refused),
        ("evicted entries", after.evicted),
        ("failed requests", after.http_errors),
        ("failed lookups", after.dns_errors),
        (
            "new entries on the advised ports",
            summary.after.new_entries_on_advised_ports,
        ),
    ] {
        claim(figure == 0, format!("after: no {what} ({figure})"));
    }
    claim(
        facts.after.load.served > facts.before.load.served,
        "after: more requests were served than before".into(),
    );
    claim(
        !summary.advised_ports.is_empty(),
        "ctwatch advise printed rules".into(),
    );
    claim(
        summary.foreign_rule_survived,
        "the foreign rule in raw is still there".into(),
    );
    for (name, phase) in [("before", &facts.before), ("after", &facts.after)] {
        broken.extend(books(name, phase, facts.node.netns));
    }
    broken
}

/// ctwatch's books against the kernel's figures, once the load has stopped.
fn books(name: &str, phase: &Phase, netns: u64) -> Vec<String> {
    let Some(books) = phase.books(netns) else {
        return vec![format!("{name}: ctwatch has books of the node's namespace")];
    };
    let figures = [
        (
            "inserted − ended = change of nf_conntrack_count",
            books.inserted.cast_signed() - books.ended.cast_signed(),
            phase.count_change(books.count_change),
        ),
        (
            "evicted = early_drop",
            books.evicted.ctwatch.cast_signed(),
            phase.kernel(|kernel| kernel.early_drop).cast_signed(),
        ),
        (
            "refused + dropped clashes = drop",
            (books.refused.ctwatch + books.drop_clashes).cast_signed(),
            phase.kernel(|kernel| kernel.drop).cast_signed(),
        ),
        (
            "drop in /proc/net/stat = drop in conntrack -S",
            phase.kernel(|kernel| kernel.drop).cast_signed(),
            phase.kernel(|kernel| kernel.tools_drop).cast_signed(),
        ),
        (
            "early_drop in /proc/net/stat = early_drop in conntrack -S",
            phase.kernel(|kernel| kernel.early_drop).cast_signed(),
            phase.kernel(|kernel| kernel.tools_early_drop).cast_signed(),
        ),
    ];
    let differing = figures.into_iter().filter(|(_, left, right)| left != right);
    differing
        .map(|(claim, left, right)| format!("{name}: {claim} ({left}, {right})"))
        .collect()
}
