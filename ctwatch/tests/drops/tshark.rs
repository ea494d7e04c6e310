//! What Wireshark makes of a file.

use std::{fs, io::Write as _, process::Command};

use crate::{events::all, shown::file};

#[test]
fn tshark_reads_packets_comments_and_namespaces() {
    if Command::new("tshark").arg("--version").output().is_err() {
        // Not by eprintln!, whose text is shown for failed tests only.
        let reason = "skipped: tshark_reads_packets_comments_and_namespaces: no tshark";
        let _ = writeln!(std::io::stderr(), "{reason}");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.pcapng");
    fs::write(&path, file(&all())).unwrap();
    let fields = [
        "frame.time_epoch",
        "frame.interface_name",
        "frame.interface_description",
        "frame.len",
        "frame.cap_len",
        "ip.src",
        "ipv6.src",
        "udp.dstport",
        "tcp.dstport",
        "tcp.flags.syn",
        "frame.comment",
    ];
    let output = Command::new("tshark")
        .args(["-n", "-r"])
        .arg(&path)
        .args(["-T", "fields", "-E", "separator=|"])
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let read = String::from_utf8(output.stdout).unwrap();
    let expected = [
        "1772334004.004008012|4026531840|network namespace 4026531840|31|31|192.0.2.7||53|||\
         clash; netns 4026531840; inbound; zone 0; cpu 0; 192.0.2.7:20001 > 192.0.2.10:53; \
         after udp 192.0.2.7:20001 > 192.0.2.10:53 (inbound)",
        "1772334006.006012018|blue|network namespace 4026532321|60|60|10.9.0.2|||443|1|\
         nat_exhausted; netns blue (4026532321); forwarded; zone 0; cpu 0; \
         10.9.0.2:41000 > 203.0.113.80:443; taken by tcp 10.9.0.3:41000 > 203.0.113.80:443",
        "1772334008.008016024|4026531840|network namespace 4026531840|1420|128||2001:db8::7||443|0|\
         invalid; netns 4026531840; inbound; zone 0; cpu 0; \
         [2001:db8::7]:41000 > [2001:db8::10]:443",
    ];
    assert_eq!(read.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_without_packets_is_no_error_to_tshark() {
    if Command::new("tshark").arg("--version").output().is_err() {
        let reason = "skipped: a_file_without_packets_is_no_error_to_tshark: no tshark";
        let _ = writeln!(std::io::stderr(), "{reason}");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.pcapng");
    fs::write(&path, file(&[])).unwrap();
    let output = Command::new("tshark")
        .arg("-r")
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty());
}
