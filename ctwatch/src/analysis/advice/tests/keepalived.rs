//! A director of keepalived: VIPs by VRRP, services of IPVS by direct routing and by NAT, a stateful filter.
//!
//! Services and filter are those of keepalived.conf(5) and its user guide: `virtual_server` with `lb_kind DR` and `NAT`,
//! `persistence_timeout 50`, a real server that was drained (`inhibit_on_failure`), VRRP and the daemon that synchronises
//! connections (`lvs_sync_daemon`) let in. Both were loaded into a kernel and printed again.

use super::*;

const RULES: &str = include_str!("../../../../tests/rulesets/keepalived.iptables");
const SERVICES: &str = include_str!("../../../../tests/rulesets/keepalived.ipvs");
const NODE: &str = "192.0.2.10";
const NAT_VIP: &str = "203.0.113.1";
/// Where the sync daemon of another director sends to.
const SYNC_GROUP: &str = "224.0.0.81";

fn director(services: &str, address: &str, protocol: Protocol, port: u16) -> PortAdvice {
    let mut scene = Scene::new(&[endpoint(address, protocol, port)], RULES);
    scene.ruleset(RulesetKind::IpVs, services);
    scene.only()
}

#[test]
fn a_virtual_service_is_ipvss_to_forward() {
    for (address, protocol, port, words) in [
        (
            VIP,
            Protocol::TCP,
            443,
            "tcp 203.0.113.10:443 (wlc, 2 backends)",
        ),
        (
            VIP,
            Protocol::UDP,
            53,
            "udp 203.0.113.10:53 (rr, 1 backends)",
        ),
        (
            NAT_VIP,
            Protocol::TCP,
            80,
            "tcp 203.0.113.1:80 (rr, 2 backends)",
        ),
    ] {
        let advice = director(SERVICES, address, protocol, port);
        assert_eq!(advice.verdict, Verdict::Blocked, "{:#?}", advice.reasons);
        let named = |reason: &super::super::Reason| {
            reason.code.as_str() == "ipvs-service" && reason.evidence.contains(words)
        };
        assert!(advice.reasons.iter().any(named), "{:#?}", advice.reasons);
    }
}

#[test]
fn the_same_port_elsewhere_is_the_filters_concern_alone() {
    for (address, port) in [(NODE, 443), (NODE, 80), (VIP, 80), (NAT_VIP, 443)] {
        let advice = director(SERVICES, address, Protocol::TCP, port);
        assert_eq!(
            advice.verdict,
            Verdict::NeedsAccept,
            "{:#?}",
            advice.reasons
        );
        assert!(!codes(&advice).contains(&"ipvs-service"));
    }
}

/// Which packets get the mark is for rules of mangle to say, or for tc: none can be told to be another's.
#[test]
fn a_service_of_a_mark_may_be_any_ports() {
    let services = format!("{SERVICES}-A -f 5 -s wlc -p 50\n-a -f 5 -r 10.0.0.21:0 -m -w 1\n");
    let marked = director(&services, NAT_VIP, Protocol::TCP, 443);
    assert_eq!(marked.verdict, Verdict::Unproven);
    assert!(
        marked.reasons[0].evidence.contains("mark 5"),
        "{:#?}",
        marked.reasons
    );
    let named = director(&services, VIP, Protocol::TCP, 443);
    assert_eq!(named.verdict, Verdict::Blocked);
}

#[test]
fn what_directors_tell_each_other_is_never_advised() {
    let sync = director(SERVICES, SYNC_GROUP, Protocol::UDP, 8848);
    assert_eq!(sync.verdict, Verdict::Blocked, "{:#?}", sync.reasons);
    assert_eq!(codes(&sync)[0], "not-local-address");
    let vrrp = director(SERVICES, NODE, Protocol(112), 0);
    assert_eq!(vrrp.verdict, Verdict::Unproven);
    assert!(
        vrrp.reasons[0].evidence.contains("has no ports"),
        "{:#?}",
        vrrp.reasons
    );
}
