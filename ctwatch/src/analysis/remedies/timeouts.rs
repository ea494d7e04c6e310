//! Timeouts of TCP's states: how many entries each keeps, and how short it may be.

use super::{
    ground::Ground,
    place::{self, Place},
    population::Basis,
};
use crate::model::{
    endpoint::Protocol,
    remedy::{Remedy, RemedyKind},
};

/// Expired entries leave when `gc_worker` passes, at least this often (`GC_SCAN_INTERVAL_MAX`).
const GC_PASS_SECONDS: u64 = 60;

/// A timeout, the kernel's own value, and the shortest that does no harm.
struct Timeout {
    /// After `net.netfilter.nf_conntrack_tcp_timeout_`.
    name: &'static str,
    states: &'static [&'static str],
    default: u64,
    least: fn(&Ground<'_>) -> u64,
    /// Why not shorter.
    why: &'static str,
    /// What keeps connections in this state.
    cause: &'static str,
}

const TIMEOUTS: [Timeout; 8] = [
    Timeout {
        name: "close_wait",
        states: &["CLOSE_WAIT"],
        default: 60,
        least: |_| 60,
        why: "the kernel's own value; a half-closed connection that still carries data renews it with each packet",
        cause: "one side has closed, and the other never did, or was never seen to: the entry waits for a FIN that does not come",
    },
    Timeout {
        name: "time_wait",
        states: &["TIME_WAIT"],
        default: 120,
        least: |_| 60,
        why: "as long as Linux keeps a socket in TIME_WAIT (TCP_TIMEWAIT_LEN), so that no segment of the old connection comes later",
        cause: "connections are short: each leaves an entry that waits for late segments",
    },
    Timeout {
        name: "fin_wait",
        states: &["FIN_WAIT"],
        default: 120,
        least: |ground| {
            ground
                .number("net.ipv4.tcp_fin_timeout")
                .unwrap_or(60)
                .max(30)
        },
        why: "as long as Linux waits in FIN_WAIT2 (net.ipv4.tcp_fin_timeout)",
        cause: "a FIN was sent and not answered: the other side keeps its end open, or is gone",
    },
    Timeout {
        name: "last_ack",
        states: &["LAST_ACK"],
        default: 30,
        least: |_| 30,
        why: "the kernel's own value; each FIN that is sent again renews it",
        cause: "the last ACK never came: the client is gone, or its NAT forgot it",
    },
    Timeout {
        name: "syn_sent",
        states: &["SYN_SENT", "SYN_SENT2"],
        default: 120,
        least: |_| 60,
        why: "close to the longest pause between two SYNs of one connection (64 s); a later SYN makes a new entry",
        cause: "SYNs that nobody answers: the service is down, filtered, or the source never existed",
    },
    Timeout {
        name: "syn_recv",
        states: &["SYN_RECV"],
        default: 60,
        least: |_| 30,
        why: "longer than the longest pause between two SYN/ACKs (16 s, tcp_synack_retries = 5), each of which renews it",
        cause: "SYN/ACKs that nobody answers: clients that are gone in mid-handshake, or never existed",
    },
    Timeout {
        name: "close",
        states: &["CLOSE"],
        default: 10,
        least: |_| 10,
        why: "the kernel's own value",
        cause: "connections that ended in a reset",
    },
    Timeout {
        name: "established",
        states: &["ESTABLISHED"],
        default: 432_000,
        least: keepalive,
        why: "never below tcp_keepalive_time: a living connection shows itself within it and the time its probes take (tcp_keepalive_intvl × tcp_keepalive_probes), if it uses keepalives at all",
        cause: "connections that ended without a FIN or RST that this node saw stay until their timeout, which is days",
    },
];

/// `tcp_keepalive_time`, or the kernel's own, with nine probes of 75 s, in whole minutes.
fn keepalive(ground: &Ground<'_>) -> u64 {
    let setting = |name: &str, own| ground.number(name).unwrap_or(own);
    let interval = setting("net.ipv4.tcp_keepalive_intvl", 75);
    let probes = setting("net.ipv4.tcp_keepalive_probes", 9);
    let time = setting("net.ipv4.tcp_keepalive_time", 7_200);
    let whole = time.saturating_add(interval.saturating_mul(probes));
    whole.checked_next_multiple_of(60).unwrap_or(whole)
}

/// A timeout that is to be shorter.
struct Shorter<'t> {
    timeout: &'t Timeout,
    setting: String,
    /// Whether the recording has the setting.
    is_read: bool,
    from: u64,
    to: u64,
    entries: u64,
    frees: Option<u64>,
    basis: Option<Basis>,
    stops: f64,
}

