//! `ctwatch verify`.

use crate::node::run_both;

/// A server on the VIP and requests to it from the node.
const TRAFFIC: &str = r#"
python3 -m http.server 80 -b 203.0.113.10 >/dev/null 2>&1 & server=$!
trap 'kill $server' EXIT
wait_for port_listens 80
sed -i 's/, "2001:db8::10"//' $backend.toml
# Something that has connections tracked.
iptables -w -A INPUT -m conntrack --ctstate NEW -j ACCEPT
iptables -w -A OUTPUT -m conntrack --ctstate NEW -j ACCEPT
ask() { for try in 1 2 3; do sleep 0.3; timeout 2 bash -c 'exec 3<>/dev/tcp/203.0.113.10/80; printf "GET / HTTP/1.0\r\n\r\n" >&3; cat <&3' >/dev/null; done; }
"#;

#[test]
fn rules_that_work_are_proven() {
    run_both(&format!(
        r#"{TRAFFIC}
"$CTWATCH" apply $backend.toml || fail apply
ask & "$CTWATCH" -o json verify $backend.toml -d 2s > said; status=$?
[ $status = 0 ] || fail "$status: $(cat said)"
grep -q '"outcome": "proven"' said || fail "$(cat said)"
"#
    ));
}

#[test]
fn no_traffic_is_no_proof() {
    run_both(
        r#"
"$CTWATCH" apply $backend.toml || fail apply
"$CTWATCH" verify $backend.toml -d 100ms > said; [ $? = 1 ] || fail "$(cat said)"
grep -q 'no packet came by: nothing is proven' said || fail "$(cat said)"
"#,
    );
}

#[test]
fn one_vip_of_several_that_does_not_work_is_found() {
    run_both(&format!(
        r#"{TRAFFIC}
sed -i 's/"203.0.113.10"/"203.0.113.10", "203.0.113.1"/' $backend.toml
"$CTWATCH" apply $backend.toml || fail apply
ask; "$CTWATCH" verify $backend.toml -d 100ms > said; [ $? = 1 ] || fail "$(cat said)"
grep -q '^tcp/80  *203.0.113.10  *proven' said || fail "$(cat said)"
grep -q '^tcp/80  *203.0.113.1  *unproven' said || fail "$(cat said)"
"#
    ));
}

#[test]
fn a_missing_rule_and_dropped_replies_are_failures() {
    run_both(&format!(
        r#"{TRAFFIC}
"$CTWATCH" verify $backend.toml -d 100ms > said; [ $? = 1 ] || fail "$(cat said)"
grep -q 'a rule does not stand: PREROUTING -d 203.0.113.10' said || fail "$(cat said)"
"$CTWATCH" apply $backend.toml || fail apply
# What accepts by state only lets no untracked request in.
iptables -w -I INPUT -m conntrack --ctstate UNTRACKED -p tcp --dport 80 -j DROP
ask & "$CTWATCH" verify $backend.toml -d 2s > said; [ $? = 1 ] || fail "$(cat said)"
grep -q 'packets come, and none goes back' said || fail "$(cat said)"
grep -q 'rising.*dropped by filters' said || echo "drops: $(grep dropped said)"
"#
    ));
}

#[test]
fn entries_that_still_come_are_a_failure() {
    run_both(&format!(
        r#"{TRAFFIC}
"$CTWATCH" apply $backend.toml || fail apply
(sleep 0.5; conntrack -I -p tcp -s 198.51.100.1 --sport 1000 -d 203.0.113.10 --dport 80 -t 1000 --state ESTABLISHED) >/dev/null 2>&1 &
ask & "$CTWATCH" verify $backend.toml -d 2s > said; [ $? = 1 ] || fail "$(cat said)"
grep -q '1 entries came although its packets go untracked' said || fail "$(cat said)"
"#
    ));
}
