//! Text, JSON and bytes.

use std::time::Duration;

use ctwatch::{
    analysis::drops::{Explained, Summary, Tally, Watched},
    model::{
        counters::{Counters, Ended},
        endpoint::Netns,
        ledger::{Counted, Kernel, Ledger, NetnsLedger},
        recording::Backend,
        sample::Losses,
    },
    render::{
        drops::{heading, json_line, json_summary, line, pcapng::Pcapng, summary},
        paint::Paint,
    },
};

use crate::events::all;

/// A whole file.
pub(crate) fn file(events: &[Explained]) -> Vec<u8> {
    let mut pcapng = Pcapng::default();
    let mut bytes = Pcapng::begin("Linux 6.1.0-56-cloud-amd64", "ctwatch 0.1.0");
    for event in events {
        bytes.extend(pcapng.add(event).into_iter().flatten());
    }
    bytes
}

fn ended(events: &[Explained], file: Option<&str>) -> Summary {
    let mut tally = Tally::default();
    for event in events {
        tally.show(event);
    }
    let books = NetnsLedger {
        netns: Netns {
            cookie: 1,
            inode: 4_026_531_840,
        },
        inserted: 1_200,
        ended: 200,
        count_change: Some(1_000),
        counted: Counted {
            refused: Some(1),
            evicted: Some(12_002),
            insert_failed: Some(4),
            clash_dropped: Some(2),
            nat_exhausted: Some(1),
            chain_too_long: Some(1),
            dying: Some(1),
            clash_merged: Some(0),
        },
        kernel: Kernel {
            drop: Some(3),
            early_drop: Some(12_002),
            insert_failed: Some(4),
            chaintoolong: Some(1),
            clash_resolve: Some(0),
        },
    };
    let watched = Watched {
        backend: Backend::Kprobe,
        elapsed: Duration::from_millis(9_009),
        counted: Counters {
            refused: 1,
            ended: Ended {
                evicted: 12_002,
                evicted_background: 1,
                ..Ended::default()
            },
            insert_failed: 4,
            clash_dropped: 2,
            nat_exhausted: 1,
            chain_too_long: 1,
            dying: 1,
            ..Counters::default()
        },
        ledger: Ledger {
            namespaces: vec![books],
            losses: Losses {
                probe_misses: Some(0),
                events_suppressed: 11_800,
                ring_lost: 200,
                ..Losses::default()
            },
        },
        degraded: vec!["something is not known".to_owned()],
    };
    tally.summary(watched, file.map(str::to_owned))
}

#[test]
fn a_line_tells_who_why_and_for_whom() {
    let lines: String = all()
        .iter()
        .map(|event| line(event, Paint::Plain))
        .collect();
    insta::assert_snapshot!(heading(Paint::Plain) + &lines);
}

#[test]
fn colours_change_nothing_but_colours() {
    for event in all() {
        let colored = line(&event, Paint::Colored);
        assert!(colored.contains("\x1b["));
        let mut plain = String::new();
        let mut rest = colored.as_str();
        while let Some((text, code)) = rest.split_once("\x1b[") {
            plain.push_str(text);
            rest = code.split_once('m').unwrap().1;
        }
        assert_eq!(plain + rest, line(&event, Paint::Plain));
    }
}

#[test]
fn an_object_has_all_that_is_known_and_null_for_the_rest() {
    let lines: Vec<String> = all()
        .iter()
        .map(|event| json_line(event).to_string())
        .collect();
    let objects: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&objects).unwrap());
}

#[test]
fn the_end_tells_what_was_shown_and_what_was_not() {
    insta::assert_snapshot!(summary(&ended(&all(), Some("out.pcapng"))));
}

#[test]
fn the_end_tells_so_also_when_nothing_happened() {
    let mut nothing = ended(&[], None);
    nothing.watched.ledger = Ledger::default();
    nothing.watched.degraded.clear();
    (nothing.suppressed, nothing.lost) = (0, 0);
    nothing.rows.clear();
    insta::assert_snapshot!(summary(&nothing));
}

#[test]
fn the_last_object_is_the_summary() {
    let object = json_summary(&ended(&all(), Some("out.pcapng")));
    insta::assert_snapshot!(serde_json::to_string_pretty(&object).unwrap());
}

#[test]
fn a_file_has_a_section_an_interface_a_namespace_and_the_packets_with_comments() {
    let lines: Vec<String> = file(&all())
        .chunks(16)
        .map(|bytes| {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x} ")).collect();
            let readable = |byte: &u8| match byte {
                b' '..=b'~' => char::from(*byte),
                _ => '.',
            };
            let text: String = bytes.iter().map(readable).collect();
            format!("{hex:<48} {text}")
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn every_block_says_its_length_twice_and_ends_where_the_next_begins() {
    let bytes = file(&all());
    let mut kinds = Vec::new();
    let mut rest = bytes.as_slice();
    let word = |at: &[u8]| u32::from_le_bytes(at[..4].try_into().unwrap());
    while !rest.is_empty() {
        let length = usize::try_from(word(&rest[4..])).unwrap();
        assert_eq!(length % 4, 0);
        assert_eq!(word(&rest[4..]), word(&rest[length - 4..]));
        kinds.push(word(rest));
        rest = &rest[length..];
    }
    // Section header, then each namespace's interface before its first packet.
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 6, 1, 6, 6]);
}
