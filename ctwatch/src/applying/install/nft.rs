//! ctwatch's own table of nftables, and accept rules in others'. Each change is one transaction.

use super::{ApplyError, accepts, list, transaction};
use crate::{
    applying::record::{Change, Mark, Step},
    model::{
        notrack::{NotrackRule, OWNER},
        plan::Plan,
    },
    render::rules::nft,
    source::nft_ruleset::{self, OwnSet},
};

/// The sets of the table; `None` where it is not there.
///
/// # Errors
/// When it cannot be listed.
pub fn sets() -> Result<Option<(Vec<OwnSet>, bool)>, ApplyError> {
    let text = table(&["inet", OWNER])?;
    text.map(|text| nft_ruleset::own_table(&text).map_err(not_understood))
        .transpose()
}

/// What nft says of a table; `None` where it is not there.
pub(super) fn table(name: &[&str]) -> Result<Option<String>, ApplyError> {
    match list("nft", &[&["-j", "list", "table"], name].concat()) {
        Err(ApplyError::Program { reason, .. }) if reason.contains("No such file or directory") => {
            Ok(None)
        }
        listed => listed.map(Some),
    }
}

pub(super) fn not_understood(reason: String) -> ApplyError {
    ApplyError::Program {
        action: "understand what nft lists",
        reason,
    }
}

pub(super) fn missing(plan: &Plan) -> Result<(Change, Vec<Step>), ApplyError> {
    let there = sets()?;
    let table = there.is_some();
    let (sets, foreign) = there.unwrap_or_default();
    if foreign {
        return Err(ApplyError::Program {
            action: "use the table inet ctwatch",
            reason: "something stands in it that ctwatch did not put there (nft list table inet ctwatch)".to_owned(),
        });
    }
    let stands = |rule: &NotrackRule| {
        let mut elements = sets.iter().flat_map(|set| &set.elements);
        elements.any(|(element, _)| element == rule)
    };
    let mut added = plan.notrack();
    added.retain(|rule| !stands(rule));
    let chains: Vec<String> = sets.into_iter().map(|set| set.name).collect();
    let (accepts, text) = accepts::missing(&plan.accepts())?;
    let steps = transaction(text + &nft::add_beside(&added, &chains));
    let change = Change::Nft {
        added,
        accepts,
        chains,
        table,
    };
    Ok((change, steps.into_iter().collect()))
}

/// Deletes the accept rules and the elements that still stand, the chains that came with them if nothing is left in their sets, and the table
/// if it came with them and nothing is left in it.
pub(super) fn undo(
    added: &[NotrackRule],
    accepts: &[Mark],
    chains: &[String],
    table: bool,
) -> Result<Vec<Step>, ApplyError> {
    let accepts = accepts::remove(accepts)?;
    let steps = transaction(remove(added, chains, table)? + &accepts);
    Ok(steps.into_iter().collect())
}

fn remove(added: &[NotrackRule], chains: &[String], table: bool) -> Result<String, ApplyError> {
    let Some((sets, foreign)) = sets()? else {
        return Ok(String::new());
    };
    let is_added = |rule: &NotrackRule| added.contains(rule);
    let goes = |set: &&OwnSet| {
        !chains.contains(&set.name) && set.elements.iter().all(|(rule, _)| is_added(rule))
    };
    let all_go = sets.iter().all(|set| goes(&set));
    if all_go && !table && !foreign {
        return Ok(nft::undo_everything());
    }
    let mut text = String::new();
    for set in &sets {
        if goes(&set) {
            text.push_str(&nft::remove_chain(&set.name));
        } else {
            let rules = set.elements.iter().map(|(rule, _)| *rule);
            text.push_str(&nft::undo(&rules.filter(is_added).collect::<Vec<_>>()));
        }
    }
    Ok(text)
}
