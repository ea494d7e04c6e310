#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::IpAddr;

use proptest::prelude::*;

use super::{Problem, read};
use crate::model::{
    endpoint::Protocol,
    ipvs::{Backend, BackendState, Forwarding, IpvsTable, ServiceKey, VirtualService},
};

const PROC: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600001:01BB rr persistent 10800 FFFFFFFF
  -> AC120002:192B      Masq    1      3          4         
  -> AC120003:192B      Masq    0      7          0         
UDP  [fd00:0000:0000:0000:0000:0000:0000:000a]:0035 rr 
FWM  00000001 wlc 
  -> 0A000001:0000      Route   1      0          0         
";

const SAVE: &str = "\
-A -t 10.96.0.1:443 -s rr -p 10800
-a -t 10.96.0.1:443 -r 172.18.0.2:6443 -m -w 1
-a -t 10.96.0.1:443 -r 172.18.0.3:6443 -m -w 0 -x 5 -y 1
-A -u [fd00::a]:53 -s rr
-A -f 1 -s wlc
-a -f 1 -r 10.0.0.1:0 -g -w 1
";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn both_forms_tell_the_same() {
    let mut proc = read(PROC).unwrap();
    let connections: Vec<_> = proc.services[0]
        .backends
        .iter()
        .map(|b| b.connections)
        .collect();
    assert_eq!(connections, [Some(7), Some(7)]);
    let backends = proc
        .services
        .iter_mut()
        .flat_map(|service| &mut service.backends);
    backends.for_each(|backend| backend.connections = None);
    assert_eq!(read(SAVE).unwrap(), proc);
}

#[test]
fn a_service_is_found_by_its_port_and_one_of_all_ports_by_any() {
    let table = read(&format!("{SAVE}-A -t 10.96.0.9:0 -s rr -p\n")).unwrap();
    let at = |ip, port| table.service_at(Protocol::TCP, address(ip), port);
    let service = at("10.96.0.1", 443).unwrap();
    assert_eq!(service.to_string(), "tcp 10.96.0.1:443 (rr, 2 backends)");
    assert!(service.persistent);
    assert_eq!(at("10.96.0.1", 80), None);
    assert_eq!(
        at("10.96.0.9", 5).unwrap().key.to_string(),
        "tcp 10.96.0.9:0"
    );
    assert_eq!(
        table.service_at(Protocol::UDP, address("10.96.0.1"), 443),
        None
    );
    assert_eq!(table.marked().unwrap().key, ServiceKey::Mark(1));
}

#[test]
fn backends_are_serving_drained_or_gone() {
    let table = read(PROC).unwrap();
    let state = |ip, port| table.services[0].state_of(address(ip), port);
    assert_eq!(state("172.18.0.2", 6443), BackendState::Serving);
    assert_eq!(state("172.18.0.3", 6443), BackendState::Drained);
    assert_eq!(state("172.18.0.3", 80), BackendState::Gone);
    assert_eq!(table.drained().count(), 1);
}

#[test]
fn no_service_is_no_error_and_half_a_text_is_one() {
    assert_eq!(read("").unwrap(), IpvsTable::default());
    let problem = |text: &str| {
        let error = read(text).unwrap_err();
        (error.line, error.problem)
    };
    assert_eq!(
        problem("-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m"),
        (1, Problem::Orphan)
    );
    assert_eq!(
        problem("-A -t kubernetes:https -s rr"),
        (1, Problem::Address("kubernetes:https".into()))
    );
    assert_eq!(problem("-A -t 10.0.0.1:80 -s rr\n-C").0, 2);
    assert_eq!(problem("TCP 10.0.0.1:80").0, 1);
    let cut = PROC.replace("TCP  0A600001:01BB rr persistent 10800 FFFFFFFF\n", "");
    assert_eq!(problem(&cut), (4, Problem::Orphan));
    let odd = PROC.replace("Masq    1", "Teleport 1");
    assert_eq!(problem(&odd), (5, Problem::Forwarding("Teleport".into())));
}

fn forwarding() -> impl Strategy<Value = (Forwarding, &'static str, &'static str)> {
    prop_oneof![
        Just((Forwarding::Masquerade, "Masq", "-m")),
        Just((Forwarding::Route, "Route", "-g")),
        Just((Forwarding::Tunnel, "Tunnel", "-i")),
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", proc: bool) {
        let header = if proc { "IP Virtual Server version 1.2.1 (size=4096)\n" } else { "" };
        let _ = read(&format!("{header}{text}"));
    }

    #[test]
    fn words_of_the_formats_in_any_order_are_read_or_refused(
        words in proptest::collection::vec(
            prop_oneof![
                Just("-A"), Just("-a"), Just("-t"), Just("-r"), Just("-w"), Just("->"), Just("TCP"), Just("FWM"),
                Just("0A600001:01BB"), Just("10.0.0.1:80"), Just("Masq"), Just("1"), Just("\n"), Just("-p"),
            ],
            0..24,
        ),
        proc: bool,
    ) {
        let header = if proc { "IP Virtual Server version 1.2.1 (size=4096)\n" } else { "" };
        let _ = read(&format!("{header}{}", words.join(" ")));
    }

    #[test]
    fn what_was_printed_is_what_is_read(
        at: [u8; 4], port: u16, to: [u8; 4], to_port: u16, weight in 0..70_000_u64, (how, word, flag) in forwarding()
    ) {
        let expected = IpvsTable {
            services: vec![VirtualService {
                key: ServiceKey::Address { protocol: Protocol::TCP, address: at.into(), port },
                scheduler: "rr".into(),
                persistent: false,
                backends: vec![Backend {
                    address: to.into(), port: to_port, forwarding: how, weight, connections: None,
                }],
            }],
        };
        let [at_text, to_text] = [at, to].map(|a| IpAddr::from(a).to_string());
        let save = format!("-A -t {at_text}:{port} -s rr\n-a -t {at_text}:{port} -r {to_text}:{to_port} {flag} -w {weight}\n");
        prop_assert_eq!(&read(&save).unwrap(), &expected);
        let hex = |a: [u8; 4]| format!("{:08X}", u32::from_be_bytes(a));
        let proc = format!(
            "IP Virtual Server version 1.2.1 (size=4096)\nTCP  {}:{port:04X} rr \n  -> {}:{to_port:04X} {word} {weight}\n",
            hex(at), hex(to)
        );
        prop_assert_eq!(&read(&proc).unwrap(), &expected);
    }
}
