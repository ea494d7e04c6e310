//! What a set-up is, as a value; the tables under `setups` hold them.

use serde::Serialize;

/// A node with a service, who asks it for what, and what is expected to come of NOTRACK rules for it.
pub(crate) struct Setup {
    /// Its name.
    pub(crate) name: &'static str,
    /// What stands on the node, in a line for the table of docs/advice.md.
    pub(crate) built: &'static str,
    /// The endpoint whose tracking is given up.
    pub(crate) subject: Subject,
    /// Script of the node, before anything is served.
    pub(crate) prepare: &'static str,
    /// Scripts of other places, after the node's.
    pub(crate) elsewhere: &'static [(Place, &'static str)],
    /// What answers.
    pub(crate) services: &'static [Service],
    /// Who asks.
    pub(crate) visits: &'static [Visit],
    /// What applied rules are expected to do.
    pub(crate) expected: Truth,
}

/// A set-up that has nothing yet; tables fill it in with `..BARE`.
pub(crate) const BARE: Setup = Setup {
    name: "",
    built: "",
    subject: Subject::tcp("203.0.113.10", 443),
    prepare: "",
    elsewhere: &[],
    services: &[Service::tcp(Place::Node, "203.0.113.10", 443)],
    visits: &[Visit::to(Place::Client, "203.0.113.10", 443)],
    expected: Truth::Safe,
};

/// What came of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Truth {
    /// All goes on as before, and the entries are gone.
    Safe,
    /// Somebody who was served is not served any more.
    Breaks,
    /// Somebody who was not served is served now.
    Opens,
    /// All goes on as before, entries included.
    Idle,
}

/// An endpoint, and the shape of the rules for it.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) protocol: Protocol,
    pub(crate) address: &'static str,
    pub(crate) port: u16,
    pub(crate) shape: Shape,
}

/// Which rules somebody writes who asks nobody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Requests and replies.
    Service,
    /// Those, and the same for clients on the node.
    Local,
    /// Encapsulation: the same destination port both ways.
    Tunnel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

/// A network namespace of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// 192.0.2.1 and 2001:db8:2::1 towards the client, 198.51.100.1, 10.0.0.1, 198.18.1.1; and the VIPs 203.0.113.10,
    /// 203.0.113.11 and 2001:db8:10::10.
    Node,
    /// 192.0.2.2, 2001:db8:2::2.
    Client,
    /// 198.51.100.2, on another link.
    Stranger,
    /// 10.0.0.2, 2001:db8:a::2: behind the node, which is its default route.
    Pod,
    /// 198.18.0.2, 2001:db8:18::2: behind a link of 1300 bytes that neither it nor the node knows of.
    Far,
}

/// A server.
pub(crate) struct Service {
    pub(crate) place: Place,
    pub(crate) address: &'static str,
    pub(crate) port: u16,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    Udp,
    /// Control connections of FTP, in passive mode.
    Ftp,
    /// TCP to whatever address (IP_TRANSPARENT).
    Transparent,
}

/// Somebody who asks, some times at once, each over a connection of his own.
#[derive(Clone, Copy)]
pub(crate) struct Visit {
    pub(crate) from: Place,
    pub(crate) to: &'static str,
    pub(crate) port: u16,
    pub(crate) how: How,
    /// Whether he is served before the rules; if not he must not be after them.
    pub(crate) welcome: bool,
    /// Whether he comes only after the recording.
    pub(crate) late: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum How {
    /// Requests and answers over TCP, large ones among them.
    Tcp,
    /// Datagrams of this many bytes both ways.
    Udp(usize),
    /// A file over FTP.
    Ftp,
    /// Connections that stay open together, of which so many may.
    Crowd(usize),
}

impl Subject {
    pub(crate) const fn tcp(address: &'static str, port: u16) -> Self {
        Self {
            protocol: Protocol::Tcp,
            address,
            port,
            shape: Shape::Service,
        }
    }

    pub(crate) const fn udp(address: &'static str, port: u16) -> Self {
        Self {
            protocol: Protocol::Udp,
            address,
            port,
            shape: Shape::Service,
        }
    }

    pub(crate) const fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    pub(crate) fn is_ipv6(self) -> bool {
        self.address.contains(':')
    }

    pub(crate) fn family(self) -> &'static str {
        if self.is_ipv6() { "ipv6" } else { "ipv4" }
    }
}

impl Service {
    pub(crate) const fn tcp(place: Place, address: &'static str, port: u16) -> Self {
        Self::new(place, address, port, Kind::Tcp)
    }

    pub(crate) const fn udp(place: Place, address: &'static str, port: u16) -> Self {
        Self::new(place, address, port, Kind::Udp)
    }

    pub(crate) const fn new(place: Place, address: &'static str, port: u16, kind: Kind) -> Self {
        Self {
            place,
            address,
            port,
            kind,
        }
    }
}

impl Visit {
    /// Over TCP, and welcome.
    pub(crate) const fn to(from: Place, to: &'static str, port: u16) -> Self {
        Self {
            from,
            to,
            port,
            how: How::Tcp,
            welcome: true,
            late: false,
        }
    }

    pub(crate) const fn late(self) -> Self {
        Self { late: true, ..self }
    }

    pub(crate) const fn by(self, how: How) -> Self {
        Self { how, ..self }
    }

    pub(crate) const fn unwelcome(self) -> Self {
        Self {
            welcome: false,
            ..self
        }
    }
}
