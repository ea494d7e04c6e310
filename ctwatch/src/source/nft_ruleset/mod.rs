//! Reads what `nft -j list ruleset` prints: the tables there are, and what ctwatch's own holds.

use serde_json::Value;

use crate::model::{
    notrack::OWNER,
    ruleset::{NftRuleset, NftTable},
};

mod own;
#[cfg(test)]
mod tests;
mod tracking;

pub use own::OwnSet;
pub use tracking::tracking;

/// The sets of ctwatch's own table in what `nft -j list table inet ctwatch` prints, and whether anything stands in that
/// table that ctwatch does not put there.
///
/// # Errors
/// A sentence, when the text is not such JSON.
pub fn own_table(text: &str) -> Result<(Vec<OwnSet>, bool), String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let objects = document
        .get("nftables")
        .and_then(Value::as_array)
        .ok_or("not the output of nft -j list table")?;
    Ok((own::sets(objects), own::rules(objects).is_none()))
}

/// Reads a ruleset; nothing at all is one without tables.
///
/// # Errors
/// A sentence, when the text is not such JSON.
pub fn read(text: &str) -> Result<NftRuleset, String> {
    if text.trim().is_empty() {
        return Ok(NftRuleset::default());
    }
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let objects = document
        .get("nftables")
        .and_then(Value::as_array)
        .ok_or("not the output of nft -j list ruleset")?;
    let mut tables = Vec::new();
    for table in objects.iter().filter_map(|object| object.get("table")) {
        let word = |key| table.get(key).and_then(Value::as_str);
        let (Some(family), Some(name)) = (word("family"), word("name")) else {
            return Err("a table without family or name".to_owned());
        };
        tables.push(NftTable {
            family: family.to_owned(),
            name: name.to_owned(),
        });
    }
    // Whatever else stands in a table of that name, it is somebody's rules that were not looked at.
    let own = own::rules(objects);
    if own.is_some() {
        tables.retain(|table| (table.family.as_str(), table.name.as_str()) != ("inet", OWNER));
    }
    Ok(NftRuleset {
        tables,
        own: own.unwrap_or_default(),
    })
}
