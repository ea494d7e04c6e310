//! What is no recording is named in one line, and left as it was.

use std::{
    fs::{self, OpenOptions},
    io::{Seek, SeekFrom, Write},
    os::unix::net::UnixListener,
    path::Path,
};

use ctwatch::{
    model::{node::Node, recording::Recording},
    recording::{Error, Writer},
};
use rusqlite::Connection;

use crate::{fixture, program::Place};

/// Runs `report` on the file, which must be refused in one line that contains `reason`, and stay as it is.
fn refuse(place: &Place, path: &Path, reason: &str) {
    let before = fs::read(path).ok();
    let said = place.report(&[path.to_str().unwrap()]);
    assert_eq!((said.status, said.out.as_str()), (2, ""), "{}", said.err);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    assert!(said.err.starts_with("ctwatch: "), "{}", said.err);
    assert!(said.err.contains(reason), "{}", said.err);
    assert!(said.err.contains(path.to_str().unwrap()), "{}", said.err);
    assert!(
        said.err.trim_end().ends_with(')'),
        "no next step: {}",
        said.err
    );
    assert_eq!(fs::read(path).ok(), before);
}

fn place_with_recording() -> (Place, std::path::PathBuf) {
    let place = Place::new();
    let path = place.record("ctwatch.db", &fixture::incident());
    (place, path)
}

#[test]
fn a_file_that_is_not_there() {
    let place = Place::new();
    let said = place.report(&[]);
    assert_eq!(said.status, 2);
    assert_eq!(
        said.err,
        "ctwatch: no such file or directory: ctwatch.db (make one with `ctwatch record -f FILE`)\n"
    );
}

#[test]
fn what_is_no_file() {
    let place = Place::new();
    refuse(&place, place.directory.path(), "a directory");
    refuse(&place, Path::new("/dev/null"), "a device");
    let pipe = place.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let said = place.report(&[pipe.to_str().unwrap()]);
    assert!(
        said.status == 2 && said.err.contains("a pipe"),
        "{}",
        said.err
    );
    let socket = place.path("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    refuse(&place, &socket, "a socket");
}

#[test]
fn other_files() {
    let place = Place::new();
    let path = place.path("other");
    for (content, reason) in [
        (&b""[..], "it is empty"),
        (b"tcp 6 431999 ESTABLISHED", "no SQLite database"),
        (
            b"SQLite format 3\0 and no more",
            "ends within its first 100 bytes",
        ),
    ] {
        fs::write(&path, content).unwrap();
        refuse(&place, &path, reason);
    }
    let database = place.path("other.db");
    Connection::open(&database)
        .unwrap()
        .execute_batch("CREATE TABLE recording (id INTEGER); PRAGMA user_version = 1;")
        .unwrap();
    refuse(&place, &database, "the SQLite database of another program");
}

#[test]
fn a_recording_of_a_later_ctwatch() {
    let (place, path) = place_with_recording();
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 4)
        .unwrap();
    refuse(
        &place,
        &path,
        "has version 4 of the schema, this ctwatch reads up to 3 (use a newer ctwatch)",
    );
}

#[test]
fn a_truncated_recording() {
    let (place, path) = place_with_recording();
    let whole = fs::metadata(&path).unwrap().len();
    for part in [101, 4_096, whole / 2, whole - 4_096, whole - 1] {
        let cut = place.path("cut.db");
        fs::copy(&path, &cut).unwrap();
        OpenOptions::new()
            .write(true)
            .open(&cut)
            .unwrap()
            .set_len(part)
            .unwrap();
        refuse(&place, &cut, "is damaged");
    }
}

