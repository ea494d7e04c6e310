//! Whether what sysctl.d and modprobe.d say is what the kernel has.

use super::setting;
use crate::{
    analysis::ownership::{alias, kube_proxy, last},
    model::doctor::{Answer, Facts, Finding, Told, Topic, facts::Assignment},
};

/// The module's parameter.
const HASHSIZE: &str = "nf_conntrack.hashsize";

/// The kernel rounds the number of buckets up to whole pages.
const PAGE: u64 = 512;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    if facts.conntrack.loaded == Some(false) {
        return Vec::new();
    }
    let mut names: Vec<&str> = facts
        .assignments
        .iter()
        .map(|line| alias(&line.name))
        .collect();
    names.sort_unstable();
    names.dedup();
    let differing: Vec<Finding> = names
        .iter()
        .filter_map(|name| overwritten(facts, name))
        .collect();
    if !differing.is_empty() {
        return differing;
    }
    let reason = match names.len() {
        0 => "no file of sysctl.d or modprobe.d sets anything of conntrack".to_owned(),
        count => format!(
            "{count} settings of sysctl.d and modprobe.d have the values that the files say, or do not exist here"
        ),
    };
    vec![finding(Answer::Yes, reason)]
}

fn finding(answer: Answer, reason: String) -> Finding {
    Finding::new(Topic::Settings, "files-in-force", answer, reason)
}

fn overwritten(facts: &Facts, name: &str) -> Option<Finding> {
    let line = last(facts, name)?;
    let Told::Value(value) = setting::told(facts, name) else {
        return None;
    };
    if value.split_whitespace().eq(wanted(line).split_whitespace()) {
        return None;
    }
    let number = value.parse().ok();
    let owner = number.and_then(|value| kube_proxy::owner(facts, name, value));
    let who = owner.as_ref().map_or_else(
        || {
            "nobody who set it is known (by hand, by a program, or the file was read before nf_conntrack was loaded, \
             or not since it was written)"
                .to_owned()
        },
        |owner| format!("set by {}", owner.who),
    );
    let reason = format!(
        "{}:{} sets {name} = {}, the kernel has {value}: {who}",
        line.file, line.line, line.value
    );
    let (verify, apply) = commands(name, line);
    let how = owner.map_or(apply, |owner| format!("set it there: {}", owner.how));
    let symptom = "the table behaves as if the file were not there";
    Some(
        finding(Answer::No, reason)
            .of(name)
            .attention(symptom, verify, how),
    )
}

fn wanted(line: &Assignment) -> String {
    match line.value.parse::<u64>() {
        Ok(buckets) if line.name == HASHSIZE => buckets
            .checked_next_multiple_of(PAGE)
            .unwrap_or(buckets)
            .to_string(),
        _ => line.value.clone(),
    }
}

/// What shows it, and what puts the file in force.
fn commands(name: &str, line: &Assignment) -> (String, String) {
    if name == HASHSIZE {
        const FILE: &str = "/sys/module/nf_conntrack/parameters/hashsize";
        return (
            format!("cat {FILE}; grep -rn hashsize /etc/modprobe.d"),
            format!(
                "echo {} > {FILE}; modprobe.d acts only when the module is loaded",
                line.value
            ),
        );
    }
    (
        format!("sysctl {name}; grep -rn {name} /etc/sysctl.conf /etc/sysctl.d"),
        format!(
            "sysctl --system, and have nf_conntrack loaded before it at boot (/etc/modules-load.d); then look whether {name} stays"
        ),
    )
}
