//! Who owns a setting, and idle times.

use super::{super::idle::idle as idle_times, *};
use crate::model::{
    doctor::{
        Told,
        facts::{Assignment, Program, ProgramKind},
    },
    entry::{Entry, Tuple},
    left::Lefts,
    remedy::Idle,
    status,
};

fn kube_proxy(arguments: &[&str], configuration: &[(&str, &str)]) -> Known {
    let settings = configuration
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Known {
        programs: Some(vec![Program {
            kind: ProgramKind::KubeProxy,
            pid: 17,
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            configuration: (!configuration.is_empty())
                .then(|| ("/config.conf".to_owned(), Told::Value(settings.collect()))),
        }]),
        ..Known::default()
    }
}

fn close_wait(known: Known, value: &'static str) -> Remedy {
    let service = Service::new(Role::Inbound, 443, &[("CLOSE_WAIT", 60_000)]);
    let scene = Scene {
        known,
        ..Scene::new(vec![service], 262_144).sysctl(CLOSE_WAIT, value)
    };
    of(&scene.remedies(), CLOSE_WAIT).clone()
}

#[test]
fn kube_proxys_process_and_what_it_was_told_outweigh_its_typical_values() {
    let by_file = kube_proxy(&[], &[("conntrack.tcpCloseWaitTimeout", "30m")]);
    let remedy = close_wait(by_file.clone(), "1800");
    assert_eq!(remedy.owner.as_deref(), Some("kube-proxy"));
    assert!(
        remedy
            .cause
            .contains("(process 17), conntrack.tcpCloseWaitTimeout: 30m in /config.conf"),
        "{}",
        remedy.cause
    );
    // It runs and was told another value: somebody else set this one.
    let remedy = close_wait(by_file, "3600");
    assert_eq!(remedy.owner, None);
    assert!(remedy.how.starts_with("sysctl -w "), "{}", remedy.how);
    let by_flag = kube_proxy(
        &["kube-proxy", "--conntrack-tcp-timeout-close-wait=10m"],
        &[],
    );
    assert_eq!(
        close_wait(by_flag, "600").owner.as_deref(),
        Some("kube-proxy")
    );
}

#[test]
fn a_file_that_sets_the_value_is_where_it_is_changed() {
    let known = Known {
        assignments: vec![Assignment {
            file: "/etc/sysctl.d/50-mine.conf".into(),
            line: 3,
            name: CLOSE_WAIT.into(),
            value: "900".into(),
        }],
        ..Known::default()
    };
    let remedy = close_wait(known, "900");
    assert_eq!(
        remedy.owner.as_deref(),
        Some("/etc/sysctl.d/50-mine.conf:3")
    );
    let persist = remedy.persist.as_deref().unwrap();
    assert!(
        persist.contains("= 60 in /etc/sysctl.d/50-mine.conf,"),
        "{persist}"
    );
}

fn entry(protocol: Protocol, state: Option<&str>, status: u32, left: Option<u32>) -> Entry {
    let original = Tuple {
        source: "198.51.100.7".parse().unwrap(),
        destination: "203.0.113.10".parse().unwrap(),
        source_port: 40_000,
        destination_port: 443,
    };
    let index = |name: &str| {
        State::NAMES
            .iter()
            .position(|known| *known == name)
            .unwrap()
    };
    Entry {
        family: Family::Ipv4,
        protocol,
        original,
        reply: original.inverse(),
        state: state.map(|name| State(u8::try_from(index(name)).unwrap())),
        status,
        timeout_seconds: left,
        mark: 0,
        zone: 0,
        helper: None,
        expected: false,
        labelled: false,
    }
}

#[test]
fn idle_is_what_is_gone_of_the_timeout() {
    let settings: BTreeMap<String, String> = [(CLOSE_WAIT.to_owned(), "3600".to_owned())].into();
    let idle = |entry: Entry| -> Idle {
        let mut left = Lefts::default();
        left.add(&entry);
        idle_times(&left.rows(), &settings)
    };
    let expected = |protocol, state: &str, seconds| {
        let mut idle = Idle::default();
        idle.add(protocol, state, seconds, 1);
        idle
    };
    let replied = status::SEEN_REPLY;
    let assured = status::SEEN_REPLY | status::ASSURED;
    let tcp = |state, left| entry(Protocol::TCP, Some(state), assured, Some(left));
    let of_tcp = |state, seconds| expected(Protocol::TCP, state, seconds);
    assert_eq!(idle(tcp("CLOSE_WAIT", 3_000)), of_tcp("CLOSE_WAIT", 600));
    // Rather too little, by less than a minute.
    assert_eq!(
        idle(tcp("ESTABLISHED", 400_000)),
        of_tcp("ESTABLISHED", 31_980)
    );
    // Data wait for their ACK.
    assert_eq!(idle(tcp("ESTABLISHED", 290)), of_tcp("ESTABLISHED", 10));
    // A timeout that was longer when the entry got it.
    assert_eq!(idle(tcp("TIME_WAIT", 400)), of_tcp("TIME_WAIT", 0));
    let udp = |status| entry(Protocol::UDP, None, status, Some(20));
    assert_eq!(idle(udp(assured)), expected(Protocol::UDP, "REPLIED", 100));
    assert_eq!(idle(udp(replied)), expected(Protocol::UDP, "REPLIED", 10));
    assert_eq!(idle(udp(0)), expected(Protocol::UDP, "UNREPLIED", 10));
    assert_eq!(
        idle(entry(Protocol::TCP, Some("CLOSE_WAIT"), 0, None)),
        Idle::default()
    );
}
