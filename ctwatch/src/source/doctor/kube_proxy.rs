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
