//! Rules in and out of the kernel, by the programs that everybody has.

use super::{
    ApplyError,
    record::{Change, Step},
};
use crate::{
    model::{
        notrack::NotrackRule,
        plan::{Plan, PlanBackend},
    },
    source::{iptables_save, node::ruleset},
};

mod accepts;
pub mod iptables;
pub mod nft;
pub mod standing;

/// What of a plan is missing, and what installs it.
///
/// # Errors
/// When the rules cannot be listed, or an accept rule has no place.
pub fn missing(plan: &Plan) -> Result<(Change, Vec<Step>), ApplyError> {
    match plan.backend {
        PlanBackend::Nft => nft::missing(plan),
        PlanBackend::Iptables => iptables::missing(plan),
    }
}

/// Takes steps, each of which is done wholly or not at all.
///
/// # Errors
/// The first that failed; those before it are done.
pub fn take(steps: &[Step]) -> Result<(), ApplyError> {
    for step in steps {
        let arguments: Vec<&str> = step.arguments.iter().map(String::as_str).collect();
        ruleset::by_program(&step.program, &arguments, step.input.clone()).map_err(|reason| {
            ApplyError::Program {
                action: "change the rules",
                reason,
            }
        })?;
    }
    Ok(())
}

/// Takes a change back, as much of it as stands.
///
/// # Errors
/// When the rules cannot be listed or a program refuses.
pub fn undo(change: &Change) -> Result<(), ApplyError> {
    let steps = match change {
        Change::Nft {
            added,
            accepts,
            chains,
            table,
        } => nft::undo(added, accepts, chains, *table)?,
        Change::Iptables { added, accepts } => iptables::undo(added, accepts)?,
    };
    take(&steps)
}

/// NOTRACK rules of ctwatch's that stand where a plan has its own, with the packets that each has met; `None` where they
/// are not counted.
///
/// # Errors
/// When the rules cannot be listed.
pub fn counters(plan: &Plan) -> Result<Vec<(NotrackRule, Option<u64>)>, ApplyError> {
    let mut all = Vec::new();
    match plan.backend {
        PlanBackend::Nft => {
            let (sets, _) = nft::sets()?.unwrap_or_default();
            all.extend(sets.into_iter().flat_map(|set| set.elements));
        }
        PlanBackend::Iptables => {
            for family in plan.families() {
                let (ruleset, text) = iptables::ruleset(family)?;
                let packets = iptables_save::rule_packets(&text);
                for rule in standing::standing(&ruleset) {
                    let chain = packets.get(&(rule.table, rule.chain));
                    let met = chain.and_then(|chain| chain.get(rule.place).copied().flatten());
                    all.extend(rule.notrack.map(|notrack| (notrack, met)));
                }
            }
        }
    }
    Ok(all)
}

/// Has nft read that, if it is anything: one transaction.
fn transaction(input: String) -> Option<Step> {
    (!input.is_empty()).then(|| Step {
        program: "nft".to_owned(),
        arguments: vec!["-f".to_owned(), "-".to_owned()],
        input,
    })
}

/// What a program prints.
fn list(program: &str, arguments: &[&str]) -> Result<String, ApplyError> {
    ruleset::by_program(program, arguments, String::new()).map_err(|reason| ApplyError::Program {
        action: "list the rules",
        reason,
    })
}
