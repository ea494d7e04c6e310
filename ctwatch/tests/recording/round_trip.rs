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
        let read = open(&path).unwrap();
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
    assert_eq!(Some(books.evicted.ctwatch), books.evicted.kernel);
    assert_eq!(Some(books.refused.ctwatch), books.refused.kernel);
    assert!(books.evicted.ctwatch > 1_000 && books.refused.ctwatch > 100);
}
