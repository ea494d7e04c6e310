//! What is said when nothing can be watched or written.

use std::{fs, path::Path, process::Command};

fn drops(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctwatch"));
    // Where it can watch, it is not to wait.
    command.args(["drops", "-d", "10ms"]).args(arguments);
    command
}

/// The one line that is said, without a word on standard output.
fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(output.stdout.is_empty());
    said
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_file_in_the_way_is_told_first_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let taken = directory.path().join("out.pcapng");
    fs::write(&taken, "mine").unwrap();
    let said = refusal(&mut drops(&["--pcap", text(&taken)]));
    assert!(said.contains("exists already (--force"), "{said}");
    assert_eq!(fs::read(&taken).unwrap(), b"mine");
    let said = refusal(&mut drops(&["--force", "--pcap", text(directory.path())]));
    assert!(said.contains("is no regular file"), "{said}");
    let missing = directory.path().join("missing").join("out.pcapng");
    let said = refusal(&mut drops(&["--pcap", text(&missing)]));
    assert!(said.contains("cannot create"), "{said}");
}

#[test]
fn a_namespace_that_is_not_there_is_named() {
    for wanted in ["no-such-namespace", "1"] {
        let said = refusal(&mut drops(&["--netns", wanted]));
        let words = format!("ctwatch: no network namespace {wanted} on this node");
        assert!(said.starts_with(&words), "{said}");
    }
}

#[test]
fn netlink_is_refused_and_record_is_named_instead() {
    let said = refusal(&mut drops(&["--source", "netlink"]));
    // Whoever may not even listen is told what is missing.
    let words = ["`ctwatch record` counts them by port", "CAP_NET_ADMIN"];
    assert!(words.iter().any(|word| said.contains(word)), "{said}");
}

#[test]
fn where_there_are_no_kprobes_it_says_why_and_what_works() {
    let name = "where_there_are_no_kprobes_it_says_why_and_what_works";
    if Path::new("/sys/bus/event_source/devices/kprobe").exists() {
        println!("skipped: {name}: this kernel has kprobes");
        return;
    }
    if !Path::new("/proc/sys/net/netfilter/nf_conntrack_max").exists() {
        println!("skipped: {name}: conntrack is not loaded");
        return;
    }
    if !nix::unistd::Uid::effective().is_root() {
        println!("skipped: {name}: not root");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out.pcapng");
    let said = refusal(&mut drops(&["--pcap", text(&file)]));
    for words in [
        "ctwatch: cannot attach ",
        "CONFIG_KPROBES",
        "`ctwatch record` counts them by port, and works here by netlink",
    ] {
        assert!(said.contains(words), "no {words}: {said}");
    }
    assert!(!file.exists());
}

#[test]
fn whoever_lacks_capabilities_is_told_the_command_that_works() {
    let name = "whoever_lacks_capabilities_is_told_the_command_that_works";
    if !nix::unistd::Uid::effective().is_root()
        || Command::new("setpriv").arg("--version").output().is_err()
    {
        println!("skipped: {name}: not root, or no setpriv");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("ctwatch");
    // One without privileges may not be let where the build is.
    for command in [
        Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_ctwatch"))
            .arg(&program),
        Command::new("chmod")
            .arg("755")
            .args([directory.path(), &program]),
    ] {
        assert!(command.status().unwrap().success());
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["drops", "--port", "443"]);
    let said = refusal(&mut command);
    for words in [
        "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN missing".to_owned(),
        format!("run sudo {} drops --port 443, or", program.display()),
    ] {
        assert!(said.contains(&words), "no {words}: {said}");
    }
}

#[test]
fn packets_and_objects_do_not_share_standard_output() {
    let said = refusal(&mut drops(&["-o", "json", "--pcap", "-"]));
    assert!(said.contains("both -o json and --pcap -"), "{said}");
}
