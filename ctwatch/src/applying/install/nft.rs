//! ctwatch's own table of nftables. Each change is one transaction.

use super::{ApplyError, list};
use crate::{
    applying::record::{Change, Step},
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
    let text = match list("nft", &["-j", "list", "table", "inet", OWNER]) {
        Ok(text) => text,
        Err(ApplyError::Program { reason, .. }) if reason.contains("No such file or directory") => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let read = nft_ruleset::own_table(&text).map_err(|reason| ApplyError::Program {
        action: "understand what nft lists",
        reason,
    })?;
    Ok(Some(read))
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
    let steps = step(nft::add_beside(&added, &chains));
    let change = Change::Nft {
        added,
        chains,
        table,
    };
    Ok((change, steps))
}

/// Deletes the elements that still stand, the chains that came with them if nothing is left in their sets, and the table
/// if it came with them and nothing is left in it.
pub(super) fn undo(
    added: &[NotrackRule],
    chains: &[String],
    table: bool,
) -> Result<Vec<Step>, ApplyError> {
    let Some((sets, foreign)) = sets()? else {
        return Ok(Vec::new());
    };
    let is_added = |rule: &NotrackRule| added.contains(rule);
    let goes = |set: &&OwnSet| {
        !chains.contains(&set.name) && set.elements.iter().all(|(rule, _)| is_added(rule))
    };
    let all_go = sets.iter().all(|set| goes(&set));
    if all_go && !table && !foreign {
        return Ok(step(nft::undo_everything()));
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
    Ok(step(text))
}

fn step(input: String) -> Vec<Step> {
    if input.is_empty() {
        return Vec::new();
    }
    vec![Step {
        program: "nft".to_owned(),
        arguments: vec!["-f".to_owned(), "-".to_owned()],
        input,
    }]
}
