//! Who hurts whom.

use super::{
    super::{number::count, paint::Paint, table::Table},
    names::endpoint_name,
};
use crate::{
    analysis::report::{Culprit, Report, VictimReport, worst},
    model::unobserved::Figure,
};

/// Sentences in the report of everything.
const SENTENCES: usize = 3;

/// Columns of a terminal that sentences keep to.
const WIDTH: usize = 100;

const TITLE: &str = "Who hurt whom";

/// The list.
pub(super) fn victims(report: &Report, paint: Paint) -> String {
    if report.victims.is_empty() {
        return format!("{}: {}\n", paint.strong(TITLE), nobody(report));
    }
    let mut table = Table::new(&[
        "<NETNS",
        "<VICTIM",
        "EVICTED",
        "REFUSED",
        "<CULPRIT",
        "EVICTED FOR IT",
        "REFUSED BECAUSE OF IT",
    ]);
    for victim in &report.victims {
        rows(&mut table, victim);
    }
    if report.namespaces.len() <= 1 {
        table.hide("NETNS", |_| true);
    }
    format!(
        "{} (~: shared out by the entries each had at the time)\n{}{}",
        paint.strong(TITLE),
        table.lines(paint),
        notes(report, paint)
    )
}

fn rows(table: &mut Table, victim: &VictimReport) {
    let mut head = [
        victim.netns.to_string(),
        name(victim),
        count(victim.lost.evicted),
        count(victim.lost.refused),
    ];
    let unknown = victim.evicted_by_unknown.filter(|evicted| *evicted > 0);
    let mut lines: Vec<[String; 3]> = victim.by.iter().map(culprit).collect();
    lines.extend(unknown.map(|evicted| ["not told".to_owned(), count(evicted), "-".to_owned()]));
    if lines.is_empty() {
        lines.push(["-".to_owned(), "-".to_owned(), "-".to_owned()]);
    }
    for line in lines {
        table.row(head.into_iter().chain(line));
        head = std::array::from_fn(|_| String::new());
    }
}

fn culprit(culprit: &Culprit) -> [String; 3] {
    let name = match culprit.itself {
        true => "itself".to_owned(),
        false => endpoint_name(culprit.family, &culprit.protocol, culprit.port),
    };
    let refused = culprit.refused_shared;
    [name, count(culprit.evicted), about(refused)]
}

/// `~31`; nothing is nothing.
fn about(figure: Option<u64>) -> String {
    match figure {
        Some(1..) => format!("~{}", count(figure)),
        _ => count(figure),
    }
}

/// The worst of it in sentences; nothing where nobody lost anything.
pub(super) fn sentences(report: &Report, paint: Paint) -> String {
    let several = report.namespaces.len() > 1;
    let sentences: String = worst(&report.victims)
        .into_iter()
        .take(SENTENCES)
        .map(|(victim, culprit)| sentence(victim, culprit, several))
        .collect();
    let notes = notes(report, paint);
    if sentences.is_empty() && notes.is_empty() || report.victims.is_empty() {
        return String::new();
    }
    let title = paint.strong(TITLE);
    format!("{title} (--by victim has all; ~: shared out)\n{sentences}{notes}")
}

/// `new connections to tcp/443 evicted 1,357 entries of udp/53 and caused ~31 refusals of udp/53`
fn sentence(victim: &VictimReport, culprit: &Culprit, several: bool) -> String {
    let (by, of) = (
        endpoint_name(culprit.family, &culprit.protocol, culprit.port),
        name(victim),
    );
    let evicted = culprit.evicted.filter(|evicted| *evicted > 0);
    let refused = culprit.refused_shared.filter(|refused| *refused > 0);
    let evicted = evicted.map(|evicted| format!("evicted {} entries of {of}", count(evicted)));
    let refused = refused.map(|refused| format!("caused ~{} refusals of {of}", count(refused)));
    let (subject, did) = match (evicted, refused) {
        (Some(evicted), Some(refused)) => {
            ("new connections to", format!("{evicted} and {refused}"))
        }
        (Some(evicted), None) => ("new connections to", evicted),
        (None, refused) => ("entries of", refused.unwrap_or_default()),
    };
    let place = match several {
        true => format!(" in netns {}", victim.netns),
        false => String::new(),
    };
    let text = format!("{subject} {by} {did}{place}");
    textwrap::fill(&text, textwrap::Options::new(WIDTH).subsequent_indent("  ")) + "\n"
}

/// Health checks among the victims, and what was not seen.
fn notes(report: &Report, paint: Paint) -> String {
    let mut text: String = report
        .victims
        .iter()
        .filter_map(|victim| health_check(victim, paint))
        .collect();
    let seen = |figure| report.source.unobserved.is_observed(figure);
    if !report.victims.is_empty() && !seen(Figure::Newcomers) {
        text.push_str(match report.source.backend.sees_whole_tables() {
            true => {
                "For whom entries were evicted was not kept by the ctwatch that recorded this\n"
            }
            false => "For whom entries were evicted was not seen: this needs probes\n",
        });
    }
    text
}

fn health_check(victim: &VictimReport, paint: Paint) -> Option<String> {
    let check = victim.health_check?;
    let lost = &victim.lost;
    let losses = [(lost.refused, "refused"), (lost.all_evicted(), "evicted")];
    let losses = losses.into_iter().filter_map(|(figure, word)| {
        let figure = figure.filter(|figure| *figure > 0)?;
        Some(format!("{} {word}", count(figure)))
    });
    let text = format!(
        "{} is a health check ({}): {}. A full table may have it restarted, though it is well: {}",
        name(victim),
        check.of,
        losses.collect::<Vec<_>>().join(", "),
        check.advice
    );
    let lines = textwrap::wrap(&text, WIDTH);
    let lines = lines.iter().map(|line| paint.caution(line) + "\n");
    Some(lines.collect())
}

fn nobody(report: &Report) -> &'static str {
    let seen = |figure| report.source.unobserved.is_observed(figure);
    match seen(Figure::Refused) && seen(Figure::Evicted) {
        true => "nobody was refused or evicted",
        false => "not known, refused or evicted were not seen by port",
    }
}

fn name(victim: &VictimReport) -> String {
    endpoint_name(victim.family, &victim.protocol, victim.port)
}
