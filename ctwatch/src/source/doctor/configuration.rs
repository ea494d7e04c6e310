//! What configuration files set: sysctl.d(5) and modprobe.d(5), in the order in which they are applied.

use std::collections::BTreeMap;

use super::tree::Tree;
use crate::model::doctor::facts::Assignment;

/// Directories, the strongest first: a file hides those of the same name in the directories after it.
const SYSCTL: [&str; 5] = [
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
];
const MODPROBE: [&str; 5] = [
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
];

/// Settings of these are kept.
const PREFIXES: [&str; 4] = [
    "net.netfilter.nf_conntrack_",
    "net.nf_conntrack_max",
    "net.ipv4.tcp_",
    "net.ipv4.vs.",
];

pub(super) fn read(tree: &Tree) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    for file in files(tree, &SYSCTL) {
        add(tree, &file, sysctl, &mut assignments);
    }
    // `sysctl --system` reads it last.
    add(tree, "/etc/sysctl.conf", sysctl, &mut assignments);
    for file in files(tree, &MODPROBE) {
        add(tree, &file, hashsize, &mut assignments);
    }
    assignments
}

/// By file name, whatever their directories.
fn files(tree: &Tree, directories: &[&str]) -> Vec<String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for directory in directories {
        let names = tree.names(directory);
        for name in names
            .value()
            .into_iter()
            .flatten()
            .filter(|name| name.ends_with(".conf"))
        {
            files
                .entry(name.clone())
                .or_insert_with(|| format!("{directory}/{name}"));
        }
    }
    // Debian links it into sysctl.d as well; it is read once, last.
    files.remove("99-sysctl.conf");
    files.into_values().collect()
}

fn add(
    tree: &Tree,
    file: &str,
    parse: fn(&str) -> Option<(String, String)>,
    into: &mut Vec<Assignment>,
) {
    let text = tree.text(file);
    let lines = text.value().map_or("", String::as_str).lines().enumerate();
    into.extend(lines.filter_map(|(at, line)| {
        let (name, value) = parse(line.trim())?;
        Some(Assignment {
            file: file.to_owned(),
            line: at + 1,
            name,
            value,
        })
    }));
}

/// `net.netfilter.nf_conntrack_max = 262144`, with dots or slashes, after a `-` perhaps.
fn sysctl(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim().trim_start_matches('-').replace('/', ".");
    PREFIXES
        .iter()
        .any(|prefix| name.starts_with(prefix))
        .then(|| (name, value.trim().to_owned()))
}

/// `options nf_conntrack hashsize=65536`
fn hashsize(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    if (words.next(), words.next()) != (Some("options"), Some("nf_conntrack")) {
        return None;
    }
    let value = words.find_map(|word| word.strip_prefix("hashsize="))?;
    Some(("nf_conntrack.hashsize".to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_sysctl_d_are_read_as_sysctl_reads_them() {
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        let max = "net.netfilter.nf_conntrack_max";
        assert_eq!(
            sysctl("net.netfilter.nf_conntrack_max=262144"),
            pair(max, "262144")
        );
        assert_eq!(
            sysctl("-net/netfilter/nf_conntrack_max = 5"),
            pair(max, "5")
        );
        assert_eq!(sysctl("# net.netfilter.nf_conntrack_max = 5"), None);
        assert_eq!(sysctl("; net.netfilter.nf_conntrack_max = 5"), None);
        assert_eq!(sysctl("kernel.pid_max = 5"), None);
        assert_eq!(sysctl("net.netfilter.nf_conntrack_max"), None);
    }

    #[test]
    fn the_modules_options_are_found_among_others() {
        let hashsize = |line| super::hashsize(line).map(|(_, value)| value);
        assert_eq!(
            hashsize("options nf_conntrack expect_hashsize=8 hashsize=65536").as_deref(),
            Some("65536")
        );
        assert_eq!(hashsize("options nf_conntrack_ftp hashsize=1"), None);
        assert_eq!(hashsize("#options nf_conntrack hashsize=1"), None);
    }
}
