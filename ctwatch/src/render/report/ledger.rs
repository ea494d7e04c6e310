//! The books: what was counted against the kernel's own figures, and what was lost, even 0.

use super::super::{
    number::{count, signed},
    paint::Paint,
    proof,
};
use crate::analysis::report::{Report, ReportedBooks, Verdict};

/// All of the books, or, when not `whole`, one line.
pub(super) fn ledger(report: &Report, paint: Paint, whole: bool) -> String {
    let mut lines = String::new();
    if whole {
        let several = report.ledger.namespaces.len() > 1;
        for books in &report.ledger.namespaces {
            lines.push_str(&namespace(books, several, paint));
        }
    }
    lines.push_str(&lost(report, paint));
    lines
}

fn namespace(reported: &ReportedBooks, several: bool, paint: Paint) -> String {
    let books = &reported.books;
    let (inserted, ended) = (count(books.inserted), count(books.ended));
    let title = match several {
        true => format!("Books of netns {}", books.netns),
        false => "Books".to_owned(),
    };
    let last_dump = reported.last_dump.map(|dump| {
        let cells = [
            "last dump".to_owned(),
            count(dump.kernel),
            count(dump.ctwatch),
            String::new(),
            signed(dump.difference),
        ];
        (cells, "first dump and events since".to_owned())
    });
    let table = proof::table(books, last_dump);
    format!(
        "{} ({inserted} inserted, {ended} ended)\n{}{}",
        paint.strong(&title),
        table.lines(paint),
        proof::remainders(&books.proof)
    )
}

fn lost(report: &Report, paint: Paint) -> String {
    let books = &report.ledger;
    let losses = &books.losses;
    let verdict = match books.verdict {
        Verdict::Exact => "nothing".to_owned(),
        Verdict::Unchecked => "nothing known, unchecked".to_owned(),
        Verdict::Differs => paint.caution("nothing known, but the books differ"),
        Verdict::Lost => paint.alarm("events"),
    };
    let mut text = match report.source.backend.sees_whole_tables() {
        true => format!(
            "Lost: {verdict} (probe misses {}, unattributed {}, refused unattributed {},\n      \
             cause lost {}, cause raced {}, unreadable {}, unpaired {})\n",
            count(losses.probe_misses),
            count(losses.unattributed),
            count(losses.refused_unattributed),
            count(losses.cause_lost),
            count(losses.cause_raced),
            count(losses.unreadable),
            count(losses.unpaired)
        ),
        false => format!(
            "Lost: {verdict} (netlink events {}, unreadable {}, unattributed {},\n      \
             refused unattributed {}; found by dumps {} inserted, {} ended)\n",
            count(losses.events_lost),
            count(losses.unreadable),
            count(losses.unattributed),
            count(losses.refused_unattributed),
            count(losses.resynced_inserted),
            count(losses.resynced_ended)
        ),
    };
    text.push_str(&format!(
        "Details lost, totals exact: events suppressed {}, without room {}, newcomers of evictions {}\n",
        count(losses.events_suppressed),
        count(losses.ring_lost),
        count(losses.pairs_lost)
    ));
    if losses.refused_ctnetlink > 0 {
        text.push_str(&format!(
            "Refused to userspace (ctnetlink), which the kernel's drop leaves out: {}\n",
            count(losses.refused_ctnetlink)
        ));
    }
    if !books.unattributed.is_zero() {
        let counters = &books.unattributed;
        text.push_str(&format!(
            "Under no endpoint: {} inserted, {} ended, {} refused, {} evicted\n",
            count(counters.inserted),
            count(counters.ended.total()),
            count(counters.refused),
            count(counters.ended.evicted)
        ));
    }
    text
}
