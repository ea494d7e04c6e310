//! Connections whose destination or source is translated are counted as such where they are inserted, and found
//! in dumps; those beside them are not.

use anyhow::Result;

use crate::lab::{
    check::equal,
    recorder::Recorder,
    traffic::udp,
    world::{NODE, SERVER, World},
};

const RULES: &str = "table ip translation {
    chain before { type nat hook prerouting priority -100; udp dport 8053 dnat to 10.8.0.2:53; }
    chain after { type nat hook postrouting priority 100; oifname eth1 udp dport 123 masquerade; }
}";

pub(crate) fn run() -> Result<()> {
    let world = World::create("nat")?;
    let _server = world.add_server()?;
    world.load_rules(RULES)?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    world.client.run(|| {
        udp::from_ports((NODE, 8053).into(), 20_001..=20_040)?;
        udp::from_ports((SERVER, 123).into(), 21_001..=21_060)?;
        udp::from_ports((SERVER, 5000).into(), 22_001..=22_025)
    })?;
    let recording = recorder.stop()?;
    recording.agrees(netns, &before, &world.figures()?)?;
    for (port, role, flows, dnat, snat) in [
        (8053, "inbound", 40, 40, 0),
        (123, "forwarded", 60, 0, 60),
        (5000, "forwarded", 25, 0, 0),
    ] {
        let of = format!("n.inode = {netns} AND port = {port} AND role = '{role}'");
        let found = |finding: &str| {
            recording.number(&format!(
                "SELECT coalesce(sum(f.entries), 0) FROM dump d \
                 JOIN dump_endpoint de ON de.dump_id = d.id \
                 JOIN endpoint e ON e.id = de.endpoint_id \
                 JOIN netns n ON n.id = e.netns_id \
                 JOIN dump_finding f ON f.dump_endpoint_id = de.id \
                 WHERE d.kind = 'final' AND f.finding = '{finding}' AND {of}"
            ))
        };
        let what = |what: &str| format!("port {port}: {what}");
        equal(&what("inserted"), recording.sum("inserted", &of)?, flows)?;
        equal(&what("dnat"), recording.sum("dnat", &of)?, dnat)?;
        equal(&what("snat"), recording.sum("snat", &of)?, snat)?;
        equal(&what("dnat-observed"), found("dnat-observed")?, dnat)?;
        equal(&what("snat-observed"), found("snat-observed")?, snat)?;
    }
    Ok(())
}
