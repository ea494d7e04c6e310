//! The program on this machine: as root in a namespace of its own, and as a user without privileges.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::Uid,
};
use serde_json::Value;

const MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";

/// Why a test cannot run here; it is said aloud, since a test that did nothing looks like one that passed.
fn is_skipped(test: &str, program: Option<&str>) -> bool {
    let missing =
        program.filter(|program| Command::new(program).arg("--version").output().is_err());
    let reason = if !Uid::effective().is_root() {
        "not root".to_owned()
    } else if !Path::new(MAX).exists() {
        "conntrack is not loaded".to_owned()
    } else if let Some(program) = missing {
        format!("{program} is not installed")
    } else {
        return false;
    };
    // Not by eprintln!, whose text is shown for failed tests only.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
    true
}

/// What the program said, and its exit status.
fn run(command: &mut Command) -> (String, String, i32) {
    let output = command.output().unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap(),
    )
}

fn ctwatch(arguments: &[&str]) -> (String, String, i32) {
    run(Command::new(env!("CARGO_BIN_EXE_ctwatch")).args(arguments))
}

fn in_a_namespace(test: impl FnOnce() + Send + 'static) {
    let inside = move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        test();
    };
    thread::Builder::new()
        .spawn(inside)
        .unwrap()
        .join()
        .unwrap();
}

fn add_entries(ports: std::ops::Range<u16>) {
    for port in ports {
        let port = port.to_string();
        let entry = [
            "-I",
            "-t",
            "3600",
            "-p",
            "udp",
            "-s",
            "198.51.100.7",
            "-d",
            "203.0.113.10",
            "--dport",
            "53",
            "--sport",
            &port,
        ];
        assert!(
            Command::new("conntrack")
                .args(entry)
                .output()
                .unwrap()
                .status
                .success()
        );
    }
}

/// Where the program is for a user who may not read the directory that cargo builds in.
fn for_anybody(directory: &Path) -> PathBuf {
    let program = directory.join("ctwatch");
    let mut copy = Command::new("cp");
    copy.arg(env!("CARGO_BIN_EXE_ctwatch")).arg(&program);
    assert!(copy.status().unwrap().success());
    program
}

#[test]
fn figures_are_those_of_the_kernels_files() {
    if is_skipped("figures_are_those_of_the_kernels_files", Some("conntrack")) {
        return;
    }
    in_a_namespace(|| {
        add_entries(40_000..40_003);
        let (out, _, status) = ctwatch(&["status", "-o", "json"]);
        assert_ne!(status, 2);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["schema_version"], 1);
        let namespaces = document["namespaces"].as_array().unwrap();
        let own = namespaces.iter().find(|one| one["own"] == true).unwrap();
        assert_eq!((&own["count"], &own["refused"]), (&3.into(), &0.into()));
        assert_eq!(ctwatch(&["status", "--zabbix", "count"]).0, "3\n");
        // One limit holds for the whole machine, and others may set it meanwhile.
        let max = || fs::read_to_string(MAX).unwrap();
        let (before, shown, after) = (max(), ctwatch(&["status", "--zabbix", "max[own]"]).0, max());
        assert!(shown == before || shown == after, "{shown}");
    });
}

#[test]
fn anybody_sees_the_own_table_and_is_told_what_is_left_out() {
    let test = "anybody_sees_the_own_table_and_is_told_what_is_left_out";
    if is_skipped(test, Some("setpriv")) {
        return;
    }
    in_a_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let program = for_anybody(directory.path());
        fs::set_permissions(
            directory.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        let anybody = |arguments: &[&str]| {
            let user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
            run(Command::new("setpriv")
                .args(user)
                .arg(&program)
                .args(arguments))
        };
        let (out, err, status) = anybody(&["status"]);
        assert_eq!(status, 0, "{err}");
        assert_eq!(out.lines().count(), 2, "{out}");
        assert!(out.contains(" own "), "{out}");
        assert!(!out.contains(" - "), "{out}");
        assert_eq!(err.matches("CAP_SYS_ADMIN is missing").count(), 1, "{err}");
        // Agents take standard error for a part of the value.
        let said = anybody(&["status", "--zabbix", "early_drop"]);
        assert_eq!(said, ("0\n".to_owned(), String::new(), 0));
    });
}

#[test]
fn errors_are_one_line_and_exit_status_2() {
    let (out, err, status) = ctwatch(&["status", "--zabbix", "entries"]);
    assert_eq!((out.as_str(), status), ("", 2));
    assert!(err.contains("keys are count, max"), "{err}");
    if is_skipped("errors_are_one_line_and_exit_status_2", None) {
        return;
    }
    let (out, err, status) = ctwatch(&["status", "--zabbix", "count[nowhere]"]);
    assert_eq!((out.as_str(), status), ("", 2));
    assert!(err.contains("no network namespace nowhere"), "{err}");
    let (out, err, status) = ctwatch(&["status", "--zabbix", "count", "-o", "json"]);
    assert_eq!((out.as_str(), status), ("", 2));
    assert!(err.contains("leave out one of them"), "{err}");
}
