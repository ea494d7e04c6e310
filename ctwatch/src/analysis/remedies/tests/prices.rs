//! What each remedy costs and frees.

use super::*;

#[test]
fn a_calm_table_needs_nothing() {
    let calm = Service::new(
        Role::Inbound,
        443,
        &[("ESTABLISHED", 10), ("TIME_WAIT", 2_000)],
    )
    .moved(100, &[("TIME_WAIT", 100)]);
    let remedies = Scene::new(vec![calm], 262_144)
        .sysctl(TIME_WAIT, "60")
        .sysctl(ESTABLISHED, "7500")
        .remedies();
    assert!(remedies.is_empty(), "{:#?}", titles(&remedies));
}

#[test]
fn without_the_ends_of_entries_even_arrivals_are_assumed_and_said() {
    let service = Service::new(Role::Inbound, 443, &[("CLOSE_WAIT", 60_000)]);
    let scene = Scene {
        backend: Backend::Dump,
        ..Scene::new(vec![service], 262_144).sysctl(CLOSE_WAIT, "3600")
    };
    let remedies = scene.remedies();
    let remedy = of(&remedies, CLOSE_WAIT);
    assert_eq!(remedy.frees_entries, Some(59_000));
    assert!(
        remedy.basis.contains("as if they had arrived evenly"),
        "{}",
        remedy.basis
    );
}

#[test]
fn idle_times_outweigh_arrivals() {
    let service = Service::new(Role::Inbound, 443, &[("CLOSE_WAIT", 60_000)]);
    let scene = Scene::new(vec![service], 262_144)
        .sysctl(CLOSE_WAIT, "3600")
        .left("CLOSE_WAIT", 3_600 - 60, 25_000)
        .left("CLOSE_WAIT", 3_600 - 61, 35_000);
    let remedies = scene.remedies();
    assert_eq!(of(&remedies, CLOSE_WAIT).frees_entries, Some(35_000));
}

#[test]
fn a_growing_pile_stops_growing_with_its_timeout() {
    let service = Service::new(Role::Inbound, 443, &[("CLOSE_WAIT", 60_000)])
        .before(&[("CLOSE_WAIT", 54_000)])
        .moved(6_000, &[]);
    let scene = Scene::new(vec![service], 262_144).sysctl(CLOSE_WAIT, "3600");
    let remedies = scene.remedies();
    let remedy = of(&remedies, CLOSE_WAIT);
    assert_eq!(
        remedy.frees_entries,
        Some(54_000),
        "100 a second for 60 s remain"
    );
    assert_eq!(remedy.until_full_after, UntilFull::Never);
}

#[test]
fn established_is_never_below_keepalive() {
    for keepalive in ["300", "7200", "100000", "500000"] {
        let service = Service::new(Role::Inbound, 5432, &[("ESTABLISHED", 60_000)]);
        let scene = Scene::new(vec![service], 65_536)
            .sysctl(ESTABLISHED, "432000")
            .sysctl("net.ipv4.tcp_keepalive_time", keepalive)
            .left("ESTABLISHED", 32_000, 60_000);
        let remedies = scene.remedies();
        let established = remedies
            .iter()
            .find(|remedy| remedy.setting.as_deref() == Some(ESTABLISHED));
        let Some(established) = established else {
            assert_eq!(keepalive, "500000");
            continue;
        };
        let to: u64 = established.to.as_deref().unwrap().parse().unwrap();
        assert!(to >= keepalive.parse().unwrap(), "{to} under {keepalive}");
    }
}

#[test]
fn udp_waits_twice_as_long_as_entries_were_in_use() {
    let mut dns = Service::udp(53, &[("REPLIED", 24_000), ("UNREPLIED", 600)]);
    dns.counters = Counters {
        inserted: 12_000,
        assured: 11_400,
        ended: Ended {
            expired: 12_000,
            ..Ended::default()
        },
        ..Counters::default()
    };
    let endpoint = dns.endpoint;
    let mut scene = Scene::new(vec![dns], 65_536);
    let stream = "net.netfilter.nf_conntrack_udp_timeout_stream";
    let without = scene.remedies();
    assert!(without.iter().all(|r| r.setting.as_deref() != Some(stream)));
    // All were gone 11 s after their timeout at the latest.
    let buckets = [(131_072, 900)].into_iter().collect();
    scene.lifetimes.insert(endpoint, Lifetimes { buckets });
    let remedies = scene.remedies();
    let remedy = of(&remedies, stream);
    assert_eq!(
        (remedy.from.as_deref(), remedy.to.as_deref()),
        (Some("120"), Some("30"))
    );
    // 190 streams a second, each 90 s less.
    assert_eq!(remedy.frees_entries, Some(17_100));
    assert!(
        remedy.basis.contains("900 sampled were in use for 12 s"),
        "{}",
        remedy.basis
    );
}

