//! What is known of a namespace beside its table: addresses, rulesets, and what could not be read.

use std::{collections::BTreeSet, net::IpAddr};

use super::ipvs;
use crate::model::{
    endpoint::{Family, Netns},
    ipvs::IpvsTable,
    node::{Node, RulesetKind},
    notrack::NotrackRule,
    ruleset::{Content, Effect, Hook, NftTable, ReadRuleset, Table, XtablesBackend},
};

use super::{mark, stations::Tables};

/// A ruleset of a family, that all packets of the family pass.
#[derive(Clone, Debug)]
pub(super) struct Filter<'a> {
    pub(super) origin: &'a str,
    pub(super) tables: Tables<'a>,
    /// Whether printed accept rules can go there: `iptables` and `ip6tables` edit it, or `nft` does.
    pub(super) is_edited: bool,
    /// Whether it is one of nftables' own.
    pub(super) is_native: bool,
    backend: Option<XtablesBackend>,
}

impl Filter<'_> {
    /// Where it is from, and for iptables which tables it has: a file may lack some that the node has.
    fn told(&self) -> String {
        if self.is_native {
            return self.origin.to_owned();
        }
        let names: Vec<&str> = self
            .tables
            .iter()
            .map(|table| table.name.as_str())
            .collect();
        match names.as_slice() {
            [] => format!("{} (no table)", self.origin),
            names => format!("{} ({})", self.origin, names.join(", ")),
        }
    }
}

/// The tables of each ruleset.
pub(super) fn tables<'a>(filters: &[Filter<'a>]) -> Vec<Tables<'a>> {
    filters.iter().map(|filter| filter.tables.clone()).collect()
}

/// One namespace, for one family.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// The namespace's own addresses; `None` when they were not read.
    pub(super) addresses: Option<BTreeSet<IpAddr>>,
    pub(super) filters: Vec<Filter<'a>>,
    /// Rulesets that are there but cannot be read: sentences.
    pub(super) unread: Vec<String>,
    /// Whether `nft list ruleset` was seen and had no rules but those of iptables.
    nft_is_empty: bool,
    /// Rules in ctwatch's own table of nftables.
    pub(super) own_rules: Vec<NotrackRule>,
    /// IPVS's services; the reason where they were not read though IPVS is loaded.
    pub(super) ipvs: Option<Result<&'a IpvsTable, String>>,
}

impl<'a> Surroundings<'a> {
    /// What was looked at, for people; one item each.
    pub(super) fn looked_at(&self) -> Vec<String> {
        let mut items = Vec::new();
        if let Some(addresses) = &self.addresses {
            items.push(format!("{} own addresses", addresses.len()));
        }
        items.extend(self.filters.iter().map(Filter::told));
        if let Some(Ok(table)) = &self.ipvs {
            items.push(format!("{} services of IPVS", table.services.len()));
        }
        if self.nft_is_empty && self.unread.is_empty() {
            items.push("nft list ruleset (no foreign rules beside iptables')".to_owned());
        }
        items
    }

    /// Picks what concerns a namespace and a family. Addresses given by the user stand for those of the recorder's
    /// own namespace.
    pub(super) fn new(
        netns: Netns,
        family: Family,
        node: &Node,
        rulesets: &'a [ReadRuleset],
        given: Option<&[IpAddr]>,
    ) -> Self {
        let own = is_own(netns, node);
        let addresses: BTreeSet<IpAddr> = match given.filter(|_| own) {
            Some(given) => given.iter().copied().collect(),
            None => node
                .addresses
                .iter()
                .filter(|address| address.netns == netns)
                .map(|address| address.address)
                .collect(),
        };
        let mut surroundings = Self {
            addresses: (!addresses.is_empty()).then_some(addresses),
            filters: Vec::new(),
            unread: Vec::new(),
            nft_is_empty: false,
            own_rules: Vec::new(),
            ipvs: ipvs::services(rulesets, netns, node).or_else(|| ipvs::unread(own, node)),
        };
        let here: Vec<&ReadRuleset> = rulesets
            .iter()
            .filter(|ruleset| ruleset.netns.map_or(own, |of| of == netns))
            .collect();
        if own {
            let is_given = here
                .iter()
                .any(|ruleset| ruleset.netns.is_none() && is_of(ruleset, family));
            surroundings
                .unread
                .extend(unread_programs(node, family, is_given));
        }
        surroundings.take_xtables(&here, family);
        surroundings.take_nft(&here, family);
        surroundings
    }

