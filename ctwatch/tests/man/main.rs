//! `ctwatch man` and `ctwatch completions`.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its files has failed"
)]

use ctwatch::model::event::Reason;
use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

fn ctwatch(arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ctwatch"));
    program.args(arguments).output().unwrap()
}

/// Commands, as `--help` lists them.
fn commands() -> Vec<String> {
    let help = String::from_utf8(ctwatch(&["--help"]).stdout).unwrap();
    let list = help.split("Commands:\n").nth(1).unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .filter(|name| name != "help")
        .collect()
}

fn pages(directory: &Path) -> Vec<String> {
    let output = ctwatch(&["man", directory.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let files = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn there_is_a_page_for_each_command() {
    let directory = tempfile::tempdir().unwrap();
    let mut expected: Vec<String> = commands()
        .iter()
        .map(|name| format!("ctwatch-{name}.1"))
        .chain(["ctwatch.1".to_owned()])
        .collect();
    expected.sort();
    assert!(expected.contains(&"ctwatch-record.1".to_owned()));
    assert_eq!(pages(directory.path()), expected);
}

#[test]
fn pages_tell_what_the_arguments_do_not() {
    let directory = tempfile::tempdir().unwrap();
    for name in pages(directory.path()) {
        let page = fs::read_to_string(directory.path().join(&name)).unwrap();
        let has = |section: &str| page.contains(&format!("\n.SH {section}\n"));
        assert!(page.starts_with(".TH ctwatch"), "{name}");
        let trivial = ["ctwatch-man.1", "ctwatch-completions.1"].contains(&name.as_str());
        for section in ["SYNOPSIS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"] {
            assert!(has(section) || trivial, "{name} has no section {section}");
        }
    }
    let record = fs::read_to_string(directory.path().join("ctwatch-record.1")).unwrap();
    for words in [
        ".SH SOURCES",
        ".SH PRIVILEGES",
        "The price of listening",
        "2.5 to 2.6",
    ] {
        assert!(record.contains(words), "{words}");
    }
    let drops = fs::read_to_string(directory.path().join("ctwatch-drops.1")).unwrap();
    for reason in Reason::ALL {
        let entry = format!("\n.TP\n.B {reason}\n");
        assert!(drops.contains(&entry), "{reason}");
    }
}

#[test]
fn man_reads_the_pages_without_a_warning() {
    if Command::new("groff").arg("--version").output().is_err() {
        let _ = writeln!(std::io::stderr(), "skipped: groff is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for name in pages(directory.path()) {
        let page = directory.path().join(&name);
        let arguments = ["-man", "-Tutf8", "-Kutf8", "-ww", "-z"];
        let output = Command::new("groff")
            .args(arguments)
            .arg(page)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            (output.status.success(), said.as_str()),
            (true, ""),
            "{name}"
        );
    }
}

#[test]
fn a_directory_that_is_missing_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("man1");
    let output = ctwatch(&["man", missing.to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("no such directory (mkdir -p"), "{said}");
    assert_eq!(said.lines().count(), 1);
    assert!(!missing.exists());
}

#[test]
fn a_shell_completes_commands_and_options() {
    let script = String::from_utf8(ctwatch(&["completions", "bash"]).stdout).unwrap();
    let complete = |words: &str| {
        let last = words.split(' ').count() - 1;
        let ask = format!(
            "{script}\nCOMP_WORDS=({words}) COMP_CWORD={last}\n_ctwatch ctwatch '' ''\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        );
        let mut bash = Command::new("bash")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        bash.stdin
            .take()
            .unwrap()
            .write_all(ask.as_bytes())
            .unwrap();
        String::from_utf8(bash.wait_with_output().unwrap().stdout).unwrap()
    };
    let offered = complete("ctwatch stat");
    assert!(offered.lines().any(|line| line == "status"), "{offered}");
    let offered = complete("ctwatch status --z");
    assert!(offered.lines().any(|line| line == "--zabbix"), "{offered}");
    let offered = complete("ctwatch drops --");
    for option in ["--pcap", "--limit", "--netns", "--invalid"] {
        assert!(offered.lines().any(|line| line == option), "{offered}");
    }
}

#[test]
fn each_shell_has_a_script_and_others_are_refused() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = ctwatch(&["completions", shell]);
        assert!(output.status.success(), "{shell}");
        assert!(
            String::from_utf8(output.stdout).unwrap().contains("record"),
            "{shell}"
        );
    }
    assert_eq!(ctwatch(&["completions", "csh"]).status.code(), Some(2));
}
