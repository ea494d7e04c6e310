//! What `ctwatch record` says: progress, where the probes sit, and the summary with what was lost.

use std::{fmt::Write as _, path::Path};

use serde_json::{Value, json};

use super::{
    number::{count, percent},
    paint::Paint,
    proof,
};
use crate::{
    analysis::proof::NetnsBooks,
    model::{ledger::Ledger, recording::Backend, sample::Losses},
    recorder::{Attached, Finished, Progress},
};

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
    text.push_str(&proof(&finished.ledger, finished.backend));
    text.push_str(&events(finished));
    for reason in &finished.degraded {
        text.push_str(&format!("degraded: {reason}\n"));
    }
    text
}

/// How many events the recording has.
fn events(finished: &Finished) -> String {
    match finished.events_kept {
        Some(kept) => format!(
            "events: {} kept in the recording, as examples\n",
            count(kept)
        ),
        None => "events: - (this source does not show connections one by one)\n".to_owned(),
    }
}

/// The books for people: what the kernel counted against what ctwatch explains of it, and what was lost.
pub(super) fn proof(ledger: &Ledger, backend: Backend) -> String {
    let all: Vec<NetnsBooks> = ledger.namespaces.iter().map(NetnsBooks::from).collect();
    let (quiet, busy): (Vec<&NetnsBooks>, Vec<&NetnsBooks>) =
        all.iter().partition(|books| books.is_quiet());
    let mut text = String::new();
    for books in &busy {
        text.push_str(&namespace(books));
    }
    if !quiet.is_empty() {
        text.push_str(&rest(&quiet, busy.is_empty()));
    }
    text.push_str(&lost(&ledger.losses, backend));
    text
}

fn namespace(books: &NetnsBooks) -> String {
    format!(
        "netns {}: {} inserted, {} ended\n{}{}",
        books.netns,
        count(books.inserted),
        count(books.ended),
        proof::table(books, None).lines(Paint::Plain),
        proof::remainders(&books.proof)
    )
}

/// Namespaces in which nothing happened.
fn rest(quiet: &[&NetnsBooks], all: bool) -> String {
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
    let mut text = proof::list("lost: ", &parts);
    if backend.sees_whole_tables() {
        let details = [
            (losses.events_suppressed, "events suppressed"),
            (losses.ring_lost, "events without room"),
            (losses.pairs_lost, "newcomers of evictions"),
        ];
        let details = details.map(|(figure, what)| format!("{} {what}", count(figure)));
        text.push_str(&proof::list("details lost, totals exact: ", &details));
    }
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

/// The summary as a document (docs/recording.md describes it).
#[must_use]
pub fn json(finished: &Finished, path: &Path) -> Value {
    json!({
        "schema_version": 1,
        "file": path.display().to_string(),
        "backend": finished.backend,
        "seconds": finished.elapsed.as_secs_f64(),
        "samples": finished.samples,
        "events": {
            "kept": finished.events_kept,
            "suppressed": finished.events_kept.map(|_| finished.ledger.losses.events_suppressed),
            "lost": finished.events_kept.map(|_| finished.ledger.losses.ring_lost),
        },
        "ledger": ledger(&finished.ledger),
        "degraded": finished.degraded,
    })
}

/// The books as a document.
pub(super) fn ledger(ledger: &Ledger) -> Value {
    let namespaces = ledger.namespaces.iter().map(NetnsBooks::from);
    json!({
        "namespaces": namespaces.collect::<Vec<_>>(),
        "losses": ledger.losses,
    })
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
