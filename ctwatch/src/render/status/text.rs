//! The status for people.

use crate::{
    analysis::status::{NetnsStatus, Status},
    model::limit::Limit,
    render::{
        netns::title,
        number::{count, percent},
        paint::Paint,
        table::Table,
    },
};

/// What the heading REFUSED leaves out.
const REFUSED: &str = "refused is the kernel's drop: mostly connections refused at a full table; clashes that were \
                       not\nresolved (insert_failed counts them, too) and rarer drops are in it\n";

/// The tables; namespaces in which there is nothing to see are one line.
#[must_use]
pub fn text(status: &Status, paint: Paint) -> String {
    let (idle, shown): (Vec<&NetnsStatus>, Vec<&NetnsStatus>) = status
        .namespaces
        .iter()
        .partition(|netns| netns.is_idle() && !netns.own);
    let mut text = String::new();
    for netns in shown.iter().filter(|netns| netns.full == Some(true)) {
        text.push_str(&full(netns, paint));
    }
    text.push_str(&table(&shown, paint));
    if !idle.is_empty() {
        let plural = if idle.len() == 1 { "" } else { "s" };
        text.push_str(&format!(
            "{} other network namespace{plural}: no entries, nothing refused, evicted or failed\n",
            count(idle.len() as u64)
        ));
    }
    if shown.iter().any(|netns| netns.refused > Some(0)) {
        text.push_str(&paint.faint(REFUSED));
    }
    text
}

fn full(netns: &NetnsStatus, paint: Paint) -> String {
    let consequence = match netns.limit {
        Some(Limit::Nothing) => {
            "nf_conntrack_max is 0, and this kernel refuses every connection".to_owned()
        }
        _ => format!(
            "{} of {} entries; the next connection evicts an entry or is refused",
            count(netns.count),
            count(netns.max)
        ),
    };
    let name = title(netns.netns, netns.name.as_deref(), netns.own);
    format!("{}: netns {name}: {consequence}\n", paint.alarm("FULL"))
}

fn table(shown: &[&NetnsStatus], paint: Paint) -> String {
    let mut table = Table::new(&[
        "<NETNS",
        "COUNT",
        "MAX",
        "FILL",
        "REFUSED",
        "EARLY_DROP",
        "INSERT_FAILED",
    ]);
    for netns in shown {
        table.row([
            title(netns.netns, netns.name.as_deref(), netns.own),
            count(netns.count),
            max(netns),
            percent(netns.fill),
            count(netns.refused),
            count(netns.early_drop),
            count(netns.insert_failed),
        ]);
    }
    table.lines(paint)
}

fn max(netns: &NetnsStatus) -> String {
    match netns.limit {
        Some(Limit::Unlimited) => "unlimited".to_owned(),
        _ => count(netns.max),
    }
}
