//! Set-ups where rules would do no harm and ctwatch withholds them all the same, with the reason.

const ACCEPTED: &[(&str, &str)] = &[
    (
        "requests-untracked",
        "what is left are entries of replies, which go to the clients' ports: the recording holds no connection to this port",
    ),
    (
        "ipvs-dr",
        "IPVS hands these packets on; with net.ipv4.vs.conntrack=0 it leaves them untracked without any rule",
    ),
    (
        "vxlan-masquerade",
        "the rule covers the tunnel's own packets: that it leaves them as they are hangs on the link's addresses",
    ),
    (
        "tproxy",
        "the address is not the node's own: what a proxy takes over is not followed",
    ),
];

/// Why it is right to withhold rules for this set-up.
pub(super) fn reason(name: &str) -> Option<&'static str> {
    let found = ACCEPTED.iter().find(|(of, _)| *of == name);
    found.map(|(_, reason)| *reason)
}
