//! A ruleset of a large node.

use std::fmt::Write;

use super::*;

const SERVICES: usize = 2_000;

/// What kube-proxy writes for 2,000 services of three endpoints each: 8,000 chains, 22,000 rules.
fn kube_proxy() -> String {
    let mut chains = String::new();
    let mut rules = String::new();
    for n in 0..SERVICES {
        let (a, b) = (n / 250, n % 250 + 1);
        let _ = writeln!(chains, ":KUBE-SVC-{n} - [0:0]");
        let _ = writeln!(
            rules,
            "-A KUBE-SERVICES -d 10.96.{a}.{b}/32 -p tcp -m comment --comment \"default/s{n} cluster IP\" -m tcp --dport 80 -j KUBE-SVC-{n}"
        );
        let _ = writeln!(
            rules,
            "-A KUBE-SVC-{n} ! -s 10.244.0.0/16 -d 10.96.{a}.{b}/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ"
        );
        for pod in 0..3 {
            let pick = match pod {
                0 => "-m statistic --mode random --probability 0.33333333349 ",
                1 => "-m statistic --mode random --probability 0.50000000000 ",
                _ => "",
            };
            let _ = writeln!(chains, ":KUBE-SEP-{n}-{pod} - [0:0]");
            let _ = writeln!(rules, "-A KUBE-SVC-{n} {pick}-j KUBE-SEP-{n}-{pod}");
            let address = format!("10.244.{a}.{b}");
            let _ = writeln!(
                rules,
                "-A KUBE-SEP-{n}-{pod} -s {address}/32 -j KUBE-MARK-MASQ"
            );
            let _ = writeln!(
                rules,
                "-A KUBE-SEP-{n}-{pod} -p tcp -m tcp -j DNAT --to-destination {address}:{}",
                8_080 + pod
            );
        }
    }
    format!(
        "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n\
         :KUBE-SERVICES - [0:0]\n:KUBE-NODEPORTS - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n{chains}\
         -A PREROUTING -j KUBE-SERVICES\n-A OUTPUT -j KUBE-SERVICES\n\
         -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n\
         -A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-SVC-7\n{rules}\
         -A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\nCOMMIT\n"
    )
}

#[test]
fn every_port_of_a_node_with_20_000_rules_is_judged() {
    let ports: Vec<u16> = (1..=100)
        .chain([30_080])
        .filter(|port| *port != 22)
        .collect();
    let endpoints: Vec<Endpoint> = ports
        .iter()
        .map(|port| endpoint(VIP, Protocol::TCP, *port))
        .collect();
    let rules = kube_proxy();
    assert!(rules.lines().filter(|line| line.starts_with("-A")).count() > 20_000);
    let mut scene = Scene::new(&endpoints, &rules);
    for (_, seen, _) in &mut scene.endpoints {
        seen.entries = 100_000;
    }
    let advice = scene.advice();
    assert_eq!(advice.len(), ports.len());
    for port in &advice {
        if port.port == 30_080 {
            expect(port, Verdict::Blocked, &["nodeport-service"]);
        } else {
            expect(port, Verdict::Safe, &[]);
        }
    }
}
