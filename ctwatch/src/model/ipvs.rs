//! IPVS's virtual services and their backends (real servers, in ipvsadm's words).

use std::{fmt, net::IpAddr};

use super::endpoint::Protocol;

/// All services of one network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpvsTable {
    /// In the order they were printed.
    pub services: Vec<VirtualService>,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualService {
    /// What its packets have in common.
    pub key: ServiceKey,
    /// Scheduler: `rr`, `wlc`, …
    pub scheduler: String,
    /// Clients stay with a backend.
    pub persistent: bool,
    /// Backends.
    pub backends: Vec<Backend>,
}

/// What the packets of a service have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceKey {
    /// Destination.
    Address {
        /// Protocol.
        protocol: Protocol,
        /// Address.
        address: IpAddr,
        /// Port; 0 for all of them.
        port: u16,
    },
    /// A mark that rules of the packet filter set.
    Mark(u32),
}

/// One backend of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// How packets get there.
    pub forwarding: Forwarding,
    /// 0: it gets no new connection.
    pub weight: u64,
    /// Connections of IPVS's own, active and inactive; `None` where the text does not tell.
    pub connections: Option<u64>,
}

/// How packets get to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// Translated (`-m`, Masq).
    Masquerade,
    /// As they are, to its hardware address (`-g`, Route).
    Route,
    /// In a tunnel (`-i`, Tunnel).
    Tunnel,
    /// It is this node (Local).
    Local,
    /// Past the service (Bypass).
    Bypass,
}

/// What became of a backend that an entry is translated to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendState {
    /// It takes connections.
    Serving,
    /// It has weight 0.
    Drained,
    /// The service has no such backend.
    Gone,
}

impl IpvsTable {
    /// The service that takes packets to a destination, as far as addresses tell: the one of that port, else the one
    /// of all ports (`ip_vs_service_find`).
    #[must_use]
    pub fn service_at(
        &self,
        protocol: Protocol,
        address: IpAddr,
        port: u16,
    ) -> Option<&VirtualService> {
        let at = |wanted: u16| {
            let key = ServiceKey::Address {
                protocol,
                address,
                port: wanted,
            };
            self.services.iter().find(|service| service.key == key)
        };
        at(port).or_else(|| at(0))
    }

    /// The first service that takes packets by their mark.
    #[must_use]
    pub fn marked(&self) -> Option<&VirtualService> {
        let mut services = self.services.iter();
        services.find(|service| matches!(service.key, ServiceKey::Mark(_)))
    }

    /// Backends of weight 0, each with its service.
    pub fn drained(&self) -> impl Iterator<Item = (&VirtualService, &Backend)> {
        self.services.iter().flat_map(|service| {
            let backends = service.backends.iter();
            backends
                .filter(|backend| backend.weight == 0)
                .map(move |backend| (service, backend))
        })
    }
}

impl VirtualService {
    /// What became of a backend that an entry at this service is translated to.
    #[must_use]
    pub fn state_of(&self, address: IpAddr, port: u16) -> BackendState {
        let mut backends = self.backends.iter();
        match backends.find(|backend| (backend.address, backend.port) == (address, port)) {
            Some(backend) if backend.weight == 0 => BackendState::Drained,
            Some(_) => BackendState::Serving,
            None => BackendState::Gone,
        }
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address {
                protocol,
                address,
                port,
            } => {
                let socket = std::net::SocketAddr::new(*address, *port);
                write!(f, "{protocol} {socket}")
            }
            Self::Mark(mark) => write!(f, "mark {mark}"),
        }
    }
}

impl fmt::Display for VirtualService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let backends = self.backends.len();
        write!(f, "{} ({}, {backends} backends)", self.key, self.scheduler)
    }
}
