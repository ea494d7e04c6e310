//! The first lines: is it full, since when, which port, who paid.

use super::super::{
    bars::sparkline,
    number::{change, count, duration, percent, rate, time_of_day},
    paint::Paint,
};
use super::names::{endpoint_name, netns_name};
use crate::{
    analysis::{
        lost::Lost,
        report::{GapReport, NamespaceReport, Paid, Report},
    },
    model::unobserved::Figure,
};

/// Columns the bystanders may take.
const WIDTH: usize = 96;

pub(super) fn headline(report: &Report, paint: Paint) -> String {
    let source = &report.source;
    let mut lines = vec![format!(
        "{}, Linux {}: {} from {} ({} samples)",
        or_unknown(&source.hostname),
        or_unknown(&source.kernel),
        duration(Some(source.window_seconds)),
        source.started,
        count(source.samples as u64),
    )];
    lines.extend(gaps(report, paint));
    if let Some(table) = report.namespaces.first() {
        lines.push(fill(table, paint));
        lines.extend(filled_by(report, paint));
        lines.extend(paid(report, table, paint));
        lines.extend(course(table));
        if report.namespaces.len() > 1 {
            lines.push(format!(
                "Worst of {} network namespaces: {}",
                report.namespaces.len(),
                netns_name(table)
            ));
        }
    } else {
        lines.push("nothing was seen: no table, no event".to_owned());
    }
    lines.join("\n") + "\n"
}

/// As many gaps as a reader looks at; JSON has all.
const GAPS: usize = 5;

fn gaps(report: &Report, paint: Paint) -> Vec<String> {
    let gap = |gap: &GapReport| {
        let (from, to) = (time_of_day(gap.from), time_of_day(gap.to));
        let text = format!("Not watched from {from} to {to}: {}", gap.reason);
        paint.caution(&text)
    };
    let mut lines: Vec<String> = report.gaps.iter().take(GAPS).map(gap).collect();
    if report.gaps.len() > GAPS {
        let more = report.gaps.len() - GAPS;
        lines.push(paint.caution(&format!("Not watched at {more} more times")));
    }
    lines
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn fill(table: &NamespaceReport, paint: Paint) -> String {
    let of = format!("{} of {} entries", count(table.count), limit(table.max));
    match (table.full, spell(table)) {
        (true, spell) => {
            let spell = spell.map_or_else(String::new, |spell| format!("; full {spell}"));
            format!("{}: {of}{spell}", paint.alarm("FULL"))
        }
        (false, Some(spell)) => {
            let was = paint.alarm("WAS FULL");
            format!("{was} {spell}; now {} full: {of}", percent(table.fill))
        }
        (false, None) => format!("{}; {}", not_full(table, &of, paint), forecast(table)),
    }
}

/// Since when it is full, or when it was.
fn spell(table: &NamespaceReport) -> Option<String> {
    let (first, last) = table.full_first.zip(table.full_last)?;
    let length = duration(Some(table.full_seconds));
    Some(if table.full && !interrupted(table) {
        format!("since {}, for {length}", time_of_day(first))
    } else {
        let (first, last) = (time_of_day(first), time_of_day(last));
        format!("for {length} between {first} and {last}")
    })
}

/// Whether there were intervals between the first full one and the last that were not.
fn interrupted(table: &NamespaceReport) -> bool {
    let ends = table.full_first.zip(table.full_last);
    ends.is_some_and(|(first, last)| {
        let between = (last.0 - first.0) as f64 / 1_000.0;
        // The first full interval began before its end; allow clocks a tenth.
        between > table.full_seconds * 1.1
    })
}

fn not_full(table: &NamespaceReport, of: &str, paint: Paint) -> String {
    let text = format!("{} full", percent(table.fill));
    match table.fill {
        None if table.max == Some(0) => format!("no limit is set: {of}"),
        None => "fill unknown (nf_conntrack_count and _max were not read)".to_owned(),
        Some(fill) if fill >= 0.8 => format!("{}: {of}", paint.caution(&text)),
        Some(_) => format!("{text}: {of}"),
    }
}

fn forecast(table: &NamespaceReport) -> String {
    match (table.seconds_until_full, table.growth_per_second) {
        (Some(seconds), growth) => format!(
            "growing by {}/s, full in {}",
            rate(growth),
            duration(Some(seconds as f64))
        ),
        (None, Some(growth)) if growth < 0.0 => format!("shrinking by {}/s", rate(Some(-growth))),
        (None, Some(_)) => "not growing".to_owned(),
        (None, None) => "growth unknown".to_owned(),
    }
}

fn limit(max: Option<u64>) -> String {
    match max {
        Some(0) => "unlimited".to_owned(),
        max => count(max),
    }
}

fn filled_by(report: &Report, paint: Paint) -> Option<String> {
    let port = report.filled_by.as_ref()?;
    let address = port.addresses.first().map_or_else(String::new, |first| {
        let more = port.addresses.len() - 1;
        let others = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!(" on {first}{others}")
    });
    let mut facts = vec![
        format!("{} entries ({})", count(port.entries), percent(port.share)),
        format!("{} new/s", rate(port.new_per_second)),
    ];
    if port.mean_lifetime_seconds.is_some() {
        facts.push(format!("{} each", duration(port.mean_lifetime_seconds)));
    }
    if port.clients.is_some_and(|clients| clients > 0) {
        facts.push(format!("{} clients", count(port.clients)));
    }
    let name = endpoint_name(port.family, &port.protocol, port.port);
    let name = paint.strong(&format!("{name}{address}"));
    Some(format!("Filled by {name}: {}", facts.join(", ")))
}

fn paid(report: &Report, table: &NamespaceReport, paint: Paint) -> Vec<String> {
    let here = report.paid.iter().filter(|paid| paid.netns == table.netns);
    let (bystanders, own): (Vec<&Paid>, Vec<&Paid>) = here.partition(|paid| paid.bystander);
    if table.lost.total() == 0 {
        return vec![nobody(&table.lost)];
    }
    let own = own.first().map_or_else(String::new, |own| {
        let name = endpoint_name(own.family, &own.protocol, own.port);
        format!("; {name} itself {}", losses(&own.lost))
    });
    let mut lines = vec![format!(
        "Paid: {}{own}{}",
        losses(&table.lost),
        unseen(report)
    )];
    lines.extend(line_of(&bystanders, paint));
    lines
}

/// Nobody, or nobody that anybody would have seen.
fn nobody(lost: &Lost) -> String {
    match (lost.refused, lost.evicted) {
        (Some(_), Some(_)) => "Paid by nobody: 0 refused, 0 evicted".to_owned(),
        (None, None) => "Paid: not known, refused and evicted were not seen".to_owned(),
        (None, Some(_)) => "Paid: 0 evicted; refused were not seen".to_owned(),
        (Some(_), None) => "Paid: 0 refused; evicted were not seen".to_owned(),
    }
}

/// Which losses no port can be named for.
fn unseen(report: &Report) -> &'static str {
    let seen = |figure| report.source.unobserved.is_observed(figure);
    match (seen(Figure::Refused), seen(Figure::Evicted)) {
        (true, true) => "",
        (false, true) => " (whose the refused were was not seen)",
        (true, false) => " (whose the evicted were was not seen)",
        (false, false) => " (whose they were was not seen)",
    }
}

