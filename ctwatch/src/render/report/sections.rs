//! The lists.

use super::{
    super::{
        bars::bar,
        number::{change, count, duration, percent, rate, time_of_day},
        paint::Paint,
        table::Table,
    },
    names::{endpoint_name, netns_name},
};
use crate::analysis::report::{NamespaceReport, PortReport, Report};

/// Columns of a terminal that lists of ports keep to.
const WIDTH: usize = 100;

/// What a list of ports that is too wide goes without, the least missed first; JSON has everything.
const LESS: [&[&str]; 6] = [
    &["#"],
    &["P90"],
    &["#", "P90"],
    &["#", "P90", "SHARE"],
    &["#", "P90", "SHARE", "ROLE"],
    &["#", "P90", "SHARE", "ROLE", "CLIENTS"],
];

pub(super) fn ports(report: &Report, paint: Paint) -> String {
    let mut table = Table::new(&[
        "NETNS",
        "<PORT",
        "<ADDRESS",
        "<ROLE",
        "ENTRIES",
        "SHARE",
        "NEW/S",
        "#",
        "LIFETIME",
        "P90",
        "CLIENTS",
        "REFUSED",
        "EVICTED",
        "BACKGROUND",
    ]);
    for port in &report.ports {
        table.row([
            port.netns.to_string(),
            endpoint_name(port.family, &port.protocol, port.port),
            addresses(port),
            port.role.map_or("-", |role| role.as_str()).to_owned(),
            count(port.entries),
            percent(port.share),
            rate(port.new_per_second),
            port.rank_new.to_string(),
            duration(port.mean_lifetime_seconds),
            duration(port.lifetime_quantiles_seconds.p90),
            count(port.clients),
            count(port.lost.refused),
            count(port.lost.evicted),
            count(port.lost.evicted_background),
        ]);
    }
    hide_single_netns(&mut table, report);
    table.hide("BACKGROUND", |cell| cell == "0" || cell == "-");
    table.hide("P90", |cell| cell == "-");
    table.fit(WIDTH, &LESS);
    let notes = [
        ("#", "# is the place by new connections"),
        ("P90", "P90 is what nine in ten lived at most"),
    ];
    let notes: Vec<&str> = notes
        .into_iter()
        .filter_map(|(heading, note)| table.has(heading).then_some(note))
        .collect();
    let title = match notes.join(", ").as_str() {
        "" => "Ports by entries".to_owned(),
        notes => format!("Ports by entries ({notes})"),
    };
    section(&title, &table, report.ports.is_empty(), paint)
}

fn addresses(port: &PortReport) -> String {
    match port.addresses.as_slice() {
        [] => "-".to_owned(),
        [one] => one.to_string(),
        [first, more @ ..] => format!("{first} +{}", more.len()),
    }
}

pub(super) fn states(report: &Report, paint: Paint) -> String {
    let mut table = Table::new(&[
        "NETNS",
        "<PROTOCOL",
        "<STATE",
        "ENTRIES",
        "SHARE",
        "CHANGE/S",
        "ENDED IN IT",
    ]);
    for state in &report.states {
        table.row([
            state.netns.to_string(),
            state.protocol.clone(),
            state.state.clone(),
            count(state.entries),
            percent(Some(state.share)),
            change(state.change_per_second),
            count(state.ended),
        ]);
    }
    hide_single_netns(&mut table, report);
    let title = format!("States{}", as_of(report));
    section(&title, &table, report.states.is_empty(), paint)
}

/// Nothing with a port asked for: dumps keep clients of the whole table.
pub(super) fn clients(report: &Report, paint: Paint) -> String {
    let Some(clients) = &report.clients else {
        return String::new();
    };
    let mut table = Table::new(&[
        "NETNS",
        "<CLIENT",
        "ENTRIES",
        "SHARE",
        "UNREPLIED",
        "PORTS",
        "CHANGE/S",
    ]);
    for client in clients {
        table.row([
            client.netns.to_string(),
            client.client.to_string(),
            count(client.entries),
            percent(Some(client.share)),
            count(client.unreplied),
            count(client.endpoints),
            change(client.change_per_second),
        ]);
    }
    hide_single_netns(&mut table, report);
    let distinct = match report.namespaces.as_slice() {
        [one] if one.distinct_clients.is_some() => format!(" of {}", count(one.distinct_clients)),
        _ => String::new(),
    };
    let title = format!("Clients{distinct}{}", as_of(report));
    section(&title, &table, clients.is_empty(), paint)
}

pub(super) fn namespaces(report: &Report, paint: Paint) -> String {
    let mut table = Table::new(&[
        "<NETNS",
        "COUNT",
        "MAX",
        "FILL",
        "PEAK",
        "FULL FOR",
        "GROWTH/S",
        "FULL IN",
        "NEW/S",
        "REFUSED",
        "EVICTED",
        "BACKGROUND",
    ]);
    for netns in &report.namespaces {
        table.row([
            netns_name(netns),
            count(netns.count),
            count(netns.max),
            percent(netns.fill),
            count(netns.peak),
            duration(Some(netns.full_seconds)),
            change(netns.growth_per_second),
            duration(netns.seconds_until_full.map(|seconds| seconds as f64)),
            rate(netns.new_per_second),
            count(netns.lost.refused),
            count(netns.lost.evicted),
            count(netns.lost.evicted_background),
        ]);
    }
    table.hide("BACKGROUND", |cell| cell == "0" || cell == "-");
    section("Namespaces", &table, report.namespaces.is_empty(), paint)
}

pub(super) fn time(report: &Report, paint: Paint) -> String {
    let one = |netns: &NamespaceReport| {
        let mut table = Table::new(&[
            "<UNTIL",
            "COUNT",
            "FILL",
            "<",
            "NEW/S",
            "ENDED/S",
            "REFUSED",
            "EVICTED",
            "BACKGROUND",
        ]);
        for point in &netns.course {
            table.row([
                time_of_day(point.at),
                count(point.count),
                percent(point.fill),
                bar(point.fill, 20),
                rate(point.new_per_second),
                rate(point.ended_per_second),
                count(point.lost.refused),
                count(point.lost.evicted),
                count(point.lost.evicted_background),
            ]);
        }
        table.hide("BACKGROUND", |cell| cell == "0" || cell == "-");
        let title = format!("Course of netns {}", netns_name(netns));
        section(&title, &table, netns.course.is_empty(), paint)
    };
    let all: Vec<String> = report.namespaces.iter().map(one).collect();
    all.join("\n")
}

fn hide_single_netns(table: &mut Table, report: &Report) {
    if report.namespaces.len() <= 1 {
        table.hide("NETNS", |_| true);
    }
}

/// When the dumps were made that lists rest on.
fn as_of(report: &Report) -> String {
    let ages = report
        .namespaces
        .iter()
        .filter_map(|n| n.dumped_seconds_before_end);
    match ages.max_by(f64::total_cmp) {
        None => String::new(),
        Some(age) if age < 0.5 => ", as of the end".to_owned(),
        Some(age) if report.namespaces.len() > 1 => {
            format!(", as of at most {} before the end", duration(Some(age)))
        }
        Some(age) => format!(", as of {} before the end", duration(Some(age))),
    }
}

fn section(title: &str, table: &Table, empty: bool, paint: Paint) -> String {
    if empty {
        return format!("{}: none\n", paint.strong(title));
    }
    format!("{}\n{}", paint.strong(title), table.lines(paint))
}