/// Each timeout that is longer than it need be and keeps entries worth speaking of.
pub(super) fn remedies(ground: &Ground<'_>) -> Vec<Remedy> {
    let shorter = TIMEOUTS
        .iter()
        .filter_map(|timeout| shorter(ground, timeout));
    shorter.map(|shorter| shorter.remedy(ground)).collect()
}

fn shorter<'t>(ground: &Ground<'_>, timeout: &'t Timeout) -> Option<Shorter<'t>> {
    let setting = format!("net.netfilter.nf_conntrack_tcp_timeout_{}", timeout.name);
    let read = ground.number(&setting);
    let from = read.unwrap_or(timeout.default);
    let to = (timeout.least)(ground);
    if to >= from {
        return None;
    }
    let mut sums = (0, 0, 0.0);
    let mut basis = None;
    for state in timeout.states {
        let population = ground.populations.of(Protocol::TCP, state);
        let of = (Protocol::TCP, *state);
        let (freed, by) = population.freed(of, (from, to), &ground.idle);
        sums.0 += population.entries;
        sums.1 += freed;
        sums.2 += population.growth_per_second.max(0.0);
        basis = basis.or((population.entries > 0).then_some(by));
    }
    let (entries, freed, stops) = sums;
    // What arrived within a recording of minutes tells nothing of a timeout of hours; idle times do.
    let priced = timeout.name != "established" || basis == Some(Basis::Idle);
    let shorter = Shorter {
        timeout,
        setting,
        is_read: read.is_some(),
        from,
        to,
        entries,
        frees: priced.then_some(freed),
        basis,
        stops: if priced { stops } else { 0.0 },
    };
    ground
        .is_worthwhile(shorter.frees.unwrap_or(entries / 5))
        .then_some(shorter)
}

impl Shorter<'_> {
    fn remedy(self, ground: &Ground<'_>) -> Remedy {
        let place = place::of_timeout(ground, &self.setting, self.from, self.to);
        let states = self.timeout.states.join(" or ");
        let per_cent = self.entries as f64 * 100.0 / ground.entries().max(1) as f64;
        Remedy {
            title: format!(
                "timeout of {states}: {} s instead of {} s",
                self.to, self.from
            ),
            symptom: format!(
                "{} entries in {states}, {per_cent:.0} % of the table",
                self.entries
            ),
            cause: self.cause(&place),
            check: self.check(),
            basis: self.basis(ground),
            setting: Some(self.setting),
            from: Some(self.from.to_string()),
            to: Some(self.to.to_string()),
            owner: place.owner,
            how: place.how,
            persist: Some(place.persist),
            drain_seconds: self
                .frees
                .map(|_| self.from.saturating_add(GC_PASS_SECONDS)),
            ..ground.remedy(RemedyKind::Timeout, self.frees, self.stops)
        }
    }

    fn cause(&self, place: &Place) -> String {
        let Self { from, timeout, .. } = self;
        let mut cause = format!(
            "{}; each stays {from} s after its last packet",
            timeout.cause
        );
        if self.from > timeout.default {
            cause.push_str(&format!(
                " (the kernel's own value is {} s)",
                timeout.default
            ));
        }
        if !self.is_read {
            cause.push_str(" by the kernel's own value, as the setting was not read");
        }
        if !place.evidence.is_empty() {
            cause.push_str(&format!("; set by {}", place.evidence));
        }
        cause
    }

    /// The third column is the time left.
    fn check(&self) -> String {
        let states = self.timeout.states.join("|");
        let left = self.from - self.to;
        // Data that wait for their ACK shorten the timeout to 300 s: such a connection is in use.
        let in_use = match self.timeout.name {
            "established" => "$3 > 300 && ",
            _ => "",
        };
        format!(
            "conntrack -L -p tcp 2>/dev/null | awk '$4 ~ /^({states})$/ && {in_use}$3 < {left}' | wc -l    # idle for more than {} s",
            self.to
        )
    }

    fn basis(&self, ground: &Ground<'_>) -> String {
        let why = self.timeout.why;
        let how = match self.basis.filter(|_| self.frees.is_some()) {
            Some(Basis::Idle) => format!("entries that have been idle for more than {} s", self.to),
            Some(Basis::Arrivals) => format!(
                "entries that came into the state within the recording of {:.0} s, at that rate, {} s each",
                ground.window, self.to
            ),
            Some(Basis::Even) => format!(
                "entries in the last dump, as if they had arrived evenly over {} s: in which state entries ended was not seen",
                self.from
            ),
            None => format!(
                "of {} entries in this state it was not recorded how long they have been idle: the command under `check` counts what it would free",
                self.entries
            ),
        };
        format!(
            "{how}. {} s because: {why}. Entries that are there keep the timeout they have until their next packet",
            self.to
        )
    }
}
