//! Floods: most entries of a port never got anywhere, and they come from many sources.

use super::ground::Ground;
use crate::model::{
    dump::EndpointDump,
    endpoint::{Endpoint, Family, Protocol, Role},
    remedy::{Remedy, RemedyKind},
    states::StateCounts,
};

/// States before a connection is one.
const HALF_OPEN: [&str; 3] = ["SYN_SENT", "SYN_SENT2", "SYN_RECV"];

/// Half-open entries make a flood from this part of their port's entries on, and of the whole table.
const OF_PORT: f64 = 0.5;
const OF_TABLE: f64 = 0.1;

/// Sources are many from here on, and when they have at most so many entries each.
const SOURCES: u64 = 64;
const EACH: u64 = 20;

/// Entries of an endpoint that never got anywhere.
pub(super) fn half_open(protocol: Protocol, seen: &EndpointDump) -> u64 {
    let of = |state| seen.states.get(state).unwrap_or(0);
    match protocol {
        Protocol::TCP => HALF_OPEN.into_iter().map(of).sum(),
        Protocol::UDP => of(StateCounts::UNREPLIED),
        _ => 0,
    }
}

/// Whether an endpoint is flooded.
pub(super) fn is_flooded(ground: &Ground<'_>, endpoint: &Endpoint) -> bool {
    let Some(seen) = ground.seen(endpoint) else {
        return false;
    };
    let half = half_open(endpoint.protocol, seen);
    let inbound = matches!(endpoint.role, None | Some(Role::Inbound | Role::Forwarded));
    inbound && is_flood(half, seen.entries, ground.entries())
}

/// The half-open entries of a TCP service, by the states of its entries, where they make a flood of SYNs from many sources
/// in a table of so many entries.
pub(in crate::analysis) fn syn_flood<'s>(
    states: impl Iterator<Item = (&'s str, u64)>,
    clients: u64,
    table: u64,
) -> Option<u64> {
    let (mut half, mut all) = (0, 0);
    for (state, entries) in states {
        all += entries;
        half += if HALF_OPEN.contains(&state) {
            entries
        } else {
            0
        };
    }
    (is_flood(half, all, table) && is_from_many(clients, half)).then_some(half)
}

/// Whether so many half-open ones of a port's entries are a flood in a table of so many.
fn is_flood(half: u64, of_port: u64, table: u64) -> bool {
    half > 0 && half as f64 >= of_port as f64 * OF_PORT && half as f64 >= table as f64 * OF_TABLE
}

fn is_from_many(clients: u64, half: u64) -> bool {
    clients >= SOURCES && clients.saturating_mul(EACH) >= half
}

pub(super) fn remedies(ground: &Ground<'_>) -> Vec<Remedy> {
    let endpoints = ground.endpoints();
    let flooded = endpoints
        .iter()
        .filter(|endpoint| is_flooded(ground, endpoint));
    flooded
        .filter_map(|endpoint| Some(remedy(ground, endpoint, ground.seen(endpoint)?)))
        .collect()
}

fn remedy(ground: &Ground<'_>, endpoint: &Endpoint, seen: &EndpointDump) -> Remedy {
    let half = half_open(endpoint.protocol, seen);
    let many = is_from_many(seen.clients, half);
    let port = format!("{} {}", endpoint.protocol, endpoint.port);
    let tcp = endpoint.protocol == Protocol::TCP;
    let (title, how) = answer(endpoint, many);
    let sources = if many {
        "from many sources: a flood, with made-up sources perhaps"
    } else {
        "from few sources: a scan, or a client that is broken"
    };
    let what = if tcp {
        "half-open entries"
    } else {
        "unreplied entries"
    };
    let more = if tcp && many {
        ": with SYNPROXY an entry is made only once the handshake is complete. NOTRACK for the port, where its verdict allows it, does more: the socket's own SYN cookies then answer"
    } else {
        ""
    };
    Remedy {
        title,
        symptom: format!(
            "{half} of {} entries at {port} are {what}, from {} sources",
            seen.entries, seen.clients
        ),
        cause: format!("packets that never become a connection, {sources}; each is an entry all the same"),
        check: check(endpoint),
        owner: None,
        how,
        persist: Some(
            "the lines in a script that a systemd unit runs, or iptables-persistent, and the settings in /etc/sysctl.d; the same rules with -D take them back"
                .to_owned(),
        ),
        basis: format!("the {what} of the last dump{more}"),
        ..ground.remedy(RemedyKind::Flood, Some(half), growth(ground, endpoint))
    }
}