/// As many bystanders as fit, those that lost most first.
fn line_of(bystanders: &[&Paid], paint: Paint) -> Option<String> {
    let mut width = "Bystanders: ".len();
    let mut shown = Vec::new();
    for paid in bystanders {
        let name = endpoint_name(paid.family, &paid.protocol, paid.port);
        let losses = losses(&paid.lost);
        width += name.len() + losses.len() + "; ".len() + 1;
        if !shown.is_empty() && width > WIDTH {
            break;
        }
        shown.push(format!("{} {losses}", paint.strong(&name)));
    }
    match bystanders.len() - shown.len() {
        0 if shown.is_empty() => return None,
        0 => {}
        more => shown.push(format!("{more} more")),
    }
    Some(format!("Bystanders: {}", shown.join("; ")))
}

/// `31 refused, 512 evicted`, without what is 0 or not known.
fn losses(lost: &Lost) -> String {
    let parts = [
        (lost.refused, "refused"),
        (lost.evicted, "evicted"),
        (lost.evicted_background, "evicted in the background"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(figure, _)| figure.is_some_and(|figure| figure > 0))
        .map(|(figure, word)| format!("{} {word}", count(figure)))
        .collect();
    parts.join(", ")
}

fn course(table: &NamespaceReport) -> Option<String> {
    let line = sparkline(table.course.iter().map(|point| point.fill));
    let mut known = table.course.iter().filter_map(|point| point.fill);
    let first = known.next()?;
    Some(format!(
        "Fill {line} {} → {}, growth {}/s",
        percent(Some(first)),
        percent(known.next_back().or(Some(first))),
        change(table.growth_per_second)
    ))
}