#[test]
fn protocols_without_a_tracker_are_cut_to_the_kernels_own() {
    let mut tunnel = Service::udp(0, &[("REPLIED", 30_000)]);
    tunnel.endpoint.protocol = Protocol(50);
    tunnel.endpoint.port = 0;
    tunnel.counters.inserted = 600;
    let generic = "net.netfilter.nf_conntrack_generic_timeout";
    let scene = Scene {
        backend: Backend::Dump,
        ..Scene::new(vec![tunnel], 65_536).sysctl(generic, "6000")
    };
    let remedies = scene.remedies();
    assert_eq!(of(&remedies, generic).to.as_deref(), Some("600"));
}

#[test]
fn values_that_kube_proxy_sets_are_its_own_only_with_a_trace_of_it() {
    let service = || Service::new(Role::Inbound, 443, &[("ESTABLISHED", 60_000)]);
    let scene = |rules| Scene {
        rules,
        ..Scene::new(vec![service()], 65_536).sysctl(ESTABLISHED, "86400")
    };
    let owner = |scene: &Scene| of(&scene.remedies(), ESTABLISHED).owner.clone();
    assert_eq!(owner(&scene("*nat\nCOMMIT\n")), None);
    let kube = scene("*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n");
    assert_eq!(owner(&kube).as_deref(), Some("kube-proxy"));
}

#[test]
fn a_hash_that_is_too_small_is_told_where_the_limit_is_not_the_matter() {
    let service = Service::new(Role::Inbound, 443, &[("ESTABLISHED", 1_000)]);
    let mut scene = Scene::new(vec![service], 262_144).sysctl(ESTABLISHED, "7500");
    scene.buckets = 16_384;
    let remedies = scene.remedies();
    let hash = &of_kind(&remedies, RemedyKind::Hashsize)[0];
    assert_eq!(hash.to.as_deref(), Some("131072"));
    assert_eq!(hash.costs_bytes, Some((131_072 - 16_384) * 8));
    assert!(
        hash.persist
            .as_deref()
            .unwrap()
            .contains("options nf_conntrack hashsize=131072")
    );
}

#[test]
fn a_proxys_pool_is_priced_and_one_requests_entries_are_counted() {
    let inbound = Service::new(Role::Inbound, 443, &[("ESTABLISHED", 3_000)]).moved(6_000, &[]);
    let upstream = Service::new(
        Role::Outbound,
        8080,
        &[("TIME_WAIT", 12_000), ("ESTABLISHED", 50)],
    )
    .clients(1)
    .moved(6_000, &[("TIME_WAIT", 6_000)]);
    let sidecar = Service::new(Role::Loopback, 15_001, &[("ESTABLISHED", 100)]).moved(3_000, &[]);
    let remedies = Scene::new(vec![inbound, upstream, sidecar], 65_536).remedies();
    let pool = remedies
        .iter()
        .find(|r| r.title == "keep connections to tcp 8080 open")
        .unwrap();
    assert_eq!(pool.frees_entries, Some(12_000));
    let passes = remedies
        .iter()
        .find(|r| r.title.contains("costs 2.5 entries"))
        .unwrap();
    assert!(
        passes.cause.contains("1.0 onward and 0.5 over loopback"),
        "{}",
        passes.cause
    );
    assert_eq!(passes.frees_entries, Some(12_000));
}

#[test]
fn health_checks_among_the_victims_get_a_higher_threshold() {
    let mut check = Service::new(Role::Inbound, 10_254, &[("TIME_WAIT", 40)]);
    check.counters = lost(30, 2);
    let other = Service::new(Role::Inbound, 443, &[("TIME_WAIT", 60_000)]).moved(1, &[]);
    let remedies = Scene::new(vec![check, other], 65_536).remedies();
    let health = remedies.iter().find(|r| r.title.contains("10254")).unwrap();
    assert!(
        health.symptom.starts_with("32 health checks"),
        "{}",
        health.symptom
    );
    assert!(health.how.contains("failureThreshold"));
    assert_eq!(health.frees_entries, Some(20));
}

#[test]
fn every_remedy_says_symptom_cause_check_and_what_to_do() {
    let service = Service::new(
        Role::Inbound,
        443,
        &[
            ("CLOSE_WAIT", 30_000),
            ("TIME_WAIT", 30_000),
            ("SYN_RECV", 4_000),
            ("LAST_ACK", 2_000),
        ],
    )
    .moved(60_000, &[("TIME_WAIT", 10_000)]);
    let scene = Scene::new(vec![service], 65_536).sysctl(CLOSE_WAIT, "3600");
    let remedies = scene.remedies();
    assert!(remedies.len() >= 4, "{:#?}", titles(&remedies));
    for remedy in &remedies {
        let said = [
            &remedy.symptom,
            &remedy.cause,
            &remedy.check,
            &remedy.how,
            &remedy.basis,
        ];
        assert!(said.iter().all(|text| !text.is_empty()), "{remedy:#?}");
    }
    let freed: Vec<_> = remedies.iter().map(|r| r.frees_entries).collect();
    assert!(freed.is_sorted_by(|a, b| a >= b), "{freed:?}");
}
