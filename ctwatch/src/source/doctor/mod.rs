//! What doctor looks at, read from a root directory: the running system's `/`, or a tree recorded of another node.
//!
//! Nothing is changed. Files are read; programs that print rules run only where the kernel holds what they would
//! make it load; no socket of netfilter is opened.

use std::path::Path;

use crate::model::{
    doctor::{Facts, Told},
    remedy::Known,
};

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

/// What prices and owns remedies on the node whose files lie below `root`, and the node's host name.
#[must_use]
pub fn known(root: &Path) -> (Told<String>, Known) {
    let tree = Tree::new(root);
    let programs = programs::read(&tree);
    let known = Known {
        programs: (!programs.hidden).then_some(programs.seen),
        assignments: configuration::read(&tree),
        memory: conntrack::memory(&tree),
    };
    (tree.text("/proc/sys/kernel/hostname"), known)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use std::fs;

    use super::*;

    #[test]
    fn owners_are_read_below_a_root() {
        let root = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        file("proc/sys/kernel/hostname", "ingress-1\n");
        file("proc/meminfo", "MemTotal:  2048 kB\n");
        file("proc/1/cmdline", "/sbin/init\0");
        file(
            "proc/17/cmdline",
            "/usr/local/bin/kube-proxy\0--config=/c\0",
        );
        file(
            "etc/sysctl.d/9.conf",
            "net.netfilter.nf_conntrack_max = 5\n",
        );
        let (hostname, known) = known(root.path());
        assert_eq!(hostname, Told::Value("ingress-1".to_owned()));
        assert_eq!(known.memory, Some(2 << 20));
        assert_eq!(known.programs.unwrap()[0].pid, 17);
        assert_eq!(known.assignments[0].value, "5");
    }
}
