#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use crate::model::{
    endpoint::{Protocol, Role},
    entry::{State, Tuple},
    listed::Carried,
};

fn tuple(source: &str, destination: &str, ports: [u16; 2]) -> Tuple {
    Tuple {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        source_port: ports[0],
        destination_port: ports[1],
    }
}

fn listed(client: &str, port: u16, state: &str, left: Option<u32>) -> Listed {
    let original = tuple(client, "203.0.113.10", [40_000, port]);
    Listed {
        entry: Entry {
            family: Family::Ipv4,
            protocol: Protocol::TCP,
            original,
            reply: original.inverse(),
            state: State::from_name(state.as_bytes()),
            status: status::SEEN_REPLY | status::ASSURED,
            timeout_seconds: left,
            mark: 0,
            zone: 0,
            helper: None,
            expected: false,
            labelled: false,
        },
        original: Some(Carried {
            packets: 3,
            bytes: 180,
        }),
        reply: None,
        age_seconds: None,
    }
}

/// As two threads would count them.
fn inspect(all: &[Listed], options: &Options) -> Inspection {
    let mut tallies = [Tally::new(options), Tally::new(options)];
    for (place, listed) in all.iter().enumerate() {
        if options.wants(&listed.entry) {
            tallies[place % 2].add(listed);
        }
    }
    let [mut whole, mut other] = tallies;
    whole.settle();
    other.settle();
    whole.merge(other);
    whole.finish(Listing::default(), options)
}

fn options() -> Options {
    Options {
        top: 10,
        ..Options::default()
    }
}

fn times(inspection: &Inspection, state: &str) -> Times {
    let mut rows = inspection.states.iter();
    rows.find(|row| row.state == state).unwrap().times.clone()
}

#[test]
fn idle_times_are_what_is_missing_of_the_timeout() {
    let all: Vec<Listed> = (0..10)
        .map(|seconds| listed("198.51.100.1", 443, "TIME_WAIT", Some(119 - seconds)))
        .collect();
    let times = times(&inspect(&all, &options()), "TIME_WAIT");
    assert_eq!(times.timeout_seconds, Some(120));
    assert_eq!(times.timeout_from, Some(Basis::Default));
    assert_eq!(
        (times.left_p50_seconds, times.left_max_seconds),
        (Some(114), Some(119))
    );
    assert_eq!(
        (
            times.idle_p50_seconds,
            times.idle_p90_seconds,
            times.idle_max_seconds
        ),
        (Some(5), Some(9), Some(10))
    );
    assert_eq!(times.idle_unknown, 0);
}

#[test]
fn a_setting_that_was_given_stands_for_the_default() {
    let name = "net.netfilter.nf_conntrack_tcp_timeout_time_wait".to_owned();
    let options = Options {
        sysctls: Some([(name, "30\n".to_owned())].into()),
        ..options()
    };
    let all = [listed("198.51.100.1", 443, "TIME_WAIT", Some(28))];
    let times = times(&inspect(&all, &options), "TIME_WAIT");
    assert_eq!(
        (times.timeout_seconds, times.timeout_from),
        (Some(30), Some(Basis::Sysctl))
    );
    assert_eq!(times.idle_max_seconds, Some(2));
}

#[test]
fn an_hour_left_of_a_minute_tells_that_the_timeout_is_an_hour() {
    let left = [3_590, 3_000, 900];
    let all = left.map(|left| listed("198.51.100.1", 443, "CLOSE_WAIT", Some(left)));
    let times = times(&inspect(&all, &options()), "CLOSE_WAIT");
    assert_eq!(times.timeout_seconds, Some(3_590));
    assert_eq!(times.timeout_from, Some(Basis::LargestLeft));
    assert_eq!(
        (times.idle_p50_seconds, times.idle_max_seconds),
        (Some(590), Some(2_690))
    );
}

#[test]
fn little_left_of_a_long_timeout_and_no_timer_at_all_leave_the_idle_time_unknown() {
    let left = [Some(431_000), Some(300), Some(12), None];
    let all = left.map(|left| listed("198.51.100.1", 443, "ESTABLISHED", left));
    let times = times(&inspect(&all, &options()), "ESTABLISHED");
    assert_eq!(times.idle_unknown, 3);
    assert_eq!(
        (times.idle_p50_seconds, times.idle_max_seconds),
        (Some(1_000), Some(1_000))
    );
}

