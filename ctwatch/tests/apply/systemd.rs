//! Under systemd the guard is a service. Here a stand-in takes the place of systemd-run and of the service manager: it
//! writes down its arguments, and starts the service again when it is killed.

use crate::node::run;

const SYSTEMD: &str = r#"
mkdir -p /run/systemd/system /run/netns
mkfifo -m 600 /run/manager
cat > manager <<'END'
mapfile -t arguments < /run/manager
for try in 1 2 3; do
    "${arguments[@]}" </dev/null >/dev/null 2>&1 & echo $! >> /run/services
    wait $! && break
    sleep 0.1
done
END
bash manager </dev/null >/dev/null 2>&1 & manager=$!
trap 'kill $manager' EXIT
cat > stand-in <<'END'
#!/bin/bash
printf '%s\n' "$@" > /run/asked
while [[ $1 = --* ]]; do shift; done
printf '%s\n' "$@" > /run/manager
END
chmod +x stand-in
mount --bind stand-in /usr/bin/systemd-run
touch /run/netns/here && mount --bind /proc/self/ns/net /run/netns/here || fail "no name"
before=$(rules)
"#;

#[test]
fn a_guard_under_systemd_that_is_killed_is_started_again_and_keeps_its_deadline() {
    let _ = run(&format!(
        r#"{SYSTEMD}
"$CTWATCH" -o json apply nft.toml --confirm-within 2s > said || fail apply
grep -q '"guard": "systemd"' said || fail "$(cat said)"
grep -qx -e '--property=NetworkNamespacePath=/run/netns/here' /run/asked || fail "$(cat /run/asked)"
grep -qx -e '--property=Restart=on-failure' /run/asked || fail "$(cat /run/asked)"
kill -KILL $(head -1 /run/services)
[ "$(rules)" != "$before" ] || fail "not applied"
wait_for are "$before"
[ $(wc -l < /run/services) = 2 ] || fail "not started again"
"#
    ));
}

#[test]
fn where_systemd_starts_nothing_a_process_guards() {
    let _ = run(&format!(
        r#"{SYSTEMD}
kill $manager; trap - EXIT
printf '#!/bin/sh\nexit 1\n' > stand-in
"$CTWATCH" -o json apply nft.toml --confirm-within 1s > said || fail apply
grep -q '"guard": "detached"' said || fail "$(cat said)"
wait_for are "$before"
"#
    ));
}
