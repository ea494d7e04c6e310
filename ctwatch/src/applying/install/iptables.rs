//! Chains of ctwatch's own in the tables of iptables, and a jump to each. A table changes in one go: iptables-restore
//! commits it as a whole.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    ApplyError, accepts, list,
    standing::{Standing, standing},
    transaction,
};
use crate::{
    applying::record::{Change, Line, Mark, Step},
    model::{
        endpoint::Family,
        notrack::AcceptRule,
        plan::Plan,
        ruleset::{Chain, OWN_CHAINS, Ruleset},
    },
    render::rules::iptables::{accept_spec, command, jump_spec, notrack_spec},
    source::iptables_save,
};

/// The rules of a family.
///
/// # Errors
/// When they cannot be listed or understood.
pub fn ruleset(family: Family) -> Result<(Ruleset, String), ApplyError> {
    let text = list(&format!("{}-save", command(family)), &["-c"])?;
    let ruleset = iptables_save::read(&text, family).map_err(|error| ApplyError::Program {
        action: "understand what iptables-save lists",
        reason: error.to_string(),
    })?;
    Ok((ruleset, text))
}

/// A line and where its chain is jumped to from.
struct Wanted {
    line: Line,
    /// The built-in chain.
    from: String,
    /// Others' rule that the jump stands before, from 1; `None` for the end.
    before: Option<usize>,
}

/// In the order of installation: what accepts before what it accepts comes.
fn wanted(plan: &Plan) -> Vec<Wanted> {
    let accepts = plan.accepts().into_iter();
    let accepts = accepts.filter(|rule| !rule.is_native()).map(|rule| Wanted {
        line: Line {
            family: rule.family(),
            chain: own_chain(&rule),
            spec: accept_spec(&rule.packets),
            table: rule.table,
        },
        from: rule.chain,
        before: rule.before,
    });
    let notrack = plan.notrack().into_iter().map(|rule| Wanted {
        line: Line {
            family: rule.family(),
            table: "raw".to_owned(),
            chain: format!("{OWN_CHAINS}{}", rule.direction.chain()),
            spec: notrack_spec(&rule),
        },
        from: rule.direction.chain().to_owned(),
        before: None,
    });
    accepts.chain(notrack).collect()
}

fn own_chain(rule: &AcceptRule) -> String {
    let place = rule
        .before
        .map_or_else(|| "END".to_owned(), |number| number.to_string());
    format!("{OWN_CHAINS}{}-{place}", rule.chain)
}

pub(super) fn missing(plan: &Plan) -> Result<(Change, Vec<Step>), ApplyError> {
    let all = wanted(plan);
    let mut native = plan.accepts();
    native.retain(AcceptRule::is_native);
    let (accepts, text) = accepts::missing(&native)?;
    let (mut added, mut steps) = (Vec::new(), Vec::new());
    steps.extend(transaction(text));
    for family in plan.families() {
        let (ruleset, _) = ruleset(family)?;
        let there = standing(&ruleset);
        let is_missing = |wanted: &&Wanted| {
            wanted.line.family == family && !there.iter().any(|rule| is(rule, &wanted.line))
        };
        let missing: Vec<&Wanted> = all.iter().filter(is_missing).collect();
        steps.extend(restore(family, &install(&ruleset, &missing)?));
        added.extend(missing.into_iter().map(|wanted| wanted.line.clone()));
    }
    Ok((Change::Iptables { added, accepts }, steps))
}

fn is(rule: &Standing, line: &Line) -> bool {
    (&rule.table, &rule.chain, &rule.spec) == (&line.table, &line.chain, &line.spec)
}

/// What iptables-restore is to read, a table at a time; raw is the last.
fn install(ruleset: &Ruleset, missing: &[&Wanted]) -> Result<String, ApplyError> {
    let mut tables: Vec<&str> = missing
        .iter()
        .map(|wanted| wanted.line.table.as_str())
        .collect();
    tables.sort_unstable_by_key(|table| (*table == "raw", *table));
    tables.dedup();
    let mut text = String::new();
    for table in tables {
        let of_table = missing.iter().filter(|wanted| wanted.line.table == table);
        let (mut declared, mut rules, mut jumps) = (String::new(), String::new(), BTreeMap::new());
        for Wanted { line, from, before } in of_table {
            if ruleset.chain(table, &line.chain).is_none() && !jumps.contains_key(&line.chain) {
                let _ = writeln!(declared, ":{} - [0:0]", line.chain);
            }
            let _ = writeln!(rules, "-A {} {}", line.chain, line.spec);
            jumps.insert(line.chain.clone(), (from, *before));
        }
        let _ = write!(text, "*{table}\n{declared}{rules}");
        text.push_str(&add_jumps(ruleset, table, &jumps)?);
        text.push_str("COMMIT\n");
    }
    Ok(text)
}

