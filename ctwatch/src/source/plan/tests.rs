#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;

use super::{PlanError, fingerprint, read};
use crate::{
    model::{
        endpoint::{Netns, Protocol},
        node::{RulesetKind, RulesetText},
        notrack::{AcceptRule, Accepted, Direction, NotrackRule},
        plan::{Plan, PlanBackend, PlannedPort},
    },
    render,
};

const PORT: &str = "version = 1\nbackend = \"nft\"\n[[port]]\nprotocol = \"tcp\"\nport = 443\n\
                    addresses = [\"203.0.113.10\"]\ndirections = [\"requests\", \"replies\"]\n";

fn problem(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn a_port_gets_the_rules_it_names_and_no_others() {
    let plan = read(PORT).unwrap();
    let rules: Vec<_> = plan
        .notrack()
        .iter()
        .map(|r| (r.direction, r.port))
        .collect();
    assert_eq!(
        rules,
        [(Direction::Requests, 443), (Direction::Replies, 443)]
    );
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    assert_eq!(
        read(&PORT.replace("n = 1", "n = 2")),
        Err(PlanError::Version(2))
    );
    for (from, to, said) in [
        ("\"tcp\"", "\"icmp\"", "none with ports"),
        ("= 443", "= 0", "no port 0"),
        ("= 443", "= 65536", "line 5"),
        ("[\"203.0.113.10\"]", "[]", "no addresses"),
        ("203.0.113.10", "0.0.0.0", "no address that a service has"),
        ("203.0.113.10", "203.0.113.", "line 6"),
        ("[\"requests\", \"replies\"]", "[]", "no directions"),
        ("port = 443", "prot = 443", "unknown field `prot`"),
    ] {
        let error = problem(&PORT.replace(from, to));
        assert!(error.contains(said), "{error}");
    }
    let accept = "[[port.accept]]\ntable = \"filter\"\nchain = \"INPUT\"\npackets = \"requests\"\naddress = \"203.0.113.10\"\n";
    assert!(problem(&format!("{PORT}{accept}")).contains("backend = \"iptables\""));
    let native = format!("{PORT}{accept}").replace("\"filter\"", "\"inet filter\"");
    assert_eq!(read(&native).unwrap().accepts().len(), 1);
    assert!(read(&native.replace("\"nft\"", "\"iptables\"")).is_ok());
    for table in [
        "inet ctwatch",
        "bridge fw",
        "inet fw; flush ruleset",
        "inet 9",
    ] {
        let named = native.replace("inet filter", table);
        assert!(
            problem(&named).contains("no chain of somebody's table"),
            "{table}"
        );
    }
    let iptables = format!("{PORT}{accept}").replace("\"nft\"", "\"iptables\"");
    assert_eq!(read(&iptables).unwrap().accepts().len(), 1);
    let injected = iptables.replace("\"INPUT\"", "\"INPUT\\n-F\"");
    assert!(problem(&injected).contains("no built-in chain"));
}

fn text(kind: RulesetKind, text: &str) -> RulesetText {
    RulesetText {
        netns: Netns {
            cookie: 0,
            inode: 1,
        },
        kind,
        text: text.to_owned(),
    }
}

#[test]
fn a_fingerprint_heeds_rules_and_neither_counters_nor_own_rules() {
    let print = |saved: &str| fingerprint(&[text(RulesetKind::IptablesSave, saved)]);
    let before = print("*raw\n:PREROUTING ACCEPT [1:60]\n-A PREROUTING -p udp -j DROP\nCOMMIT\n");
    let after = print(
        "# later\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n*raw\n:PREROUTING ACCEPT [9:540]\n:CTWATCH-PREROUTING - [0:0]\n\
         [7:1] -A PREROUTING -p udp -j DROP\n-A PREROUTING -m comment --comment ctwatch -j CTWATCH-PREROUTING\n\
         -A CTWATCH-PREROUTING -d 203.0.113.10/32 -p tcp -m tcp --dport 443 -m comment --comment ctwatch -j NOTRACK\n\
         COMMIT\n",
    );
    assert_eq!(before, after);
    assert_eq!(before.keys().collect::<Vec<_>>(), ["iptables raw"]);
    for other in [
        "*raw\n:PREROUTING ACCEPT [1:60]\n-A PREROUTING -p tcp -j DROP\nCOMMIT\n",
        "*raw\n:PREROUTING DROP [1:60]\n-A PREROUTING -p udp -j DROP\nCOMMIT\n",
    ] {
        assert_ne!(before, print(other));
    }
}

#[test]
fn a_fingerprint_of_nft_heeds_tables_of_others_only() {
    let list = |objects: &str| {
        let listing = format!("{{\"nftables\": [{objects}]}}");
        fingerprint(&[text(RulesetKind::NftJson, &listing)])
    };
    let theirs = |handle, packets, policy| {
        format!(
            "{{\"table\": {{\"family\": \"inet\", \"name\": \"fw\", \"handle\": {handle}}}}}, {{\"chain\": {{\"family\": \
             \"inet\", \"table\": \"fw\", \"policy\": \"{policy}\"}}}}, {{\"rule\": {{\"family\": \"inet\", \"table\": \
             \"fw\", \"expr\": [{{\"counter\": {{\"packets\": {packets}, \"bytes\": 0}}}}]}}}}"
        )
    };
    let own = "{\"table\": {\"family\": \"inet\", \"name\": \"ctwatch\", \"handle\": 9}}";
    let one = list(&theirs(1, 0, "accept"));
    assert_eq!(one, list(&format!("{}, {own}", theirs(2, 7, "accept"))));
    let accept = |comment| {
        format!(
            "{{\"rule\": {{\"family\": \"inet\", \"table\": \"fw\", \"comment\": \"{comment}\", \"expr\": [{{\"accept\": null}}]}}}}"
        )
    };
    let with = |comment| list(&format!("{}, {}", theirs(1, 0, "accept"), accept(comment)));
    assert_eq!(one, with("ctwatch too_big 203.0.113.10"));
    assert_ne!(one, with("ctwatcher"));
    assert_ne!(one, list(&theirs(1, 0, "drop")));
    assert!(list(own).is_empty());
}

/// `iptables-save` prints such a table as if it were empty.
#[test]
fn a_table_of_nft_that_is_named_like_one_of_iptables_is_heeded() {
    let prints = |port| {
        let saved = "# Table `nat' contains incompatible base-chains, use 'nft' tool to list them.\n*nat\n:PREROUTING ACCEPT [0:0]\n\
                     COMMIT\n";
        let listed = format!(
            "{{\"nftables\": [{{\"table\": {{\"family\": \"ip\", \"name\": \"nat\"}}}}, {{\"rule\": {{\"family\": \"ip\", \"table\": \
             \"nat\", \"expr\": [{{\"dnat\": {{\"port\": {port}}}}}]}}}}]}}"
        );
        fingerprint(&[
            text(RulesetKind::IptablesSave, saved),
            text(RulesetKind::NftJson, &listed),
        ])
    };
    assert!(prints(1).contains_key("nft ip nat"));
    assert_ne!(prints(1), prints(2));
}

fn arbitrary_port() -> impl Strategy<Value = PlannedPort> {
    let direction = proptest::sample::select(&Direction::ALL[..]);
    let address = any::<[u8; 4]>().prop_map(|mut octets| {
        octets[0] = octets[0] % 200 + 1;
        octets.into()
    });
    (
        1..u16::MAX,
        address,
        direction,
        proptest::option::of(1..9_usize),
        ".{0,30}",
    )
        .prop_map(|(port, address, direction, before, note)| PlannedPort {
            protocol: Protocol::UDP,
            port,
            addresses: vec![address],
            directions: vec![direction],
            accepts: vec![
                AcceptRule {
                    table: "filter".into(),
                    chain: "INPUT".into(),
                    before,
                    handle: None,
                    packets: Accepted::Untracked(NotrackRule {
                        direction,
                        address,
                        protocol: Protocol::UDP,
                        port,
                    }),
                },
                AcceptRule {
                    table: "mangle".into(),
                    chain: "OUTPUT".into(),
                    before,
                    handle: None,
                    packets: Accepted::TooBig(address),
                },
            ],
            note,
        })
}

proptest! {
    #[test]
    fn a_plan_that_was_written_is_read_back(
        ports in proptest::collection::vec(arbitrary_port(), 0..4),
        netns in any::<Option<u32>>(),
        rulesets in proptest::option::of(proptest::collection::btree_map(".{0,12}", "[0-9a-f]{4}", 0..3)),
        made in proptest::option::of(".{0,12}"),
    ) {
        let plan = Plan { made, backend: PlanBackend::Iptables, netns, rulesets, ports };
        let text = render::plan::text(&plan);
        prop_assert_eq!(read(&text), Ok(plan), "{}", text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}", cut in 0..400_usize) {
        let _ = read(&text);
        let _ = read(PORT.get(..cut).unwrap_or(PORT));
        let _ = fingerprint(&[super::tests::text(RulesetKind::NftJson, &text), super::tests::text(RulesetKind::IptablesSave, &text)]);
    }
}
