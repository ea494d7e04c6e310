//! Rules that translate.

use super::*;

#[test]
fn destination_nat_blocks_where_it_covers_the_port() {
    let nat = |rules: &str| {
        format!("*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n{rules}COMMIT\n")
    };
    let range =
        nat("-A PREROUTING -p tcp -m tcp --dport 400:500 -j DNAT --to-destination 10.0.0.1:80\n");
    expect(&https(&range), Verdict::Blocked, &["nat-rule"]);
    let redirect = nat(
        "-A PREROUTING -i eth0 -p tcp -m multiport --dports 80,443 -j REDIRECT --to-ports 8443\n",
    );
    expect(&https(&redirect), Verdict::Blocked, &["nat-rule"]);
    let other = nat(
        "-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.1\n\
        -A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.1\n",
    );
    expect(&https(&other), Verdict::Safe, &[]);
    // Replies follow their entry and never ask the nat table.
    let leaving = nat("-A POSTROUTING -o eth0 -j MASQUERADE\n");
    expect(&https(&leaving), Verdict::Safe, &[]);
}

#[test]
fn a_node_port_is_blocked_and_a_cluster_address_does_not_matter() {
    let rules = "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n:KUBE-NODEPORTS - [0:0]\n:KUBE-SEP-A - [0:0]\n\
        -A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
        -A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SEP-A\n\
        -A KUBE-SERVICES -m comment --comment \"node ports\" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n\
        -A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-SEP-A\n\
        -A KUBE-SEP-A -p tcp -m tcp -j DNAT --to-destination 10.244.0.7:8080\nCOMMIT\n";
    let advice = under(rules, VIP, Protocol::TCP, 30080);
    expect(&advice, Verdict::Blocked, &["nodeport-service"]);
    assert!(
        advice.reasons[0]
            .evidence
            .contains("DNAT --to-destination 10.244.0.7:8080")
    );
    expect(&https(rules), Verdict::Safe, &[]);
}

#[test]
fn a_clients_masquerade_does_not_concern_clients_on_the_node() {
    let inbound = endpoint(VIP, Protocol::TCP, 443);
    let loopback = Endpoint {
        role: Some(Role::Loopback),
        ..inbound
    };
    let rules = "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n\
        -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
        -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER\n\
        -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n\
        -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\nCOMMIT\n";
    expect(
        &Scene::new(&[inbound, loopback], rules).only(),
        Verdict::Safe,
        &[],
    );
    expect(
        &under(rules, VIP, Protocol::TCP, 8080),
        Verdict::Blocked,
        &["nat-rule"],
    );
}
