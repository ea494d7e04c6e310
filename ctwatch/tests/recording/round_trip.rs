use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use ctwatch::{
    model::recording::Recording,
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
    assert_eq!(Some(change), books.count_change);
    assert_eq!(books.evicted.ctwatch, books.evicted.kernel);
    assert_eq!(books.refused.ctwatch, books.refused.kernel);
    assert!(books.evicted.ctwatch > Some(1_000) && books.refused.ctwatch > Some(100));
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
fn a_recording_of_version_1_is_read_and_everything_in_it_was_observed() {
    let recording = fixture::incident();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("earlier.db");
    write(&path, &recording);
    let database = rusqlite::Connection::open(&path).unwrap();
    for table in ["sample", "ledger_losses"] {
        for column in ["events_lost", "resynced_inserted", "resynced_ended"] {
            let drop = format!("ALTER TABLE {table} DROP COLUMN {column}");
            database.execute(&drop, []).unwrap();
        }
    }
    database.execute("DROP TABLE unobserved", []).unwrap();
    database.pragma_update(None, "user_version", 1).unwrap();
    database.close().unwrap();
    assert_eq!(open(&path).unwrap(), recording);
}
