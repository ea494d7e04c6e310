//! Not tracking a port, priced beside everything else.

use std::net::IpAddr;

use super::{ground::Ground, room};
use crate::{
    analysis::lost::Lost,
    model::{
        counters::Counters,
        endpoint::Protocol,
        remedy::{Remedy, RemedyKind},
    },
};

/// A port whose tracking can be given up.
#[derive(Clone, Debug, PartialEq)]
pub struct Notrack {
    /// Protocol.
    pub protocol: Protocol,
    /// Port.
    pub port: u16,
    /// Addresses it is served at.
    pub addresses: Vec<IpAddr>,
    /// Its entries.
    pub frees_entries: Option<u64>,
    /// Seconds until the last of them is gone.
    pub drain_seconds: Option<u64>,
    /// What happened there.
    pub total: Counters,
    /// Of that, what a full table cost.
    pub lost: Lost,
    /// Accept rules have to stand first.
    pub needs_accept: bool,
}

impl Notrack {
    pub(super) fn remedy(&self, ground: &Ground<'_>) -> Remedy {
        let stops = room::pressure(&self.total, &self.lost, ground.window);
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let title = format!(
            "NOTRACK for {} {} at {}",
            self.protocol,
            self.port,
            addresses.join(", ")
        );
        let first = if self.needs_accept {
            "first the accept rules, then the NOTRACK rules, as printed with the port"
        } else {
            "the NOTRACK rules printed with the port"
        };
        Remedy {
            title,
            symptom: format!("{} {} fills the table", self.protocol, self.port),
            cause: "each of its connections is tracked, and nothing on this node needs it to be"
                .to_owned(),
            check: "the port's verdict, and what was looked at for it".to_owned(),
            owner: Some("nobody: rules of ctwatch's own".to_owned()),
            how: first.to_owned(),
            persist: Some(
                "--format nft in a file that /etc/nftables.conf includes, --format iptables with \
                 iptables-persistent or in a systemd unit, --format calico under Calico"
                    .to_owned(),
            ),
            basis: "its entries at the end of the recording".to_owned(),
            drain_seconds: self.drain_seconds,
            ..ground.remedy(RemedyKind::Notrack, self.frees_entries, stops)
        }
    }
}
