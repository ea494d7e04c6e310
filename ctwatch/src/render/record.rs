//! What `ctwatch record` says: progress, where the probes sit, and the summary with what was lost.

use std::{fmt::Write as _, path::Path};

use serde_json::{Value, json};

use super::{
    number::{count, percent, signed},
    paint::Paint,
    table::Table,
};
use crate::{
    model::{
        ledger::{Compared, NetnsLedger},
        recording::Backend,
        sample::Losses,
    },
    recorder::{Attached, Finished, Progress},
};

/// Columns of a terminal that summaries keep to.
const WIDTH: usize = 100;

/// The progress line, without an end of line.
#[must_use]
pub fn progress(progress: &Progress) -> String {
    let fill = match progress.fill {
        Some((entries, 0)) => format!("{} entries (no limit)", count(entries)),
        Some((entries, max)) => format!(
            "{}/{} entries ({})",
            count(entries),
            count(max),
            percent(Some(entries as f64 / max as f64))
        ),
        None => "entries -".to_owned(),
    };
    let seconds = progress.interval.as_secs_f64();
    let rate = if seconds > 0.0 {
        progress.inserted_now as f64 / seconds
    } else {
        0.0
    };
    format!(
        "{:>5.0} s  {fill}  +{}/s  refused {}  evicted {}",
        progress.elapsed.as_secs_f64(),
        count(rate.round() as u64),
        count(progress.refused),
        count(progress.evicted)
    )
}

/// What sits where and how much memory the maps take.
#[must_use]
pub fn attached(attached: &Attached) -> String {
    let mut text = String::new();
    for (what, place) in &attached.places {
        let _ = writeln!(text, "{what:<18} on {place}");
    }
    let _ = writeln!(
        text,
        "maps take {:.1} MiB",
        attached.map_bytes as f64 / f64::from(1 << 20)
    );
    text
}

/// The summary for people. It always says what was lost, even when that is nothing.
#[must_use]
pub fn summary(finished: &Finished, path: &Path) -> String {
    let mut text = format!(
        "recorded {:.1} s in {} samples to {}\n",
        finished.elapsed.as_secs_f64(),
        count(finished.samples),
        path.display()
    );
    text.push_str(match finished.backend {
        Backend::Kprobe | Backend::Fentry => "",
        Backend::Netlink => "watched through netlink events: - is what they do not show\n",
        Backend::Dump => "watched through dumps of the table: - is what they do not show\n",
    });
    let all = &finished.ledger.namespaces;
    let (busy, quiet): (Vec<&NetnsLedger>, Vec<&NetnsLedger>) =
        all.iter().partition(|books| happened(books));
    for books in &busy {
        text.push_str(&namespace(books));
    }
    if !quiet.is_empty() {
        text.push_str(&rest(&quiet, busy.is_empty()));
    }
    text.push_str(&lost(&finished.ledger.losses, finished.backend));
    for reason in &finished.degraded {
        text.push_str(&format!("degraded: {reason}\n"));
    }
    text
}

/// Whether any figure of a namespace, ours or the kernel's, is not 0.
fn happened(books: &NetnsLedger) -> bool {
    let compared = [
        books.refused,
        books.evicted,
        books.insert_failed,
        books.clash_merged,
    ];
    let ours = [books.inserted, books.ended, books.drop_clashes.unwrap_or(0)];
    ours.iter().any(|figure| *figure > 0)
        || books.count_change.is_some_and(|change| change != 0)
        || compared.iter().any(|figure| {
            figure
                .ctwatch
                .max(figure.kernel)
                .is_some_and(|figure| figure > 0)
        })
}

fn namespace(books: &NetnsLedger) -> String {
    let balance = books.inserted.cast_signed() - books.ended.cast_signed();
    let check = match books.count_change.map(|change| change - balance) {
        Some(0) => "nf_conntrack_count agrees",
        Some(_) => "read while entries moved, or some were missed",
        None => "nf_conntrack_count could not be read",
    };
    let mut table = Table::new(&["<", "CTWATCH", "KERNEL", "DIFFERENCE", "<"]);
    table.row([
        "entries".to_owned(),
        signed(balance),
        signed(books.count_change),
        signed(books.count_change.map(|change| change - balance)),
        check.to_owned(),
    ]);
    for (name, figure) in [
        ("refused", books.refused),
        ("evicted", books.evicted),
        ("insert_failed", books.insert_failed),
        ("clash merged", books.clash_merged),
    ] {
        table.row([
            name.to_owned(),
            count(figure.ctwatch),
            count(figure.kernel),
            signed(difference(figure)),
            String::new(),
        ]);
    }
    format!(
        "netns {}: {} inserted, {} ended\n{}",
        books.netns.inode,
        count(books.inserted),
        count(books.ended),
        table.lines(Paint::Plain)
    )
}

