//! What kube-proxy sets at each of its starts, by its flags, its configuration file, or by itself.

use std::time::Duration;

use super::Owner;
use crate::model::doctor::{
    Facts, Told,
    facts::{Program, ProgramKind},
};

/// An option of kube-proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::analysis) struct Choice {
    /// On its command line.
    pub(in crate::analysis) flag: &'static str,
    /// Below `conntrack:` in its configuration file.
    pub(in crate::analysis) key: &'static str,
}

/// A timeout that it sets, and its own value in seconds; 0 leaves the setting alone.
const TIMEOUTS: [(&str, Choice, u64); 4] = [
    (
        "net.netfilter.nf_conntrack_tcp_timeout_established",
        Choice {
            flag: "--conntrack-tcp-timeout-established",
            key: "tcpEstablishedTimeout",
        },
        86_400,
    ),
    (
        "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
        Choice {
            flag: "--conntrack-tcp-timeout-close-wait",
            key: "tcpCloseWaitTimeout",
        },
        3_600,
    ),
    (
        "net.netfilter.nf_conntrack_udp_timeout",
        Choice {
            flag: "--conntrack-udp-timeout",
            key: "udpTimeout",
        },
        0,
    ),
    (
        "net.netfilter.nf_conntrack_udp_timeout_stream",
        Choice {
            flag: "--conntrack-udp-timeout-stream",
            key: "udpStreamTimeout",
        },
        0,
    ),
];

const MAX: &str = "net.netfilter.nf_conntrack_max";
const HASHSIZE: &str = "nf_conntrack.hashsize";

/// The limit is so much a processor, and at least so much.
pub(in crate::analysis) const PER_CORE: (Choice, u64) = (
    Choice {
        flag: "--conntrack-max-per-core",
        key: "maxPerCore",
    },
    32_768,
);
pub(in crate::analysis) const LEAST: (Choice, u64) = (
    Choice {
        flag: "--conntrack-min",
        key: "min",
    },
    131_072,
);

/// The option by which kube-proxy sets a timeout.
pub(in crate::analysis) fn timeout_choice(name: &str) -> Option<Choice> {
    let (_, choice, _) = TIMEOUTS.iter().find(|(setting, ..)| *setting == name)?;
    Some(*choice)
}

/// Whether a value is the one that kube-proxy sets unless it is told otherwise, on a node of so many processors.
pub(in crate::analysis) fn is_typical(name: &str, value: u64, cpus: u64) -> bool {
    let (_, per_core) = PER_CORE;
    let (_, least) = LEAST;
    match name {
        MAX => value == least.max(per_core.saturating_mul(cpus)),
        _ => TIMEOUTS
            .iter()
            .any(|(setting, _, own)| *setting == name && *own == value && value > 0),
    }
}

/// kube-proxy as the owner of a setting, where it runs and would set just this value.
pub(in crate::analysis) fn owner(facts: &Facts, name: &str, value: u64) -> Option<Owner> {
    let mut programs = facts.programs.iter();
    let program = programs.find(|program| program.kind == ProgramKind::KubeProxy)?;
    match name {
        MAX => limit(program, value),
        HASHSIZE => {
            let max: u64 = facts.settings.get(MAX)?.value()?.parse().ok()?;
            let rounded = (max / 4).checked_next_multiple_of(512)?;
            (rounded == value && limit(program, max).is_some()).then(|| Owner {
                who: format!(
                    "{}, which makes it a quarter of nf_conntrack_max",
                    name_of(program)
                ),
                how: "the limit that kube-proxy sets".to_owned(),
            })
        }
        _ => timeout(program, name, value),
    }
}

fn name_of(program: &Program) -> String {
    format!("kube-proxy (process {})", program.pid)
}

fn limit(program: &Program, value: u64) -> Option<Owner> {
    let number = |(choice, own): &(Choice, u64)| {
        let said = said(program, choice).0.and_then(|text| text.parse().ok());
        said.unwrap_or(*own)
    };
    let (per_core, least) = (number(&PER_CORE), number(&LEAST));
    let is_its = value == least || value > least && value.is_multiple_of(per_core);
    // 0 a processor leaves the limit alone.
    (per_core > 0 && is_its).then(|| Owner {
        who: format!(
            "{}, which allows {per_core} a processor and at least {least}",
            name_of(program)
        ),
        how: "--conntrack-max-per-core and --conntrack-min of kube-proxy, or conntrack.maxPerCore and conntrack.min \
              in its configuration, which wins"
            .to_owned(),
    })
}

fn timeout(program: &Program, name: &str, value: u64) -> Option<Owner> {
    let (_, choice, own) = TIMEOUTS.iter().find(|(setting, ..)| *setting == name)?;
    let (said, evidence) = said(program, choice);
    let seconds = match said {
        Some(text) => humantime::parse_duration(text)
            .map(|time| Duration::as_secs(&time))
            .ok()?,
        None => *own,
    };
    (seconds == value && value > 0).then(|| Owner {
        who: format!("{}{evidence}", name_of(program)),
        how: format!(
            "{} of kube-proxy, or conntrack.{} in its configuration, which wins; a sysctl is overwritten at its next start",
            choice.flag, choice.key
        ),
    })
}

/// What kube-proxy was told, and the evidence; the configuration file wins over flags.
fn said<'a>(program: &'a Program, choice: &Choice) -> (Option<&'a str>, String) {
    let key = format!("conntrack.{}", choice.key);
    match &program.configuration {
        Some((file, Told::Value(settings))) => match settings.get(&key) {
            Some(text) => (Some(text), format!(", {key}: {text} in {file}")),
            None => (None, format!(", whose default it is ({file} does not say)")),
        },
        Some((file, _)) => (
            None,
            format!(", whose default it is ({file} could not be read)"),
        ),
        None => {
            let prefix = format!("{}=", choice.flag);
            let mut arguments = program.arguments.iter();
            match arguments.find_map(|argument| argument.strip_prefix(&prefix)) {
                Some(text) => (Some(text), format!(", {prefix}{text}")),
                None => (None, ", whose default it is".to_owned()),
            }
        }
    }
}
