//! Evictions, events and gaps.

use ctwatch::model::{
    entry::{State, Tuple},
    event::{Event, Evicted, Eviction, Other, Reason},
    gap::Gap,
};
use proptest::{option, prelude::*, sample::select};

use super::{endpoint, ip};

/// One eviction a pair, in order of pairs, as they are read.
pub(super) fn evictions() -> impl Strategy<Value = Vec<Eviction>> {
    let pair = (endpoint(), option::of(endpoint()));
    proptest::collection::btree_map(pair, 1..=u64::MAX, 0..4).prop_map(|pairs| {
        let eviction = |((victim, newcomer), evicted)| Eviction {
            victim,
            newcomer,
            evicted,
        };
        pairs.into_iter().map(eviction).collect()
    })
}

fn tuple() -> impl Strategy<Value = Tuple> {
    (ip(), ip(), any::<u16>(), any::<u16>()).prop_map(
        |(source, destination, source_port, destination_port)| Tuple {
            source,
            destination,
            source_port,
            destination_port,
        },
    )
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    let states = u8::try_from(State::NAMES.len()).unwrap();
    let evicted = (
        option::of((0..states).prop_map(State)),
        any::<u32>(),
        option::of(any::<u64>()),
        any::<u64>(),
    )
        .prop_map(|(state, status, age_ms, left_ms)| Evicted {
            state,
            status,
            age_ms,
            left_ms,
        });
    let other = (endpoint(), tuple()).prop_map(|(endpoint, original)| Other { endpoint, original });
    (
        (any::<i64>(), select(&Reason::ALL), any::<u32>()),
        (endpoint(), option::of(any::<u16>()), tuple()),
        option::of(evicted),
        option::of(other),
    )
        .prop_map(
            |((at_ns, reason, cpu), (endpoint, zone, original), evicted, other)| Event {
                at_ns,
                reason,
                cpu,
                endpoint,
                zone,
                original,
                evicted,
                other,
                packet: None,
            },
        )
}

pub(super) fn gap() -> impl Strategy<Value = Gap> {
    (any::<i64>(), any::<i64>(), ".*").prop_map(|(from_ms, to_ms, reason)| Gap {
        from_ms,
        to_ms,
        reason,
    })
}
