//! The places of a set-up, their links and addresses.

use anyhow::{Context, Result};

use super::setup::{Place, Setup};
use crate::lab::{command, netns::Netns};

/// What scripts of the node may call. Conntrack hooks work in a namespace only where a rule needs them (`track`);
/// `stateful iptables` accepts what is established, and drops what no later rule accepts.
const PRELUDE: &str = "set -eu
track() { iptables -w -A INPUT -m conntrack --ctstate NEW; }
track6() { ip6tables -w -A INPUT -m conntrack --ctstate NEW; }
stateful() { $1 -w -P INPUT DROP; $1 -w -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; }
";

const NODE: &str = "addr add 203.0.113.10/32 dev lo
addr add 203.0.113.11/32 dev lo
addr add 2001:db8:10::10/128 dev lo nodad
";

/// Links from the node: its end, its addresses; the other's place, addresses and routes.
const LINKS: &[(Place, &str, &str)] = &[
    (
        Place::Client,
        "addr add 192.0.2.1/24 dev up0\naddr add 2001:db8:2::1/64 dev up0 nodad\nlink set up0 up\n",
        "addr add 192.0.2.2/24 dev eth0\naddr add 2001:db8:2::2/64 dev eth0 nodad\nlink set eth0 up\n\
         route add 203.0.113.0/24 via 192.0.2.1\nroute add 2001:db8:10::/48 via 2001:db8:2::1\n",
    ),
    (
        Place::Stranger,
        "addr add 198.51.100.1/24 dev up1\nlink set up1 up\n",
        "addr add 198.51.100.2/24 dev eth0\nlink set eth0 up\nroute add default via 198.51.100.1\n",
    ),
    (
        Place::Pod,
        "addr add 10.0.0.1/24 dev in0\naddr add 2001:db8:a::1/64 dev in0 nodad\nlink set in0 up\n",
        "addr add 10.0.0.2/24 dev eth0\naddr add 2001:db8:a::2/64 dev eth0 nodad\nlink set eth0 up\n\
         route add default via 10.0.0.1\nroute add default via 2001:db8:a::1\n",
    ),
    (
        Place::Far,
        "addr add 198.18.1.1/24 dev up2\naddr add 2001:db8:19::1/64 dev up2 nodad\nlink set up2 up\n\
         route add 198.18.0.0/24 via 198.18.1.2\nroute add 2001:db8:18::/64 via 2001:db8:19::2\n",
        "addr add 198.18.0.2/24 dev eth0\naddr add 2001:db8:18::2/64 dev eth0 nodad\nlink set eth0 up\n\
         route add default via 198.18.0.1\nroute add default via 2001:db8:18::1\n",
    ),
];

/// Between the node and the far client.
const ROUTER: &str = "addr add 198.18.1.2/24 dev eth0
addr add 2001:db8:19::2/64 dev eth0 nodad
addr add 198.18.0.1/24 dev lan
addr add 2001:db8:18::1/64 dev lan nodad
link set eth0 up
link set lan mtu 1300 up
route add default via 198.18.1.1
route add default via 2001:db8:19::1
";

/// The namespaces of one set-up; dropped, they end.
pub(crate) struct Stage {
    places: Vec<(Place, Netns)>,
    _router: Option<Netns>,
}

impl Place {
    /// Name of its namespace, which scripts may use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Node => "truth-node",
            Self::Client => "truth-client",
            Self::Stranger => "truth-stranger",
            Self::Pod => "truth-pod",
            Self::Far => "truth-far",
        }
    }

    /// The node's end of the link to it.
    fn link(self) -> &'static str {
        match self {
            Self::Node => "lo",
            Self::Client => "up0",
            Self::Stranger => "up1",
            Self::Pod => "in0",
            Self::Far => "up2",
        }
    }
}

impl Stage {
    /// Makes the places that a set-up needs, and runs its scripts.
    pub(crate) fn build(setup: &Setup) -> Result<Self> {
        let node = Netns::create(Place::Node.name())?;
        routes(&node)?;
        node.ip(NODE)?;
        let mut stage = Self {
            places: vec![(Place::Node, node)],
            _router: None,
        };
        for (place, here, there) in LINKS.iter().filter(|(place, ..)| setup.needs(*place)) {
            stage.join(*place, here, there)?;
        }
        stage.script(Place::Node, setup.prepare)?;
        for (place, script) in setup.elsewhere {
            stage.script(*place, script)?;
        }
        Ok(stage)
    }

    fn join(&mut self, place: Place, here: &str, there: &str) -> Result<()> {
        let end = Netns::create(place.name())?;
        let (node, link) = (Place::Node.name(), place.link());
        if place == Place::Far {
            let router = Netns::create("truth-router")?;
            routes(&router)?;
            veth((node, link), (router.name(), "eth0"))?;
            veth((router.name(), "lan"), (end.name(), "eth0"))?;
            router.ip(ROUTER)?;
            self._router = Some(router);
        } else {
            veth((node, link), (end.name(), "eth0"))?;
        }
        self.at(Place::Node)?.ip(here)?;
        end.ip(there)?;
        self.places.push((place, end));
        Ok(())
    }

    /// A place's namespace.
    pub(crate) fn at(&self, place: Place) -> Result<&Netns> {
        let mut places = self.places.iter();
        let found = places.find(|(at, _)| *at == place);
        Ok(&found.with_context(|| format!("no {place:?} on stage"))?.1)
    }

    /// Makes the node learn anew how large packets may be: otherwise it remembers for minutes.
    pub(crate) fn forget_paths(&self) -> Result<()> {
        let forget = "ip route flush cache; ip -6 route flush cache";
        self.script(Place::Node, forget).map(drop)
    }

    /// Runs a script of `sh` in a place.
    pub(crate) fn script(&self, place: Place, script: &str) -> Result<String> {
        if script.is_empty() {
            return Ok(String::new());
        }
        let whole = format!("{PRELUDE}{script}");
        self.at(place)?
            .run(|| command::feed("sh", &["-s"], &whole))
            .with_context(|| format!("at the {place:?}"))
    }
}

impl Setup {
    fn needs(&self, place: Place) -> bool {
        self.services.iter().any(|service| service.place == place)
            || self.visits.iter().any(|visit| visit.from == place)
            || self.elsewhere.iter().any(|(at, _)| *at == place)
    }
}

/// Makes a namespace a router that asks of no packet where it came from.
fn routes(netns: &Netns) -> Result<()> {
    for (name, value) in [
        ("ipv4.ip_forward", 1),
        ("ipv4.conf.all.rp_filter", 0),
        ("ipv4.conf.default.rp_filter", 0),
        ("ipv4.conf.all.send_redirects", 0),
        ("ipv4.conf.default.send_redirects", 0),
        ("ipv6.conf.all.forwarding", 1),
    ] {
        netns.set(name, value)?;
    }
    Ok(())
}

fn veth(one: (&str, &str), other: (&str, &str)) -> Result<()> {
    let [(a, at), (b, to)] = [one, other];
    let line = format!("link add {at} netns {a} type veth peer name {to} netns {b}\n");
    command::feed("ip", &["-batch", "-"], &line).map(drop)
}
