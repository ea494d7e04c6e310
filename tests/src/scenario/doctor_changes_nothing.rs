//! Doctor changes nothing, as root and as an ordinary user: modules, rules and settings are the same before and
//! after, whether nothing is loaded or both backends of iptables hold rules; and it tells which of the two it is.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::lab::{
    check::{equal, holds},
    command, module,
};

const USER: &[&str] = &["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
const ROOT: &[&str] = &[];

pub(crate) fn run() -> Result<()> {
    module::unload()?;
    let document = unchanged("nothing is tracked")?;
    equal("loaded", answer(&document, "loaded")?, "no".to_owned())?;
    let rule = ["INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT"];
    let legacy = |how: &'static str| command::run("iptables-legacy", &[&[how], &rule[..]].concat());
    legacy("-A")?;
    command::run("nft", &["add", "table", "inet", "doctor"])?;
    let document = unchanged("both backends hold rules")?;
    legacy("-D")?;
    command::run("nft", &["delete", "table", "inet", "doctor"])?;
    equal("engaged", answer(&document, "engaged")?, "yes".to_owned())?;
    let rules = finding(&document, "one-set-of-rules")?;
    equal("both backends need attention", &rules["attention"], &Value::Bool(true))
}

/// What root is told, once nothing was found changed.
fn unchanged(when: &str) -> Result<Value> {
    let before = state()?;
    let told = doctor(ROOT)?;
    doctor(USER)?;
    for (what, value) in state()? {
        equal(&format!("{what} when {when}"), Some(&value), before.get(&what))?;
    }
    Ok(told)
}

fn doctor(as_whom: &[&str]) -> Result<Value> {
    let words = [as_whom, &["ctwatch", "doctor", "-o", "json"]].concat();
    let (program, arguments) = words.split_first().context("no program")?;
    let output = command::output(program, arguments, "")?;
    let document: Value = serde_json::from_slice(&output.stdout)?;
    let needs_attention = document["attention"].as_u64().is_some_and(|n| n > 0);
    equal("exit status", output.status.code(), Some(i32::from(needs_attention)))?;
    holds("nothing on standard error", output.stderr.is_empty())?;
    Ok(document)
}

/// Modules, rules of what is loaded, and settings.
fn state() -> Result<BTreeMap<String, String>> {
    let modules = fs::read_to_string("/proc/modules")?;
    let modules: Vec<&str> = modules.lines().filter_map(|line| line.split(' ').next()).collect();
    let has_nft = modules.contains(&"nf_tables");
    let mut state = BTreeMap::from([("modules".to_owned(), modules.join(" "))]);
    for file in ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"] {
        state.insert(file.to_owned(), fs::read_to_string(file).unwrap_or_default());
    }
    if has_nft {
        state.insert("nftables".to_owned(), command::run("nft", &["list", "ruleset"])?);
    }
    for directory in ["/proc/sys/kernel", "/proc/sys/net/core", "/proc/sys/net/ipv4", "/proc/sys/net/netfilter"] {
        settings(Path::new(directory), &mut state);
    }
    Ok(state)
}

/// What moves by itself is left out.
fn settings(directory: &Path, state: &mut BTreeMap<String, String>) {
    const MOVING: [&str; 3] = ["nf_conntrack_count", "ns_last_pid", "pty"];
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_moving = MOVING.contains(&entry.file_name().to_string_lossy().as_ref());
        if entry.path().is_file() && !is_moving {
            let value = fs::read_to_string(entry.path()).unwrap_or_default();
            state.insert(entry.path().display().to_string(), value);
        }
    }
}

fn answer(document: &Value, check: &str) -> Result<String> {
    let answer = finding(document, check)?["answer"].as_str();
    Ok(answer.context("no answer")?.to_owned())
}

fn finding<'a>(document: &'a Value, check: &str) -> Result<&'a Value> {
    let findings = document["findings"].as_array().context("no findings")?;
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.with_context(|| format!("no finding {check}"))
}
