//! Timeouts of UDP and of protocols that conntrack knows nothing of, by how long entries lived.

use super::{ground::Ground, place};
use crate::model::{
    endpoint::Protocol,
    lifetime::Lifetimes,
    remedy::{Remedy, RemedyKind},
    states::StateCounts,
    unobserved::Figure,
};

/// A timeout of entries without a state.
struct Timeout {
    /// After `net.netfilter.nf_conntrack_`.
    name: &'static str,
    /// The state a dump has its entries under; `None` for both.
    state: Option<&'static str>,
    default: u64,
    /// The shortest that is advised whatever lived.
    least: u64,
}

const UDP: [Timeout; 2] = [
    Timeout {
        name: "udp_timeout",
        state: Some(StateCounts::UNREPLIED),
        default: 30,
        least: 10,
    },
    Timeout {
        name: "udp_timeout_stream",
        state: Some(StateCounts::REPLIED),
        default: 120,
        least: 30,
    },
];
const GENERIC: Timeout = Timeout {
    name: "generic_timeout",
    state: None,
    default: 600,
    least: 60,
};

/// Protocols with timeouts of their own.
const OWN_TIMEOUTS: [Protocol; 7] = [
    Protocol::ICMP,
    Protocol::TCP,
    Protocol::UDP,
    Protocol::DCCP,
    Protocol::GRE,
    Protocol::ICMPV6,
    Protocol::SCTP,
];

pub(super) fn remedies(ground: &Ground<'_>) -> Vec<Remedy> {
    let udp = UDP
        .iter()
        .filter_map(|timeout| remedy(ground, timeout, |protocol| protocol == Protocol::UDP));
    let generic = remedy(ground, &GENERIC, |protocol| {
        !OWN_TIMEOUTS.contains(&protocol)
    });
    udp.chain(generic).collect()
}

fn remedy(ground: &Ground<'_>, timeout: &Timeout, is_of: fn(Protocol) -> bool) -> Option<Remedy> {
    let setting = format!("net.netfilter.nf_conntrack_{}", timeout.name);
    let from = ground.number(&setting).unwrap_or(timeout.default);
    let entries = entries(ground, timeout, is_of);
    let (to, why) = wanted(ground, timeout, from, is_of)?;
    let (frees, basis) = freed(ground, timeout, (from, to), is_of, entries);
    if to >= from || !ground.is_worthwhile(frees) {
        return None;
    }
    let place = place::of_timeout(ground, &setting, from, to);
    let what = match timeout.state {
        Some(state) => format!("udp entries that are {state}"),
        None => "entries of protocols without a tracker of their own".to_owned(),
    };
    Some(Remedy {
        title: format!("{}: {to} s instead of {from} s", timeout.name),
        symptom: format!("{entries} {what}"),
        cause: format!("each stays {from} s after its last packet"),
        check: format!("sysctl {setting}; conntrack -L -p udp"),
        basis: format!("{basis}. {to} s because: {why}"),
        setting: Some(setting),
        from: Some(from.to_string()),
        to: Some(to.to_string()),
        owner: place.owner,
        how: place.how,
        persist: Some(place.persist),
        drain_seconds: Some(from.saturating_add(60)),
        ..ground.remedy(RemedyKind::Timeout, Some(frees), 0.0)
    })
}

/// In the last dump.
fn entries(ground: &Ground<'_>, timeout: &Timeout, is_of: fn(Protocol) -> bool) -> u64 {
    let dumped = ground.dump.iter().flat_map(|dump| &dump.endpoints);
    let of = dumped.filter(|(endpoint, _)| is_of(endpoint.protocol));
    of.map(|(_, seen)| match timeout.state {
        Some(state) => seen.states.get(state).unwrap_or(0),
        None => seen.entries,
    })
    .sum()
}

/// Twice the time that 99 of 100 entries were in use, which is what they lived less the timeout: between no two of
/// their packets lay more. Without lifetimes only a value above the kernel's own is too long.
fn wanted(
    ground: &Ground<'_>,
    timeout: &Timeout,
    from: u64,
    is_of: fn(Protocol) -> bool,
) -> Option<(u64, String)> {
    let mut lifetimes = Lifetimes::default();
    for (endpoint, more) in &ground.recording.lifetimes {
        if endpoint.netns == ground.netns && is_of(endpoint.protocol) {
            lifetimes += more;
        }
    }
    let in_use = lifetimes
        .at_most_ms(99)
        .map(|lived_ms| lived_ms.div_ceil(1_000).saturating_sub(from));
    if let Some(in_use) = in_use {
        let to = in_use.saturating_mul(2).max(timeout.least);
        let to = to.checked_next_multiple_of(5).unwrap_or(to);
        let why = format!(
            "99 of 100 entries of {} sampled were in use for {in_use} s at most",
            lifetimes.sampled()
        );
        // A third less is not worth the change.
        return (to.saturating_mul(3) < from.saturating_mul(2)).then_some((to, why));
    }
    let why = "the kernel's own value; how long entries lived was not sampled".to_owned();
    (from > timeout.default).then_some((timeout.default, why))
}

/// By Little's law: so many arrivals a second, each so many seconds less.
fn freed(
    ground: &Ground<'_>,
    timeout: &Timeout,
    (from, to): (u64, u64),
    is_of: fn(Protocol) -> bool,
    entries: u64,
) -> (u64, String) {
    let less = from.saturating_sub(to) as f64;
    if let Some(rate) = arrivals(ground, timeout, is_of) {
        let freed = ((rate * less).round() as u64).min(entries);
        let basis = format!("{rate:.1} such entries a second, each {less} s less");
        return (freed, basis);
    }
    let freed = (entries as f64 * less / from.max(1) as f64).round() as u64;
    let basis = "entries in the last dump, as if each were idle: how they ended was not seen";
    (freed, basis.to_owned())
}

/// New entries a second that get this timeout; `None` where nobody saw which did.
fn arrivals(ground: &Ground<'_>, timeout: &Timeout, is_of: fn(Protocol) -> bool) -> Option<f64> {
    let (mut inserted, mut ended, mut assured) = (0, 0, 0);
    for (_, counters) in ground.totals.iter().filter(|(e, _)| is_of(e.protocol)) {
        inserted += counters.inserted;
        ended += counters.ended.total();
        assured += counters.assured;
    }
    let observed = ground
        .recording
        .header
        .unobserved
        .is_observed(Figure::Assured);
    let part = match timeout.state {
        None => Some(1.0),
        Some(_) if !observed || ended == 0 => None,
        Some(StateCounts::REPLIED) => Some(assured as f64 / ended as f64),
        Some(_) => Some(1.0 - assured as f64 / ended as f64),
    };
    let part = part.filter(|_| ground.window > 0.0)?;
    Some(inserted as f64 * part / ground.window)
}
