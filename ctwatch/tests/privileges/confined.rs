//! Commands that read files.

use std::{
    fs::{self, File, Permissions},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, chown},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::{Place, USER, is_skipped, said, set_capabilities, skip};

/// The status of the command once it writes what it found: into a pipe that is full, so that it stays there.
fn status_while_writing(place: &Place, arguments: &[&str]) -> String {
    let (reader, writer) = std::io::pipe().unwrap();
    fill(&writer);
    let mut child = Command::new(&place.program)
        .args(arguments)
        .current_dir(place.directory.path())
        .stdout(Stdio::from(writer))
        .spawn()
        .unwrap();
    let began = Instant::now();
    // The first argument of write() is standard output.
    let is_writing = || {
        fs::read_to_string(format!("/proc/{}/syscall", child.id()))
            .is_ok_and(|call| call.starts_with(&format!("{} 0x1 ", libc::SYS_write)))
    };
    while !is_writing() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{arguments:?} writes nothing"
        );
        sleep(Duration::from_millis(10));
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(reader);
    status
}

fn fill(pipe: &std::io::PipeWriter) {
    fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut writer = pipe;
    while writer.write(&[0; 4_096]).is_ok() {}
    fcntl(pipe, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
}

#[test]
fn what_reads_files_holds_no_capability_and_has_no_network() {
    let place = Place::new();
    let commands: [&[&str]; 4] = [
        &["report"],
        &["report", "-o", "json"],
        &["advise"],
        &["advise", "--format", "nft", "--addresses", "203.0.113.10"],
    ];
    for command in commands {
        let status = status_while_writing(&place, command);
        for line in [
            "CapInh:\t0000000000000000",
            "CapPrm:\t0000000000000000",
            "CapEff:\t0000000000000000",
            "CapAmb:\t0000000000000000",
            "NoNewPrivs:\t1",
            // SECCOMP_MODE_FILTER
            "Seccomp:\t2",
        ] {
            assert!(
                status.lines().any(|each| each == line),
                "{command:?}: no {line}: {status}"
            );
        }
    }
}

#[test]
fn root_reads_recordings_of_users_who_keep_them_to_themselves() {
    if is_skipped("root_reads_recordings_of_users_who_keep_them_to_themselves") {
        return;
    }
    let place = Place::new();
    let directory = place.directory.path();
    for path in [directory, place.recording.as_path()] {
        chown(path, Some(USER), Some(USER)).unwrap();
    }
    fs::set_permissions(&place.recording, Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(directory, Permissions::from_mode(0o700)).unwrap();
    for command in ["report", "advise"] {
        let output = Command::new(env!("CARGO_BIN_EXE_ctwatch"))
            .arg(command)
            .arg(&place.recording)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{command}: {}",
            said(&output)
        );
    }
}

#[test]
fn the_programs_own_capabilities_open_no_file_that_the_user_may_not_read() {
    let test = "the_programs_own_capabilities_open_no_file_that_the_user_may_not_read";
    if is_skipped(test) {
        return;
    }
    let place = Place::new();
    if !set_capabilities(&place.program, "cap_dac_override,cap_dac_read_search+ep") {
        return skip(test, "the file system keeps no capabilities");
    }
    let secret = place.directory.path().join("secret");
    File::create(&secret)
        .unwrap()
        .set_permissions(Permissions::from_mode(0o600))
        .unwrap();
    fs::set_permissions(&place.recording, Permissions::from_mode(0o600)).unwrap();
    let secret = secret.to_str().unwrap();
    let commands: [&[&str]; 4] = [
        &["report"],
        &["advise"],
        &["advise", "--iptables-save", secret],
        &["advise", "--addresses", secret],
    ];
    for command in commands {
        let output = place.by_user(&[]).args(command).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(
            said(&output).contains("ermission denied"),
            "{command:?}: {}",
            said(&output)
        );
    }
}
