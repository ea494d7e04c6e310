//! More room: a higher limit, with the hash and the memory that it needs, and a hash that is too small.

use super::{ground::Ground, place};
use crate::{
    analysis::memory,
    model::remedy::{Remedy, RemedyKind},
};

const MAX: &str = "net.netfilter.nf_conntrack_max";
const BUCKETS: &str = "net.netfilter.nf_conntrack_buckets";

/// From here on a table has too little room for a burst.
const TIGHT: f64 = 0.8;

/// What the most that is expected should take of a limit.
const COMFORTABLE: f64 = 0.7;

/// So many times the limit that there is; what needs more has another cure.
const AT_MOST: u64 = 4;

/// The limit is kept to whole pages of buckets.
const STEP: u64 = 1_024;

/// A part of the node's memory that is much for one table.
const MUCH: f64 = 0.25;

pub(super) fn remedies(ground: &Ground<'_>) -> Vec<Remedy> {
    match limit(ground) {
        Some(limit) => vec![limit],
        None => hash(ground).into_iter().collect(),
    }
}

/// Entries that there would be if none were turned away: by Little's law all arrivals, those refused included, times
/// how long an entry stays until it ends by itself, which is the entries over such ends a second.
fn expected(ground: &Ground<'_>) -> Option<u64> {
    let peak = ground.table.peak?;
    let lost = &ground.table.lost;
    if lost.total() == 0 {
        return Some(peak);
    }
    let (mut arrived, mut ended) = (lost.refused.unwrap_or(0), 0);
    for counters in ground.totals.values() {
        arrived += counters.inserted;
        ended += counters.ended.total();
    }
    let by_itself = ended.saturating_sub(lost.all_evicted().unwrap_or(0));
    if by_itself == 0 {
        // Nothing tells how long they stay: at least, all of them would be there.
        return Some(peak + lost.total());
    }
    let expected = (peak as f64 * arrived as f64 / by_itself as f64).round() as u64;
    Some(expected.max(peak))
}

fn limit(ground: &Ground<'_>) -> Option<Remedy> {
    let from = ground.table.max.filter(|max| *max > 0)?;
    let expected = expected(ground)?;
    let tight = expected as f64 >= from as f64 * TIGHT;
    if !tight && ground.table.lost.total() == 0 {
        return None;
    }
    let comfortable = (expected as f64 / COMFORTABLE).ceil() as u64;
    let to = comfortable
        .min(from.saturating_mul(AT_MOST))
        .checked_next_multiple_of(STEP)?;
    if to <= from {
        return None;
    }
    Some(raised(ground, (from, to), expected))
}

fn raised(ground: &Ground<'_>, (from, to): (u64, u64), expected: u64) -> Remedy {
    let place = place::of_limit(ground, from, to);
    let buckets = ground.table.buckets;
    let wanted = memory::buckets_for(to).max(buckets.unwrap_or(0));
    let costs =
        buckets.map(|now| memory::bytes(to, wanted).saturating_sub(memory::bytes(from, now)));
    let (hash, hash_persist) = place::of_buckets(wanted);
    let more_buckets = buckets.is_none_or(|now| wanted > now);
    let with_hash = |text: String, hash: &str| match more_buckets {
        true => format!("{text}; {hash}"),
        false => text,
    };
    let owned = match place.evidence.as_str() {
        "" => String::new(),
        evidence => format!("; set by {evidence}"),
    };
    Remedy {
        title: format!("limit: {to} entries instead of {from}"),
        setting: Some(MAX.to_owned()),
        from: Some(from.to_string()),
        to: Some(to.to_string()),
        symptom: symptom(ground),
        cause: format!(
            "the limit of {from} is below what the traffic needs, some {expected} entries{owned}"
        ),
        check: format!(
            "sysctl {MAX} net.netfilter.nf_conntrack_count; grep nf_conntrack /proc/slabinfo"
        ),
        owner: place.owner,
        how: with_hash(place.how, &hash),
        persist: Some(with_hash(place.persist, &hash_persist)),
        basis: format!("{}. {}", basis(ground, expected, to), chains(to, wanted))
            + &of_memory(ground, to, wanted),
        costs_bytes: costs,
        fill_after: ground.room.fill_of(to),
        until_full_after: ground.room.until_full_at(to),
        ..ground.remedy(RemedyKind::Max, Some(0), 0.0)
    }
}

fn symptom(ground: &Ground<'_>) -> String {
    let lost = &ground.table.lost;
    if lost.total() == 0 {
        return "the table is nearly full: a burst will have connections refused".to_owned();
    }
    let known = |figure: Option<u64>| figure.map_or("-".to_owned(), |n| n.to_string());
    format!(
        "{} connections refused, {} entries evicted in the recording",
        known(lost.refused),
        known(lost.all_evicted())
    )
}

fn basis(ground: &Ground<'_>, expected: u64, to: u64) -> String {
    let part = expected as f64 * 100.0 / to as f64;
    let growing = match ground.table.growth_per_second {
        Some(growth) if growth > 0.0 => {
            "; the table still grows, so that this buys time and cures nothing"
        }
        _ => "",
    };
    let held = match part > 100.0 {
        true => format!(
            "; no more than {AT_MOST} times the old one: whoever needs more has something else to cure"
        ),
        false => String::new(),
    };
    format!(
        "the most entries seen, and those turned away as if they had stayed as long as others that end by themselves: {expected}, {part:.0} % of the new limit{held}{growing}"
    )
}

/// Each entry hangs in two chains.
fn chains(max: u64, buckets: u64) -> String {
    let chain = 2.0 * max as f64 / buckets.max(1) as f64;
    format!("{buckets} buckets make chains of {chain:.1} on average when full")
}

fn of_memory(ground: &Ground<'_>, max: u64, buckets: u64) -> String {
    let full = memory::bytes(max, buckets);
    match ground.known.memory {
        Some(total) if full as f64 > total as f64 * MUCH => {
            format!(
                "; {full} bytes when full are more than a quarter of the node's {total}: free entries instead"
            )
        }
        Some(total) => format!("; {full} bytes when full, of the node's {total}"),
        None => format!("; {full} bytes when full (the node's memory was not looked at)"),
    }
}

/// Too few buckets for the limit that there is.
fn hash(ground: &Ground<'_>) -> Option<Remedy> {
    let max = ground.table.max.filter(|max| *max > 0)?;
    let buckets = ground.table.buckets.filter(|buckets| *buckets > 0)?;
    if !memory::is_crowded(max, buckets) {
        return None;
    }
    let to = memory::buckets_for(max);
    let (how, persist) = place::of_buckets(to);
    Some(Remedy {
        title: format!("hash: {to} buckets instead of {buckets}"),
        setting: Some(BUCKETS.to_owned()),
        from: Some(buckets.to_string()),
        to: Some(to.to_string()),
        symptom: "packets cost processor time in softirq, and inserts fail when a chain is too long (since Linux 5.15)".to_owned(),
        cause: format!("{}, as each entry hangs in two", chains(max, buckets)),
        check: format!("sysctl {BUCKETS}; conntrack -S (chaintoolong)"),
        owner: None,
        how,
        persist: Some(persist),
        basis: chains(max, to),
        costs_bytes: Some((to - buckets).saturating_mul(memory::BUCKET)),
        ..ground.remedy(RemedyKind::Hashsize, Some(0), 0.0)
    })
}
