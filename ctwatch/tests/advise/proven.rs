//! Verdicts held against the kernel: a client in a namespace of its own speaks to the service before the printed
//! rules stand, with the NOTRACK rules alone, and with the accept rules as well.

use ctwatch::model::node::{RulesetKind, RulesetText};

use super::{Desk, fixture::NETNS};

/// Answers `hello` on 443 of the VIP; `ask` says whether a client elsewhere hears it.
const STAGE: &str = r#"
set -e
ip link set lo up
ip addr add 203.0.113.10/32 dev lo
unshare -n sleep 60 & client=$!
trap 'kill $client $server' EXIT
until [ "$(readlink /proc/$client/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link add node type veth peer name outside netns $client
ip addr add 198.51.100.1/24 dev node
ip link set node up
nsenter -t $client -n sh -c 'ip addr add 198.51.100.2/24 dev outside; ip link set outside up; ip route add default via 198.51.100.1'
python3 -c '
import socket
s = socket.create_server(("203.0.113.10", 443))
while True:
    c = s.accept()[0]
    c.sendall(b"hello")
    c.close()
' & server=$!
until ss -ltn | grep -q 203.0.113.10:443; do sleep 0.05; done
ask() {
    nsenter -t $client -n python3 -c '
import socket
try:
    print(socket.create_connection(("203.0.113.10", 443), 1).recv(5).decode())
except OSError:
    print("silence")
'
}
iptables-restore rules
"#;

/// What the client hears before, with the NOTRACK rules alone, with all rules; the verdict; entries left.
fn heard(rules: &str) -> Option<(String, String)> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root for network namespaces");
        return None;
    }
    let tools = "command -v python3 nsenter ip ss conntrack iptables-restore";
    let found = std::process::Command::new("bash")
        .args(["-c", tools])
        .output()
        .unwrap();
    if found.stdout.split(|byte| *byte == b'\n').count() < 7 {
        eprintln!("skipped: not all are installed of: {tools}");
        return None;
    }
    let desk = Desk::with(|recording| {
        recording.node.rulesets = vec![RulesetText {
            netns: NETNS,
            kind: RulesetKind::IptablesSave,
            text: rules.to_owned(),
        }];
    });
    let json: serde_json::Value = serde_json::from_str(&desk.stdout(&["-o", "json"])).unwrap();
    let port = &json["ports"][0];
    assert_eq!(port["port"], 443);
    let specs: Vec<&str> = port["rules"]["iptables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule.as_str().unwrap())
        .collect();
    let apply = |table: &str| -> String {
        let chosen = specs
            .iter()
            .filter(|spec| spec.starts_with("-t raw") == (table == "raw"));
        chosen.map(|spec| format!("iptables -w {spec}\n")).collect()
    };
    let script = format!(
        "{STAGE}ask\n{}ask\n{}ask\nconntrack -F 2>/dev/null; ask >/dev/null; conntrack -L 2>/dev/null | grep -c dport=443 || true\n",
        apply("raw"),
        apply("filter"),
    );
    desk.file("rules", rules).file("script", &script);
    let output = std::process::Command::new("unshare")
        .args(["-n", "bash", "script"])
        .current_dir(desk.path("."))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let heard = String::from_utf8(output.stdout).unwrap();
    let heard = heard.split_whitespace().collect::<Vec<_>>().join(" ");
    Some((port["verdict"].as_str().unwrap().to_owned(), heard))
}

fn filter(input: &str, output: &str) -> String {
    format!(
        "*filter\n:INPUT DROP [0:0]\n:OUTPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n\
         -A INPUT -p icmp -j ACCEPT\n{input}\n{output}\nCOMMIT\n"
    )
}

#[track_caller]
fn holds(rules: &str, verdict: &str, hears: &str) {
    if let Some(found) = heard(rules) {
        assert_eq!((found.0.as_str(), found.1.as_str()), (verdict, hears));
    }
}

#[test]
fn what_is_safe_works_on_and_leaves_no_entry() {
    let rules = filter(
        "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT",
        "-A OUTPUT -m conntrack ! --ctstate NEW -j ACCEPT",
    );
    holds(&rules, "safe", "hello hello hello 0");
}

#[test]
fn replies_let_out_as_established_need_the_accept_rule() {
    let rules = filter(
        "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT",
        "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    );
    holds(&rules, "needs-accept", "hello silence hello 0");
}

#[test]
fn requests_let_in_as_new_need_the_accept_rule() {
    let rules = filter(
        "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
         -A INPUT -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT\n-A INPUT -j REJECT",
        "-A OUTPUT -j ACCEPT",
    );
    holds(&rules, "needs-accept", "hello silence hello 0");
}

#[test]
fn a_drop_in_a_chain_that_was_gone_to_needs_the_accept_rule_before_it() {
    let rules = filter(
        ":web - [0:0]\n-A INPUT -p tcp -g web\n-A INPUT -j ACCEPT\n-A web -m state --state NEW,ESTABLISHED -j ACCEPT",
        "-A OUTPUT -j ACCEPT",
    );
    holds(&rules, "needs-accept", "hello silence hello 0");
}
