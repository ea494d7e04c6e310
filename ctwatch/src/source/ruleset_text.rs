//! Rulesets that a recording keeps word for word, as values.

use super::{iptables_save, ipvs, nft_ruleset};
use crate::model::{
    endpoint::Family,
    node::{RulesetKind, RulesetText},
    ruleset::{Content, ReadRuleset},
};

/// Reads what a recording keeps; a text that cannot be read becomes a ruleset that says why.
#[must_use]
pub fn read(text: &RulesetText) -> ReadRuleset {
    let xtables = |family| {
        iptables_save::read(&text.text, family)
            .map(Content::Xtables)
            .map_err(|error| error.to_string())
    };
    let (origin, content) = match text.kind {
        RulesetKind::IptablesSave => ("iptables-save", xtables(Family::Ipv4)),
        RulesetKind::Ip6tablesSave => ("ip6tables-save", xtables(Family::Ipv6)),
        RulesetKind::IptablesLegacySave => ("iptables-legacy-save", xtables(Family::Ipv4)),
        RulesetKind::Ip6tablesLegacySave => ("ip6tables-legacy-save", xtables(Family::Ipv6)),
        RulesetKind::NftJson => (
            "nft -j list ruleset",
            nft_ruleset::read(&text.text).map(Content::Nft),
        ),
        RulesetKind::IpVs => (
            "IPVS's services",
            ipvs::read(&text.text)
                .map(Content::Ipvs)
                .map_err(|error| error.to_string()),
        ),
    };
    ReadRuleset {
        netns: Some(text.netns),
        kind: text.kind,
        origin: origin.to_owned(),
        content,
    }
}
