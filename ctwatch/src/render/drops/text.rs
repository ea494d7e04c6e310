//! A line an event, and the summary.

use std::fmt::Write as _;

use super::{
    super::{
        number::{count, duration, percent},
        paint::Paint,
        record,
        table::Table,
    },
    netns, time,
    tuple::{arrow, other},
};
use crate::{
    analysis::drops::{Explained, Headers, Summary},
    model::{
        event::{Evicted, Packet, Reason},
        status,
    },
};

/// Columns before the last, which is as wide as it must be: heading, width, whether to the right. Lines come one by
/// one, so that what is wider pushes the rest of its line.
const COLUMNS: [(&str, usize, bool); 8] = [
    ("TIME", 24, false),
    ("REASON", 14, false),
    ("NETNS", 10, false),
    ("ZONE", 4, true),
    ("CPU", 3, true),
    ("ROLE", 9, false),
    ("PROTO", 5, false),
    ("ORIGINAL", 39, false),
];

/// The line above all others, with its end.
#[must_use]
pub fn heading(paint: Paint) -> String {
    let cells = COLUMNS.map(|(heading, _, _)| heading.to_owned());
    format!("{}\n", paint.faint(&row(cells, "DETAIL", |_, cell| cell)))
}

/// An event's line, with its end. What was not told is `-`.
#[must_use]
pub fn line(explained: &Explained, paint: Paint) -> String {
    let event = &explained.event;
    let cells = [
        time(event.at_ns),
        event.reason.to_string(),
        netns(explained),
        event.zone.map_or_else(none, |zone| zone.to_string()),
        event.cpu.to_string(),
        event
            .endpoint
            .role
            .map_or_else(none, |role| role.as_str().to_owned()),
        event.endpoint.protocol.to_string(),
        arrow(event.endpoint.protocol, &event.original),
    ];
    let painted = |heading: &str, cell: String| match (heading, event.reason) {
        ("REASON", Reason::EarlyDrop | Reason::GcEviction) => paint.caution(&cell),
        ("REASON", Reason::Invalid) => cell,
        ("REASON", _) => paint.alarm(&cell),
        ("TIME", _) => paint.faint(&cell),
        _ => cell,
    };
    format!("{}\n", row(cells, &detail(explained), painted))
}

fn row(cells: [String; 8], last: &str, painted: impl Fn(&str, String) -> String) -> String {
    let mut line = String::new();
    for (cell, (heading, width, right)) in cells.into_iter().zip(COLUMNS) {
        let cell = if right {
            format!("{cell:>width$}")
        } else {
            format!("{cell:<width$}")
        };
        line.push_str(&painted(heading, cell));
        line.push_str("  ");
    }
    line.push_str(last);
    line
}

/// What only some events have.
fn detail(explained: &Explained) -> String {
    let event = &explained.event;
    let mut parts = Vec::new();
    if let Some(was) = &event.evicted {
        parts.push(evicted(was));
    }
    match event.reason {
        Reason::EarlyDrop => parts.push(format!("for {}", other(event))),
        Reason::GcEviction => parts.push(fill(explained)),
        Reason::Clash => parts.push(format!("after {}", other(event))),
        Reason::NatExhausted => parts.push(format!("taken by {}", other(event))),
        Reason::TableFull | Reason::ChainTooLong | Reason::Dying | Reason::Invalid => {}
    }
    if let Some(was) = &event.packet {
        parts.push(packet(was, explained.headers.as_ref()));
    }
    if parts.is_empty() {
        parts.push(none());
    }
    parts.join("; ")
}

/// `TIME_WAIT, assured, age 12 s, left 58 s`
fn evicted(was: &Evicted) -> String {
    let mut text = String::new();
    if let Some(state) = was.state {
        let _ = write!(text, "{}, ", state.name());
    }
    let seen = match was.status {
        bits if bits & status::ASSURED != 0 => "assured",
        bits if bits & status::SEEN_REPLY != 0 => "replied",
        _ => "unreplied",
    };
    let seconds = |ms: u64| duration(Some(ms as f64 / 1_000.0));
    let age = was.age_ms.map_or_else(none, seconds);
    let _ = write!(text, "{seen}, age {age}, left {}", seconds(was.left_ms));
    text
}

/// `table 63,120/65,536 (96 %)`
fn fill(explained: &Explained) -> String {
    explained.fill.map_or_else(
        || format!("table {}", none()),
        |fill| {
            let (entries, max) = (count(fill.count), count(fill.max));
            format!("table {entries}/{max} ({})", percent(fill.share()))
        },
    )
}

/// `packet SYN, 60 bytes, payload 0`
fn packet(packet: &Packet, headers: Option<&Headers>) -> String {
    let mut text = "packet ".to_owned();
    if let Some(flags) = headers.and_then(|headers| headers.tcp_flags.as_ref()) {
        let _ = write!(text, "{}, ", flags.join(" "));
    }
    let _ = write!(text, "{} bytes", packet.whole_length);
    if let Some(payload) = headers.and_then(|headers| headers.payload) {
        let _ = write!(text, ", payload {payload}");
    }
    text
}

/// The summary for people. It always says what was left out and lost, even when that is nothing.
#[must_use]
pub fn summary(summary: &Summary) -> String {
    let watched = &summary.watched;
    let mut text = format!(
        "watched {:.1} s: {} events shown, {} suppressed by the rate limit, {} lost at a full ring buffer\n",
        watched.elapsed.as_secs_f64(),
        count(summary.shown),
        count(summary.suppressed),
        count(summary.lost)
    );
    if summary.left_out > 0 {
        let _ = writeln!(text, "{} came after the last line", count(summary.left_out));
    }
    if let Some(packets) = &summary.packets {
        let _ = writeln!(
            text,
            "{} packets written to {}; {} events had none",
            count(packets.written),
            packets.file,
            count(packets.without)
        );
    }
    if !summary.rows.is_empty() {
        let mut table = Table::new(&["<", "SHOWN", "COUNTED"]);
        for row in &summary.rows {
            table.row([row.reason.to_string(), count(row.shown), count(row.counted)]);
        }
        text.push_str(&table.lines(Paint::Plain));
    }
    text.push_str(&record::proof(&watched.ledger, watched.backend));
    for reason in &watched.degraded {
        let _ = writeln!(text, "degraded: {reason}");
    }
    text
}

fn none() -> String {
    "-".to_owned()
}
