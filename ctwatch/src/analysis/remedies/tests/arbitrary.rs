//! Whatever a table and its settings hold, a remedy never promises more than there is.

use proptest::prelude::*;

use super::*;

fn setting() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("0"),
        Just("1"),
        Just("59"),
        Just("3600"),
        Just("86400"),
        Just("18446744073709551615"),
        Just("-1"),
        Just(""),
        Just("many"),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![
        Just(Role::Inbound),
        Just(Role::Outbound),
        Just(Role::Forwarded),
        Just(Role::Loopback),
        Just(Role::Encapsulation),
    ]
}

fn service() -> impl Strategy<Value = Service> {
    let states = proptest::sample::subsequence(
        vec![
            "SYN_SENT",
            "SYN_RECV",
            "ESTABLISHED",
            "FIN_WAIT",
            "CLOSE_WAIT",
            "LAST_ACK",
            "TIME_WAIT",
            "CLOSE",
            "REPLIED",
            "UNREPLIED",
        ],
        0..6,
    );
    let states = states.prop_flat_map(|names| {
        let counts = proptest::collection::vec(0..400_000_u64, names.len());
        counts.prop_map(move |counts| names.iter().copied().zip(counts).collect::<Vec<_>>())
    });
    let protocol = prop_oneof![Just(6), Just(17), Just(50), Just(1)].prop_map(Protocol);
    let moved = (
        0..1_000_000_u64,
        0..1_000_000_u64,
        0..1_000_u64,
        0..1_000_u64,
    );
    (
        role(),
        prop_oneof![Just(443), Just(10_254), any::<u16>()],
        states,
        protocol,
        moved,
        0..500_000_u64,
    )
        .prop_map(
            |(role, port, states, protocol, (inserted, expired, refused, evicted), clients)| {
                let mut service = Service::new(role, port, &states)
                    .clients(clients)
                    .moved(inserted, &[("TIME_WAIT", expired)]);
                service.endpoint.protocol = protocol;
                service.counters.refused = refused;
                service.counters.ended.evicted = evicted;
                service
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn no_remedy_frees_more_than_there_is(
        services in proptest::collection::vec(service(), 0..6),
        max in prop_oneof![Just(0), Just(1), Just(65_536), Just(u64::MAX), any::<u64>()],
        buckets in prop_oneof![Just(0), Just(1), Just(65_536), any::<u64>()],
        values in proptest::collection::vec(setting(), 12),
        backend in prop_oneof![Just(Backend::Kprobe), Just(Backend::Netlink), Just(Backend::Dump)],
    ) {
        let names = [
            CLOSE_WAIT, ESTABLISHED, TIME_WAIT, "net.netfilter.nf_conntrack_udp_timeout",
            "net.netfilter.nf_conntrack_udp_timeout_stream", "net.netfilter.nf_conntrack_generic_timeout",
            "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
            "net.ipv4.tcp_fin_timeout", "net.ipv4.vs.conn_reuse_mode", "net.ipv4.vs.conntrack",
        ];
        let mut scene = Scene::new(services, max);
        (scene.buckets, scene.backend) = (buckets, backend);
        scene.ipvs = "-A -t 203.0.113.10:443 -s rr\n-a -t 203.0.113.10:443 -r 10.0.0.1:80 -m -w 0\n";
        for (name, value) in names.into_iter().zip(values) {
            scene = scene.sysctl(name, value);
        }
        let entries: u64 = scene.services.iter().map(|s| Service::entries(&s.states)).sum();
        for remedy in scene.remedies() {
            prop_assert!(remedy.frees_entries.is_none_or(|frees| frees <= entries), "{remedy:#?}");
            let fills = remedy.fill_before.zip(remedy.fill_after);
            prop_assert!(fills.is_none_or(|(before, after)| after <= before && after >= 0.0), "{remedy:#?}");
        }
    }
}
