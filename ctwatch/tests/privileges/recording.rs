//! What a recording in progress holds. It watches through netlink, in a namespace of its own, where only it can look.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use super::{Place, USER, is_skipped, said, set_capabilities, skip};

/// `CAP_NET_ADMIN`
const NET_ADMIN: u64 = 1 << 12;

/// Why nothing can be recorded here.
fn cannot_record(test: &str) -> bool {
    let loaded = fs::exists("/proc/sys/net/netfilter/nf_conntrack_max").unwrap();
    if loaded {
        return is_skipped(test);
    }
    skip(test, "conntrack is not loaded");
    true
}

/// A recorder in a namespace of its own; its command has run so far that it prints.
fn start(mut command: Command, file: &str, rest: &[&str]) -> Child {
    let mut child = command
        .args([
            "record", "--source", "netlink", "-d", "60s", "-q", "-f", file, "--",
        ])
        .args(rest)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

/// One hexadecimal or decimal field of a status.
fn field(status: &str, name: &str) -> String {
    let mut lines = status.lines().filter_map(|line| line.split_once(":\t"));
    lines.find(|(of, _)| *of == name).unwrap().1.to_owned()
}

/// Permitted and effective capabilities of each thread, once all are locked.
fn threads(process: u32) -> Vec<(u64, u64)> {
    let statuses = || -> Vec<String> {
        let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
        threads
            // One that ends meanwhile holds nothing.
            .filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).ok())
            .collect()
    };
    let began = Instant::now();
    while statuses()
        .iter()
        .any(|status| field(status, "NoNewPrivs") != "1")
    {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{:?}",
            statuses()
        );
        sleep(Duration::from_millis(20));
    }
    let set = |status: &str, name| u64::from_str_radix(&field(status, name), 16).unwrap();
    statuses()
        .iter()
        .map(|status| (set(status, "CapPrm"), set(status, "CapEff")))
        .collect()
}

fn child_of(parent: u32, name: &str) -> u32 {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut numbers = processes.filter_map(|it| it.file_name().to_str()?.parse().ok());
    let is_it = |number: &u32| {
        let status = fs::read_to_string(format!("/proc/{number}/status")).unwrap_or_default();
        status.contains(&format!("Name:\t{name}\n"))
            && status.contains(&format!("\nPPid:\t{parent}\n"))
    };
    numbers.find(is_it).unwrap()
}

fn end(mut child: Child) {
    let kill = Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn only_the_keeper_holds_a_capability_while_a_user_records() {
    let test = "only_the_keeper_holds_a_capability_while_a_user_records";
    if cannot_record(test) {
        return;
    }
    let place = Place::new();
    if !set_capabilities(&place.program, "cap_net_admin+ep") {
        return skip(test, "the file system keeps no capabilities");
    }
    let mut command = Command::new("unshare");
    let user = place.by_user(&[]);
    command
        .arg("-n")
        .arg(user.get_program())
        .args(user.get_args());
    let file = place.directory.path().join("user.db");
    let said = "grep -q 'CapPrm:.0*$' /proc/self/status && echo ready; exec sleep 60";
    let recorder = start(command, file.to_str().unwrap(), &["sh", "-c", said]);
    let held = threads(recorder.id());
    assert!(held.len() > 1, "the listener's thread is missing");
    assert!(held.iter().all(|sets| *sets == (0, 0)), "{held:x?}");
    let keeper = child_of(recorder.id(), "ctwatch-keeper");
    // It may be about to look into a namespace, which takes a thread.
    let held = threads(keeper);
    assert!(!held.is_empty(), "the keeper is gone");
    let only = (NET_ADMIN, NET_ADMIN);
    assert!(held.iter().all(|sets| *sets == only), "{held:x?}");
    end(recorder);
    assert!(!fs::exists(format!("/proc/{keeper}")).unwrap());
    let mode = fs::metadata(&file).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&mode), USER);
}

/// Root's own right to write everywhere is kept where it is used: here it is not.
#[test]
fn root_gives_its_capabilities_up_too_and_still_ends_a_command_of_another_user() {
    let test = "root_gives_its_capabilities_up_too_and_still_ends_a_command_of_another_user";
    if cannot_record(test) {
        return;
    }
    let place = Place::new();
    let mut command = Command::new("unshare");
    // Without these it looks into no other namespace of this machine.
    command.args(["-n", "setpriv", "--bounding-set=-sys_admin,-sys_ptrace"]);
    command.arg(&place.program);
    let file = place.directory.path().join("root.db");
    let script = "echo ready; exec setpriv --reuid=65534 --regid=65534 --clear-groups sleep 600";
    let recorder = start(command, file.to_str().unwrap(), &["sh", "-c", script]);
    let held = threads(recorder.id());
    assert!(held.iter().all(|sets| *sets == (0, 0)), "{held:x?}");
    sleep(Duration::from_millis(300));
    let sleeping = child_of(recorder.id(), "sleep");
    end(recorder);
    assert!(!fs::exists(format!("/proc/{sleeping}")).unwrap());
}

#[test]
fn root_records_into_a_directory_of_a_user() {
    let test = "root_records_into_a_directory_of_a_user";
    if cannot_record(test) {
        return;
    }
    let place = Place::new();
    let directory = place.directory.path();
    std::os::unix::fs::chown(directory, Some(USER), Some(USER)).unwrap();
    fs::set_permissions(
        directory,
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let output = Command::new("unshare")
        .args(["-n", "setpriv", "--bounding-set=-sys_admin,-sys_ptrace"])
        .arg(env!("CARGO_BIN_EXE_ctwatch"))
        .args([
            "record", "--source", "netlink", "-d", "300ms", "-i", "100ms", "-f", "root.db",
        ])
        .current_dir(directory)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let files = fs::read_dir(directory).unwrap();
    assert_eq!(files.count(), 3, "program, fixture and one file");
}
