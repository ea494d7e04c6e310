//! Printed rules, given to the programs they are for, in a network namespace of their own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Command;

use ctwatch::{
    model::{
        endpoint::Protocol,
        notrack::{AcceptRule, Accepted, Direction, NotrackRule},
    },
    render::rules::{iptables, nft},
};

/// What is there before, and must be there after.
const FOREIGN: &str = "
set -e
iptables -w -t raw -A PREROUTING -p udp --dport 9 -j DROP
iptables -w -t raw -A PREROUTING -d 203.0.113.1 -p tcp --dport 443 -j NOTRACK
iptables -w -t raw -A PREROUTING -d 203.0.113.10 -p tcp --dport 8080 -j NOTRACK
ip6tables -w -t raw -A PREROUTING -p udp --dport 9 -j DROP
iptables -w -A INPUT -j DROP
";

fn rules() -> Vec<NotrackRule> {
    let addresses = ["203.0.113.10", "2001:db8::10"].map(|text| text.parse().unwrap());
    let mut rules = Vec::new();
    for address in addresses {
        for (port, protocol) in [
            (80, Protocol::TCP),
            (443, Protocol::TCP),
            (53, Protocol::UDP),
        ] {
            for direction in [
                Direction::Requests,
                Direction::Replies,
                Direction::LocalRequests,
                Direction::LocalReplies,
            ] {
                rules.push(NotrackRule {
                    direction,
                    address,
                    protocol,
                    port,
                });
            }
        }
    }
    rules
}

fn accepts() -> Vec<AcceptRule> {
    let requests = rules()[0];
    let rule = |chain: &str, before, packets| AcceptRule {
        table: "filter".into(),
        chain: chain.into(),
        before,
        handle: None,
        packets,
    };
    vec![
        rule("INPUT", Some(1), Accepted::Untracked(requests)),
        rule("OUTPUT", None, Accepted::Untracked(rules()[1])),
        rule("INPUT", Some(1), Accepted::TooBig(requests.address)),
        rule(
            "INPUT",
            None,
            Accepted::TooBig("2001:db8::10".parse().unwrap()),
        ),
    ]
}

/// Adds twice and takes back once; gives the number of own lines after each, and whether all is as before.
fn cycle(add: &str, undo: &str, list: &str) -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root for a network namespace");
        return None;
    }
    let script = format!(
        "{FOREIGN}\n\
         list() {{ {list} | grep -v '^#' | sed 's/\\[[0-9:]*\\]//; s/ # handle.*//'; }}\n\
         before=$(list)\n{add}\nonce=$(list)\n{add}\ntwice=$(list)\n\
         [ \"$once\" != \"$before\" ] || {{ echo nothing added; exit 1; }}\n\
         [ \"$once\" = \"$twice\" ] || {{ echo duplicates; exit 1; }}\n\
         {undo}\nafter=$(list)\n\
         [ \"$before\" = \"$after\" ] || {{ echo \"not as before: $after\"; exit 1; }}\n\
         echo \"$twice\""
    );
    let output = Command::new("unshare")
        .args(["-n", "bash", "-c", &script])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    Some(text)
}

fn lines(make: impl Fn(&NotrackRule) -> String, accept: impl Fn(&AcceptRule) -> String) -> String {
    let mut lines: Vec<String> = accepts().iter().map(accept).collect();
    lines.extend(rules().iter().map(make));
    lines.join("\n")
}

#[test]
fn iptables_rules_apply_twice_without_duplicates_and_go_again() {
    let add = lines(iptables::notrack_line, iptables::accept_line);
    let undo = lines(iptables::notrack_undo_line, iptables::accept_undo_line);
    // The raw tables stay once they were made, empty ones too: both are made beforehand.
    let list = "{ iptables-save; ip6tables-save; }";
    let add_all = format!("ip6tables -w -L >/dev/null\n{add}");
    let Some(text) = cycle(&add_all, &undo, &format!("{list} | grep -e '^-A'")) else {
        return;
    };
    assert_eq!(
        text.matches("--comment ctwatch -j NOTRACK").count(),
        rules().len()
    );
    assert_eq!(
        text.matches("--comment ctwatch -j ACCEPT").count(),
        accepts().len()
    );
}

#[test]
fn legacy_iptables_takes_the_same_rules() {
    let legacy = |text: String| {
        text.replace("ip6tables -w", "ip6tables-legacy -w")
            .replace("iptables -w", "iptables-legacy -w")
    };
    if !legacy_works() {
        eprintln!("skipped: iptables-legacy does not work here");
        return;
    }
    let add = legacy(lines(iptables::notrack_line, iptables::accept_line));
    let undo = legacy(lines(
        iptables::notrack_undo_line,
        iptables::accept_undo_line,
    ));
    let list = "{ iptables-legacy-save; ip6tables-legacy-save; } | grep -e '^-A' || true";
    let Some(text) = cycle(&add, &undo, list) else {
        return;
    };
    assert_eq!(
        text.matches("--comment ctwatch -j NOTRACK").count(),
        rules().len()
    );
}

fn legacy_works() -> bool {
    let check = "iptables-legacy -w -t raw -L && ip6tables-legacy -w -t raw -L";
    Command::new("unshare")
        .args(["-n", "bash", "-c", check])
        .output()
        .is_ok_and(|output| output.status.success())
}

#[test]
fn nft_statements_apply_twice_without_duplicates_and_go_again() {
    let file = |text: String| format!("nft -f - <<'END'\n{text}END");
    let undo = file(nft::undo_everything());
    let Some(text) = cycle(&file(nft::add(&rules())), &undo, "nft list ruleset") else {
        return;
    };
    assert_eq!(
        text.matches("notrack").count(),
        8 + 2,
        "a rule a chain, beside two foreign ones"
    );
    assert!(text.contains("203.0.113.10 . tcp . 443"), "{text}");
}

#[test]
fn nft_takes_one_port_back_and_leaves_the_others() {
    let all = rules();
    let (one, others) = all.split_at(4);
    let before = format!("nft -f - <<'END'\n{}END", nft::add(others));
    let chains = format!("nft -f - <<'END'\n{}{}END", nft::add(one), nft::undo(one));
    let add = format!("nft -f - <<'END'\n{}END", nft::add(one));
    let undo = format!("nft -f - <<'END'\n{}END", nft::undo(one));
    let list = "nft list ruleset";
    let prepared = format!("{before}\n{chains}\n");
    let script = add;
    // What stood before the first port came is what stands after it went.
    let Some(text) = cycle_after(&prepared, &script, &undo, list) else {
        return;
    };
    assert!(text.contains("203.0.113.10 . tcp . 443"), "{text}");
}

fn cycle_after(prepare: &str, add: &str, undo: &str, list: &str) -> Option<String> {
    cycle(
        &format!("if [ -z \"$once\" ]; then {prepare}\nbefore=$(list); fi\n{add}"),
        undo,
        list,
    )
}
