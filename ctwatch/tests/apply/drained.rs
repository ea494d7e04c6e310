//! `--drain`.

use crate::node::run_both;

#[test]
fn old_entries_of_the_planned_ports_go_and_no_others() {
    run_both(
        r#"
entry() { conntrack -I -p $1 -s $2 --sport $3 -d $4 --dport $5 -t 1000 ${6:-} >/dev/null 2>&1 || fail "conntrack -I $*"; }
iptables -w -A INPUT -m conntrack --ctstate NEW
tcp="--state ESTABLISHED"
for client in 198.51.100.1 198.51.100.2; do entry tcp $client 1000 203.0.113.10 80 "$tcp"; done
entry tcp 2001:db8::99 1000 2001:db8::10 80 "$tcp"
entry tcp 198.51.100.1 1001 203.0.113.10 8080 "$tcp"
entry tcp 198.51.100.1 1002 203.0.113.1 80 "$tcp"
entry tcp 198.51.100.1 1003 203.0.113.100 80 "$tcp"
entry udp 198.51.100.1 1004 203.0.113.10 80
entry tcp 198.51.100.1 80 203.0.113.10 1005 "$tcp"
entry tcp 203.0.113.10 80 198.51.100.1 1006 "$tcp"
# Translated: the backend needs it.
conntrack -I -p tcp -s 198.51.100.1 --sport 1007 -d 203.0.113.10 --dport 80 --reply-src 10.0.0.7 --reply-dst 198.51.100.1 \
    --reply-port-src 8080 --reply-port-dst 1007 -t 1000 --state ESTABLISHED >/dev/null 2>&1 || fail translated
"$CTWATCH" -o json apply $backend.toml --drain > said || fail apply
grep -q '"drained": 3' said || fail "$(cat said; conntrack -L 2>/dev/null; conntrack -L -f ipv6 2>/dev/null)"
[ $(conntrack -L 2>/dev/null | grep -c .) = 7 ] || fail "others went: $(conntrack -L 2>/dev/null)"
"#,
    );
}
