//! What is added, and that all is as before once it is taken back.

use crate::node::{run, run_both};

#[test]
fn unconfirmed_rules_are_gone_after_their_time() {
    run_both(
        r#"
before=$(rules)
"$CTWATCH" -q apply $backend.toml --confirm-within 1s || fail apply
[ "$(rules)" != "$before" ] || fail "nothing was added"
wait_for are "$before"
"$CTWATCH" confirm 2>said && fail "confirmed what is gone"
grep -q 'taken back, since it was not confirmed within 1s' said || fail "$(cat said)"
"#,
    );
}

#[test]
fn confirmed_rules_stay_and_rollback_leaves_the_same_rules_in_the_same_order() {
    run_both(
        r#"
before=$(rules)
"$CTWATCH" apply $backend.toml --confirm-within 1s || fail apply
with=$(rules)
"$CTWATCH" confirm || fail confirm
sleep 1.5
must_be "$with" "confirmed rules did not stay"
"$CTWATCH" rollback || fail rollback
must_be "$before" "not as before"
"$CTWATCH" rollback 2>/dev/null; [ $? = 2 ] || fail "a second rollback"
"#,
    );
}

#[test]
fn applying_twice_changes_nothing() {
    run_both(
        r#"
"$CTWATCH" apply $backend.toml && "$CTWATCH" confirm || fail apply
once=$(rules)
"$CTWATCH" apply $backend.toml >said || fail again
grep -q 'nothing was changed' said || fail "$(cat said)"
must_be "$once" "changed"
"$CTWATCH" -o json apply $backend.toml | grep -q '"added": 0' || fail json
"#,
    );
}

#[test]
fn the_second_rollback_takes_back_the_first_apply() {
    run_both(
        r#"
before=$(rules)
"$CTWATCH" apply $backend.toml && "$CTWATCH" confirm || fail first
with_80=$(rules)
sed 's/port = 80/port = 443/' $backend.toml > more.toml
"$CTWATCH" apply more.toml || fail second
"$CTWATCH" apply $backend.toml | grep -q 'wait for ctwatch confirm' || fail "does not say that it waits"
sed 's/port = 80/port = 8443/' $backend.toml > third.toml
"$CTWATCH" apply third.toml 2>said; [ $? = 2 ] || fail "applied beside one that waits"
grep -q 'an earlier apply waits' said || fail "$(cat said)"
"$CTWATCH" confirm || fail confirm
"$CTWATCH" rollback && must_be "$with_80" "not as after the first"
"$CTWATCH" rollback && must_be "$before" "not as before"
"#,
    );
}

/// The cron script of the fourth incident took 8080 for 80, and one VIP for another.
#[test]
fn rules_for_ports_and_addresses_that_begin_alike_do_not_pass_for_those_planned() {
    let Some(text) = run(r#"
"$CTWATCH" apply iptables.toml || fail apply
iptables-save -t raw | grep -e '--comment ctwatch -j NOTRACK'
"#)
    else {
        return;
    };
    let rules: Vec<&str> = text.lines().filter(|line| line.starts_with("-A")).collect();
    assert_eq!(rules.len(), 4, "{text}");
    let exact = |rule: &&str| {
        rule.contains("203.0.113.10/32 -p tcp -m tcp --") && rule.contains("port 80 ")
    };
    assert!(rules.iter().all(exact), "{text}");
}

#[test]
fn only_what_is_missing_is_added_whoever_took_it_away() {
    run_both(
        r#"
before=$(rules)
"$CTWATCH" apply $backend.toml && "$CTWATCH" confirm || fail apply
case $backend in
nft) nft delete element inet ctwatch replies_ip '{ 203.0.113.10 . tcp . 80 }' ;;
iptables) iptables -w -t raw -D CTWATCH-OUTPUT -s 203.0.113.10 -p tcp --sport 80 -m comment --comment ctwatch -j NOTRACK ;;
esac
"$CTWATCH" -o json apply $backend.toml | grep -q '"added": 1,' || fail "added more or less"
"$CTWATCH" confirm && "$CTWATCH" rollback && "$CTWATCH" rollback || fail rollback
must_be "$before" "not as before"
"#,
    );
}

#[test]
fn rules_that_somebody_removed_are_no_hindrance_and_others_rules_stay() {
    run_both(
        r#"
"$CTWATCH" apply $backend.toml && "$CTWATCH" confirm || fail apply
iptables -w -t raw -I PREROUTING 1 -p udp --dport 1234 -j DROP
iptables -w -A INPUT -p udp --dport 1234 -j DROP
case $backend in
nft) nft delete element inet ctwatch replies_ip '{ 203.0.113.10 . tcp . 80 }' ;;
iptables) iptables -w -t raw -F CTWATCH-OUTPUT ;;
esac
"$CTWATCH" rollback || fail rollback
rules | grep -i ctwatch && fail "left something"
[ $(rules | grep -c 'dport 1234') = 2 ] || fail "took others' rules"
"#,
    );
}

