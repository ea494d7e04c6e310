//! Users without the capabilities that watching needs.

use super::{Place, is_skipped, said, set_capabilities, skip};

/// What `record` says, with these options of `setpriv` and of its own.
fn refusal(place: &Place, options: &[&str], own: &[&str]) -> String {
    let file = place.directory.path().join("new.db");
    let mut command = place.by_user(options);
    let output = command
        .args(["record", "-d", "10ms", "-f"])
        .arg(&file)
        .args(own)
        .output()
        .unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(!file.exists());
    said
}

#[test]
fn an_ordinary_user_is_told_what_is_missing_and_both_ways_out() {
    if is_skipped("an_ordinary_user_is_told_what_is_missing_and_both_ways_out") {
        return;
    }
    let place = Place::new();
    let said = refusal(&place, &[], &[]);
    let program = place.program.display();
    for words in [
        "CAP_NET_ADMIN".to_owned(),
        "missing".to_owned(),
        format!("sudo {program} record"),
        "sudo setcap cap_".to_owned(),
        format!("+ep {program}"),
    ] {
        assert!(said.contains(&words), "no {words}: {said}");
    }
}

#[test]
fn where_neither_sudo_nor_setcap_would_help_neither_is_advised() {
    if is_skipped("where_neither_sudo_nor_setcap_would_help_neither_is_advised") {
        return;
    }
    let said = refusal(&Place::new(), &["--no-new-privs"], &[]);
    assert!(said.contains("CAP_NET_ADMIN"), "{said}");
    assert!(said.contains("AmbientCapabilities="), "{said}");
    assert!(!said.contains("sudo setcap"), "{said}");
}

#[test]
fn each_source_names_each_capability_that_is_missing() {
    let test = "each_source_names_each_capability_that_is_missing";
    if is_skipped(test) {
        return;
    }
    let place = Place::new();
    let cases = [
        ("kprobe", "", "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN missing"),
        ("kprobe", "cap_perfmon,cap_net_admin", "CAP_BPF missing"),
        ("kprobe", "cap_bpf,cap_net_admin", "CAP_PERFMON missing"),
        ("kprobe", "cap_bpf,cap_perfmon", "CAP_NET_ADMIN missing"),
        ("kprobe", "cap_sys_admin", "CAP_NET_ADMIN missing"),
        ("netlink", "", "CAP_NET_ADMIN missing"),
        (
            "netlink",
            "cap_bpf,cap_perfmon,cap_sys_admin",
            "CAP_NET_ADMIN missing",
        ),
        ("auto", "", "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN missing"),
    ];
    for (source, held, words) in cases {
        let set = if held.is_empty() {
            "=".to_owned()
        } else {
            format!("{held}=ep")
        };
        if !set_capabilities(&place.program, &set) {
            return skip(test, "the file system keeps no capabilities");
        }
        let said = refusal(&place, &[], &["--source", source]);
        assert!(
            said.contains(&format!(": {words} (")),
            "{source} with {held}: {said}"
        );
        assert!(said.contains("sudo setcap cap_"), "{said}");
    }
}
