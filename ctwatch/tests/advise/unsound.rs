//! Evidence that is none: files that a failed command left behind, listings that are not all of the table.

use super::{
    Desk,
    listed::{ALL, advise, desk, port},
};

fn reasons(desk: &Desk, more: &[&str]) -> String {
    let document = advise(desk, &[&ALL[..], more].concat());
    let https = port(&document, 443);
    assert_eq!(https["verdict"], "unproven", "{https:#}");
    assert_eq!(https["rules"]["iptables"].to_string(), "[]");
    https["reasons"].to_string()
}

#[test]
fn an_empty_file_is_no_node_without_rules() {
    let desk = desk();
    for (name, text, says) in [
        (
            "rules",
            "",
            "rules is empty: did iptables-save run as root?",
        ),
        (
            "nft",
            "\n",
            "nft is empty: did `nft -j list ruleset` run as root?",
        ),
        ("nft", "{\"nftables\":[]}", "nft has no metainfo"),
        (
            "nft",
            "table inet filter {\n}\n",
            "nft is not JSON: `nft -j list ruleset` prints it",
        ),
    ] {
        let desk = self::desk();
        desk.file(name, text);
        let error = desk.error(&ALL);
        assert!(error.contains(says), "{error}");
    }
    desk.file("ipvs", "");
    let error = desk.error(&[&ALL[..], &["--ipvs", "ipvs"]].concat());
    assert!(
        error.contains("ipvs is empty: did `ipvsadm -Sn`"),
        "{error}"
    );
}

#[test]
fn a_line_that_cannot_be_read_may_show_what_needs_tracking() {
    let desk = desk();
    let whole = std::fs::read_to_string(desk.path("dump")).unwrap();
    desk.file(
        "dump",
        &(whole + "tcp      6 9 TIME_WAIT src=198.51.100.1 dport=443\n"),
    );
    let reasons = reasons(&desk, &[]);
    assert!(reasons.contains("1 lines are no entries"), "{reasons}");
}

#[test]
fn the_kernels_count_is_the_tables_and_a_listing_of_a_part_proves_nothing() {
    let desk = desk();
    let settings = |count: u32| {
        format!(
            "net.netfilter.nf_conntrack_max = 200\nnet.netfilter.nf_conntrack_count = {count}\n"
        )
    };
    desk.file("sysctl", &settings(200));
    let reasons = reasons(&desk, &["--sysctl", "sysctl"]);
    assert!(reasons.contains("the listing has 100 entries"), "{reasons}");
    let checked = desk.advise(&[&ALL[..], &["--sysctl", "sysctl", "--check"]].concat());
    assert_eq!(checked.status.code(), Some(1), "the table is full");
    desk.file("sysctl", &settings(104));
    let document = advise(&desk, &[&ALL[..], &["--sysctl", "sysctl"]].concat());
    assert_eq!(document["table"]["count"], 104);
    assert_eq!(port(&document, 443)["verdict"], "safe");
}

#[test]
fn files_do_not_tell_the_nodes_name() {
    let desk = desk();
    let policies = desk.stdout(&[&ALL[..], &["--format", "calico"]].concat());
    let selector = "selector: kubernetes.io/hostname == NAME-OF-THE-NODE";
    assert!(policies.contains(selector), "{policies}");
}

#[test]
fn files_beside_nothing_ask_for_a_listing() {
    let desk = desk();
    std::fs::remove_file(desk.path("ctwatch.db")).unwrap();
    let error = desk.error(&["--iptables-save", "rules"]);
    assert!(error.contains("--conntrack DUMP"), "{error}");
}

#[test]
fn warnings_that_nobody_reads_end_nothing() {
    let desk = desk();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ctwatch"))
        .arg("advise")
        .args(ALL)
        .current_dir(desk.path(""))
        .stderr(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!output.stdout.is_empty());
}
