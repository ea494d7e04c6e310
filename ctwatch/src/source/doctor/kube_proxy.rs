//! kube-proxy's configuration file, so far as it concerns conntrack.

use std::collections::BTreeMap;

use super::tree::Tree;
use crate::model::doctor::Told;

/// The file that `--config` names, as the process sees it: usually inside its container.
pub(super) fn configuration(
    tree: &Tree,
    pid: u32,
    arguments: &[String],
) -> Option<(String, Told<BTreeMap<String, String>>)> {
    let file = option(arguments, "--config")?;
    let text = tree.text(&format!(
        "/proc/{pid}/root/{}",
        file.trim_start_matches('/')
    ));
    Some((file, text.map(|text| settings(&text))))
}

/// `--name=value` or `--name value`
fn option(arguments: &[String], name: &str) -> Option<String> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix(name) {
            Some("") => return arguments.next().cloned(),
            Some(rest) if rest.starts_with('=') => return Some(rest[1..].to_owned()),
            _ => {}
        }
    }
    None
}

/// `mode` and what stands in the mapping `conntrack`, as `conntrack.min`; of YAML, block mappings of plain scalars
/// are read, and JSON's braces are not.
fn settings(yaml: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut section = String::new();
    for line in yaml.lines() {
        let content = line.split(" #").next().unwrap_or_default();
        let Some((key, value)) = content.split_once(':') else {
            continue;
        };
        let value = value.trim().trim_matches(['"', '\'']);
        let is_top = !key.starts_with([' ', '\t', '#', '-']);
        let key = key.trim();
        if is_top && value.is_empty() {
            key.clone_into(&mut section);
        } else if is_top {
            section.clear();
            settings.insert(key.to_owned(), value.to_owned());
        } else if section == "conntrack" && !matches!(value, "" | "null" | "~") {
            settings.insert(format!("conntrack.{key}"), value.to_owned());
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[test]
    fn the_mapping_conntrack_is_read_and_no_other() {
        let settings = settings(
            "mode: \"ipvs\"\nconntrack:\n  maxPerCore: 0\n  min: null\n  tcpCloseWaitTimeout: 1m0s # short\nipvs:\n  tcpTimeout: 2s\n",
        );
        let read: Vec<_> = settings
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(
            read,
            [
                "conntrack.maxPerCore=0",
                "conntrack.tcpCloseWaitTimeout=1m0s",
                "mode=ipvs"
            ]
        );
    }

    #[test]
    fn options_are_read_in_both_forms() {
        let arguments = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let config = |words| option(&arguments(words), "--config");
        assert_eq!(config("kube-proxy --config=/a --v=2").unwrap(), "/a");
        assert_eq!(config("kube-proxy --config /a").unwrap(), "/a");
        assert_eq!(config("kube-proxy --config-sync-period=1m"), None);
        assert_eq!(config("kube-proxy --config"), None);
    }
}
