//! The inspection for people.

use crate::{
    analysis::inspect::{Basis, Counted, Features, Inspection, Nat, PortRow, StateRow},
    render::{
        endpoint::endpoint_name,
        number::{count, duration, percent},
        paint::Paint,
        table::Table,
    },
};

/// Columns of a terminal that lists keep to.
const WIDTH: usize = 100;

/// States of a port that are named.
const STATES: usize = 3;

/// The whole text; `name` is the listing's.
#[must_use]
pub fn text(inspection: &Inspection, name: &str, paint: Paint) -> String {
    let mut text = headline(inspection, name);
    for section in [
        ports(inspection, paint),
        states(inspection, paint),
        clients(inspection, paint),
        nat(&inspection.nat, paint),
        features(&inspection.features, paint),
    ] {
        if !section.is_empty() {
            text.push('\n');
            text.push_str(&section);
        }
    }
    text
}

fn headline(inspection: &Inspection, name: &str) -> String {
    let Inspection { listing, nat, .. } = inspection;
    let all = inspection.entries;
    let of = |part: u64| format!("{} ({})", count(part), percent(share(part, all)));
    let asked = match inspection.port {
        Some(port) => format!(" at port {port}, of {}", count(listing.entries)),
        None => String::new(),
    };
    let mut text = format!(
        "{name}: {} entries{asked}; {} clients, {} IPv6\n",
        count(all),
        count(inspection.clients.distinct),
        of(inspection.ipv6),
    );
    text.push_str(&format!(
        "unreplied {}, offloaded {}, destination translated {}, source translated {}\n",
        of(inspection.unreplied),
        of(inspection.features.offloaded),
        of(nat.destination),
        of(nat.source),
    ));
    if listing.damaged > 0 {
        text.push_str(&format!(
            "{} damaged lines were left out\n",
            count(listing.damaged)
        ));
    }
    if !inspection.addresses_known {
        text.push_str("the node's own addresses are not known, and so no roles (--addresses)\n");
    }
    text
}

fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

fn ports(inspection: &Inspection, paint: Paint) -> String {
    let mut table = Table::new(&[
        "<PORT",
        "<ADDRESS",
        "<ROLE",
        "ENTRIES",
        "SHARE",
        "CLIENTS",
        "UNREPLIED",
        "<STATES",
    ]);
    for port in &inspection.ports {
        table.row([
            endpoint_name(port.family, &port.protocol, port.port),
            port.address
                .map_or_else(none, |address| address.to_string()),
            port.role.map_or("-", |role| role.as_str()).to_owned(),
            count(port.entries),
            percent(Some(port.share)),
            count(port.clients),
            count(port.unreplied),
            states_of(port),
        ]);
    }
    table.hide("ADDRESS", |cell| cell == "-");
    table.hide("ROLE", |cell| cell == "-");
    table.fit(
        WIDTH,
        &[
            &["SHARE"],
            &["SHARE", "UNREPLIED"],
            &["SHARE", "UNREPLIED", "STATES"],
        ],
    );
    let title = format!(
        "Ports{}",
        shown(inspection.ports.len(), inspection.distinct_ports)
    );
    section(&title, &table, inspection.ports.is_empty(), paint)
}

/// Those with most entries.
fn states_of(port: &PortRow) -> String {
    let mut states: Vec<(&str, u64)> = port.states.iter().collect();
    states.sort_by_key(|(_, entries)| std::cmp::Reverse(*entries));
    let more = states.len() > STATES;
    states.truncate(STATES);
    let mut told: Vec<String> = states
        .iter()
        .map(|(state, entries)| format!("{state} {}", count(*entries)))
        .collect();
    told.extend(more.then(|| "…".to_owned()));
    told.join(", ")
}

fn states(inspection: &Inspection, paint: Paint) -> String {
    let mut table = Table::new(&[
        "<PROTOCOL",
        "<STATE",
        "ENTRIES",
        "SHARE",
        "TIMEOUT",
        "LEFT",
        "IDLE",
        "P90",
        "LONGEST",
        "UNKNOWN",
    ]);
    for state in &inspection.states {
        let times = &state.times;
        let seconds = |seconds: Option<u32>| duration(seconds.map(f64::from));
        table.row([
            state.protocol.clone(),
            state.state.to_owned(),
            count(state.entries),
            percent(Some(state.share)),
            timeout(state),
            seconds(times.left_p50_seconds),
            seconds(times.idle_p50_seconds),
            seconds(times.idle_p90_seconds),
            seconds(times.idle_max_seconds),
            count(times.idle_unknown),
        ]);
    }
    table.hide("UNKNOWN", |cell| cell == "0");
    let notes = paint.faint(
        "left and idle are those of the median entry, idle is the time since its last packet; ≥: some entry has\nmore left \
         than the kernel's default allows, idle times are lower bounds\n",
    );
    let empty = inspection.states.is_empty();
    let list = section("States", &table, empty, paint);
    if empty { list } else { list + &notes }
}

