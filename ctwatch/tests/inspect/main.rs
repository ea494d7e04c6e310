//! `ctwatch inspect` on listings of a directory of their own.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its files has failed"
)]

use std::{
    fs,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/conntrack");
const LIST: &str = include_str!("../../../tests/golden/conntrack/list.txt");
const INCIDENT: &str = "ipv4     2 tcp      6 58 CLOSE_WAIT src=192.168.2.166 dst=146.148.242.196 sport=54599 dport=80 src=192.168.2.100 dst=192.168.2.166 sport=12345 dport=54599 [ASSURED] mark=0 zone=0 use=2\n";

struct Said {
    out: String,
    err: String,
    status: i32,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code().unwrap(),
        }
    }
}

fn ctwatch(arguments: &[&str], input: &[u8]) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ctwatch"))
        .current_dir(GOLDEN)
        .arg("inspect")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever reads a file, or has enough, need not read this.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap().into()
}

fn json(arguments: &[&str], input: &[u8]) -> serde_json::Value {
    let said = ctwatch(&[arguments, &["-o", "json"]].concat(), input);
    assert_eq!(said.status, 0, "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn a_listing_is_told_with_roles_where_addresses_are_known() {
    let own = "203.0.113.10,2001:db8::10";
    insta::assert_snapshot!(ctwatch(&["list.txt", "--addresses", own], b"").out);
}

#[test]
fn the_document_has_everything() {
    insta::assert_snapshot!(ctwatch(&["list.txt", "-o", "json", "--top", "2"], b"").out);
}

#[test]
fn all_forms_give_the_same_figures() {
    let figures = |name: &str| {
        let mut document = json(&[name], b"");
        document.as_object_mut().unwrap().remove("listing");
        document
    };
    let extended = figures("list-extended-id-timestamp.txt");
    assert_eq!(extended["entries"], 15);
    assert_eq!(figures("proc-net-nf_conntrack.txt"), extended);
    assert_eq!(figures("list.xml"), extended);
    let saved = figures("list-save.txt");
    for part in ["ports", "states", "clients", "nat", "unreplied"] {
        assert_eq!(saved[part], extended[part], "{part}");
    }
}

#[test]
fn packed_files_and_pipes_are_read_as_they_are() {
    let plain = json(&["list.txt"], b"");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(LIST.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = compress_to_vec(LIST.as_bytes(), CompressionLevel::Fastest);
    for bytes in [LIST.as_bytes(), &gzip, &zstd] {
        assert_eq!(json(&[], bytes), plain);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        assert_eq!(json(&[file.path().to_str().unwrap()], b""), plain);
    }
}

#[test]
fn the_third_incidents_entry_is_told_in_words() {
    let said = ctwatch(&["--explain"], INCIDENT.as_bytes());
    let document = include_str!("../../../docs/inspect.md");
    let example = document.split("--explain\ntcp").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    assert_eq!(said.out.trim_end(), format!("tcp{}", example.trim_end()));
}

#[test]
fn single_entries_are_chosen_by_port_and_number() {
    let said = ctwatch(
        &[
            "list.txt",
            "--explain",
            "--port",
            "443",
            "--top",
            "2",
            "-o",
            "json",
        ],
        b"",
    );
    let lines: Vec<serde_json::Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line["service"]["port"] == 443));
    assert!(lines[0]["text"].as_str().unwrap().contains("TIME_WAIT"));
}

#[test]
fn timeouts_of_the_node_stand_for_the_kernels_defaults() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "net.netfilter.nf_conntrack_tcp_timeout_close_wait = 3600\nnot a setting\n";
    fs::write(file.path(), text).unwrap();
    let path = file.path().to_str().unwrap();
    let said = ctwatch(&["--sysctl", path, "-o", "json"], INCIDENT.as_bytes());
    let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let state = &document["states"][0];
    assert_eq!(state["timeout_from"], "sysctl");
    assert_eq!(state["timeout_seconds"], 3_600);
    // 58 s left may be an hour's or those of unacknowledged data.
    assert_eq!(
        (&state["idle_unknown"], &state["idle_p50_seconds"]),
        (&1.into(), &serde_json::Value::Null)
    );
    assert!(said.err.contains(&format!("{path}:2:")), "{}", said.err);
    let said = ctwatch(&["--sysctl", "list.txt"], INCIDENT.as_bytes());
    assert_eq!(said.status, 2);
    assert!(said.err.contains("list.txt"), "{}", said.err);
}

#[test]
fn damaged_lines_are_told_and_the_rest_is_used() {
    let mut text = LIST.to_owned();
    text.insert_str(0, "tcp      6 119 TIME_WAIT src=10.0.0.300 dst=1.1.1.1\n");
    let said = ctwatch(&[], text.as_bytes());
    assert_eq!(said.status, 0);
    assert!(
        said.err.contains("1 of 18 lines are no entries"),
        "{}",
        said.err
    );
    assert!(
        said.err
            .contains("standard input:1:30: an address was expected"),
        "{}",
        said.err
    );
    assert!(said.out.contains("17 entries"), "{}", said.out);
}

#[test]
fn what_is_no_listing_is_an_error_with_the_next_step() {
    let said = ctwatch(&[], b"total 12\ndrwxr-xr-x 2 root root\n");
    assert_eq!((said.status, said.out.as_str()), (2, ""));
    assert!(said.err.contains("conntrack -L > DUMP"), "{}", said.err);
    let said = ctwatch(&["no-such-file"], b"");
    assert_eq!(said.status, 2);
    assert!(
        said.err.contains("cannot read no-such-file"),
        "{}",
        said.err
    );
    let said = ctwatch(&[], b"SQLite format 3\0 and more");
    assert!(said.err.contains("ctwatch report FILE"), "{}", said.err);
}

#[test]
fn an_empty_table_is_no_error() {
    let said = ctwatch(&[], b"");
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    assert!(
        said.out.starts_with("standard input: 0 entries"),
        "{}",
        said.out
    );
}

#[test]
fn every_field_is_documented() {
    let document = include_str!("../../../docs/inspect.md");
    let mut fields = Vec::new();
    let mut text = LIST.replace("mark=0", "mark=0 helper=ftp labels=a");
    text.push_str("damaged\n");
    collect(&json(&[], text.as_bytes()), &mut fields);
    let said = ctwatch(&["--explain", "-o", "json"], LIST.as_bytes());
    for line in said.out.lines() {
        collect(&serde_json::from_str(line).unwrap(), &mut fields);
    }
    fields.sort();
    fields.dedup();
    assert!(fields.len() > 70, "{}", fields.len());
    for field in fields {
        let named = [format!("`{field}`"), format!("`{field}[]`")];
        assert!(named.iter().any(|name| document.contains(name)), "{field}");
    }
}

/// Names of fields, but not of states.
fn collect(value: &serde_json::Value, fields: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                fields.push(name.clone());
                if name != "states" || value.is_array() {
                    collect(value, fields);
                }
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| collect(value, fields)),
        _ => {}
    }
}