#[test]
fn accept_rules_stand_before_the_rule_they_are_for_and_go_again() {
    let Some(text) = run(r#"
before=$(rules)
cat >> iptables.toml <<'END'
[[port.accept]]
table = "filter"
chain = "INPUT"
before = 3
packets = "requests"
address = "203.0.113.10"
[[port.accept]]
table = "filter"
chain = "INPUT"
before = 2
packets = "too-big"
address = "2001:db8::10"
[[port.accept]]
table = "filter"
chain = "INPUT"
before = 2
packets = "too-big"
address = "203.0.113.10"
END
"$CTWATCH" apply iptables.toml 2>said; [ $? = 2 ] || fail "ip6tables has no second place"
grep -q 'before rule 2 of filter INPUT, which has 0' said || fail "$(cat said)"
must_be "$before" "changed although refused"
sed -i '/^before = 2/{N;N;/2001/s/before = 2/before = 1/}' iptables.toml
"$CTWATCH" apply iptables.toml || fail apply
iptables-save -t filter; ip6tables-save -t filter
"$CTWATCH" apply iptables.toml | grep -q 'nothing was changed' || fail "not recognised"
"$CTWATCH" rollback || fail rollback
ip6tables -w -L -n > /dev/null
[ "$(rules | grep -e ^-A)" = "$(echo "$before" | grep -e ^-A)" ] || fail "not as before"
"#)
    else {
        return;
    };
    let input: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("-A INPUT "))
        .map(|rule| rule.rsplit_once("-j ").map_or(rule, |(_, target)| target))
        .collect();
    let expected = [
        "DROP",
        "CTWATCH-INPUT-2",
        "ACCEPT",
        "CTWATCH-INPUT-3",
        "DROP",
        "CTWATCH-INPUT-1",
    ];
    assert_eq!(input, expected, "{text}");
    assert!(text.contains("-A CTWATCH-INPUT-3 -d 203.0.113.10/32 -p tcp -m tcp --dport 80 -m conntrack --ctstate UNTRACKED"));
}

/// Appends to `nft.toml` accept rules for chains of somebody else's table.
const NATIVE: &str = r#"
tee -a nft.toml >> iptables.toml <<'END'
[[port.accept]]
table = "inet theirs"
chain = "in"
before = 2
packets = "requests"
address = "203.0.113.10"
[[port.accept]]
table = "inet theirs"
chain = "in"
packets = "too-big"
address = "2001:db8::10"
END
theirs() { nft list chain inet theirs in | sed 1,3d | sed 's/^[[:space:]]*//' | grep -v '}'; }
"#;

#[test]
fn accept_rules_in_a_table_of_nft_stand_before_the_rule_they_are_for_and_go_again() {
    native_come_and_go("nft");
}

#[test]
fn accept_rules_in_a_table_of_nft_go_with_untracking_by_iptables_too() {
    native_come_and_go("iptables");
}

fn native_come_and_go(backend: &str) {
    let Some(text) = run(&format!(
        r#"{NATIVE}
cp {backend}.toml nft.toml
before=$(rules)
sed 's/before = 2/before = 4/' nft.toml > far.toml
"$CTWATCH" apply far.toml 2>said; [ $? = 2 ] || fail "there is no fourth place"
grep -q 'before rule 4 of inet theirs in, which has 2' said || fail "$(cat said)"
sed 's/inet theirs/inet nobodys/' nft.toml > nobodys.toml
"$CTWATCH" apply nobodys.toml 2>said; [ $? = 2 ] || fail "there is no such table"
must_be "$before" "changed although refused"
"$CTWATCH" apply nft.toml || fail apply
theirs
"$CTWATCH" apply nft.toml | grep -q 'nothing was changed' || fail "not recognised"
"$CTWATCH" confirm || fail confirm
# Somebody else's rule comes between, and one of ctwatch's goes.
nft insert rule inet theirs in udp dport 1234 drop
nft -a list chain inet theirs in | sed -n 's/.*too_big.*handle //p' | xargs nft delete rule inet theirs in handle
"$CTWATCH" -o json apply nft.toml | grep -q '"added": 1,' || fail "added more or less"
"$CTWATCH" confirm && "$CTWATCH" rollback && "$CTWATCH" rollback || fail rollback
[ "$(theirs | head -1)" = "udp dport 1234 drop" ] || fail "took others' rules"
nft -a list chain inet theirs in | sed -n 's/.*1234.*handle //p' | xargs nft delete rule inet theirs in handle
must_be "$before" "not as before"
"#
    )) else {
        return;
    };
    let rules: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("taken back"))
        .collect();
    let at = |what: &str| rules.iter().position(|rule| rule.contains(what));
    let order = [
        "ct state established accept",
        "ct state untracked accept",
        "tcp dport 9 drop",
        "packet-too-big",
    ];
    let places: Vec<_> = order.into_iter().map(at).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{text}"
    );
}

#[test]
fn accept_rules_and_untracking_come_together_or_not_at_all() {
    let _ = run(&format!(
        r#"{NATIVE}
before=$(rules)
# The rule that it is to stand before is gone when the transaction comes.
shim nft '[[ "$*" = "-f -" ]] && [ ! -e /run/gone ] && {{ touch /run/gone; $real flush chain inet theirs in; }}; exec $real "$@"'
"$CTWATCH" apply nft.toml 2>said; [ $? = 2 ] || fail "not told"
grep -q 'all is as it was before' said || fail "$(cat said)"
rules | grep -i ctwatch && fail "left half of it"
true
"#
    ));
}