    fn take_xtables(&mut self, here: &[&'a ReadRuleset], family: Family) {
        let (main, legacy) = match family {
            Family::Ipv4 => (RulesetKind::IptablesSave, RulesetKind::IptablesLegacySave),
            Family::Ipv6 => (RulesetKind::Ip6tablesSave, RulesetKind::Ip6tablesLegacySave),
        };
        let main_was_read = here.iter().any(|ruleset| ruleset.kind == main);
        for ruleset in here.iter().filter(|r| r.kind == main || r.kind == legacy) {
            match &ruleset.content {
                Ok(Content::Xtables(content)) => self.filters.push(Filter {
                    origin: &ruleset.origin,
                    tables: content.tables.iter().collect(),
                    is_edited: ruleset.kind == main || !main_was_read,
                    is_native: false,
                    backend: content.backend,
                }),
                Ok(Content::Nft(_) | Content::Ipvs(_)) => {}
                Err(reason) => {
                    let sentence = format!("{} could not be read: {reason}", ruleset.origin);
                    self.unread.push(sentence);
                }
            }
        }
    }

    /// Tables of nftables that iptables-nft did not show.
    fn take_nft(&mut self, here: &[&'a ReadRuleset], family: Family) {
        for ruleset in here.iter().filter(|r| r.kind == RulesetKind::NftJson) {
            let nft = match &ruleset.content {
                Ok(Content::Nft(nft)) => nft,
                Ok(Content::Xtables(_) | Content::Ipvs(_)) => continue,
                Err(reason) => {
                    let sentence = format!("{} could not be read: {reason}", ruleset.origin);
                    self.unread.push(sentence);
                    continue;
                }
            };
            self.own_rules.extend(&nft.own);
            let tables: Tables<'a> = nft
                .tables
                .iter()
                .filter(|table| self.concerns(table, family))
                .map(|table| &table.rules)
                .collect();
            self.unread.extend(nft.tables.iter().filter_map(beside));
            self.nft_is_empty = tables.is_empty();
            if !tables.is_empty() {
                self.filters.push(Filter {
                    origin: &ruleset.origin,
                    tables,
                    is_edited: true,
                    is_native: true,
                    backend: None,
                });
            }
        }
    }

    fn concerns(&self, table: &NftTable, family: Family) -> bool {
        let word = match family {
            Family::Ipv4 => "ip",
            Family::Ipv6 => "ip6",
        };
        table.family == "inet" || table.family == word && !self.shown_by_iptables(table)
    }

    /// Whether it is one of iptables-nft's. In a table of that name others may have chains of their own, which iptables-save
    /// leaves out.
    fn shown_by_iptables(&self, table: &NftTable) -> bool {
        let is_whole = |shown: &&&Table| {
            let mut chains = table.rules.chains().iter();
            shown.name == table.name && chains.all(|chain| shown.chain(&chain.name).is_some())
        };
        self.filters.iter().any(|filter| {
            filter.backend == Some(XtablesBackend::Nft)
                && filter.tables.iter().any(|it| is_whole(&it))
        })
    }

    /// Bits of packets' marks that rules outside of nat chains set.
    pub(super) fn marks(&self) -> u32 {
        let tables = self.filters.iter().flat_map(|filter| &filter.tables);
        tables
            .filter(|table| table.base_chains().any(|(base, _)| !base.nat))
            .flat_map(|table| table.chains())
            .flat_map(|chain| &chain.rules)
            .flat_map(|rule| &rule.effects)
            .fold(0, |bits, effect: &Effect| bits | mark::touched(*effect))
    }
}

/// What packets pass that are not walked: rules of a bridge, or beside a device.
fn beside(table: &NftTable) -> Option<String> {
    let has_rules = |table: &Table| table.chains().iter().any(|chain| !chain.rules.is_empty());
    let at_device = |table: &Table| {
        let mut chains = table.base_chains();
        chains.any(|(base, chain)| base.hook == Hook::Device && !chain.rules.is_empty())
    };
    let is_beside = match table.family.as_str() {
        "arp" => false,
        "ip" | "ip6" | "inet" => at_device(&table.rules),
        _ => has_rules(&table.rules),
    };
    is_beside.then(|| {
        format!(
            "native nftables rules present that are not followed: table {} {}",
            table.family, table.name
        )
    })
}

/// What the recorder could not read of the family's rulesets, and nobody gave in its place. A kernel or a node
/// without nftables has no rules there; iptables tells its own.
fn unread_programs(node: &Node, family: Family, is_given: bool) -> impl Iterator<Item = String> {
    let program = match family {
        Family::Ipv4 => "ruleset: iptables",
        Family::Ipv6 => "ruleset: ip6tables",
    };
    let matters = move |reason: &&String| {
        let no_nft = reason.ends_with("is not installed") || reason.contains("not supported");
        (reason.starts_with(program) && !is_given)
            || (reason.starts_with("ruleset: nft") && !no_nft)
    };
    node.unread.iter().filter(matters).cloned()
}

fn is_of(ruleset: &ReadRuleset, family: Family) -> bool {
    matches!(&ruleset.content, Ok(Content::Xtables(content)) if content.family == family)
}

/// Whether it is the recorder's own namespace; a recording that names none has only that one.
pub(super) fn is_own(netns: Netns, node: &Node) -> bool {
    let mut own = node
        .namespaces
        .iter()
        .filter(|namespace| namespace.own)
        .peekable();
    own.peek().is_none() || own.any(|namespace| namespace.netns == netns)
}
