//! Killed at any moment, `ctwatch apply` leaves the old rules or the new, and they are taken back all the same.

use crate::node::run;

/// Programs that change rules take their time, so that moments within are met; ways to tell old rules from new.
const SLOW: &str = r#"
slow='
changes=; [[ "$*" = *"-f -"* || "$*" = *--noflush* ]] && changes=1
[ $changes ] && sleep 0.15
(exec -a "$0" $real "$@"); status=$?
[ $changes ] && sleep 0.15
exit $status'
now() { rules | grep -e '^-A' -e NOTRACK -e notrack -e 203.0.113 -e 2001:db8 -e ctwatch; }
before=$(now)
all_old() { [ "$(now)" = "$before" ]; }
over() { all_old && [ ! -e /run/ctwatch/netns-*/record.json ]; }
"#;

/// A plan whose accept rule stands in somebody else's table of nft.
const NATIVE: &str = r#"
cp nft.toml native.toml
cat >> native.toml <<'END'
[[port.accept]]
table = "inet theirs"
chain = "in"
before = 2
packets = "requests"
address = "203.0.113.10"
END
"#;

/// Kills `apply` at these moments, in milliseconds, each on a node of its own or after all is over on another.
fn kill_at(backend: &str, moments: &[u32]) {
    let nodes = 6;
    let said: Vec<_> = std::thread::scope(|scope| {
        let start = |first| {
            let moments = moments.iter().skip(first).step_by(nodes);
            let moments: Vec<String> = moments
                .map(|ms| format!("{}.{:03}", ms / 1000, ms % 1000))
                .collect();
            scope.spawn(move || run(&script(backend, &moments.join(" "))))
        };
        let nodes: Vec<_> = (0..nodes).map(start).collect();
        nodes
            .into_iter()
            .filter_map(|node| node.join().unwrap())
            .collect()
    });
    let installed = said
        .iter()
        .filter(|said| said.contains("installed"))
        .count();
    assert!(
        said.is_empty() || installed > 0,
        "no moment was met in which rules stand"
    );
}

fn script(backend: &str, moments: &str) -> String {
    format!(
        r#"{SLOW}{NATIVE}
# What stands when all of it does, a table at a time.
"$CTWATCH" apply {backend}.toml >/dev/null || fail apply
after=$(now | sort)
"$CTWATCH" rollback >/dev/null || fail rollback
for program in nft iptables; do shim $program "$slow"; done
# Each table, or all of nft, is as before or as after: nothing else is ever seen.
is_whole() {{
    parts=.; [ {backend} = iptables ] && parts='^-A.*203 ^-A.*2001'
    for part in $parts; do
        here=$(now | grep -e "$part" | sort)
        [ "$here" = "$(echo "$before" | grep -e "$part" | sort)" ] ||
            [ "$here" = "$(echo "$after" | grep -e "$part" | sort)" ] || fail "half: $part: $here"
    done
}}
for moment in {moments}; do
    "$CTWATCH" apply {backend}.toml --confirm-within 1s >/dev/null 2>&1 & apply=$!
    sleep $moment
    kill -KILL $apply
    wait $apply 2>/dev/null
    for look in 1 2 3 4; do is_whole; all_old || echo installed; sleep 0.05; done
    wait_for over
done
echo over
"#
    )
}

/// `apply` looks for two seconds before it changes anything.
fn moments() -> Vec<u32> {
    let within = (1_950..3_150).step_by(40);
    [5, 60, 500, 1_500].into_iter().chain(within).collect()
}

#[test]
fn apply_killed_at_any_moment_is_taken_back_with_nft() {
    kill_at("nft", &moments());
}

#[test]
fn apply_killed_at_any_moment_is_taken_back_with_iptables() {
    kill_at("iptables", &moments());
}

#[test]
fn apply_killed_at_any_moment_is_taken_back_with_accept_rules_in_others_tables() {
    kill_at("native", &moments());
}

/// The guard is the one child of `apply`; without it `apply` takes back what stands.
#[test]
fn a_guard_killed_while_it_installs_is_noticed() {
    let _ = run(&format!(
        r#"{SLOW}
shim nft "${{slow/0.15/3}}"
"$CTWATCH" apply nft.toml --confirm-within 30s 2>said & apply=$!
guard_of() {{ guard=$(pgrep -P $apply -f 'guard'); [ -n "$guard" ]; }}
wait_for guard_of
kill -KILL $guard
wait $apply; [ $? = 2 ] || fail "not told"
grep -q 'it ended before its time' said || grep -q 'it does not begin' said || fail "$(cat said)"
wait_for over
"#
    ));
}

#[test]
fn the_end_of_the_terminal_does_not_end_the_guard() {
    let _ = run(&format!(
        r#"{SLOW}
# A session with a terminal that goes away with everything in it.
script -qec "'$CTWATCH' apply nft.toml --confirm-within 2s; kill -KILL \$\$" /dev/null >/dev/null 2>&1
all_old && fail "not applied"
for signal in HUP INT TERM QUIT; do pkill -$signal -f "guard [0-9]*-[0-9]*\$" --ns $$ --nslist net; done
wait_for over
"#
    ));
}
