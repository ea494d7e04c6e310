//! Namespaces that come and go while others are listened to.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use ctwatch::{
    model::{dump::DumpKind, node::Address},
    source::node::netns::{self, Seen},
};

use super::{
    listen,
    namespace::{in_a_namespace, is_skipped, run},
    total,
};

const ENTRY: &str = "-p udp -t 3600 -s 198.51.100.7 -d 203.0.113.10 --sport 41000 --dport";

/// A namespace with a name and nothing in it, which goes with the test.
struct Named(String);

impl Named {
    fn add() -> Self {
        let name = format!("ctwatch-listener-{}", std::process::id());
        run(&format!("ip netns add {name}"));
        Self(name)
    }

    fn insert(&self, port: u16) {
        run(&format!(
            "ip netns exec {} conntrack -I {ENTRY} {port}",
            self.0
        ));
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        run(&format!("ip netns delete {}", self.0));
    }
}

/// The own namespace, and the named one while it is there.
fn present(name: &str) -> Vec<(Seen, Option<Vec<Address>>)> {
    let all = netns::scan().unwrap().into_iter();
    all.filter(|seen| seen.own || seen.name.as_deref() == Some(name))
        .map(|seen| (seen, Some(Vec::new())))
        .collect()
}

#[test]
fn a_namespace_is_listened_to_from_when_it_is_seen_until_it_goes() {
    if is_skipped("a_namespace_is_listened_to_from_when_it_is_seen_until_it_goes") {
        return;
    }
    in_a_namespace(|| {
        let mut listener = listen();
        let named = Named::add();
        let name = named.0.clone();
        run(&format!(
            "ip link add here type veth peer name there netns {name}"
        ));
        named.insert(1);
        listener.update(present(&name));
        listener.start_dumps(DumpKind::Periodic);
        assert_eq!(listener.wait_dumps().len(), 3, "its first, and one of each");
        named.insert(2);
        let all = total(&listener.read(&[]));
        assert_eq!(
            (all.inserted, all.ended.total()),
            (1, 0),
            "the first one was there before"
        );

        drop(named);
        listener.update(present(&name));
        let all = total(&listener.read(&[]));
        assert_eq!((all.inserted, all.ended.netns_gone), (0, 2));
        assert_eq!(all.ended.total(), 2);

        // One end of a veth pair goes when the namespace of the other does, which the listener does not keep alive.
        let is_there = || {
            let shown = Command::new("ip").args(["link", "show", "here"]).output();
            shown.unwrap().status.success()
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while is_there() {
            assert!(Instant::now() < deadline, "the namespace is still alive");
            thread::sleep(Duration::from_millis(20));
        }
    });
}
