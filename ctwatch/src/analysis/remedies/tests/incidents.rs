//! The incidents: the list must read as an expert would advise there.

use super::*;

/// Incident 4: an ingress that terminates TLS, under kube-proxy.
fn ingress() -> Scene {
    let https = Service::new(
        Role::Inbound,
        443,
        &[
            ("CLOSE_WAIT", 120_770),
            ("TIME_WAIT", 55_386),
            ("ESTABLISHED", 17_738),
            ("CLOSE", 3_842),
            ("LAST_ACK", 1_626),
            ("SYN_RECV", 520),
            ("FIN_WAIT", 92),
            ("SYN_SENT", 2),
        ],
    )
    .clients(12)
    // CLOSE_WAIT: 120,770 in an hour; TIME_WAIT: 55,386 in two minutes.
    .moved(30_000, &[("CLOSE_WAIT", 2_013), ("TIME_WAIT", 27_693)]);
    let dns = Service::udp(53, &[("REPLIED", 46_423)]);
    let notrack = vec![notrack(&https)];
    Scene {
        notrack,
        ..Scene::new(vec![https, dns], 262_144)
            .sysctl(CLOSE_WAIT, "3600")
            .sysctl(ESTABLISHED, "86400")
            .sysctl(TIME_WAIT, "120")
            .sysctl("net.netfilter.nf_conntrack_max", "262144")
            .sysctl("net.ipv4.tcp_keepalive_time", "7200")
    }
}

#[test]
fn the_ingress_is_not_tracked_and_kube_proxy_keeps_close_wait_for_a_minute() {
    let scene = ingress();
    let remedies = scene.remedies();
    let kinds: Vec<_> = remedies
        .iter()
        .map(|r| (r.kind, r.setting.as_deref()))
        .collect();
    assert_eq!(
        kinds[..3],
        [
            (RemedyKind::Notrack, None),
            (RemedyKind::Timeout, Some(CLOSE_WAIT)),
            (RemedyKind::Application, None),
        ],
        "{:#?}",
        titles(&remedies)
    );
    assert_eq!(remedies[0].frees_entries, Some(199_976));
    let close_wait = of(&remedies, CLOSE_WAIT);
    // 33.55 a second, for a minute.
    assert_eq!(close_wait.frees_entries, Some(120_770 - 2_013));
    assert_eq!(close_wait.owner.as_deref(), Some("kube-proxy"));
    assert_eq!(close_wait.how, "--conntrack-tcp-timeout-close-wait=60s");
    let persist = close_wait.persist.as_deref().unwrap();
    assert!(
        persist.starts_with("conntrack: {tcpCloseWaitTimeout: 60s}"),
        "{persist}"
    );
    assert!(!persist.contains("sysctl.d"));
    assert_eq!(close_wait.drain_seconds, Some(3_660));
    let fill = |entries: u64| Some(entries as f64 / 262_144.0);
    assert_eq!(close_wait.fill_before, fill(246_399));
    assert_eq!(close_wait.fill_after, fill(246_399 - 118_757));
    assert_eq!(close_wait.costs_bytes, Some(0));
}

#[test]
fn nothing_of_the_ingress_is_left_out() {
    let remedies = ingress().remedies();
    let time_wait = of(&remedies, TIME_WAIT);
    assert_eq!(time_wait.owner, None, "kube-proxy leaves TIME_WAIT alone");
    assert_eq!(time_wait.frees_entries, Some(55_386 - 27_693));
    let established = of(&remedies, ESTABLISHED);
    assert_eq!(
        established.frees_entries, None,
        "idle times were not recorded"
    );
    assert_eq!(established.how, "--conntrack-tcp-timeout-established=7920s");
    let limit = of(&remedies, "net.netfilter.nf_conntrack_max");
    assert!(
        limit.how.starts_with("--conntrack-max-per-core="),
        "{}",
        limit.how
    );
    let vanished: Vec<_> = remedies
        .iter()
        .filter(|r| r.title.contains("vanish"))
        .collect();
    assert_eq!(vanished.len(), 1);
    assert_eq!(vanished[0].frees_entries, Some(1_626 + 520 + 92));
    assert!(vanished[0].how.contains("return 444"));
    assert!(of_kind(&remedies, RemedyKind::Flood).is_empty());
}

#[test]
fn a_dozen_clients_of_a_load_balancer_are_told_to_keep_their_connections() {
    let remedies = ingress().remedies();
    let pool = remedies
        .iter()
        .find(|r| r.title.contains("keep connections"))
        .unwrap();
    assert!(pool.owner.as_deref().unwrap().contains("load balancer"));
    assert_eq!(pool.frees_entries, Some(55_386 + 3_842));
}

