#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use crate::model::{
    endpoint::Protocol,
    entry::{Entry, State},
    listed::Carried,
    status,
};

mod properties;

const LIST: &str = include_str!("../../../../tests/golden/conntrack/list.txt");
const EXTENDED: &str =
    include_str!("../../../../tests/golden/conntrack/list-extended-id-timestamp.txt");
const SAVE: &str = include_str!("../../../../tests/golden/conntrack/list-save.txt");
const XML: &str = include_str!("../../../../tests/golden/conntrack/list.xml");
const PROC: &str = include_str!("../../../../tests/golden/conntrack/proc-net-nf_conntrack.txt");
const INCIDENTS: &str = include_str!("../../../../tests/golden/conntrack/incidents.txt");

#[derive(Clone, Default)]
struct All {
    entries: Vec<Listed>,
    ended: bool,
}

impl Sink for All {
    fn take(&mut self, listed: &Listed) -> ControlFlow<()> {
        self.entries.push(listed.clone());
        ControlFlow::Continue(())
    }

    fn end(&mut self) {
        self.ended = true;
    }
}

struct Three(u32);

impl Sink for Three {
    fn take(&mut self, _: &Listed) -> ControlFlow<()> {
        self.0 += 1;
        if self.0 == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

fn one(line: &str) -> Listed {
    let mut listed = blank();
    let kind = parse(line.as_bytes(), &mut listed).unwrap();
    assert!(matches!(kind, Kind::Entry(_, None)), "{kind:?}");
    listed
}

fn all(text: &str) -> Vec<Listed> {
    let (mut sinks, listing) = scanned(text.as_bytes(), 1);
    assert_eq!(
        (listing.damaged, listing.unknown_entries),
        (0, 0),
        "{listing:?}"
    );
    sinks.remove(0)
}

fn scanned(text: &[u8], threads: usize) -> (Vec<Vec<Listed>>, Listing) {
    let (sinks, listing) = scan(text, vec![All::default(); threads]).unwrap();
    assert!(sinks.iter().all(|sink| sink.ended));
    (
        sinks.into_iter().map(|sink| sink.entries).collect(),
        listing,
    )
}

/// Entries in an order of their own, each once.
fn sorted(text: &str, told: impl Fn(&Listed) -> String) -> Vec<String> {
    let mut lines: Vec<String> = all(text).iter().map(told).collect();
    lines.sort();
    lines.dedup();
    lines
}

#[test]
fn all_forms_tell_the_same_entries() {
    let told = |listed: &Listed| listed.entry.to_string();
    let list = sorted(LIST, told);
    assert_eq!(list.len(), 15);
    assert_eq!(sorted(EXTENDED, told), list);
    assert_eq!(sorted(PROC, told), list);
    assert_eq!(sorted(XML, told), list);
}

#[test]
fn the_form_that_conntrack_reads_back_lacks_marks_only() {
    let told = |listed: &Listed| {
        Entry {
            mark: 0,
            ..listed.entry.clone()
        }
        .to_string()
    };
    let saved = sorted(SAVE, told);
    let list = sorted(LIST, told);
    assert!(
        saved.iter().all(|line| list.contains(line)),
        "{saved:#?} {list:#?}"
    );
    assert_eq!(saved.len(), list.len());
}

#[test]
fn a_line_tells_all_it_has() {
    let listed = one(
        "ipv4     2 tcp      6 86399 ESTABLISHED src=198.51.100.7 dst=203.0.113.20 sport=41000 dport=30443 packets=7 \
         bytes=269 zone-orig=3 src=10.244.3.7 dst=198.51.100.7 sport=8443 dport=41000 packets=5 bytes=270 [ASSURED] \
         mark=6 secmark=0 helper=ftp labels=a,b delta-time=12 [start=Fri Nov 20 16:32:14 2026] use=1 id=532757362",
    );
    let Listed { entry, .. } = &listed;
    assert_eq!(entry.timeout_seconds, Some(86_399));
    assert_eq!(entry.state.map(State::name), Some("ESTABLISHED"));
    assert_eq!(
        (entry.mark, entry.zone, entry.helper.as_deref()),
        (6, 3, Some("ftp"))
    );
    assert!(entry.labelled && !entry.expected && entry.has(status::SEEN_REPLY | status::ASSURED));
    assert!(entry.is_destination_translated() && !entry.is_source_translated());
    assert_eq!(
        listed.original,
        Some(Carried {
            packets: 7,
            bytes: 269
        })
    );
    assert_eq!(listed.age_seconds, Some(12));
}

#[test]
fn entries_of_every_protocol_are_read() {
    let ping = one(
        "icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=77 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=77 mark=0 use=1 id=9",
    );
    assert_eq!(
        (
            ping.entry.original.source_port,
            ping.entry.original.destination_port
        ),
        (77, 0x800)
    );
    assert_eq!(ping.entry.reply.destination_port, 0);
    let saved = one(
        "-A -t 29 -u SEEN_REPLY -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 77",
    );
    assert_eq!(saved.entry, ping.entry);
    let offloaded = one(
        "ipv4 2 udp 17 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 [HW_OFFLOAD] mark=0 zone=0 use=3",
    );
    assert_eq!(offloaded.entry.timeout_seconds, None);
    assert!(offloaded.entry.has(status::OFFLOAD | status::HW_OFFLOAD));
    let gre = one(
        "gre      47 99 timeout=30, stream_timeout=180 src=10.1.1.1 dst=10.1.1.2 srckey=0x1 dstkey=0xff src=10.1.1.2 dst=10.1.1.1 srckey=0xff dstkey=0x1 mark=0 use=2",
    );
    assert_eq!(
        (
            gre.entry.original.source_port,
            gre.entry.original.destination_port
        ),
        (1, 255)
    );
}

#[test]
fn sctp_in_xml_has_its_own_state_not_tcps_of_the_same_number() {
    let entries = all(XML);
    let sctp = entries
        .iter()
        .find(|listed| listed.entry.protocol == Protocol::SCTP);
    assert_eq!(
        sctp.and_then(|listed| listed.entry.state).map(State::name),
        Some("ESTABLISHED")
    );
}

#[test]
fn the_incidents_lines_are_read() {
    let entries = all(INCIDENTS);
    assert_eq!(entries.len(), 9);
    let translated: Vec<&Listed> = entries
        .iter()
        .filter(|listed| listed.entry.is_destination_translated())
        .collect();
    assert_eq!(translated.len(), 1);
    assert_eq!(
        translated[0].entry.reply.source.to_string(),
        "192.168.2.100"
    );
}

#[test]
fn damage_has_a_place_and_a_reason() {
    for (line, column, what) in [
        ("nonsense", 1, What::NoForm),
        (
            "tcp      6 119 TIME_WAIT src=10.0.0.300 dst=1.1.1.1",
            30,
            What::NoAddress,
        ),
        (
            "tcp      6 119 TIME_WAIT src=10.0.0.3 dst=1.1.1.1 sport=99999",
            57,
            What::TooLarge,
        ),
        (
            "tcp      6 119 TIME_WAIT src=10.0.0.3x dst=1.1.1.1",
            38,
            What::Unended,
        ),
        (
            "tcp      6 119 TIME_WAIT src=10.0.0.3 dst=1.1.1.1 sport=1 dport=2 src=1.1.1.1 dst=10.0.0.3 sport=2",
            99,
            What::Incomplete,
        ),
        (
            "tcp 6 1 src=1.1.1.1 dst=2.2.2.2 sport=1 dport=2 src=::1 dst=::2 sport=2 dport=1",
            80,
            What::MixedFamilies,
        ),
        (
            "    [NEW] tcp      6 120 SYN_SENT src=1.1.1.1",
            1,
            What::Event,
        ),
        (
            "<flow><meta direction=\"original\"><layer3 protonum=\"2\"><src>10.1.1</src>",
            60,
            What::NoAddress,
        ),
        ("-A -t 99 -s 10.1.1.1", 21, What::Incomplete),
    ] {
        let damage = parse(line.as_bytes(), &mut blank()).unwrap_err();
        assert_eq!((damage.column, damage.what), (column, what), "{line}");
    }
}

#[test]
fn words_of_a_kernel_to_come_are_kept_as_unknown() {
    let line = "tcp 6 9 QUANTUM src=1.1.1.1 dst=2.2.2.2 sport=1 dport=2 src=2.2.2.2 dst=1.1.1.1 sport=2 dport=1 [TELEPORTED] shard=7 use=1";
    let mut listed = blank();
    let kind = parse(line.as_bytes(), &mut listed).unwrap();
    assert_eq!(kind, Kind::Entry(Form::List, Some(&b"QUANTUM"[..])));
    assert_eq!(listed.entry.state, None);
    let (_, listing) = scanned(line.as_bytes(), 1);
    assert_eq!(
        (listing.entries, listing.unknown_entries, listing.unknown),
        (1, 1, vec!["QUANTUM".to_owned()])
    );
}

#[test]
fn what_stands_between_entries_is_no_damage() {
    let text = "\nconntrack v1.4.7 (conntrack-tools): 15 flow entries have been shown.\r\n<?xml version=\"1.0\"?>\n<conntrack>\n</conntrack>\n";
    assert_eq!(
        scanned(text.as_bytes(), 1).1,
        Listing {
            lines: 5,
            ..Listing::default()
        }
    );
}

#[test]
fn damaged_lines_have_their_numbers_whichever_thread_reads_them() {
    let good = LIST.lines().next().unwrap();
    let mut text = String::new();
    for number in 1..=20_000 {
        text.push_str(if number % 2_500 == 0 {
            "tcp 6 cut"
        } else {
            good
        });
        text.push('\n');
    }
    for threads in [1, 2, 5] {
        let (sinks, listing) = scanned(text.as_bytes(), threads);
        assert_eq!((listing.lines, listing.damaged), (20_000, 8));
        assert_eq!(sinks.iter().map(Vec::len).sum::<usize>(), 19_992);
        let lines: Vec<u64> = listing
            .damaged_lines
            .iter()
            .map(|damaged| damaged.line)
            .collect();
        assert_eq!(lines, [2_500, 5_000, 7_500, 10_000, 12_500]);
        assert_eq!(listing.damaged_lines[0].text, "tcp 6 cut");
    }
}

#[test]
fn whoever_has_enough_ends_it() {
    let (sinks, listing) = scan(LIST.as_bytes(), vec![Three(0)]).unwrap();
    assert_eq!((sinks[0].0, listing.entries), (3, 3));
}

#[test]
fn a_reply_that_only_begins_as_the_original_turned_round_is_read_to_its_end() {
    let line = |reply: &str| {
        let original = "tcp      6 9 CLOSE src=10.0.0.1 dst=10.0.0.2 sport=400 dport=80";
        one(&format!("{original} {reply} [ASSURED] mark=0 use=1")).entry
    };
    let plain = line("src=10.0.0.2 dst=10.0.0.1 sport=80 dport=400");
    assert_eq!(plain.reply, plain.original.inverse());
    let to_port = line("src=10.0.0.2 dst=10.0.0.1 sport=80 dport=4000");
    assert_eq!(to_port.reply.destination_port, 4_000);
    let to_client = line("src=10.0.0.2 dst=10.0.0.11 sport=80 dport=400");
    assert!(to_client.is_source_translated());
    let from_backend = line("src=10.0.0.20 dst=10.0.0.1 sport=80 dport=400");
    assert!(from_backend.is_destination_translated());
    assert_eq!(from_backend.reply.source_port, 80);
}

#[test]
fn a_usual_end_tells_what_its_words_tell() {
    let line = "tcp      6 9 CLOSE src=10.0.0.1 dst=10.0.0.2 sport=400 dport=80 src=10.0.0.2 dst=10.0.0.1 sport=80 dport=400";
    for end in super::list::USUAL_ENDS {
        let end = std::str::from_utf8(end).unwrap();
        let read = one(&format!("{line}{end}"));
        assert_eq!(read, one(&format!("{line}{end} id=7")), "{end}");
        assert!(read.entry.has(status::ASSURED), "{end}");
    }
}