#[test]
fn an_overwritten_recording_never_makes_the_program_panic() {
    let (place, path) = place_with_recording();
    let whole = fs::metadata(&path).unwrap().len();
    for page in 0..whole / 4_096 {
        let damaged = place.path("damaged.db");
        fs::copy(&path, &damaged).unwrap();
        let mut file = OpenOptions::new().write(true).open(&damaged).unwrap();
        // The header stays; of each other page the beginning, where its kind and cells are described.
        file.seek(SeekFrom::Start(page * 4_096 + 100)).unwrap();
        file.write_all(&[0xa5; 512]).unwrap();
        if page > 0 {
            file.seek(SeekFrom::Start(page * 4_096)).unwrap();
            file.write_all(&[0x5a; 100]).unwrap();
        }
        let said = place.report(&["damaged.db"]);
        assert!(
            said.status == 2 || said.status == 0,
            "page {page}: {} {}",
            said.status,
            said.err
        );
        assert!(!said.err.contains("panicked"), "page {page}: {}", said.err);
        if said.status == 2 {
            assert_eq!(said.err.lines().count(), 1, "page {page}: {}", said.err);
        }
    }
}

#[test]
fn nonsense_in_a_recording() {
    let (place, path) = place_with_recording();
    for nonsense in [
        "UPDATE endpoint SET family = 'appletalk'",
        "UPDATE endpoint SET port = 65536",
        "UPDATE endpoint SET address = '203.0.113'",
        "UPDATE delta SET endpoint_id = 999",
        "UPDATE delta SET sample_id = 0",
        "DELETE FROM recording",
        "DROP TABLE dump_state",
    ] {
        let copy = place.path("nonsense.db");
        fs::copy(&path, &copy).unwrap();
        Connection::open(&copy)
            .unwrap()
            .execute_batch(&format!("PRAGMA foreign_keys = OFF; {nonsense}"))
            .unwrap();
        refuse(&place, &copy, "is damaged");
    }
}

#[test]
fn a_file_one_may_not_read() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    let (place, path) = place_with_recording();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can become somebody who may not read a file");
        return;
    }
    let program = place.program_for_anybody();
    fs::set_permissions(place.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = std::process::Command::new(&program);
    command.arg("report").arg(&path).uid(65_534).gid(65_534);
    let output = command.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err.contains("Permission denied") && err.contains("run as its owner"),
        "{err}"
    );
}

#[test]
fn a_namespace_nobody_recorded() {
    let (place, _) = place_with_recording();
    let said = place.report(&["--netns", "green"]);
    assert_eq!(said.status, 2);
    assert_eq!(
        said.err,
        "ctwatch: no network namespace green in ctwatch.db (it has 4026531840)\n"
    );
}

fn create(path: &Path, force: bool) -> Result<Writer, Error> {
    let Recording { header, .. } = fixture::incident();
    Writer::create(path, force, &header, &Node::default())
}

#[test]
fn an_existing_file_is_not_overwritten_unless_forced() {
    let (place, path) = place_with_recording();
    let before = fs::read(&path).unwrap();
    assert!(matches!(create(&path, false), Err(Error::Exists { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    for suffix in ["-wal", "-shm", "-journal"] {
        fs::write(place.path(&format!("ctwatch.db{suffix}")), "old").unwrap();
    }
    create(&path, true)
        .unwrap()
        .finish(1, &Default::default())
        .unwrap();
    assert_ne!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(place.directory.path()).unwrap().count(), 1);
}

#[test]
fn the_log_of_a_lost_recording_is_not_overwritten_either() {
    let place = Place::new();
    fs::write(place.path("ctwatch.db-wal"), "all that is left").unwrap();
    let error = create(&place.path("ctwatch.db"), false).unwrap_err();
    assert!(
        error.to_string().contains("ctwatch.db-wal exists already"),
        "{error}"
    );
}

#[test]
fn force_overwrites_files_only() {
    let place = Place::new();
    for path in [Path::new("/dev/null"), place.directory.path()] {
        assert!(matches!(create(path, true), Err(Error::NotAFile { .. })));
        assert!(path.exists());
    }
    let missing = place.path("no/such/ctwatch.db");
    let error = create(&missing, true).unwrap_err().to_string();
    assert!(error.contains("create the directory"), "{error}");
}
