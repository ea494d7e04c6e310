//! The proof: each counter of the kernel's, how much of it ctwatch explains, by what, and what remains.

use super::{
    number::{count, share, signed},
    table::Table,
};
use crate::analysis::proof::{Account, NetnsBooks, Proof};

/// Columns of a terminal that all of this keeps to.
const WIDTH: usize = 100;

/// Columns for the words at least, however wide the figures are.
const LEAST: usize = 30;

/// A row: name, what the kernel says, what explains it, the share, the remainder, and the words.
pub(super) type Row = ([String; 5], String);

/// A namespace's books: its entries, each of the kernel's counters, and what else there is to compare.
pub(super) fn table(books: &NetnsBooks, more: Option<Row>) -> Table {
    let mut rows = vec![entries(books)];
    for (name, account) in books.proof.accounts() {
        let cells = [
            name.to_owned(),
            count(account.kernel),
            count(account.explained),
            share(account.share),
            signed(account.remainder),
        ];
        rows.push((cells, parts(account)));
    }
    rows.extend(more);
    let headings = ["<", "KERNEL", "EXPLAINED", "SHARE", "REMAINDER", "<"];
    let mut table = Table::new(&headings);
    for (cells, _) in &rows {
        table.row(cells.iter().cloned());
    }
    let room = WIDTH.saturating_sub(table.width()).max(LEAST);
    let mut table = Table::new(&headings);
    for (cells, words) in rows {
        row(&mut table, cells, &words, room);
    }
    table
}

fn entries(books: &NetnsBooks) -> Row {
    let net = books.inserted.cast_signed() - books.ended.cast_signed();
    let check = match books.unexplained {
        Some(0) => "nf_conntrack_count agrees",
        Some(_) => "read while entries moved, or some were missed",
        None => "nf_conntrack_count could not be read",
    };
    let cells = [
        "entries".to_owned(),
        signed(books.count_change),
        signed(net),
        String::new(),
        signed(books.unexplained),
    ];
    (cells, check.to_owned())
}

/// A row whose words take as many lines as they need.
fn row(table: &mut Table, cells: [String; 5], words: &str, room: usize) {
    let mut lines = textwrap::wrap(words, room).into_iter();
    let mut next = || Some(lines.next()?.replace(UNBROKEN, " "));
    let first = next().unwrap_or_default();
    table.row(cells.into_iter().chain([first]));
    while let Some(line) = next() {
        let blank = std::iter::repeat_n(String::new(), 5);
        table.row(blank.chain([line]));
    }
}

/// A space at which no line ends.
const UNBROKEN: &str = "\u{a0}";

/// `700 table_full, 44 clash; nat_exhausted not seen`
fn parts(account: &Account) -> String {
    let seen = account.parts.iter().filter_map(|(name, figure)| {
        let figure = figure.filter(|figure| *figure > 0)?;
        Some(format!("{}{UNBROKEN}{name}", count(figure)))
    });
    let unseen = account
        .parts
        .iter()
        .filter_map(|(name, figure)| figure.is_none().then_some(name));
    let unseen: Vec<&str> = unseen.collect();
    let mut words = vec![seen.collect::<Vec<_>>().join(", ")];
    if !unseen.is_empty() {
        words.push(format!("{}{UNBROKEN}not{UNBROKEN}seen", unseen.join(", ")));
    }
    words.retain(|words| !words.is_empty());
    words.join("; ")
}

/// What may lie in what remains, a line or two a counter that has a remainder.
pub(super) fn remainders(proof: &Proof) -> String {
    let mut text = String::new();
    for (name, account) in proof.accounts() {
        let words: &[&str] = match account.remainder {
            Some(1..) => what_remains(name),
            Some(..=-1) => &["counted between the reading of the kernel's figure and ctwatch's"],
            Some(0) | None => continue,
        };
        let label = format!("remainder of {name}: ");
        let words: Vec<String> = words.iter().map(|words| (*words).to_owned()).collect();
        text.push_str(&list(&label, &words));
    }
    text
}

/// What a counter counts that no probe tells (`net/netfilter/nf_conntrack_core.c`).
fn what_remains(counter: &str) -> &'static [&'static str] {
    match counter {
        "drop" => &[
            "TCP connections that could not be reopened",
            "failed sequence adjustments",
            "entries killed for a stale extension",
            "what was lost or not seen",
        ],
        "insert_failed" => &[
            "stale extensions",
            "failures before their cause was watched",
            "what was lost or not seen",
        ],
        "chaintoolong" => &[
            "entries that userspace inserted",
            "failures before their cause was watched",
            "what was lost or not seen",
        ],
        _ => &["counted between the reading of two figures, or lost"],
    }
}

/// A list in lines of at most [`WIDTH`] columns, those after the first under the beginning of the list.
pub(super) fn list(label: &str, parts: &[String]) -> String {
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
