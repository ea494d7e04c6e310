//! What was read of a node, as plain values. Nothing here is judged.

use std::collections::{BTreeMap, BTreeSet};

use super::told::Told;
use crate::model::{ruleset::ReadRuleset, table::KernelStats};

/// Everything doctor looks at.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Host name.
    pub hostname: Told<String>,
    /// `uname -r`.
    pub release: Told<String>,
    /// Functions, BTF, kernel configuration.
    pub kernel: Kernel,
    /// What restricts tracing.
    pub security: Security,
    /// Rights of the process that looked.
    pub process: Process,
    /// Conntrack in this kernel.
    pub conntrack: Conntrack,
    /// Sysctls by dotted name, of the own network namespace.
    pub settings: BTreeMap<String, Told<String>>,
    /// What configuration files say, in the order in which they are applied.
    pub assignments: Vec<Assignment>,
    /// Programs that use or set conntrack.
    pub programs: Vec<Program>,
    /// Whether other users' processes can be seen.
    pub processes_hidden: bool,
    /// Names of network interfaces.
    pub interfaces: BTreeSet<String>,
    /// IPVS's services; `None` where its list could not be read.
    pub ipvs: Told<Ipvs>,
    /// Rules.
    pub rules: Rules,
    /// Other network namespaces in which something is tracked.
    pub elsewhere: Vec<Elsewhere>,
    /// What was looked at and could not be read, with the reason.
    pub unread: Vec<String>,
}

/// What the kernel offers to probes.
#[derive(Clone, Debug, Default)]
pub struct Kernel {
    /// The functions of interest; hidden when /proc/kallsyms cannot be read.
    pub functions: Told<Vec<Function>>,
    /// /proc/kallsyms shows zeros in place of addresses.
    pub addresses_hidden: bool,
    /// Whether every function that `record` needs is there: what is missing without being needed, or why it cannot
    /// attach.
    pub plan: Option<Result<Vec<String>, String>>,
    /// The kernel's configuration.
    pub config: Option<Config>,
    /// /sys/bus/event_source/devices/kprobe, by which programs attach to kprobes.
    pub kprobe_device: Told<()>,
    /// /sys/kernel/btf/vmlinux.
    pub btf: Told<()>,
    /// /sys/kernel/btf/nf_conntrack.
    pub module_btf: Told<()>,
    /// Whether every structure member that probes read was found; `None` where the BTF was not looked into.
    pub layout: Option<Result<(), String>>,
}

/// A function of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Name as in the sources.
    pub name: &'static str,
    /// Symbols that hold its text: itself, `.part.0`, `.isra.0`, `.constprop.0`, `.cold`.
    pub forms: Vec<String>,
    /// Module; `None` for the kernel itself.
    pub module: Option<String>,
    /// The symbol that a probe attaches to.
    pub hooked: Option<String>,
}

/// A kernel's configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where it was read.
    pub file: String,
    /// Options that are set, without `CONFIG_`: `y`, `m` or a value.
    pub options: BTreeMap<String, String>,
}

/// Security settings.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// /sys/kernel/security/lockdown: `[none] integrity confidentiality`.
    pub lockdown: Told<String>,
    /// Whether securityfs is mounted, so that an absent file means an absent lockdown.
    pub securityfs: bool,
    /// kernel.unprivileged_bpf_disabled
    pub unprivileged_bpf_disabled: Told<u64>,
    /// kernel.perf_event_paranoid
    pub perf_event_paranoid: Told<i64>,
    /// kernel.kptr_restrict
    pub kptr_restrict: Told<u64>,
}

/// Rights of the process that looked.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// Permitted capabilities, a bit each.
    pub capabilities: Told<u64>,
    /// RLIMIT_MEMLOCK in bytes, soft; `u64::MAX` is unlimited.
    pub memlock: Told<u64>,
}

/// Conntrack's own state.
#[derive(Clone, Debug, Default)]
pub struct Conntrack {
    /// In this kernel, loaded or built in; `None` where that could not be found out.
    pub loaded: Option<bool>,
    /// ctnetlink is there already.
    pub ctnetlink: Option<bool>,
    /// Modules that hold nf_conntrack, from /proc/modules.
    pub holders: Vec<String>,
    /// /proc/net/stat/nf_conntrack of the own namespace.
    pub stats: Told<KernelStats>,
    /// nf_conntrack in /proc/slabinfo.
    pub slab: Told<Slab>,
    /// MemTotal, in bytes.
    pub memory: Option<u64>,
}

/// A slab cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slab {
    /// Objects, those allocated ahead included.
    pub objects: u64,
    /// Bytes an object.
    pub size: u64,
}

/// A line of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// File.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Setting by dotted name; `nf_conntrack.hashsize` for the module's parameter.
    pub name: String,
    /// Value.
    pub value: String,
}

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProgramKind {
    /// kube-proxy
    KubeProxy,
    /// dockerd
    Docker,
    /// Calico's felix
    Calico,
    /// cilium-agent
    Cilium,
}

/// A program that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Which.
    pub kind: ProgramKind,
    /// Process.
    pub pid: u32,
    /// Its arguments, the program's name first.
    pub arguments: Vec<String>,
    /// Its configuration file, if its arguments name one: path, and what was read of it by dotted key.
    pub configuration: Option<(String, Told<BTreeMap<String, String>>)>,
}

/// IPVS's table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipvs {
    /// Virtual services.
    pub services: usize,
    /// Backends, and those of weight 0.
    pub backends: usize,
    /// Backends of weight 0.
    pub drained: usize,
}

/// Rules of the own network namespace.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Tables of legacy iptables: `ip filter`.
    pub legacy_tables: Told<Vec<String>>,
    /// nf_tables is in this kernel; `None` where that could not be found out.
    pub nf_tables: Option<bool>,
    /// Those that were read.
    pub read: Read,
}

/// Rules of one network namespace, so far as they were read.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// Rulesets of iptables, and tables of nftables.
    pub rulesets: Vec<ReadRuleset>,
    /// The first rule of nftables' own that needs tracking, in words.
    pub nft_tracking: Option<String>,
}

/// Another network namespace.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// Name under /run/netns, or inode.
    pub name: String,
    /// Entries.
    pub count: u64,
    /// Its rules; `None` where they were not looked at.
    pub rules: Option<Read>,
}