#[test]
fn time_left_beyond_all_reason_takes_little_memory_and_gives_no_idle_time() {
    let all = [listed("198.51.100.1", 443, "ESTABLISHED", Some(u32::MAX))];
    let times = times(&inspect(&all, &options()), "ESTABLISHED");
    assert_eq!(times.left_max_seconds, Some(u32::MAX));
    assert_eq!((times.idle_max_seconds, times.idle_unknown), (None, 1));
}

#[test]
fn ports_clients_and_roles_are_counted_once_each() {
    let all = [
        listed("198.51.100.1", 443, "TIME_WAIT", None),
        listed("198.51.100.1", 443, "ESTABLISHED", None),
        listed("198.51.100.2", 443, "TIME_WAIT", None),
        listed("198.51.100.2", 80, "TIME_WAIT", None),
    ];
    let own = ["203.0.113.10".parse().unwrap()];
    let known = Options {
        local: Some(own.into_iter().collect()),
        ..options()
    };
    let inspection = inspect(&all, &known);
    assert_eq!((inspection.entries, inspection.clients.distinct), (4, 2));
    let https = &inspection.ports[0];
    assert_eq!((https.port, https.entries, https.clients), (443, 3, 2));
    assert_eq!(https.role, Some(Role::Inbound));
    assert_eq!(https.states.get("TIME_WAIT"), Some(2));
    let one = Options {
        port: Some(80),
        ..options()
    };
    let inspection = inspect(&all, &one);
    assert_eq!((inspection.entries, inspection.distinct_ports), (1, 1));
    assert_eq!(inspection.ports[0].role, None);
}

#[test]
fn translations_name_service_and_backend_and_what_sources_become() {
    let mut to_pod = listed("198.51.100.1", 30_443, "ESTABLISHED", None);
    to_pod.entry.reply = tuple("10.244.3.7", "198.51.100.1", [8_443, 40_000]);
    let mut both = to_pod.clone();
    both.entry.reply.destination = "192.0.2.10".parse().unwrap();
    let plain = listed("198.51.100.1", 443, "ESTABLISHED", None);
    let nat = inspect(&[to_pod.clone(), to_pod, both, plain], &options()).nat;
    assert_eq!(
        (nat.destination, nat.source, nat.both, nat.untold),
        (3, 1, 1, 0)
    );
    assert_eq!(nat.backends.len(), 1);
    let way = &nat.backends[0];
    assert_eq!(
        (way.service.to_string(), way.port),
        ("203.0.113.10".to_owned(), 30_443)
    );
    assert_eq!(
        (way.backend.to_string(), way.backend_port),
        ("10.244.3.7".to_owned(), 8_443)
    );
    assert_eq!(way.entries, 3);
    assert_eq!(nat.sources[0].address.to_string(), "192.0.2.10");
}

#[test]
fn what_only_some_entries_have_is_counted_by_value() {
    let mut marked = listed("198.51.100.1", 21, "ESTABLISHED", None);
    marked.entry.mark = 6;
    marked.entry.zone = 5;
    marked.entry.helper = Some("ftp".to_owned());
    marked.entry.status |= status::OFFLOAD;
    let plain = listed("198.51.100.1", 443, "ESTABLISHED", None);
    let features = inspect(&[marked.clone(), marked, plain], &options()).features;
    let two = |value| Counted { value, entries: 2 };
    assert_eq!((features.offloaded, features.offloaded_to_hardware), (2, 0));
    assert_eq!(features.marks, [two(6)]);
    assert_eq!(
        features.zones,
        [Counted {
            value: 5,
            entries: 2
        }]
    );
    assert_eq!(
        features.helpers,
        [Counted {
            value: "ftp".to_owned(),
            entries: 2
        }]
    );
}

#[test]
fn a_new_connection_takes_the_place_of_a_closed_one_only() {
    let gives_way = |state| {
        let told = explain(&listed("198.51.100.1", 80, state, Some(5)), &options());
        told.gives_way_to_a_new_connection
    };
    assert_eq!(gives_way("TIME_WAIT"), Some(true));
    assert_eq!(gives_way("CLOSE_WAIT"), Some(false));
    assert_eq!(gives_way("no state"), None);
}
