//! A full disk: a small tmpfs, which takes root.

use std::{path::Path, process::Command};

use ctwatch::{
    model::{ledger::Ledger, node::Node},
    recording::{Error, Writer, open},
};

use crate::killed::{header, sample};

/// Unmounts when it goes.
struct Tmpfs<'p>(&'p Path);

impl<'p> Tmpfs<'p> {
    fn mount(at: &'p Path, size: &str) -> Option<Self> {
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at);
        let done = mount.output().is_ok_and(|output| output.status.success());
        done.then_some(Self(at))
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        Command::new("umount").arg(self.0).status().unwrap();
    }
}

#[test]
fn a_disk_that_is_full_from_the_start_is_left_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(directory.path(), "64k") else {
        println!("skipped: mounting a small tmpfs takes root");
        return;
    };
    let path = disk.0.join("full.db");
    let error = Writer::create(&path, false, &header(), &Node::default()).unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(disk.0).unwrap().count(), 0);
}

#[test]
fn a_full_disk_is_named_and_what_was_committed_stays() {
    let directory = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(directory.path(), "3m") else {
        println!("skipped: mounting a small tmpfs takes root");
        return;
    };
    let path = disk.0.join("full.db");
    let mut writer = Writer::create(&path, false, &header(), &Node::default()).unwrap();
    let mut committed = 0;
    let error = loop {
        match writer.sample(&sample(committed + 1)) {
            Ok(()) => committed += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&error, Error::Full { path: named } if *named == path),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .starts_with(&format!("no space left for {}", path.display()))
    );
    let end = writer.finish(1, &Ledger::default());
    if let Err(error) = end {
        assert!(matches!(error, Error::Full { .. }), "{error:?}");
    }
    let recording = open(&path).unwrap();
    assert!(committed > 0);
    assert_eq!(recording.samples.len(), usize::try_from(committed).unwrap());
    assert_eq!(recording.samples.last(), Some(&sample(committed)));
}