/// The jumps that are not there. The last places come first, so that none moves another's.
fn add_jumps(
    ruleset: &Ruleset,
    table: &str,
    jumps: &BTreeMap<String, (&String, Option<usize>)>,
) -> Result<String, ApplyError> {
    let mut lines = Vec::new();
    for (to, (from, before)) in jumps {
        let chain = ruleset.chain(table, from);
        let is_jump = |rule: &crate::model::ruleset::Rule| {
            rule.is_own() && rule.target == crate::model::ruleset::Target::Jump(to.clone())
        };
        if chain.is_some_and(|chain| chain.rules.iter().any(is_jump)) {
            continue;
        }
        let at = place(chain, *before).ok_or_else(|| ApplyError::NoPlace {
            table: table.to_owned(),
            chain: (*from).clone(),
            number: before.unwrap_or(0),
            count: chain.map_or(0, |chain| chain.rules.len()),
        })?;
        let verb = at.map_or_else(
            || format!("-A {from}"),
            |number| format!("-I {from} {number}"),
        );
        lines.push((at, format!("{verb} {}\n", jump_spec(to))));
    }
    lines.sort_by_key(|(at, _)| std::cmp::Reverse(at.unwrap_or(usize::MAX)));
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

/// The number, own rules counted, of the place before others' rule of that number; within, `None` for the end.
fn place(chain: Option<&Chain>, before: Option<usize>) -> Option<Option<usize>> {
    let Some(before) = before else {
        return Some(None);
    };
    let rules = chain.map_or(&[][..], |chain| &chain.rules);
    let mut others = rules.iter().enumerate().filter(|(_, rule)| !rule.is_own());
    let count = others.clone().count();
    match others.nth(before - 1) {
        Some((at, _)) => Some(Some(at + 1)),
        None if before == count + 1 => Some(None),
        None => None,
    }
}

/// Deletes the lines that still stand, and a chain with its jumps where none is left; at last the accept rules of nft.
pub(super) fn undo(added: &[Line], accepts: &[Mark]) -> Result<Vec<Step>, ApplyError> {
    let mut steps = Vec::new();
    for family in [Family::Ipv6, Family::Ipv4] {
        let added: Vec<&Line> = added.iter().filter(|line| line.family == family).collect();
        if added.is_empty() {
            continue;
        }
        let (ruleset, _) = ruleset(family)?;
        steps.extend(restore(family, &remove(&ruleset, &added)));
    }
    steps.extend(transaction(accepts::remove(accepts)?));
    Ok(steps)
}

/// What iptables-restore is to read, raw first.
fn remove(ruleset: &Ruleset, added: &[&Line]) -> String {
    let there = standing(ruleset);
    let mut tables: Vec<&str> = added.iter().map(|line| line.table.as_str()).collect();
    tables.sort_unstable_by_key(|table| (*table != "raw", *table));
    tables.dedup();
    let mut text = String::new();
    for name in tables {
        let Some(table) = ruleset.table(name) else {
            continue;
        };
        let mut lines = String::new();
        for chain in table
            .chains()
            .iter()
            .filter(|chain| chain.name.starts_with(OWN_CHAINS))
        {
            let here = there
                .iter()
                .filter(|rule| rule.table == name && rule.chain == chain.name);
            let (go, stay): (Vec<_>, Vec<_>) =
                here.partition(|rule| added.iter().any(|line| is(rule, line)));
            let is_added = added
                .iter()
                .any(|line| line.table == name && line.chain == chain.name);
            if is_added && stay.is_empty() {
                lines.push_str(&remove_chain(table.chains(), &chain.name));
            } else {
                for rule in go {
                    let _ = writeln!(lines, "-D {} {}", chain.name, rule.spec);
                }
            }
        }
        if !lines.is_empty() {
            let _ = write!(text, "*{name}\n{lines}COMMIT\n");
        }
    }
    text
}

fn remove_chain(chains: &[Chain], name: &str) -> String {
    let mut text = String::new();
    for chain in chains {
        let to_it = |rule: &&crate::model::ruleset::Rule| {
            rule.target == crate::model::ruleset::Target::Jump(name.to_owned())
        };
        for rule in chain
            .rules
            .iter()
            .filter(to_it)
            .filter(|rule| rule.is_own())
        {
            let spec = rule.text.strip_prefix("-A ").unwrap_or(&rule.text);
            let _ = writeln!(text, "-D {spec}");
        }
    }
    let _ = write!(text, "-F {name}\n-X {name}\n");
    text
}

fn restore(family: Family, input: &str) -> Option<Step> {
    (!input.is_empty()).then(|| Step {
        program: format!("{}-restore", command(family)),
        arguments: ["-w", "10", "--noflush"].map(str::to_owned).to_vec(),
        input: input.to_owned(),
    })
}
