//! What keeps a plan from being applied. Nothing is changed then.

use crate::node::run;

fn refused(change: &str, arguments: &str, said: &str) {
    let _ = run(&format!(
        r#"
{change}
before=$(rules)
"$CTWATCH" apply nft.toml {arguments} 2>said; [ $? = 2 ] || fail "not refused: $(cat said)"
grep -q "{said}" said || fail "$(cat said)"
must_be "$before" "changed although refused"
"#
    ));
}

#[test]
fn the_way_in_is_never_untracked_without_the_flag() {
    let _ = run(r#"
python3 -m http.server 22 -b 127.0.0.1 >/dev/null 2>&1 & server=$!
trap 'kill $server' EXIT
wait_for port_listens 22
before=$(rules)
sed -i 's/port = 80/port = 22/' nft.toml
"$CTWATCH" apply nft.toml 2>said; [ $? = 2 ] || fail "not refused"
grep -q 'port 22 is your own way in' said || fail "$(cat said)"
must_be "$before" "changed although refused"
SSH_CONNECTION="198.51.100.1 50000 203.0.113.10 2222" 
export SSH_CONNECTION
sed 's/port = 22/port = 2222/' nft.toml > session.toml
"$CTWATCH" apply session.toml 2>said; [ $? = 2 ] || fail "the session's port not refused"
"$CTWATCH" apply nft.toml --allow-control-port || fail "not applied with the flag"
"#);
}

/// A digest that is none of today's.
const OTHER_RULES: &str = "printf '[rulesets]\n\"iptables raw\" = \"00\"\n' >> nft.toml";

#[test]
fn a_node_that_changed_is_told() {
    refused(
        "ip addr del 203.0.113.10/32 dev lo",
        "",
        "203.0.113.10 is none of this node's addresses",
    );
    refused(
        "sed -i '2i netns = 1' nft.toml",
        "",
        "it is for network namespace 1, and this is",
    );
}

#[test]
fn a_rule_that_came_and_speaks_against_the_plan_is_told_with_its_table() {
    let dnat = "iptables -w -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to 10.0.0.7";
    for said in [
        "the table iptables raw changed since the plan was made",
        "the table iptables nat is new since the plan was made",
        "tcp 203.0.113.10:80 is blocked: nat-rule: .*--to-destination 10.0.0.7 .*ctwatch advise --plan",
    ] {
        refused(&format!("{OTHER_RULES}\n{dnat}"), "", said);
    }
    let by_state = "nft add rule inet theirs in ct state untracked tcp dport 80 drop";
    refused(
        &format!("{OTHER_RULES}\n{by_state}"),
        "",
        "needs an accept rule for requests in inet theirs in, too",
    );
}

#[test]
fn rules_that_came_and_do_not_concern_the_planned_ports_are_no_hindrance() {
    let _ = run(&format!(
        r#"
{OTHER_RULES}
# By state it lets replies to a client at port 9 through, which is a port as good as any.
nft flush chain inet theirs in
iptables -w -I INPUT -p tcp -m multiport --dports 22 -s 198.51.100.7 -j REJECT
iptables -w -t nat -A PREROUTING -d 10.96.0.1 -p tcp --dport 443 -j DNAT --to 10.0.0.7:6443
"$CTWATCH" apply nft.toml 2>said || fail "refused: $(cat said)"
grep -q 'the table iptables raw changed since the plan was made' said || fail "$(cat said)"
grep -q 'as safe as they were' said || fail "$(cat said)"
"$CTWATCH" apply nft.toml 2>/dev/null | grep -q 'nothing was changed' || fail "the second time"
"#
    ));
}

#[test]
fn a_plan_that_cannot_be_used_is_told() {
    refused("rm nft.toml", "", "cannot read nft.toml");
    refused(
        "echo nonsense > nft.toml",
        "",
        "not a plan that can be used",
    );
    refused("", "--confirm-within 0s", "from 1s to 24h");
}

#[test]
fn a_table_of_that_name_with_somebody_elses_rules_is_left_alone() {
    refused(
        "nft add table inet ctwatch; nft add chain inet ctwatch mine",
        "",
        "something stands in it that ctwatch did not put there",
    );
}

#[test]
fn a_program_that_fails_leaves_all_as_it_was() {
    let _ = run(r#"
before=$(rules)
shim ip6tables-restore '[[ $0 = *ip6tables-restore ]] && { echo no >&2; exit 1; }; exec -a "$0" $real "$@"'
"$CTWATCH" apply iptables.toml 2>said; [ $? = 2 ] || fail "not told"
grep -q 'ip6tables-restore failed.*: no.*all is as it was before' said || fail "$(cat said)"
[ "$(rules | grep -e ^-A)" = "$(echo "$before" | grep -e ^-A)" ] || fail "left half of it"
"#);
}
