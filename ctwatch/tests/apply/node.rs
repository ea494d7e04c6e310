//! A node: a network namespace with VIPs on `lo`, foreign rules, and a /run of its own.

use std::{fs, process::Command};

use tempfile::TempDir;

/// Addresses that begin alike, on `lo` as ingress nodes have theirs, and rules of others for ports and addresses that
/// begin like those that are planned.
const SETUP: &str = r#"
set -u
mount -t tmpfs tmpfs /run
ip link set lo up
for address in 203.0.113.1/32 203.0.113.10/32 203.0.113.100/32; do ip addr add $address dev lo; done
ip addr add 2001:db8::10/128 dev lo nodad
iptables -w -t raw -A PREROUTING -d 203.0.113.1 -p tcp --dport 80 -j NOTRACK
iptables -w -t raw -A PREROUTING -d 203.0.113.10 -p tcp --dport 8080 -j NOTRACK
iptables -w -t raw -A OUTPUT -s 203.0.113.100 -p tcp --sport 80 -j NOTRACK
iptables -w -A INPUT -i eth9 -p tcp --dport 9 -j DROP
iptables -w -A INPUT -p icmp -j ACCEPT
iptables -w -A INPUT -m conntrack --ctstate INVALID -p tcp --dport 9 -j DROP
ip6tables -w -t raw -A PREROUTING -p udp --dport 9 -j DROP
nft -f - <<'END'
table inet theirs { chain in { type filter hook input priority 0; ct state established accept; tcp dport 9 drop; }; }
END
rules() {
    { iptables-save; ip6tables-save; } 2>/dev/null | grep -v '^#' | sed 's/ \[[0-9:]*\]//'
    nft list ruleset inet 2>/dev/null | sed 's/packets [0-9]* bytes [0-9]*//'
}
# The program behind $1 is replaced by a script, $2, in which $real is the program.
shim() {
    target=$(readlink -f /usr/sbin/$1)
    real=$(mktemp) script=$(mktemp)
    cp $target $real
    printf '#!/bin/bash\nreal=%s\n%s\n' $real "$2" > $script
    chmod +x $real $script
    mount --bind $script $target
}
fail() { echo "FAILED: $*"; rules; exit 1; }
must_be() { [ "$(rules)" = "$1" ] || { diff <(echo "$1") <(rules); fail "$2"; }; }
wait_for() { for try in $(seq 150); do "$@" && return 0; sleep 0.2; done; fail "waited in vain: $*"; }
are() { [ "$(rules)" = "$1" ]; }
port_listens() { ss -Hltn "sport = :$1" | grep -q .; }
"#;

/// Runs a script on a node, with plans `nft.toml` and `iptables.toml` in its directory, and yields what it printed;
/// `None` where there are no namespaces to be had.
pub(crate) fn run(script: &str) -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root for a network namespace");
        return None;
    }
    let directory = TempDir::new().unwrap();
    for backend in ["nft", "iptables"] {
        let path = directory.path().join(format!("{backend}.toml"));
        fs::write(path, plan(backend)).unwrap();
    }
    let output = Command::new("unshare")
        .args(["-n", "-m", "bash", "-c", &format!("{SETUP}\n{script}")])
        .env("CTWATCH", env!("CARGO_BIN_EXE_ctwatch"))
        .current_dir(directory.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    Some(text)
}

/// Runs a script for either backend, whose name is in `$backend`.
pub(crate) fn run_both(script: &str) {
    for backend in ["nft", "iptables"] {
        let _ = run(&format!("backend={backend}\n{script}"));
    }
}

/// Two VIPs of two families, port 80, also for clients on the node.
pub(crate) fn plan(backend: &str) -> String {
    format!(
        "version = 1\nbackend = \"{backend}\"\n[[port]]\nprotocol = \"tcp\"\nport = 80\n\
         addresses = [\"203.0.113.10\", \"2001:db8::10\"]\n\
         directions = [\"requests\", \"replies\", \"local-requests\", \"local-replies\"]\n"
    )
}
