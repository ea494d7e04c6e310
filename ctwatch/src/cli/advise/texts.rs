//! What the user gave in place of what was recorded, read and not yet understood.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::Args;
use crate::{
    cli::{addresses::Addresses, settings::Settings},
    model::{
        endpoint::{Family, Netns},
        node::{Node, RulesetKind, RulesetText},
        ruleset::{Content, ReadRuleset},
    },
    source::{iptables_save, ipvs, nft_ruleset, packed, ruleset_text},
};

/// More than the rulesets of the largest nodes have.
const LIMIT: u64 = 256 << 20;

pub(super) struct Texts {
    iptables_save: Vec<(PathBuf, String)>,
    nft: Option<(PathBuf, String)>,
    ipvs: Option<(PathBuf, String)>,
    settings: Option<Settings>,
    addresses: Option<Addresses>,
}

impl Texts {
    pub(super) fn read(args: &Args) -> Result<Self> {
        let text = |path: &PathBuf| -> Result<_> {
            let text = packed::read(path, LIMIT)
                .with_context(|| format!("cannot read {}", path.display()))?;
            Ok((path.clone(), text))
        };
        Ok(Self {
            iptables_save: args.iptables_save.iter().map(text).collect::<Result<_>>()?,
            nft: args.nft.as_ref().map(text).transpose()?,
            ipvs: args.ipvs.as_ref().map(text).transpose()?,
            settings: args.sysctl.as_deref().map(Settings::read).transpose()?,
            addresses: args.addresses.as_deref().map(Addresses::read).transpose()?,
        })
    }

    /// The own addresses that were given.
    pub(super) fn addresses(&mut self) -> Result<Option<Vec<IpAddr>>> {
        self.addresses.take().map(Addresses::list).transpose()
    }

    /// Whether nft's rules were given.
    pub(super) fn has_nft(&self) -> bool {
        self.nft.is_some()
    }

    /// Those rulesets as texts; files are taken to be of this namespace.
    pub(super) fn in_place(&self, node: &Node, netns: Netns) -> Result<Vec<RulesetText>> {
        let mut texts = node.rulesets.clone();
        let mut given = Vec::new();
        for (path, text) in &self.iptables_save {
            given.push((xtables(path, text)?.kind, text));
        }
        given.extend(
            self.nft
                .iter()
                .map(|(_, text)| (RulesetKind::NftJson, text)),
        );
        for (kind, text) in given {
            texts.retain(|recorded| !replaces(kind, recorded.kind));
            texts.push(RulesetText {
                netns,
                kind,
                text: text.clone(),
            });
        }
        Ok(texts)
    }

    /// What was recorded, less the rules of families that files are given for, and the files.
    pub(super) fn rulesets(&self, node: &Node) -> Result<Vec<ReadRuleset>> {
        let iptables = self.iptables_save.iter();
        let given = iptables
            .map(|(path, text)| xtables(path, text))
            .chain(self.nft.iter().map(|(path, text)| nft(path, text)))
            .chain(self.ipvs.iter().map(|(path, text)| services(path, text)))
            .collect::<Result<Vec<_>>>()?;
        let mut rulesets: Vec<ReadRuleset> = node.rulesets.iter().map(ruleset_text::read).collect();
        rulesets.retain(|recorded| !given.iter().any(|file| replaces(file.kind, recorded.kind)));
        rulesets.extend(given);
        Ok(rulesets)
    }

    /// Settings of the file; what is damaged in it is told.
    pub(super) fn settings(&mut self) -> Result<BTreeMap<String, String>> {
        let settings = self.settings.take().map(Settings::list).transpose()?;
        Ok(settings.unwrap_or_default())
    }
}

fn replaces(given: RulesetKind, recorded: RulesetKind) -> bool {
    use RulesetKind::{Ip6tablesLegacySave, Ip6tablesSave, IptablesLegacySave, IptablesSave};
    recorded == given
        || matches!(
            (given, recorded),
            (IptablesSave, IptablesLegacySave) | (Ip6tablesSave, Ip6tablesLegacySave)
        )
}

/// A file without a word is what a program that failed leaves behind: no evidence of a node without rules.
fn not_empty(path: &Path, text: &str, instead: &str) -> Result<()> {
    if text.trim().is_empty() {
        bail!("{} is empty: {instead}", path.display());
    }
    Ok(())
}

fn xtables(path: &Path, text: &str) -> Result<ReadRuleset> {
    not_empty(
        path,
        text,
        "did iptables-save run as root? If it did and there are no tables, give a file with the lines *filter and COMMIT",
    )?;
    let family = iptables_save::family_of(text);
    let ruleset = iptables_save::read(text, family)
        .with_context(|| format!("{} is not the output of iptables-save", path.display()))?;
    Ok(ReadRuleset {
        netns: None,
        kind: match family {
            Family::Ipv4 => RulesetKind::IptablesSave,
            Family::Ipv6 => RulesetKind::Ip6tablesSave,
        },
        origin: path.display().to_string(),
        content: Ok(Content::Xtables(ruleset)),
    })
}

fn nft(path: &Path, text: &str) -> Result<ReadRuleset> {
    not_empty(path, text, "did `nft -j list ruleset` run as root?")?;
    if !text.trim_start().starts_with('{') {
        bail!(
            "{} is not JSON: `nft -j list ruleset` prints it (-j)",
            path.display()
        );
    }
    // nft begins with it, also where there is no table.
    if !text.contains("\"metainfo\"") {
        bail!(
            "{} has no metainfo: it is not all that `nft -j list ruleset` prints",
            path.display()
        );
    }
    let ruleset = nft_ruleset::read(text)
        .map_err(anyhow::Error::msg)
        .with_context(|| {
            let path = path.display();
            format!("{path} is not the output of `nft -j list ruleset`")
        })?;
    Ok(ReadRuleset {
        netns: None,
        kind: RulesetKind::NftJson,
        origin: path.display().to_string(),
        content: Ok(Content::Nft(ruleset)),
    })
}

fn services(path: &Path, text: &str) -> Result<ReadRuleset> {
    not_empty(
        path,
        text,
        "did `ipvsadm -Sn` run as root? Where there are no services, give /proc/net/ip_vs, which has a heading then",
    )?;
    let table = ipvs::read(text).with_context(|| {
        format!(
            "{} is neither the output of ipvsadm -Sn nor /proc/net/ip_vs",
            path.display()
        )
    })?;
    Ok(ReadRuleset {
        netns: None,
        kind: RulesetKind::IpVs,
        origin: path.display().to_string(),
        content: Ok(Content::Ipvs(table)),
    })
}
