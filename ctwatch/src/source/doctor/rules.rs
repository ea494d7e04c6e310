//! The rules of the own network namespace, or those recorded beside a tree.

use super::{kernel::MARKS, tree::Tree};
use crate::{
    model::{
        doctor::{
            Told,
            facts::{Read, Rules},
        },
        endpoint::Netns,
        node::{RulesetKind, RulesetText},
    },
    source::{
        kernel::kallsyms::Kallsyms,
        nft_ruleset,
        node::{
            netns,
            ruleset::{self, Loaded},
        },
        ruleset_text,
    },
};

/// What a recorded tree keeps of what programs printed.
const RECORDED: [(&str, RulesetKind); 5] = [
    ("/programs/iptables-save", RulesetKind::IptablesSave),
    ("/programs/ip6tables-save", RulesetKind::Ip6tablesSave),
    (
        "/programs/iptables-legacy-save",
        RulesetKind::IptablesLegacySave,
    ),
    (
        "/programs/ip6tables-legacy-save",
        RulesetKind::Ip6tablesLegacySave,
    ),
    ("/programs/nft-list-ruleset.json", RulesetKind::NftJson),
];

pub(super) fn read(tree: &Tree, loaded: Loaded, unread: &mut Vec<String>) -> Rules {
    let texts = if !tree.is_live() {
        recorded(tree)
    } else {
        match netns::own() {
            Ok(own) => ruleset::read_loaded(&own, loaded, unread),
            Err(error) => {
                unread.push(format!("rules: {error}"));
                Vec::new()
            }
        }
    };
    Rules {
        legacy_tables: legacy(tree),
        nf_tables: loaded.nf_tables,
        read: parse(&texts),
    }
}

/// What listing rules would find in the kernel already.
pub(super) fn loaded(kallsyms: Option<&Kallsyms>) -> Loaded {
    let [nf_tables, nft_compat, ..] = MARKS;
    let has = |mark| kallsyms.map(|kallsyms| kallsyms.exact(mark).is_some());
    Loaded {
        nf_tables: has(nf_tables),
        nft_compat: has(nft_compat),
    }
}

pub(super) fn parse(texts: &[RulesetText]) -> Read {
    let nft = texts.iter().find(|text| text.kind == RulesetKind::NftJson);
    Read {
        nft_tracking: nft.and_then(|text| nft_ruleset::tracking(&text.text)),
        rulesets: texts.iter().map(ruleset_text::read).collect(),
    }
}

/// The tables of both families, `ip filter`; these files list what is there and load nothing.
fn legacy(tree: &Tree) -> Told<Vec<String>> {
    let mut tables = Vec::new();
    let mut hidden = None;
    for (family, file) in [
        ("ip", "/proc/net/ip_tables_names"),
        ("ip6", "/proc/net/ip6_tables_names"),
    ] {
        match tree.text(file) {
            Told::Value(text) => tables.extend(text.lines().map(|name| format!("{family} {name}"))),
            Told::Hidden(reason) => hidden = Some(format!("{file}: {reason}")),
            Told::Absent => {}
        }
    }
    match hidden {
        Some(reason) if tables.is_empty() => Told::Hidden(reason),
        _ => Told::Value(tables),
    }
}

fn recorded(tree: &Tree) -> Vec<RulesetText> {
    let text = |(file, kind): &(&str, RulesetKind)| {
        let text = tree.text(file).value()?.clone();
        Some(RulesetText {
            netns: Netns {
                cookie: 0,
                inode: 0,
            },
            kind: *kind,
            text,
        })
    };
    RECORDED.iter().filter_map(text).collect()
}
