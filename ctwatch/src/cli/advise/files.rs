//! A listing of the table, in place of a recording.

use std::{
    collections::{BTreeMap, HashSet},
    mem,
    net::{IpAddr, Ipv4Addr},
    ops::ControlFlow,
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use crate::{
    analysis::inspect::NO_NETNS,
    model::{
        aggregate::Aggregator,
        classify::LocalAddresses,
        dump::{Dump, DumpKind},
        entry::Entry,
        listed::Listed,
        listing::Listing,
        node::Node,
        recording::{Moment, Recording},
        table::Table,
    },
    render::inspect::warnings,
    source::{
        conntrack_text::{Sink, scan},
        packed::{self, Stream},
    },
};

/// Where SSH listens unless somebody says otherwise; files do not tell.
const SSH: u16 = 22;

/// Entries in the table, by the kernel's own count.
const COUNT: &str = "net.netfilter.nf_conntrack_count";
/// So much of it may come and go between the listing and the count.
const BETWEEN: f64 = 0.1;

/// What a listing tells.
pub(super) struct Read {
    /// What a recording of its moment would hold.
    pub(super) recording: Recording,
    /// What speaks against certainty.
    pub(super) unread: Vec<String>,
}

/// An opened listing.
pub(super) struct Files {
    name: String,
    stream: Stream,
}

impl Files {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = match path.to_str() {
            Some("-") => "standard input".to_owned(),
            _ => path.display().to_string(),
        };
        let stream = packed::open(path).with_context(|| format!("cannot read {name}"))?;
        Ok(Self { name, stream })
    }

    /// Reads it, under these own addresses and settings as far as they are known.
    pub(super) fn read(
        self,
        own: Option<&[IpAddr]>,
        has_nft: bool,
        sysctls: BTreeMap<String, String>,
    ) -> Result<Read> {
        let (dump, listing) =
            read(self.stream, own).with_context(|| format!("cannot read {}", self.name))?;
        for warning in warnings(&listing, &self.name) {
            noteln!("ctwatch: warning: {warning}");
        }
        if listing.entries == 0 && listing.damaged > 0 {
            bail!(
                "{} has no entry: it is neither the output of `conntrack -L` nor /proc/net/nf_conntrack",
                self.name
            );
        }
        let count = number(&sysctls, COUNT).unwrap_or(dump.entries);
        let table = Table {
            netns: NO_NETNS,
            count: Some(count),
            max: number(&sysctls, "net.netfilter.nf_conntrack_max"),
            buckets: number(&sysctls, "net.netfilter.nf_conntrack_buckets"),
            stats: None,
        };
        let mut node = Node {
            control_ports: vec![SSH],
            sysctls,
            ..Node::default()
        };
        if !has_nft {
            node.unread.push(
                "ruleset: nft: its rules were not given (--nft, output of `nft -j list ruleset`)"
                    .to_owned(),
            );
        }
        let recording = Recording::of(Moment {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            at_ms: dump.at_ms,
            node,
            tables: vec![table],
            dumps: vec![dump],
            degraded: degraded(&listing),
        });
        let mut unread = unknown(&listing);
        unread.extend(missing(listing.entries, count));
        Ok(Read { recording, unread })
    }
}

fn number(sysctls: &BTreeMap<String, String>, name: &str) -> Option<u64> {
    sysctls.get(name)?.trim().parse().ok()
}

fn degraded(listing: &Listing) -> Vec<String> {
    let mut degraded = vec![
        "from a listing: no rates, no refusals and no evictions are known, nor expectations and adjusted sequence numbers"
            .to_owned(),
        format!("files do not tell where SSH listens: port {SSH} is taken for it"),
    ];
    if listing.damaged > 0 {
        degraded.push(format!(
            "{} of {} lines are no entries and were left out",
            listing.damaged, listing.lines
        ));
    }
    degraded
}

/// What entries may have that NOTRACK would break, and that was not seen.
fn unknown(listing: &Listing) -> Vec<String> {
    let mut unknown = Vec::new();
    if listing.unknown_entries > 0 {
        unknown.push(format!(
            "{} entries have words that are not understood: {}",
            listing.unknown_entries,
            listing.unknown.join(", ")
        ));
    }
    if listing.damaged > 0 {
        unknown.push(format!(
            "{} lines are no entries that can be read: what they would show is not known",
            listing.damaged
        ));
    }
    if listing.saved > 0 {
        unknown.push(format!(
            "{} entries are in the form of `conntrack -o save`, which tells neither marks nor helpers (conntrack -L)",
            listing.saved
        ));
    }
    unknown
}

/// That much of the table is not in the listing.
fn missing(entries: u64, count: u64) -> Option<String> {
    ((entries as f64) < count as f64 * (1.0 - BETWEEN)).then(|| {
        format!("the listing has {entries} entries, and {COUNT} says {count}: what the others are is not known")
    })
}

fn read(stream: Stream, own: Option<&[IpAddr]>) -> Result<(Dump, Listing)> {
    let (aggregator, listing) = match own {
        Some(own) => {
            let own = own.iter().copied().collect();
            let sink = Known(Aggregator::new(NO_NETNS, Some(own)));
            let (mut sinks, listing) = scan(stream, vec![sink])?;
            (sinks.pop().map(|Known(aggregator)| aggregator), listing)
        }
        None => {
            let sink = Unknown {
                entries: Vec::new(),
                sources: HashSet::new(),
            };
            let (mut sinks, listing) = scan(stream, vec![sink])?;
            (sinks.pop().map(Unknown::aggregate), listing)
        }
    };
    let aggregator = aggregator.unwrap_or_else(|| Aggregator::new(NO_NETNS, None));
    Ok((
        aggregator.finish(Timestamp::now().as_millisecond(), 0, DumpKind::Final),
        listing,
    ))
}

/// The own addresses are known.
struct Known(Aggregator);

impl Sink for Known {
    fn take(&mut self, listed: &Listed) -> ControlFlow<()> {
        self.0.add(&listed.entry);
        ControlFlow::Continue(())
    }
}

/// They are not: an address that only ever receives is taken for one of them, which is known at the end.
struct Unknown {
    entries: Vec<Entry>,
    sources: HashSet<IpAddr>,
}

impl Sink for Unknown {
    fn take(&mut self, listed: &Listed) -> ControlFlow<()> {
        self.sources.insert(listed.entry.original.source);
        self.entries.push(listed.entry.clone());
        ControlFlow::Continue(())
    }
}

impl Unknown {
    fn aggregate(self) -> Aggregator {
        let mut entries = self.entries;
        let own: LocalAddresses = entries
            .iter()
            .map(|entry| entry.original.destination)
            .filter(|address| !self.sources.contains(address) && is_somebodys(*address))
            .collect();
        let mut aggregator = Aggregator::new(NO_NETNS, Some(own));
        for entry in mem::take(&mut entries) {
            aggregator.add(&entry);
        }
        aggregator
    }
}

fn is_somebodys(address: IpAddr) -> bool {
    !address.is_multicast() && address != IpAddr::V4(Ipv4Addr::BROADCAST)
}
