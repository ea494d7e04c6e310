//! A firewall of nftables that knows connections by state: what `advise` plans for it is applied and proven by real connections, and
//! what becomes of it when the firewall loads its rules anew.

use crate::node::run;

const NODE: &str = r#"
nft delete table inet theirs
firewall() {
    nft -f - <<'END'
table inet fw { chain in { type filter hook input priority 0; policy drop; }; }
flush chain inet fw in
table inet fw { chain in { iif lo accept; ct state established,related accept; tcp dport 22 accept; ct state new tcp dport 80 accept; }; }
END
}
firewall
ip netns add client
ip link add eth0 type veth peer name eth0 netns client
ip addr add 10.9.0.1/24 dev eth0; ip link set eth0 up
ip -n client addr add 10.9.0.2/24 dev eth0; ip -n client link set eth0 up
python3 -m http.server 80 -b 10.9.0.1 >/dev/null 2>&1 & server=$!
trap 'kill $server' EXIT
wait_for port_listens 80
ask() { timeout 5 ip netns exec client bash -c 'exec 3<>/dev/tcp/10.9.0.1/80; echo "GET / HTTP/1.0
" >&3; grep -q 200 <&3'; }
wait_for ask
for connection in 1 2 3; do ask || fail "not even tracked"; done
"$CTWATCH" advise --plan plan.toml >/dev/null 2>&1 || fail advise
"$CTWATCH" apply plan.toml || fail apply
ask || fail "cut off"
"$CTWATCH" verify plan.toml -d 1s || fail "not proven"
"$CTWATCH" confirm
"#;

#[test]
fn accept_rules_that_a_firewall_took_away_are_missed_and_put_back() {
    let _ = run(&format!(
        r#"{NODE}
[ $(nft list chain inet fw in | grep -c 'comment "ctwatch ') = 2 ] || fail "no accept rules"
nft insert rule inet fw in ip saddr 198.51.100.7 tcp dport 22 drop
"$CTWATCH" verify plan.toml -d 1s || fail "a rule for another port speaks against it"
firewall
ask && fail "passes without its accept rule"
"$CTWATCH" verify plan.toml -d 1s > said; [ $? = 1 ] || fail "not told: $(cat said)"
grep -q 'an accept rule does not stand in inet fw in' said || fail "$(cat said)"
"$CTWATCH" -o json apply plan.toml | grep -q '"added": 2,' || fail "not put back"
ask || fail "cut off"
"$CTWATCH" verify plan.toml -d 1s || fail "not proven again"
"#
    ));
}

#[test]
fn a_rule_that_came_later_and_needs_entries_is_told_by_verify() {
    let _ = run(&format!(
        r#"{NODE}
nft -f - <<'END'
table ip nat {{ chain pre {{ type nat hook prerouting priority -100; tcp dport 80 dnat to 10.9.0.1:8080; }}; }}
END
"$CTWATCH" verify plan.toml -d 1s > said; [ $? = 1 ] || fail "not told: $(cat said)"
grep -q 'by the rules of today tcp 10.9.0.1:80 is blocked: nat-rule' said || fail "$(cat said)"
"#
    ));
}
