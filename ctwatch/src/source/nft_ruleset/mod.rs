//! Reads what `nft -j list ruleset` prints: tables, chains and rules, and what ctwatch's own table holds.
//!
//! An expression or statement that is not understood stays in its rule as unknown, in nft's words where they are
//! known and else as its JSON.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::model::{
    notrack::OWNER,
    ruleset::{Base, Chain, Hook, NftRuleset, NftTable, Policy, Table},
};

mod field;
mod names;
mod own;
mod rule;
mod sets;
mod statement;
#[cfg(test)]
mod tests;
mod text;
mod tracking;
mod value;

pub use own::OwnSet;
use sets::{Sets, Updated};
pub use tracking::tracking;

/// The sets of ctwatch's own table in what `nft -j list table inet ctwatch` prints, and whether anything stands in that
/// table that ctwatch does not put there.
///
/// # Errors
/// A sentence, when the text is not such JSON.
pub fn own_table(text: &str) -> Result<(Vec<OwnSet>, bool), String> {
    let objects = objects(text)?
        .into_iter()
        .map(value)
        .collect::<Result<Vec<_>, _>>()?;
    Ok((own::sets(&objects), own::rules(&objects).is_none()))
}

/// Reads a ruleset; nothing at all is one without tables.
///
/// # Errors
/// A sentence, when the text is not such JSON.
pub fn read(text: &str) -> Result<NftRuleset, String> {
    if text.trim().is_empty() {
        return Ok(NftRuleset::default());
    }
    let all = objects(text)?;
    let (mut kept, mut rules, mut updated) = (Vec::new(), Vec::new(), Updated::new());
    for object in all {
        let content = value(object)?;
        match content.get("rule") {
            Some(rule) => {
                sets::updates(rule, &mut updated);
                rules.push(object);
                if own::is_of_table(rule) {
                    kept.push(content);
                }
            }
            None => kept.push(content),
        }
    }
    let mut tables = Tables::default();
    for (kind, content) in kept.iter().filter_map(kind_of) {
        match kind {
            "table" => tables.table(content)?,
            "chain" => tables.chain(content)?,
            _ => {}
        }
    }
    let sets = Sets::of(&kept, &updated);
    for object in rules {
        if let Some(content) = value(object)?.get("rule") {
            tables.rule(content, &sets)?;
        }
    }
    // Whatever else stands in a table of that name, it is somebody's rules.
    let own = own::rules(&kept);
    let mut tables = tables.tables;
    if own.is_some() {
        tables.retain(|table| (table.family.as_str(), table.name.as_str()) != ("inet", OWNER));
    }
    Ok(NftRuleset {
        tables,
        own: own.unwrap_or_default(),
    })
}

/// What nft prints. Its objects are read one by one, since tens of thousands of rules as values take ten times the text.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    nftables: Vec<&'a RawValue>,
}

fn objects(text: &str) -> Result<Vec<&RawValue>, String> {
    let document: Document<'_> = serde_json::from_str(text)
        .map_err(|error| format!("not the output of nft -j list: {error}"))?;
    Ok(document.nftables)
}

fn value(object: &RawValue) -> Result<Value, String> {
    serde_json::from_str(object.get()).map_err(|error| error.to_string())
}

fn kind_of(object: &Value) -> Option<(&str, &Value)> {
    let (kind, content) = object.as_object()?.iter().next()?;
    Some((kind, content))
}

fn word<'a>(content: &'a Value, key: &str) -> Option<&'a str> {
    content.get(key).and_then(Value::as_str)
}

/// Tables by family and name.
#[derive(Default)]
struct Tables<'a> {
    tables: Vec<NftTable>,
    by_name: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Tables<'a> {
    fn table(&mut self, content: &'a Value) -> Result<(), String> {
        let (Some(family), Some(name)) = (word(content, "family"), word(content, "name")) else {
            return Err("a table without family or name".to_owned());
        };
        self.by_name.insert((family, name), self.tables.len());
        self.tables.push(NftTable {
            family: family.to_owned(),
            name: name.to_owned(),
            rules: Table::new(format!("{family} {name}")),
        });
        Ok(())
    }

    fn of(&mut self, content: &Value) -> Option<&mut Table> {
        let key = (word(content, "family")?, word(content, "table")?);
        let at = self.by_name.get(&key)?;
        self.tables.get_mut(*at).map(|table| &mut table.rules)
    }

    fn chain(&mut self, content: &Value) -> Result<(), String> {
        let name = word(content, "name").ok_or("a chain without a name")?;
        let chain = Chain {
            name: name.to_owned(),
            base: base(content)?,
            policy: match word(content, "policy") {
                Some("drop") => Some(Policy::Drop),
                Some("accept") => Some(Policy::Accept),
                None => None,
                Some(other) => return Err(format!("chain {name}: unknown policy {other}")),
            },
            rules: Vec::new(),
        };
        let table = self
            .of(content)
            .ok_or_else(|| format!("chain {name} outside its table"))?;
        let is_new = table.push(chain);
        is_new
            .then_some(())
            .ok_or_else(|| format!("chain {name} appears twice"))
    }

    fn rule(&mut self, content: &Value, sets: &Sets<'_>) -> Result<(), String> {
        let name = word(content, "chain").ok_or("a rule without a chain")?;
        let chain = self
            .of(content)
            .and_then(|table| table.chain_mut(name))
            .ok_or_else(|| format!("a rule in chain {name}, which is not there"))?;
        chain.rules.extend(rule::read(content, sets));
        Ok(())
    }
}

/// Where the kernel calls a chain; `None` for one that only rules lead to.
fn base(content: &Value) -> Result<Option<Base>, String> {
    let Some(hook) = word(content, "hook") else {
        return Ok(None);
    };
    let hook = match hook {
        "prerouting" => Hook::Prerouting,
        "input" => Hook::Input,
        "forward" => Hook::Forward,
        "output" => Hook::Output,
        "postrouting" => Hook::Postrouting,
        "ingress" | "egress" => Hook::Device,
        other => return Err(format!("unknown hook {other}")),
    };
    let priority = content.get("prio").and_then(Value::as_i64);
    Ok(Some(Base {
        nat: word(content, "type") == Some("nat"),
        hook,
        priority: priority
            .and_then(|priority| i32::try_from(priority).ok())
            .ok_or("a base chain without a priority")?,
    }))
}
