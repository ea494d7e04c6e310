//! The books: what was counted against the kernel's own figures, and what was lost, even 0.

use super::super::{
    number::{count, signed},
    paint::Paint,
    table::Table,
};
use crate::analysis::report::{Balance, NetnsBooks, Report, Verdict};

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

fn namespace(books: &NetnsBooks, several: bool, paint: Paint) -> String {
    let title = match several {
        true => format!("Books of netns {}", books.netns),
        false => "Books".to_owned(),
    };
    let mut table = Table::new(&["<", "CTWATCH", "KERNEL", "DIFFERENCE", "<"]);
    let net = books.inserted.cast_signed() - books.ended.cast_signed();
    table.row([
        "entries".to_owned(),
        signed(net),
        signed(books.count_change),
        signed(books.unexplained),
        format!(
            "{} inserted, {} ended",
            count(books.inserted),
            count(books.ended)
        ),
    ]);
    let drop_note = match (books.drop_clashes, books.refused.difference) {
        (Some(clashes), Some(rest @ 1..)) => format!(
            "kernel: drop less {} clashed; {} for other reasons (TCP reopened, sequence numbers)",
            count(clashes),
            count(rest.cast_unsigned())
        ),
        (Some(clashes), _) => format!("kernel: drop less {} clashed", count(clashes)),
        (None, _) => "kernel: drop less what insert_failed allows for".to_owned(),
    };
    let failed_note = match books.insert_failed.difference {
        Some(1..) => "kernel: also chains too long and entries dying",
        _ => "",
    };
    let mut row = |name: &str, balance: &Balance, note: String| {
        table.row([
            name.to_owned(),
            count(balance.ctwatch),
            count(balance.kernel),
            signed(balance.difference),
            note,
        ]);
    };
    row("refused", &books.refused, drop_note);
    row("evicted", &books.evicted, "kernel: early_drop".to_owned());
    row(
        "insert_failed",
        &books.insert_failed,
        failed_note.to_owned(),
    );
    row(
        "clash merged",
        &books.clash_merged,
        "kernel: clash_resolve".to_owned(),
    );
    if let Some(dump) = &books.last_dump {
        let note = "ctwatch: first dump and events since; kernel: last dump";
        row("last dump", dump, note.to_owned());
    }
    format!("{}\n{}", paint.strong(&title), table.lines(paint))
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