/// Incident 1: a flood, churn and a leak are three things.
#[test]
fn a_syn_flood_is_answered_by_synproxy() {
    let flooded = Service::new(
        Role::Inbound,
        443,
        &[("SYN_RECV", 50_000), ("ESTABLISHED", 900)],
    )
    .clients(48_000);
    let remedies = Scene::new(vec![flooded], 65_536).remedies();
    let flood = &of_kind(&remedies, RemedyKind::Flood)[0];
    assert_eq!(flood.title, "SYNPROXY for tcp 443");
    assert_eq!(flood.frees_entries, Some(50_000));
    assert!(
        flood.how.contains(
            "-t raw -C PREROUTING -d 203.0.113.10 -p tcp --dport 443 --syn -j CT --notrack"
        )
    );
    let position = |rule: &str| flood.how.find(&format!("-I INPUT {rule}")).unwrap();
    let of_port = "-d 203.0.113.10 -p tcp --dport 443 -m conntrack --ctstate INVALID";
    assert!(
        position(&format!("{of_port} -j DROP"))
            < position(&format!("{of_port},UNTRACKED -j SYNPROXY")),
        "the last to be put first stands first"
    );
    assert!(
        !remedies.iter().any(|r| r.title.contains("vanish")),
        "{:?}",
        titles(&remedies)
    );
}

#[test]
fn one_source_that_scans_is_limited_and_churn_is_neither() {
    let scanned = Service::new(Role::Inbound, 443, &[("SYN_SENT", 50_000)]).clients(1);
    let remedies = Scene::new(vec![scanned], 65_536).remedies();
    let limit = &of_kind(&remedies, RemedyKind::Flood)[0];
    assert!(limit.how.contains("hashlimit-mode srcip"), "{}", limit.how);

    let churn = Service::new(
        Role::Inbound,
        443,
        &[("TIME_WAIT", 50_000), ("ESTABLISHED", 900)],
    )
    .clients(4_000)
    .moved(25_000, &[("TIME_WAIT", 25_000)]);
    let remedies = Scene::new(vec![churn], 65_536).remedies();
    assert!(of_kind(&remedies, RemedyKind::Flood).is_empty());
    let keep = remedies
        .iter()
        .find(|r| r.title.contains("keep connections"))
        .unwrap();
    assert_eq!(keep.frees_entries, Some(50_000 - 3_100));
    assert_eq!(keep.owner.as_deref(), Some("the service"));
}

#[test]
fn a_leak_is_priced_by_idle_times() {
    let leak = Service::new(Role::Inbound, 5432, &[("ESTABLISHED", 60_000)]);
    let scene = Scene::new(vec![leak], 65_536)
        .sysctl(ESTABLISHED, "432000")
        .left("ESTABLISHED", 432_000 - 5, 1_000)
        .left("ESTABLISHED", 432_000 - 7_920, 500)
        .left("ESTABLISHED", 332_000, 58_500);
    let remedies = scene.remedies();
    let established = of(&remedies, ESTABLISHED);
    // 7200 s and nine probes of 75 s, in whole minutes.
    assert_eq!(established.to.as_deref(), Some("7920"));
    assert_eq!(established.frees_entries, Some(58_500));
}

/// Incident 2: a business service fills the table, and lookups fail.
#[test]
fn a_full_table_gets_room_with_its_memory_and_its_hash() {
    let mut business = Service::new(
        Role::Inbound,
        8080,
        &[("TIME_WAIT", 40_000), ("CLOSE_WAIT", 20_000)],
    )
    .clients(300)
    .moved(20_600, &[("TIME_WAIT", 20_000)]);
    business.counters.ended.evicted = 600;
    let mut dns = Service::udp(53, &[("REPLIED", 5_536)]);
    dns.counters = lost(3_000, 200);
    let mut scene = Scene::new(vec![business, dns], 65_536);
    scene.buckets = 16_384;
    let remedies = scene.remedies();
    let limit = of(&remedies, "net.netfilter.nf_conntrack_max");
    let to: u64 = limit.to.as_deref().unwrap().parse().unwrap();
    // 23,600 arrivals for 20,000 that ended by themselves: 77,332 entries, and room for a burst.
    assert_eq!(to, 110_592);
    assert_eq!(
        limit.costs_bytes,
        Some((to - 65_536) * 384 + (to / 2 - 16_384) * 8)
    );
    assert!(
        limit
            .how
            .contains("sysctl -w net.netfilter.nf_conntrack_max=110592; echo 55296 >")
    );
    let persist = limit.persist.as_deref().unwrap();
    assert!(persist.contains("/etc/sysctl.d/") && persist.contains("/etc/modprobe.d/"));
    assert!(
        limit
            .symptom
            .starts_with("3000 connections refused, 800 entries evicted")
    );
    assert_eq!(limit.fill_after, Some(65_536.0 / 110_592.0));
    assert!(matches!(limit.until_full_after, UntilFull::Seconds(_)));
    let position = |wanted: &str| {
        remedies
            .iter()
            .position(|r| r.setting.as_deref() == Some(wanted))
    };
    assert!(position(TIME_WAIT) < position("net.netfilter.nf_conntrack_max"));
}

