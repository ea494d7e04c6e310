//! Digests of rulesets, by which a change since they were judged is noticed.
//!
//! Left out is what changes by itself (counters, handles, times of listing), what ctwatch installs, and built-in tables
//! without a rule, which come into being when somebody lists them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::{
    node::{RulesetKind, RulesetText},
    notrack::OWNER,
    ruleset::OWN_CHAINS,
};

/// A digest of each table, by program and table: `iptables raw`, `nft inet filter`.
#[must_use]
pub fn fingerprint(texts: &[RulesetText]) -> BTreeMap<String, String> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // nft shows what iptables-nft made, too: it is told once, in iptables' own words.
    let mut shown = BTreeSet::new();
    for text in texts {
        let (program, family) = match text.kind {
            RulesetKind::IptablesSave => ("iptables", "ip"),
            RulesetKind::Ip6tablesSave => ("ip6tables", "ip6"),
            RulesetKind::IptablesLegacySave => ("iptables-legacy", ""),
            RulesetKind::Ip6tablesLegacySave => ("ip6tables-legacy", ""),
            RulesetKind::NftJson => continue,
            RulesetKind::IpVs => {
                tables.insert("ipvs services".to_owned(), services(&text.text));
                continue;
            }
        };
        for (table, lines) in saved(&text.text) {
            // `iptables-save` shows nothing of chains that others made in a table of that name, and says so.
            let tainted = format!("# Table `{table}' contains incompatible");
            if !text.text.contains(&tainted) {
                shown.insert(format!("nft {family} {table}"));
            }
            tables.insert(format!("{program} {table}"), lines);
        }
    }
    for text in texts
        .iter()
        .filter(|text| text.kind == RulesetKind::NftJson)
    {
        let listed = listed(&text.text).into_iter();
        tables.extend(listed.filter(|(name, _)| !shown.contains(name)));
    }
    tables.retain(|_, lines| !lines.is_empty());
    let digest = |(name, lines): (String, Vec<String>)| (name, digest(&lines));
    tables.into_iter().map(digest).collect()
}

/// Half of a SHA-256: no two rulesets of a node share it by accident.
fn digest(lines: &[String]) -> String {
    let bytes = Sha256::digest(lines.join("\n"));
    bytes
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Virtual services of /proc/net/ip_vs; their real servers come and go, and count connections.
fn services(text: &str) -> Vec<String> {
    let is_service = |line: &&str| {
        ["TCP ", "UDP ", "SCTP ", "FWM "]
            .iter()
            .any(|word| line.starts_with(word))
    };
    text.lines()
        .filter(is_service)
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// The lines of each table of iptables-save that say something.
fn saved(text: &str) -> Vec<(String, Vec<String>)> {
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('*') {
            tables.push((table.to_owned(), Vec::new()));
        } else if let (Some((_, lines)), Some(line)) = (tables.last_mut(), said(line)) {
            lines.push(line);
        }
    }
    tables
}

fn said(line: &str) -> Option<String> {
    let own_chain = |name: &str| name.starts_with(OWN_CHAINS);
    if let Some(chain) = line.strip_prefix(':') {
        let mut words = chain.split_whitespace();
        let (name, policy) = (words.next()?, words.next()?);
        return (policy != "ACCEPT" && !own_chain(name)).then(|| format!(":{name} {policy}"));
    }
    // `[packets:bytes] -A …`, as iptables-save -c prints it.
    let rule = line.find("-A ").and_then(|at| line.get(at..))?;
    let chain = rule.split_whitespace().nth(1)?;
    let is_own = own_chain(chain) || rule.contains(&format!("--comment {OWNER} "));
    (!is_own && !line.starts_with('#')).then(|| rule.to_owned())
}

/// The objects of each table of nft, but for ctwatch's.
fn listed(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let objects = document.get("nftables").and_then(Value::as_array);
    for object in objects.into_iter().flatten() {
        let Some((kind, content)) = object.as_object().and_then(|object| object.iter().next())
        else {
            continue;
        };
        let word = |key| content.get(key).and_then(Value::as_str);
        let table = if kind == "table" {
            word("name")
        } else {
            word("table")
        };
        if let (Some(family), Some(table)) = (word("family"), table)
            && (family, table) != ("inet", OWNER)
            && !is_own(content)
        {
            let lines = tables.entry(format!("nft {family} {table}")).or_default();
            lines.push(format!("{kind} {}", still(content)));
        }
    }
    tables
}

/// Whether it is an accept rule of ctwatch's in somebody else's table.
fn is_own(content: &Value) -> bool {
    let comment = content.get("comment").and_then(Value::as_str);
    let rest = comment.and_then(|comment| comment.strip_prefix(OWNER));
    rest.is_some_and(|rest| rest.starts_with(' '))
}

/// Without what changes by itself.
fn still(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(still).collect(),
        Value::Object(members) => members
            .iter()
            .filter(|(key, _)| {
                !matches!(
                    key.as_str(),
                    "handle" | "packets" | "bytes" | "expires" | "used"
                )
            })
            .map(|(key, value)| (key.clone(), still(value)))
            .collect(),
        other => other.clone(),
    }
}
