use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use ctwatch::{
    model::{
        endpoint::Protocol,
        event::Eviction,
        left::TimeLeft,
        recording::Recording,
        stage::Stage,
        translated::{Translated, TranslatedEntries},
        unobserved::{Figure, Unobserved},
    },
    recording::{Writer, open},
};
use proptest::prelude::*;

use crate::{arbitrary, fixture};

pub(crate) fn write(path: &Path, recording: &Recording) {
    let mut writer = Writer::create(path, false, &recording.header, &recording.node).unwrap();
    for sample in &recording.samples {
        writer.sample(sample).unwrap();
    }
    for dump in &recording.dumps {
        writer.dump(dump).unwrap();
    }
    writer.lifetimes(&recording.lifetimes).unwrap();
    writer.events(&recording.events).unwrap();
    for gap in &recording.gaps {
        writer.gap(gap).unwrap();
    }
    match (&recording.ledger, recording.ended_ms) {
        (Some(ledger), Some(ended_ms)) => writer.finish(ended_ms, ledger).unwrap(),
        _ => drop(writer),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(recording in arbitrary::recording()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a ?#%é.db");
        write(&path, &recording);
        prop_assert_eq!(&open(&path).unwrap(), &recording);
        if recording.ended_ms.is_some() {
            prop_assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
            prop_assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        }
    }

    #[test]
    fn a_recording_can_be_read_while_it_is_made(recording in arbitrary::recording()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("running.db");
        let mut writer = Writer::create(&path, false, &recording.header, &recording.node).unwrap();
        for (done, sample) in recording.samples.iter().enumerate() {
            writer.sample(sample).unwrap();
            prop_assert_eq!(&open(&path).unwrap().samples[..], &recording.samples[..=done]);
        }
        writer.lifetimes(&recording.lifetimes).unwrap();
        let read = open(&path).unwrap();
        prop_assert_eq!(&read.lifetimes, &recording.lifetimes);
        prop_assert_eq!((read.ended_ms, read.ledger), (None, None));
    }
}

#[test]
fn the_incident_is_kept_in_little_space_and_its_books_balance() {
    let recording = fixture::incident();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("incident.db");
    write(&path, &recording);
    assert_eq!(open(&path).unwrap(), recording);
    let bytes = fs::metadata(&path).unwrap().len();
    assert!(bytes < 200 * 1024, "{bytes} bytes");
    let books = &recording.ledger.unwrap().namespaces[0];
    let change = books.inserted.cast_signed() - books.ended.cast_signed();
    let (counted, kernel) = (&books.counted, &books.kernel);
    assert_eq!(Some(change), books.count_change);
    assert_eq!(counted.evicted, kernel.early_drop);
    assert_eq!(counted.insert_failed, kernel.insert_failed);
    let refused = counted.refused.zip(counted.clash_dropped);
    assert_eq!(
        refused.map(|(refused, clashes)| refused + clashes),
        kernel.drop
    );
    assert!(counted.evicted > Some(1_000) && counted.refused > Some(100));
}

#[test]
fn lifetimes_are_those_written_last_and_a_killed_recording_has_them() {
    let recording = fixture::incident();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("killed.db");
    let mut writer = Writer::create(&path, false, &recording.header, &recording.node).unwrap();
    writer.lifetimes(&recording.lifetimes).unwrap();
    let mut later = recording.lifetimes;
    for lifetimes in later.values_mut() {
        *lifetimes.buckets.entry(131_072).or_default() += 5;
    }
    writer.lifetimes(&later).unwrap();
    // Neither finished nor dropped: the log is all there is.
    let read = open(&path).unwrap();
    assert_eq!((read.lifetimes, read.ended_ms), (later, None));
}

#[test]
fn a_recording_from_before_lifetimes_were_kept_is_read() {
    let recording = fixture::incident();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("earlier.db");
    write(&path, &recording);
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute("DROP TABLE lifetime", []).unwrap();
    database.close().unwrap();
    let read = open(&path).unwrap();
    assert!(read.lifetimes.is_empty());
    assert_eq!(read.samples, recording.samples);
}

#[test]
fn time_left_and_translations_are_those_of_each_namespaces_last_dump() {
    let mut recording = fixture::incident();
    let row = |state: &str, seconds, entries| TimeLeft {
        protocol: Protocol::TCP,
        stage: Stage::from_name(state).unwrap(),
        seconds,
        entries,
    };
    assert!(recording.dumps.len() > 1);
    for (n, dump) in (1..).zip(&mut recording.dumps) {
        dump.left = vec![row("ESTABLISHED", 432_000, n), row("TIME_WAIT", 9, 2 * n)];
        let way = Translated {
            protocol: Protocol::TCP,
            service: "203.0.113.10:443".parse().unwrap(),
            backend: "[2001:db8::9]:8443".parse().unwrap(),
        };
        dump.translated = vec![TranslatedEntries { way, entries: n }];
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("left.db");
    write(&path, &recording);
    let (last, earlier) = recording.dumps.split_last_mut().unwrap();
    for dump in earlier {
        dump.left.clear();
        dump.translated.clear();
    }
    let read = open(&path).unwrap();
    assert_eq!(read.dumps.last(), Some(&*last));
    assert_eq!(read.dumps, recording.dumps);
    let database = rusqlite::Connection::open(&path).unwrap();
    for table in ["dump_left", "dump_translated"] {
        let statement = format!("DROP TABLE {table}");
        database.execute(&statement, []).unwrap();
    }
    database.close().unwrap();
    assert_eq!(open(&path).unwrap().dumps.len(), recording.dumps.len());
}

/// Takes away what later versions brought, as far as the recording is then one of `version`.
fn downgrade(path: &Path, version: i32) {
    let database = rusqlite::Connection::open(path).unwrap();
    // They name columns that go.
    let views = ["fill", "endpoint_total", "eviction_total", "state_last"]
        .map(|view| format!("DROP VIEW {view}"));
    let tables = ["eviction", "event", "gap"].map(|table| format!("DROP TABLE {table}"));
    let mut columns = vec![
        (
            "sample",
            vec!["events_suppressed", "ring_lost", "pairs_lost"],
        ),
        (
            "delta",
            vec![
                "nat_exhausted",
                "chain_too_long",
                "dying",
                "reopened",
                "syn_ignored",
            ],
        ),
    ];
    if version < 2 {
        columns.push((
            "sample",
            vec!["events_lost", "resynced_inserted", "resynced_ended"],
        ));
    }
    let mut statements: Vec<String> = views.into_iter().chain(tables).collect();
    for (table, names) in columns {
        for name in names {
            statements.push(format!("ALTER TABLE {table} DROP COLUMN {name}"));
            if table == "sample" {
                statements.push(format!("ALTER TABLE ledger_losses DROP COLUMN {name}"));
            }
        }
    }
    if version < 2 {
        statements.push("DROP TABLE unobserved".to_owned());
    }
    for statement in statements {
        database.execute(&statement, []).unwrap();
    }
    database
        .pragma_update(None, "user_version", version)
        .unwrap();
    database.close().unwrap();
}

/// What a recording from before version 3 holds of one of now.
fn without_version_3(mut recording: Recording) -> Recording {
    recording
        .header
        .unobserved
        .0
        .extend(Unobserved::BEFORE_VERSION_3);
    recording.events.clear();
    recording.ledger = None;
    for sample in &mut recording.samples {
        sample.evictions.clear();
        for (_, counters) in &mut sample.deltas {
            (
                counters.nat_exhausted,
                counters.chain_too_long,
                counters.dying,
            ) = (0, 0, 0);
            (counters.reopened, counters.syn_ignored) = (0, 0);
        }
        sample.deltas.retain(|(_, counters)| !counters.is_zero());
    }
    recording
}

#[test]
fn a_recording_of_version_1_or_2_is_read_and_what_it_does_not_hold_is_unobserved() {
    let recordings = [
        (1, fixture::incident()),
        (2, fixture::incident()),
        (2, fixture::by_netlink()),
    ];
    for (version, recording) in recordings {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("earlier.db");
        write(&path, &recording);
        downgrade(&path, version);
        let read = open(&path).unwrap();
        assert_eq!(read, without_version_3(recording), "version {version}");
        assert!(!read.header.unobserved.is_observed(Figure::SynIgnored));
    }
}

#[test]
fn evictions_told_by_several_processors_are_one_row_a_pair() {
    let recording = fixture::incident();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pairs.db");
    let mut writer = Writer::create(&path, false, &recording.header, &recording.node).unwrap();
    let mut sample = recording.samples.last().unwrap().clone();
    let pairs = sample.evictions.clone();
    sample.evictions.extend(pairs.iter().rev().copied());
    writer.sample(&sample).unwrap();
    let doubled = pairs.iter().map(|pair| Eviction {
        evicted: 2 * pair.evicted,
        ..*pair
    });
    assert!(pairs.len() > 2);
    assert_eq!(
        open(&path).unwrap().samples[0].evictions,
        doubled.collect::<Vec<_>>()
    );
}
