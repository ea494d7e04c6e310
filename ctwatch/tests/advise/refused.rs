//! Bad input is one line on standard error and status 2.

use super::Desk;

fn one_line(error: &str) -> &str {
    assert_eq!(error.lines().count(), 1, "{error}");
    error.trim_end()
}

#[test]
fn rules_that_are_none() {
    let desk = Desk::new();
    desk.file("rules", "*filter\n:INPUT DROP [0:0]\n-A INPUT -j\n");
    assert_eq!(
        one_line(&desk.error(&["--iptables-save", "rules"])),
        "ctwatch: rules is not the output of iptables-save: line 3: a target is missing"
    );
    let missing = desk.error(&["--iptables-save", "nowhere"]);
    assert!(one_line(&missing).starts_with("ctwatch: cannot read nowhere: No such file"));
}

#[test]
fn addresses_that_are_none() {
    let desk = Desk::new();
    desk.file("addr", "1: lo: <LOOPBACK,UP>");
    let error = desk.error(&["--addresses", "addr"]);
    assert!(one_line(&error).starts_with("ctwatch: addr is not the output of `ip -j addr`: "));
    let error = desk.error(&["--addresses", "203.0.113.300"]);
    assert!(one_line(&error).contains("neither a list of addresses nor a file"));
}

#[test]
fn a_recording_that_is_none() {
    let desk = Desk::new();
    desk.file("text", "hello");
    one_line(&desk.error(&["text"]));
    one_line(&desk.error(&["nowhere.db"]));
}

#[test]
fn two_forms_at_once() {
    let error = Desk::new().error(&["-o", "json", "--format", "nft"]);
    assert_eq!(
        one_line(&error),
        "ctwatch: -o json has the rules in all forms (leave out --format)"
    );
}

#[test]
fn services_and_settings_that_are_none() {
    let desk = Desk::new();
    desk.file("text", "-A -t web:https -s rr\n");
    assert_eq!(
        one_line(&desk.error(&["--ipvs", "text"])),
        "ctwatch: text is neither the output of ipvsadm -Sn nor /proc/net/ip_vs: line 1: web:https is no address with \
         a port (names are printed without -n: ipvsadm -Sn)"
    );
    assert_eq!(
        one_line(&desk.error(&["--sysctl", "text"])),
        "ctwatch: cannot use text: no line of it is a setting such as net.netfilter.nf_conntrack_max = 262144 (sysctl -a)"
    );
}