fn timeout(state: &StateRow) -> String {
    let times = &state.times;
    let seconds = duration(times.timeout_seconds.map(f64::from));
    match times.timeout_from {
        Some(Basis::LargestLeft) => format!("≥ {seconds}"),
        _ => seconds,
    }
}

fn clients(inspection: &Inspection, paint: Paint) -> String {
    let clients = &inspection.clients;
    let mut table = Table::new(&["<CLIENT", "ENTRIES", "SHARE", "UNREPLIED", "PORTS"]);
    for client in &clients.top {
        table.row([
            client.address.to_string(),
            count(client.entries),
            percent(share(client.entries, inspection.entries)),
            count(client.unreplied),
            count(client.endpoints),
        ]);
    }
    let title = format!("Clients{}", shown(clients.top.len(), clients.distinct));
    section(&title, &table, clients.top.is_empty(), paint)
}

/// Nothing where nothing is translated.
fn nat(nat: &Nat, paint: Paint) -> String {
    let mut text = String::new();
    if !nat.backends.is_empty() {
        let mut table = Table::new(&["<SERVICE", "<BACKEND", "ENTRIES"]);
        for way in &nat.backends {
            table.row([
                socket(&way.protocol, way.service, way.port),
                socket(&way.protocol, way.backend, way.backend_port),
                count(way.entries),
            ]);
        }
        let title = format!(
            "Translated to backends{}",
            shown(nat.backends.len(), nat.distinct_backends)
        );
        text.push_str(&section(&title, &table, false, paint));
    }
    if !nat.sources.is_empty() {
        let mut table = Table::new(&["<SOURCE BECOMES", "ENTRIES"]);
        for source in &nat.sources {
            table.row([source.address.to_string(), count(source.entries)]);
        }
        let gap = if text.is_empty() { "" } else { "\n" };
        text.push_str(gap);
        text.push_str(&section("Translated sources", &table, false, paint));
    }
    if nat.untold > 0 {
        text.push_str(&format!(
            "{} entries are in neither list: there are more ways than are told apart, and counts are lower bounds\n",
            count(nat.untold)
        ));
    }
    text
}

fn socket(protocol: &str, address: std::net::IpAddr, port: u16) -> String {
    match port {
        0 => format!("{protocol} {address}"),
        port => format!("{protocol} {}", std::net::SocketAddr::new(address, port)),
    }
}

/// Nothing where no entry has anything.
fn features(features: &Features, paint: Paint) -> String {
    let mut table = Table::new(&["<BESIDE THAT", "<VALUE", "ENTRIES"]);
    let rows = |name: &'static str, all: &[Counted<String>]| -> Vec<[String; 3]> {
        let row =
            |each: &Counted<String>| [name.to_owned(), each.value.clone(), count(each.entries)];
        all.iter().map(row).collect()
    };
    let told = |all: &[Counted<u32>]| -> Vec<Counted<String>> {
        let tell = |each: &Counted<u32>| Counted {
            value: each.value.to_string(),
            entries: each.entries,
        };
        all.iter().map(tell).collect()
    };
    let zones: Vec<Counted<u32>> = features
        .zones
        .iter()
        .map(|zone| Counted {
            value: u32::from(zone.value),
            entries: zone.entries,
        })
        .collect();
    let simple = [
        ("security mark", features.expected),
        ("connlabels", features.labelled),
        ("offloaded to hardware", features.offloaded_to_hardware),
    ];
    let lists = rows("helper", &features.helpers)
        .into_iter()
        .chain(rows("mark", &told(&features.marks)))
        .chain(rows("zone", &told(&zones)));
    for row in lists {
        table.row(row);
    }
    for (name, entries) in simple.into_iter().filter(|(_, entries)| *entries > 0) {
        table.row([name.to_owned(), String::new(), count(entries)]);
    }
    if table.is_empty() {
        String::new()
    } else {
        table.lines(paint)
    }
}

/// ` (10 of 5,210)`
fn shown(rows: usize, all: u64) -> String {
    if rows as u64 == all {
        format!(" ({})", count(all))
    } else {
        format!(" ({} of {})", count(rows as u64), count(all))
    }
}

fn section(title: &str, table: &Table, empty: bool, paint: Paint) -> String {
    if empty {
        return format!("{}: none\n", paint.strong(title));
    }
    format!("{}\n{}", paint.strong(title), table.lines(paint))
}

fn none() -> String {
    "-".to_owned()
}
