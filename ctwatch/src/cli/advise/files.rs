//! A listing of the table, in place of a recording.

use std::{
    collections::HashSet,
    mem,
    net::{IpAddr, Ipv4Addr},
    ops::ControlFlow,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};

use super::Texts;
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

    /// What a recording of this moment would hold, and what speaks against certainty.
    pub(super) fn read(
        self,
        own: Option<&[IpAddr]>,
        texts: &Texts,
    ) -> Result<(Recording, Vec<String>)> {
        let (dump, listing) = read(self.stream, own, unix_ms())
            .with_context(|| format!("cannot read {}", self.name))?;
        for warning in warnings(&listing, &self.name) {
            eprintln!("ctwatch: warning: {warning}");
        }
        if listing.entries == 0 && listing.damaged > 0 {
            bail!(
                "{} has no entry: it is neither the output of `conntrack -L` nor /proc/net/nf_conntrack",
                self.name
            );
        }
        let table = Table {
            netns: NO_NETNS,
            count: Some(dump.entries),
            max: None,
            buckets: None,
            stats: None,
        };
        let mut node = Node {
            control_ports: vec![SSH],
            ..Node::default()
        };
        if !texts.has_nft() {
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
        Ok((recording, unknown(&listing)))
    }
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
    if listing.saved > 0 {
        unknown.push(format!(
            "{} entries are in the form of `conntrack -o save`, which tells neither marks nor helpers (conntrack -L)",
            listing.saved
        ));
    }
    unknown
}

fn read(stream: Stream, own: Option<&[IpAddr]>, at_ms: i64) -> Result<(Dump, Listing)> {
    let (aggregator, listing) = match own {
        Some(own) => {
            let own = own.iter().copied().collect();
            let sink = Known(Aggregator::new(NO_NETNS, Some(own)));
            let (mut sinks, listing) = scan(stream, vec![sink])?;
            (sinks.pop().map(|Known(aggregator)| aggregator), listing)
        }
        None => {
            let (mut sinks, listing) = scan(stream, vec![Unknown::default()])?;
            (sinks.pop().map(Unknown::aggregate), listing)
        }
    };
    let aggregator = aggregator.unwrap_or_else(|| Aggregator::new(NO_NETNS, None));
    Ok((aggregator.finish(at_ms, 0, DumpKind::Final), listing))
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
#[derive(Default)]
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

fn unix_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
