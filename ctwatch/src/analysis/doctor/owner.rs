//! Who set a setting: kube-proxy, a configuration file, or nobody who left a trace.

use std::{collections::BTreeMap, time::Duration};

use super::setting;
use crate::model::doctor::{
    Answer, Facts, Finding, Told, Topic,
    facts::{Assignment, Program, ProgramKind},
};

/// Who it was, and where to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) who: String,
    pub(super) how: String,
}

/// A setting of conntrack that kube-proxy sets.
struct Kept {
    setting: &'static str,
    flag: &'static str,
    /// Below `conntrack:` in its configuration file.
    key: &'static str,
    /// What it sets by itself; 0 leaves the setting alone.
    default: u64,
}

const KUBE_PROXY: [Kept; 4] = [
    Kept {
        setting: "net.netfilter.nf_conntrack_tcp_timeout_established",
        flag: "--conntrack-tcp-timeout-established",
        key: "tcpEstablishedTimeout",
        default: 86_400,
    },
    Kept {
        setting: "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
        flag: "--conntrack-tcp-timeout-close-wait",
        key: "tcpCloseWaitTimeout",
        default: 3_600,
    },
    Kept {
        setting: "net.netfilter.nf_conntrack_udp_timeout",
        flag: "--conntrack-udp-timeout",
        key: "udpTimeout",
        default: 0,
    },
    Kept {
        setting: "net.netfilter.nf_conntrack_udp_timeout_stream",
        flag: "--conntrack-udp-timeout-stream",
        key: "udpStreamTimeout",
        default: 0,
    },
];

const MAX: &str = "net.netfilter.nf_conntrack_max";
/// kube-proxy's own figures for `nf_conntrack_max`: a processor, and at least.
const PER_CORE: u64 = 32_768;
const LEAST: u64 = 131_072;

/// The module's parameter, which the kernel rounds up to whole pages of buckets.
const HASHSIZE: &str = "nf_conntrack.hashsize";

/// Who gave a setting the value that it has.
pub(super) fn of(facts: &Facts, name: &str, value: u64) -> Option<Owner> {
    kube_proxy(facts, name, value).or_else(|| {
        let line = last(facts, name).filter(|line| line.value.parse() == Ok(value))?;
        let at = format!("{}:{}", line.file, line.line);
        Some(Owner {
            how: format!("change {at}, then sysctl --system"),
            who: at,
        })
    })
}

fn kube_proxy(facts: &Facts, name: &str, value: u64) -> Option<Owner> {
    let program = facts
        .programs
        .iter()
        .find(|program| program.kind == ProgramKind::KubeProxy)?;
    let who = format!("kube-proxy (process {})", program.pid);
    if name == MAX {
        return (value == LEAST || value > LEAST && value.is_multiple_of(PER_CORE)).then(|| Owner {
            who: format!("{who}, which allows {PER_CORE} a processor and at least {LEAST}"),
            how: "--conntrack-max-per-core and --conntrack-min, or conntrack.maxPerCore and conntrack.min in its configuration, which wins".to_owned(),
        });
    }
    let kept = KUBE_PROXY.iter().find(|kept| kept.setting == name)?;
    let (said, evidence) = said(program, kept);
    (said.unwrap_or(kept.default) == value && value > 0).then(|| Owner {
        who: format!("{who}{evidence}"),
        how: format!("{} of kube-proxy, or conntrack.{} in its configuration, which wins; a sysctl is overwritten at its next start", kept.flag, kept.key),
    })
}

/// What kube-proxy was told, in seconds, and where; the configuration file wins over flags.
fn said(program: &Program, kept: &Kept) -> (Option<u64>, String) {
    let seconds = |text: &str| {
        humantime::parse_duration(text)
            .ok()
            .map(|time| Duration::as_secs(&time))
    };
    if let Some((file, told)) = &program.configuration {
        let key = format!("conntrack.{}", kept.key);
        return match told
            .value()
            .and_then(|settings: &BTreeMap<_, _>| settings.get(&key))
        {
            Some(text) => (seconds(text), format!(", {key}: {text} in {file}")),
            None if told.value().is_some() => {
                (None, format!(", whose default it is ({file} does not say)"))
            }
            None => (
                None,
                format!(", whose default it is ({file} could not be read)"),
            ),
        };
    }
    let prefix = format!("{}=", kept.flag);
    match program
        .arguments
        .iter()
        .find_map(|argument| argument.strip_prefix(&prefix))
    {
        Some(text) => (seconds(text), format!(", {prefix}{text}")),
        None => (None, ", whose default it is".to_owned()),
    }
}

/// The assignment that stands when all files were applied.
fn last<'a>(facts: &'a Facts, name: &str) -> Option<&'a Assignment> {
    let same = |other: &str| alias(other) == alias(name);
    facts.assignments.iter().rev().find(|line| same(&line.name))
}

/// Two names of one variable.
fn alias(name: &str) -> &str {
    if name == "net.nf_conntrack_max" {
        MAX
    } else {
        name
    }
}

/// Whether what the files say is what the kernel has.
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
    vec![Finding::new(
        Topic::Settings,
        "files-in-force",
        Answer::Yes,
        reason,
    )]
}

fn overwritten(facts: &Facts, name: &str) -> Option<Finding> {
    let line = last(facts, name)?;
    let Told::Value(value) = setting::told(facts, name) else {
        return None;
    };
    let wanted = match (name, line.value.parse::<u64>()) {
        (HASHSIZE, Ok(buckets)) => buckets.next_multiple_of(512).to_string(),
        _ => line.value.clone(),
    };
    if value.split_whitespace().eq(wanted.split_whitespace()) {
        return None;
    }
    let (who, how) = match value.parse().ok().and_then(|value| kube_proxy(facts, name, value)) {
        Some(owner) => (format!("set by {}", owner.who), format!("set it there: {}", owner.how)),
        None => (
            "nobody who set it is known (by hand, by a program, or the file was applied before nf_conntrack was loaded)".to_owned(),
            format!("sysctl --system, and load nf_conntrack before it at boot (/etc/modules-load.d); then look whether {name} stays"),
        ),
    };
    let reason = format!(
        "{}:{} sets {name} = {}, the kernel has {value}: {who}",
        line.file, line.line, line.value
    );
    Some(
        Finding::new(Topic::Settings, "files-in-force", Answer::No, reason)
            .of(name)
            .attention(
                "the table behaves as if the file were not there",
                format!("sysctl {name}; grep -rn {name} /etc/sysctl.conf /etc/sysctl.d"),
                how,
            ),
    )
}