/// The kernel's figure less ours.
fn difference(figure: Compared) -> Option<i64> {
    let (kernel, ours) = figure.kernel.zip(figure.ctwatch)?;
    Some(kernel.cast_signed() - ours.cast_signed())
}

/// Namespaces in which nothing happened.
fn rest(quiet: &[&NetnsLedger], all: bool) -> String {
    let other = if all { "" } else { "other " };
    let plural = if quiet.len() == 1 { "" } else { "s" };
    let unread = quiet.iter().filter(|books| books.count_change.is_none());
    let unread = match unread.count() {
        0 => String::new(),
        unread => format!(" (nf_conntrack_count could not be read in {unread})"),
    };
    format!(
        "{} {other}network namespace{plural} in which nothing happened{unread}\n",
        quiet.len()
    )
}

/// What was lost of what this source can lose.
fn lost(losses: &Losses, backend: Backend) -> String {
    let parts = match backend.sees_whole_tables() {
        true => lost_by_probes(losses),
        false => lost_by_netlink(losses),
    };
    let mut text = wrapped("lost: ", &parts);
    if losses.refused_ctnetlink > 0 {
        text.push_str(&format!(
            "refused to userspace (ctnetlink), which the kernel's drop leaves out: {}\n",
            count(losses.refused_ctnetlink)
        ));
    }
    text
}

fn lost_by_probes(losses: &Losses) -> Vec<String> {
    let misses = match losses.probe_misses {
        Some(misses) => format!("{} probe hits", count(misses)),
        None => "probe hits unknown (this kernel does not count them; entries above are the check)"
            .to_owned(),
    };
    let more = [
        (losses.unattributed, "events without a slot"),
        (losses.refused_unattributed, "refusals without a tuple"),
        (losses.cause_lost, "causes"),
        (losses.cause_raced, "causes raced"),
        (losses.unreadable, "reads"),
        (losses.unpaired, "returns"),
    ];
    let more = more.map(|(figure, what)| format!("{} {what}", count(figure)));
    std::iter::once(misses).chain(more).collect()
}

/// Without events there are none to lose.
fn lost_by_netlink(losses: &Losses) -> Vec<String> {
    let events = losses.events_lost.map(|events| (events, "netlink events"));
    let more = [
        (losses.resynced_inserted, "inserts that only a dump showed"),
        (losses.resynced_ended, "ends that only a dump showed"),
        (losses.refused_unattributed, "refusals without a packet"),
        (losses.unattributed, "entries without a place"),
        (losses.unreadable, "unreadable messages"),
    ];
    let all = events.into_iter().chain(more);
    all.map(|(figure, what)| format!("{} {what}", count(figure)))
        .collect()
}

/// A list in lines of at most [`WIDTH`] columns, those after the first under the beginning of the list.
fn wrapped(label: &str, parts: &[String]) -> String {
    let indent = " ".repeat(label.len());
    let mut text = label.to_owned();
    let mut used = label.len();
    for (place, part) in parts.iter().enumerate() {
        let last = place + 1 == parts.len();
        let part = format!("{part}{}", if last { "" } else { "," });
        if used > label.len() {
            if used + 1 + part.len() > WIDTH {
                text.push('\n');
                text.push_str(&indent);
                used = indent.len();
            } else {
                text.push(' ');
                used += 1;
            }
        }
        text.push_str(&part);
        used += part.len();
    }
    text.push('\n');
    text
}

/// The summary as a document (docs/recording.md describes it).
#[must_use]
pub fn json(finished: &Finished, path: &Path) -> Value {
    json!({
        "schema_version": 1,
        "file": path.display().to_string(),
        "backend": finished.backend,
        "seconds": finished.elapsed.as_secs_f64(),
        "samples": finished.samples,
        "ledger": {
            "namespaces": finished.ledger.namespaces.iter().map(books).collect::<Vec<_>>(),
            "losses": finished.ledger.losses,
        },
        "degraded": finished.degraded,
    })
}

/// A namespace's books; `netns` is its inode number, as everywhere in documents.
fn books(ledger: &NetnsLedger) -> Value {
    json!({
        "netns": ledger.netns.inode,
        "cookie": ledger.netns.cookie,
        "inserted": ledger.inserted,
        "ended": ledger.ended,
        "count_change": ledger.count_change,
        "refused": ledger.refused,
        "drop_clashes": ledger.drop_clashes,
        "evicted": ledger.evicted,
        "insert_failed": ledger.insert_failed,
        "clash_merged": ledger.clash_merged,
    })
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
