//! The node's namespaces while a recording runs: which there are, their addresses, their tables.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::watch::{self, Watch};
use crate::{
    model::{
        endpoint::Netns,
        node::{Address, Namespace, Node},
        table::Table,
    },
    recording::{self, Writer},
    source::{
        node::{
            address,
            netns::{Scanner, Seen},
        },
        privilege, table,
    },
};

/// Addresses of namespaces already known are looked at again this often.
const ADDRESSES_EVERY: Duration = Duration::from_secs(5);

/// What is known of the namespaces.
#[derive(Debug)]
pub(super) struct Namespaces {
    scanner: Scanner,
    reader: table::Reader,
    seen: Vec<Seen>,
    addresses: HashMap<Netns, Vec<Address>>,
    looked: Instant,
    /// Whether this process may enter other namespaces; asked once, for it does not change.
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
    pub(super) fn new(node: &Node) -> Self {
        let mut addresses: HashMap<Netns, Vec<Address>> = HashMap::new();
        for address in &node.addresses {
            addresses
                .entry(address.netns)
                .or_default()
                .push(address.clone());
        }
        let mut scanner = Scanner::new();
        let mut namespaces = Self {
            seen: scanner.scan().unwrap_or_default(),
            scanner,
            reader: table::Reader::new(),
            addresses,
            looked: Instant::now(),
            may_enter: privilege::may_enter_namespaces(),
            degraded: Vec::new(),
            changed: false,
        };
        if !namespaces.may_enter {
            namespaces.seen.retain(|seen| seen.own);
            namespaces.degrade(
                "CAP_SYS_ADMIN is missing: other network namespaces are counted, but their addresses, tables \
                 and entries cannot be read",
            );
        }
        namespaces
    }

    /// Notes what cannot be told; says whether it is new.
    pub(super) fn degrade(&mut self, reason: &str) -> bool {
        let new = !self.degraded.iter().any(|known| known == reason);
        if new {
            self.degraded.push(reason.to_owned());
        }
        new
    }

    /// What cannot be told, for people.
    pub(super) fn degraded(&self) -> &[String] {
        &self.degraded
    }

    /// Looks for new namespaces at once and for new addresses of known ones now and then, and tells
    /// whoever watches.
    pub(super) fn refresh(&mut self, watch: &mut dyn Watch) -> Vec<News> {
        let mut news = Vec::new();
        if self.may_enter
            && let Ok(seen) = self.scanner.scan()
        {
            self.changed |= self.seen != seen;
            self.seen = seen;
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
        let Ok(read) = address::read_all(&due) else {
            return news;
        };
        for (seen, addresses) in due.iter().zip(read) {
            // One that cannot be entered is gone, or will be told of by its dump.
            let Ok(addresses) = addresses else { continue };
            self.update(seen, addresses, watch, &mut news);
        }
        news
    }

    fn update(
        &mut self,
        seen: &Seen,
        addresses: Vec<Address>,
        watch: &mut dyn Watch,
        news: &mut Vec<News>,
    ) {
        let before = self.addresses.get(&seen.netns);
        if before == Some(&addresses) {
            return;
        }
        self.changed = true;
        if before.is_none() {
            news.push(News::Namespace(seen.namespace()));
        }
        if let Err(error) = watch.set_addresses(seen.netns, &addresses) {
            let reason = format!("addresses of {seen} are not known to the kernel side: {error}");
            if self.degrade(&reason) {
                news.push(News::Degraded(reason));
            }
        }
        news.push(News::Addresses(addresses.clone()));
        self.addresses.insert(seen.netns, addresses);
    }

    /// The tables of all namespaces.
    pub(super) fn tables(&mut self) -> Vec<Table> {
        self.reader.read_all(&self.seen)
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