/// What is done against it, in a few words and in full.
fn answer(endpoint: &Endpoint, many: bool) -> (String, String) {
    let port = format!("{} {}", endpoint.protocol, endpoint.port);
    let address = endpoint
        .address
        .map_or(String::new(), |own| format!("-d {own} "));
    match (endpoint.protocol == Protocol::TCP, many) {
        (true, true) => (format!("SYNPROXY for {port}"), synproxy(endpoint, &address)),
        (_, false) => (
            format!("limit each source's new packets to {port}"),
            limit(endpoint, &address),
        ),
        (false, true) => (
            format!("no tracking of {port}, or no service at it"),
            "the sources are too many, or made up, to be limited one by one: NOTRACK for the port where its verdict \
             allows it, or close it to the outside"
                .to_owned(),
        ),
    }
}

/// What the endpoint adds to the table's growth by itself.
fn growth(ground: &Ground<'_>, endpoint: &Endpoint) -> f64 {
    let total = ground.total(endpoint);
    let unobserved = &ground.recording.header.unobserved;
    let lost = crate::analysis::lost::Lost::counted(&total, unobserved);
    super::room::pressure(&total, &lost, ground.window)
}

fn check(endpoint: &Endpoint) -> String {
    let states = match endpoint.protocol {
        Protocol::TCP => {
            "conntrack -L -p tcp --state SYN_RECV; conntrack -L -p tcp --state SYN_SENT"
        }
        _ => "conntrack -L -p udp -u UNREPLIED",
    };
    format!(
        "{states}; nstat -az TcpExtSyncookiesSent TcpExtTCPReqQFullDoCookies; ctwatch report --by client --port {}",
        endpoint.port
    )
}

fn command(endpoint: &Endpoint) -> &'static str {
    match endpoint.family {
        Family::Ipv4 => "iptables",
        Family::Ipv6 => "ip6tables",
    }
}

fn guarded(endpoint: &Endpoint, (table, chain): (&str, &str), verb: &str, rule: &str) -> String {
    let command = command(endpoint);
    format!(
        "{command} -w -t {table} -C {chain} {rule} 2>/dev/null || {command} -w -t {table} {verb} {chain} {rule}"
    )
}

/// iptables-extensions(8), SYNPROXY. Both rules come before those that accept, and SYNPROXY first: the ACK that ends
/// its handshake is INVALID to conntrack. So it is put in last.
fn synproxy(endpoint: &Endpoint, address: &str) -> String {
    let service = format!("{address}-p tcp --dport {}", endpoint.port);
    let chain = match endpoint.role {
        Some(Role::Forwarded) => "FORWARD",
        _ => "INPUT",
    };
    let in_chain = |rule: &str| {
        let rule = format!("{service} -m conntrack {rule}");
        guarded(endpoint, ("filter", chain), "-I", &rule)
    };
    let lines = [
        "sysctl -w net.ipv4.tcp_syncookies=1 net.ipv4.tcp_timestamps=1 net.netfilter.nf_conntrack_tcp_loose=0"
            .to_owned(),
        in_chain("--ctstate INVALID -j DROP"),
        in_chain("--ctstate INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460"),
        guarded(
            endpoint,
            ("raw", "PREROUTING"),
            "-A",
            &format!("{service} --syn -j CT --notrack"),
        ),
    ];
    lines.join("\n")
}

fn limit(endpoint: &Endpoint, address: &str) -> String {
    let syn = if endpoint.protocol == Protocol::TCP {
        " --syn"
    } else {
        ""
    };
    let rule = format!(
        "{address}-p {} --dport {}{syn} -m hashlimit --hashlimit-name ctwatch-{} --hashlimit-mode srcip --hashlimit-above 20/second --hashlimit-burst 50 -j DROP",
        endpoint.protocol, endpoint.port, endpoint.port
    );
    guarded(endpoint, ("raw", "PREROUTING"), "-A", &rule)
}
