//! Programs that use or set conntrack, found among the processes.

use super::{kube_proxy, tree::Tree};
use crate::model::doctor::{
    Told,
    facts::{Program, ProgramKind},
};

/// What was found.
pub(super) struct Programs {
    pub(super) seen: Vec<Program>,
    /// Not even the first process can be seen: /proc is mounted with hidepid.
    pub(super) hidden: bool,
}

pub(super) fn read(tree: &Tree) -> Programs {
    let names = tree.names("/proc");
    let mut numbers: Vec<u32> = names
        .value()
        .into_iter()
        .flatten()
        .filter_map(|name| name.parse().ok())
        .collect();
    numbers.sort_unstable();
    Programs {
        hidden: !numbers.contains(&1),
        seen: numbers
            .into_iter()
            .filter_map(|pid| program(tree, pid))
            .collect(),
    }
}

fn program(tree: &Tree, pid: u32) -> Option<Program> {
    let Told::Value(bytes) = tree.bytes(&format!("/proc/{pid}/cmdline")) else {
        return None;
    };
    let arguments: Vec<String> = bytes
        .split(|byte| *byte == 0)
        .filter(|argument| !argument.is_empty())
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect();
    let kind = kind(&arguments)?;
    let configuration = match kind {
        ProgramKind::KubeProxy => kube_proxy::configuration(tree, pid, &arguments),
        _ => None,
    };
    Some(Program {
        kind,
        pid,
        arguments,
        configuration,
    })
}

/// By the program's name, or that of the command it was given (`hyperkube kube-proxy`, `calico-node -felix`).
fn kind(arguments: &[String]) -> Option<ProgramKind> {
    let name = |argument: &String| argument.rsplit('/').next().unwrap_or_default().to_owned();
    let program = name(arguments.first()?);
    let command = arguments.get(1).map(name).unwrap_or_default();
    Some(match (program.as_str(), command.as_str()) {
        ("kube-proxy", _) | ("hyperkube", "kube-proxy" | "proxy") => ProgramKind::KubeProxy,
        ("dockerd", _) => ProgramKind::Docker,
        ("calico-node", "-felix") | ("calico-felix", _) => ProgramKind::Calico,
        ("cilium-agent", _) => ProgramKind::Cilium,
        _ => return None,
    })
}
