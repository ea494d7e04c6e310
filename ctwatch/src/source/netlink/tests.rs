#![allow(clippy::unwrap_used, reason = "bytes that the test itself made")]

use proptest::prelude::*;

use super::{socket::read_part, *};

/// Linux 6.18's answer to a dump request, and what `conntrack -L` printed of the same table.
const DUMP: &[u8] = include_bytes!("../../../../tests/golden/conntrack/ctnetlink-dump.bin");
const LIST: &str = include_str!("../../../../tests/golden/conntrack/ctnetlink-dump.list.txt");

/// A line of `conntrack -L` less what an [`Entry`] does not hold.
fn without_counters(line: &str) -> String {
    let (mut kept, mut zone) = (Vec::new(), None);
    for field in line.split(' ') {
        match field.split_once('=') {
            Some(("packets" | "bytes" | "delta-time" | "use", _)) => {}
            Some(("zone-orig" | "zone-reply", number)) => zone = Some(format!("zone={number}")),
            _ => kept.push(field.to_owned()),
        }
    }
    kept.extend(zone);
    kept.join(" ")
}

#[test]
fn a_recorded_dump_reads_as_conntrack_prints_it() {
    let (entries, end) = read(DUMP);
    assert!(end.unwrap());
    let mut ours: Vec<String> = entries.iter().map(Entry::to_string).collect();
    let mut theirs: Vec<String> = LIST.lines().map(without_counters).collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}

#[test]
fn a_master_a_helper_and_families_are_seen() {
    let entries = read(DUMP).0;
    let by_port = |port: u16| {
        let is_it = |entry: &&Entry| entry.original.destination_port == port;
        entries.iter().find(is_it).unwrap()
    };
    assert_eq!(by_port(21).helper.as_deref(), Some("ftp"));
    assert!(by_port(50_000).expected && !by_port(21).expected);
    assert!(entries.iter().all(|entry| {
        (entry.family == crate::model::endpoint::Family::Ipv6) == entry.original.source.is_ipv6()
    }));
}

fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (16 + payload.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

fn read(part: &[u8]) -> (Vec<Entry>, Result<bool, Reason>) {
    let mut entries = Vec::new();
    let end = read_part(part, &mut |entry: &Entry, _| entries.push(entry.clone()));
    (entries, end)
}

#[test]
fn a_dump_ends_with_its_status() {
    let done = |errno: i32| read(&message(3, 2, 1, &(-errno).to_ne_bytes())).1;
    assert!(done(0).unwrap());
    assert!(matches!(done(libc::EPERM), Err(Reason::Denied)));
    assert!(matches!(done(libc::EINVAL), Err(Reason::NoCtnetlink)));
    assert!(matches!(
        done(libc::ENOMEM),
        Err(Reason::Kernel(Errno::ENOMEM))
    ));
}

#[test]
fn a_refusal_names_the_capability() {
    let refusal = message(
        2,
        0,
        1,
        &[(-libc::EPERM).to_ne_bytes().as_slice(), &[0; 16]].concat(),
    );
    let error = read(&refusal).1.unwrap_err();
    assert!(error.to_string().contains("CAP_NET_ADMIN"), "{error}");
}

#[test]
fn an_unreliable_dump_is_told_from_a_good_one() {
    let interrupted = message(3, 0x12, 1, &[0; 4]);
    assert!(matches!(read(&interrupted).1, Err(Reason::Interrupted)));
}

#[test]
fn answers_to_other_requests_are_passed_over() {
    assert!(!read(&message(3, 2, 99, &[0; 4])).1.unwrap());
}

#[test]
fn a_length_that_does_not_fit_is_an_error_and_not_a_loop() {
    for length in [0_u32, 15, 21, u32::MAX] {
        let mut bytes = message(3, 2, 1, &[0; 4]);
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        assert!(
            matches!(read(&bytes).1, Err(Reason::Malformed(_))),
            "{length}"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_result(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }

    #[test]
    fn a_damaged_dump_ends_in_a_result(
        damage in proptest::collection::vec((0..DUMP.len(), any::<u8>()), 1..20), length in 0..DUMP.len()
    ) {
        let mut bytes = DUMP.to_vec();
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        let _ = read(&bytes);
        let _ = read(&bytes[..length]);
    }

    #[test]
    fn any_bytes_in_an_entry_end_in_a_result(payload: Vec<u8>) {
        let _ = read(&message(0x100, 2, 1, &payload));
    }
}
