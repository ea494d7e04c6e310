//! Accept rules in other people's tables of nftables. Each carries a comment of its own, by which it is found again; nothing
//! else in those tables is touched.

use std::fmt::Write as _;

use super::{
    ApplyError,
    nft::{not_understood, table},
};
use crate::{
    applying::record::Mark,
    model::{
        notrack::AcceptRule,
        ruleset::{Chain, NftTable, Target},
    },
    render::rules::nft::{accept, mark},
    source::nft_ruleset,
};

/// Those that do not stand, and the statements that put them there.
pub(super) fn missing(rules: &[AcceptRule]) -> Result<(Vec<Mark>, String), ApplyError> {
    let (mut marks, mut text) = (Vec::new(), String::new());
    for rule in rules {
        let listed = listed(&rule.table)?;
        let chain = chain(listed.as_ref(), &rule.chain);
        let added = Mark {
            table: rule.table.clone(),
            chain: rule.chain.clone(),
            comment: mark(rule),
        };
        if chain.is_some_and(|chain| !handles(chain, &added.comment).is_empty()) {
            continue;
        }
        let _ = writeln!(text, "{}", accept(&placed(rule, chain)?));
        marks.push(added);
    }
    Ok((marks, text))
}

/// Statements that take those away that still stand.
pub(super) fn remove(marks: &[Mark]) -> Result<String, ApplyError> {
    let mut text = String::new();
    for mark in marks {
        let Mark {
            table,
            chain: name,
            comment,
        } = mark;
        let listed = listed(table)?;
        let chain = chain(listed.as_ref(), name);
        for handle in chain.map_or_else(Vec::new, |chain| handles(chain, comment)) {
            let _ = writeln!(text, "delete rule {table} {name} handle {handle}");
        }
    }
    Ok(text)
}

fn listed(name: &str) -> Result<Option<NftTable>, ApplyError> {
    let words: Vec<&str> = name.split(' ').collect();
    let Some(text) = table(&words)? else {
        return Ok(None);
    };
    let ruleset = nft_ruleset::read(&text).map_err(not_understood)?;
    Ok(ruleset.tables.into_iter().next())
}

fn chain<'a>(table: Option<&'a NftTable>, name: &str) -> Option<&'a Chain> {
    table.and_then(|table| table.rules.chain(name))
}

/// Of the accept rules with that comment.
fn handles(chain: &Chain, comment: &str) -> Vec<u64> {
    let is_it = |rule: &&crate::model::ruleset::Rule| {
        rule.comment.as_deref() == Some(comment) && rule.target == Target::Accept
    };
    let found = chain.rules.iter().filter(is_it);
    found.filter_map(|rule| rule.handle).collect()
}

/// With the handle that the rule it is to stand before has today.
fn placed(rule: &AcceptRule, chain: Option<&Chain>) -> Result<AcceptRule, ApplyError> {
    let others = chain.map_or_else(Vec::new, Chain::others_handles);
    let no_place = || ApplyError::NoPlace {
        table: rule.table.clone(),
        chain: rule.chain.clone(),
        number: rule.before.unwrap_or(1),
        count: others.len(),
    };
    let before = match rule.before {
        _ if chain.is_none() => return Err(no_place()),
        Some(number) if number > others.len() + 1 => return Err(no_place()),
        number => number.and_then(|number| others.get(number - 1)).copied(),
    };
    Ok(AcceptRule {
        before: None,
        handle: before,
        ..rule.clone()
    })
}