/// Incident 3: rolling updates time out under IPVS.
const SERVICES: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  CB00710A:01BB rr 
  -> AC100102:1F90      Masq    1      3          4         
  -> AC100103:1F90      Masq    0      70         20        
";

fn rolling_update() -> Scene {
    let mut service = Service::new(
        Role::Inbound,
        443,
        &[("ESTABLISHED", 400), ("TIME_WAIT", 600)],
    );
    service.counters = Counters {
        reopened: 31,
        syn_ignored: 4,
        ..service.counters
    };
    service.example = "tcp 6 86 TIME_WAIT src=198.51.100.7 dst=203.0.113.10 sport=40112 dport=443 src=172.16.1.9 dst=198.51.100.7 sport=8080 dport=40112 [ASSURED]";
    Scene {
        ipvs: SERVICES,
        rules: "*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n",
        ..Scene::new(vec![service], 65_536)
            .sysctl("net.ipv4.vs.conn_reuse_mode", "0")
            .sysctl("net.ipv4.vs.conntrack", "1")
            .translated("203.0.113.10:443", "172.16.1.9:8080", 300)
    }
}

#[test]
fn reused_ports_drained_and_lost_backends_are_told_apart() {
    let remedies = rolling_update().remedies();
    let reuse = of(&remedies, "net.ipv4.vs.conn_reuse_mode");
    assert_eq!(
        (reuse.kind, reuse.to.as_deref()),
        (RemedyKind::Ipvs, Some("1"))
    );
    assert!(
        reuse
            .cause
            .contains("31 SYNs reopened an entry and 4 met one"),
        "{}",
        reuse.cause
    );
    assert_eq!(reuse.frees_entries, None);
    let titled = |text: &str| remedies.iter().find(|r| r.title.contains(text)).unwrap();
    let drained = titled("weight 0");
    assert_eq!(drained.frees_entries, Some(90));
    assert!(
        drained
            .symptom
            .contains("172.16.1.3:8080 of tcp 203.0.113.10:443"),
        "{}",
        drained.symptom
    );
    let gone = titled("backends that are gone");
    assert_eq!(gone.frees_entries, Some(300));
    assert!(
        gone.symptom
            .ends_with("300 of tcp 203.0.113.10:443 at 172.16.1.9:8080"),
        "{}",
        gone.symptom
    );
    assert_eq!(
        gone.how,
        "conntrack -D -p tcp --orig-dst 203.0.113.10 --orig-port-dst 443 --reply-src 172.16.1.9"
    );
    assert!(
        !remedies
            .iter()
            .any(|r| r.setting.as_deref() == Some("net.ipv4.vs.conntrack")),
        "kube-proxy needs it"
    );
}

#[test]
fn ipvs_without_kube_proxy_may_track_once() {
    let scene = Scene {
        rules: "",
        ..rolling_update()
    };
    let remedies = scene.remedies();
    let twice = of(&remedies, "net.ipv4.vs.conntrack");
    assert_eq!(twice.frees_entries, Some(1_000));
    let mut serving = rolling_update();
    serving.services[0].example = "";
    serving.sysctls[0].1 = "1";
    serving.ipvs =
        "-A -t 203.0.113.10:443 -s rr\n-a -t 203.0.113.10:443 -r 172.16.1.9:8080 -m -w 1\n";
    assert!(of_kind(&serving.remedies(), RemedyKind::Ipvs).is_empty());
}

#[test]
fn half_open_entries_beside_many_that_complete_are_no_flood() {
    let busy = Service::new(
        Role::Inbound,
        443,
        &[("SYN_RECV", 9_000), ("ESTABLISHED", 50_000)],
    )
    .clients(30_000);
    let remedies = Scene::new(vec![busy], 262_144).remedies();
    assert!(of_kind(&remedies, RemedyKind::Flood).is_empty());
    assert!(remedies.iter().any(|r| r.title.contains("vanish")));
}

#[test]
fn a_flood_of_udp_has_no_handshake_to_prove_its_sources() {
    let flooded = Service::udp(53, &[("UNREPLIED", 50_000), ("REPLIED", 900)]).clients(49_000);
    let remedies = Scene::new(vec![flooded], 65_536).remedies();
    let flood = &of_kind(&remedies, RemedyKind::Flood)[0];
    assert_eq!(flood.title, "no tracking of udp 53, or no service at it");
    assert!(flood.how.contains("NOTRACK"), "{}", flood.how);
}
