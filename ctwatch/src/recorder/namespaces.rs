//! The node's namespaces while a recording runs: which there are, their addresses, their tables.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::watch;
use crate::{
    model::{
        endpoint::Netns,
        node::{Address, Namespace, Node},
        recording::Backend,
        table::Table,
    },
    recording::{self, Writer},
    source::{keeper::Keeper, node::netns::Seen},
};

/// Addresses of namespaces already known are looked at again this often.
const ADDRESSES_EVERY: Duration = Duration::from_secs(5);

/// What is known of the namespaces.
#[derive(Debug)]
pub(super) struct Namespaces {
    keeper: Arc<Keeper>,
    seen: Vec<Seen>,
    addresses: HashMap<Netns, Vec<Address>>,
    looked: Instant,
    /// Whether the keeper may enter other namespaces.
    may_enter: bool,
    degraded: Vec<String>,
    /// They are not those that were told to whoever watches.
    changed: bool,
}

/// Something the recording should know.
pub(super) enum News {
    Namespace(Namespace),
    Addresses(Vec<Address>),
    Degraded(String),
}

impl News {
    pub(super) fn write(&self, writer: &mut Writer) -> Result<(), recording::Error> {
        match self {
            Self::Namespace(namespace) => writer.namespace(namespace),
            Self::Addresses(addresses) => writer.addresses(addresses),
            Self::Degraded(reason) => writer.degrade(reason),
        }
    }
}

impl Namespaces {
    /// Starts with what the node's description holds.
    pub(super) fn new(node: &Node, keeper: Arc<Keeper>, may_enter: bool) -> Self {
        let mut addresses: HashMap<Netns, Vec<Address>> = HashMap::new();
        for address in &node.addresses {
            addresses
                .entry(address.netns)
                .or_default()
                .push(address.clone());
        }
        let mut namespaces = Self {
            seen: keeper.scan().unwrap_or_default(),
            keeper,
            addresses,
            looked: Instant::now(),
            may_enter,
            degraded: Vec::new(),
            changed: false,
        };
        if !namespaces.may_enter {
            namespaces.seen.retain(|seen| seen.own);
        }
        namespaces
    }

    /// Notes what other namespaces keep to themselves from whoever may not enter them.
    pub(super) fn degrade_unentered(&mut self, backend: Backend) {
        if self.may_enter {
            return;
        }
        self.degrade(if backend.sees_whole_tables() {
            "CAP_SYS_ADMIN is missing: other network namespaces are counted, but their addresses, tables and \
             entries cannot be read"
        } else {
            "CAP_SYS_ADMIN is missing: other network namespaces are not watched"
        });
    }

    /// Notes what cannot be told; says whether it is new.
    pub(super) fn degrade(&mut self, reason: &str) -> bool {
        let new = !self.degraded.iter().any(|known| known == reason);
        if new {
            self.degraded.push(reason.to_owned());
        }
        new
    }

    fn tell(&mut self, reason: String, news: &mut Vec<News>) {
        if self.degrade(&reason) {
            news.push(News::Degraded(reason));
        }
    }

    /// What cannot be told, for people.
    pub(super) fn degraded(&self) -> &[String] {
        &self.degraded
    }

    /// Looks for new namespaces at once and for new addresses of known ones now and then, and tells the kernel side.
    pub(super) fn refresh(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        if self.may_enter {
            match self.keeper.scan() {
                Ok(seen) => {
                    self.changed |= self.seen != seen;
                    self.seen = seen;
                }
                Err(error) => self.tell(error.to_string(), &mut news),
            }
        }
        let all = self.looked.elapsed() >= ADDRESSES_EVERY;
        if all {
            self.looked = Instant::now();
        }
        let due: Vec<_> = self
            .seen
            .iter()
            .filter(|seen| all || !self.addresses.contains_key(&seen.netns))
            .cloned()
            .collect();
        if due.is_empty() {
            return news;
        }
        let Ok(read) = self.keeper.addresses(&due) else {
            return news;
        };
        for (seen, addresses) in due.iter().zip(read) {
            // One that cannot be entered is gone, or will be told of by its dump.
            let Ok(addresses) = addresses else { continue };
            self.update(seen, addresses, &mut news);
        }
        news
    }

    fn update(&mut self, seen: &Seen, addresses: Vec<Address>, news: &mut Vec<News>) {
        let before = self.addresses.get(&seen.netns);
        if before == Some(&addresses) {
            return;
        }
        self.changed = true;
        if before.is_none() {
            news.push(News::Namespace(seen.namespace()));
        }
        if let Err(error) = self.keeper.set_addresses(seen.netns, &addresses) {
            let reason = format!("addresses of {seen} are not known to the kernel side: {error}");
            self.tell(reason, news);
        }
        news.push(News::Addresses(addresses.clone()));
        self.addresses.insert(seen.netns, addresses);
    }

    /// The name under /run/netns.
    pub(super) fn name(&self, netns: Netns) -> Option<String> {
        let seen = self.seen.iter().find(|seen| seen.netns == netns)?;
        seen.name.clone()
    }

    /// The tables of all namespaces.
    pub(super) fn tables(&self) -> Vec<Table> {
        self.keeper.tables(&self.seen).unwrap_or_default()
    }

    /// All of them, if they or their addresses changed since they were asked for before.
    pub(super) fn changed(&mut self) -> Option<watch::Namespaces> {
        std::mem::take(&mut self.changed).then(|| self.all())
    }

    /// Namespaces with what is known of their addresses.
    pub(super) fn all(&self) -> watch::Namespaces {
        self.seen
            .iter()
            .map(|seen| (seen.clone(), self.addresses.get(&seen.netns).cloned()))
            .collect()
    }
}
