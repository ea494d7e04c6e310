//! What doctor looks at, read from a root directory: the running system's `/`, or a tree recorded of another node.
//!
//! Nothing is changed. Files are read; programs that print rules run only where the kernel holds what they would
//! make it load; no socket of netfilter is opened.

use std::path::Path;

use crate::model::doctor::{Facts, Told};

mod configuration;
mod conntrack;
mod kernel;
mod kube_proxy;
mod namespaces;
mod programs;
mod rules;
mod security;
mod settings;
mod tree;

use tree::Tree;

/// Reads the facts below `root`. What cannot be read is told as such in them.
#[must_use]
pub fn read(root: &Path) -> Facts {
    let tree = Tree::new(root);
    let mut unread = Vec::new();
    let release = tree.text("/proc/sys/kernel/osrelease");
    let (kernel, kallsyms) = kernel::read(&tree, release.value().map(String::as_str));
    let programs = programs::read(&tree);
    let interfaces = tree.names("/sys/class/net");
    let loaded = rules::loaded(kallsyms.as_ref());
    Facts {
        hostname: tree.text("/proc/sys/kernel/hostname"),
        release,
        security: security::read(&tree),
        process: security::process(&tree),
        conntrack: conntrack::read(&tree, kallsyms.as_ref()),
        settings: settings::read(&tree),
        assignments: configuration::read(&tree),
        processes_hidden: programs.hidden,
        programs: programs.seen,
        interfaces: interfaces.value().into_iter().flatten().cloned().collect(),
        ipvs: conntrack::ipvs(&tree),
        rules: rules::read(&tree, loaded, &mut unread),
        elsewhere: namespaces::read(&tree, loaded, &mut unread),
        kernel,
        unread,
    }
}

/// A line `Name: value` of a file such as /proc/self/status.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

fn or_hidden<T>(value: Option<T>, file: &str) -> Told<T> {
    value.map_or_else(
        || Told::Hidden(format!("{file} is not as expected")),
        Told::Value,
    )
}
