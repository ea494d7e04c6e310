//! The rulesets of the own network namespace, as the programs that everybody has print them.
//!
//! Nothing is changed. `nft` and the nft variant of iptables may make the kernel load nf_tables, which then holds
//! no rule; the legacy variants, whose mere listing can create tables, run only where legacy tables exist.

use std::{fs, io, time::Duration};

use super::netns::Seen;
use crate::{
    model::node::{RulesetKind, RulesetText},
    source::privilege::{Capability, lend},
};

mod program;

use program::{Limits, run};

const LIMITS: Limits = Limits {
    time: Duration::from_secs(5),
    output: 32 << 20,
};

/// What `nft` needs.
const NFT: &[Capability] = &[Capability::CAP_NET_ADMIN];
/// What iptables needs: the legacy variant, which any of its names may lead to, asks through a raw socket, and the
/// list of its tables is for root's eyes (`xt_proto_init`).
const IPTABLES: &[Capability] = &[
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_RAW,
    Capability::CAP_DAC_READ_SEARCH,
];

/// Program, legacy program, where the kernel lists legacy tables, and the kinds of both programs' texts.
const FAMILIES: [(&str, &str, &str, RulesetKind, RulesetKind); 2] = [
    (
        "iptables-save",
        "iptables-legacy-save",
        "/proc/thread-self/net/ip_tables_names",
        RulesetKind::IptablesSave,
        RulesetKind::IptablesLegacySave,
    ),
    (
        "ip6tables-save",
        "ip6tables-legacy-save",
        "/proc/thread-self/net/ip6_tables_names",
        RulesetKind::Ip6tablesSave,
        RulesetKind::Ip6tablesLegacySave,
    ),
];

/// A program may wait for another's lock and work on a large ruleset.
const CHANGE_LIMITS: Limits = Limits {
    time: Duration::from_secs(60),
    output: 64 << 20,
};

/// Lists or changes rules of the own network namespace by one of the programs of nftables and iptables, which reads
/// `input`, and yields what it printed.
///
/// # Errors
/// In words: that there is no such program, or what it said when it failed.
pub(crate) fn by_program(
    program: &str,
    arguments: &[&str],
    input: String,
) -> Result<String, String> {
    let needs = if program == "nft" { NFT } else { IPTABLES };
    program::feed(program, arguments, needs, CHANGE_LIMITS, input).map_err(with_capability)
}

/// Has systemd start a unit.
///
/// # Errors
/// In words.
pub(crate) fn by_systemd(arguments: &[&str]) -> Result<String, String> {
    // systemd asks for it even where root asks (`sd_bus_query_sender_privilege`).
    let needs = [Capability::CAP_SYS_ADMIN];
    program::run("systemd-run", arguments, &needs, LIMITS)
}

/// What could be read; the rest is named in `unread`.
pub(super) fn read(own: &Seen, unread: &mut Vec<String>) -> Vec<RulesetText> {
    let mut texts: Vec<(RulesetKind, String)> = Vec::new();
    let mut keep = |kind, result: Result<String, String>| match result {
        Ok(text) => Some((kind, text)),
        Err(reason) => {
            unread.push(format!("ruleset: {}", with_capability(reason)));
            None
        }
    };
    for (program, legacy_program, tables, kind, legacy_kind) in FAMILIES {
        let text = keep(kind, run(program, &[], IPTABLES, LIMITS));
        let legacy = match has_tables(tables) {
            Ok(true) => keep(legacy_kind, run(legacy_program, &[], IPTABLES, LIMITS)),
            Ok(false) => None,
            Err(error) => keep(
                legacy_kind,
                Err(format!(
                    "{legacy_program} was not run: {tables}: {error} (needs CAP_DAC_READ_SEARCH)"
                )),
            ),
        };
        // Where iptables-save is the legacy one, both print the same.
        let is_new = |legacy: &(_, String)| {
            text.as_ref()
                .is_none_or(|text| !are_same_rules(&text.1, &legacy.1))
        };
        let legacy = legacy.filter(is_new);
        texts.extend(text.into_iter().chain(legacy));
    }
    texts.extend(keep(
        RulesetKind::NftJson,
        run("nft", &["-j", "list", "ruleset"], NFT, LIMITS),
    ));
    texts.extend(ipvs().and_then(|result| keep(RulesetKind::IpVs, result)));
    texts
        .into_iter()
        .map(|(kind, text)| RulesetText {
            netns: own.netns,
            kind,
            text,
        })
        .collect()
}

/// IPVS's services; `None` where IPVS is not loaded.
fn ipvs() -> Option<Result<String, String>> {
    const FILE: &str = "/proc/thread-self/net/ip_vs";
    match fs::read_to_string(FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        result => Some(result.map_err(|error| format!("{FILE}: {error}"))),
    }
}

/// Whether legacy tables exist; where the file is missing, so is the module.
fn has_tables(names: &str) -> io::Result<bool> {
    let read = || fs::read_to_string(names);
    match lend(&[Capability::CAP_DAC_READ_SEARCH], read).flatten() {
        Ok(names) => Ok(!names.trim().is_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What is in the kernel already, so that listing it loads nothing; `None` where that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) struct Loaded {
    pub(in crate::source) nf_tables: Option<bool>,
    /// nf_tables' matches and targets of iptables.
    pub(in crate::source) nft_compat: Option<bool>,
}

/// As [`read`], by those programs alone that make the kernel load nothing: each prints what is there already. Of the
/// namespace that the calling thread is in.
pub(in crate::source) fn read_loaded(
    here: &Seen,
    loaded: Loaded,
    unread: &mut Vec<String>,
) -> Vec<RulesetText> {
    let mut texts = Vec::new();
    let mut keep =
        |kind, program, arguments: &[&str], needs| match run(program, arguments, needs, LIMITS) {
            Ok(text) => texts.push(RulesetText {
                netns: here.netns,
                kind,
                text,
            }),
            Err(reason) => unread.push(format!("rules: {}", with_capability(reason))),
        };
    if loaded.nf_tables == Some(true) {
        keep(RulesetKind::NftJson, "nft", &["-j", "list", "ruleset"], NFT);
    }
    if loaded.nf_tables == Some(true) && loaded.nft_compat == Some(true) {
        keep(
            RulesetKind::IptablesSave,
            "iptables-nft-save",
            &[],
            IPTABLES,
        );
        keep(
            RulesetKind::Ip6tablesSave,
            "ip6tables-nft-save",
            &[],
            IPTABLES,
        );
    }
    for (_, program, tables, _, kind) in FAMILIES {
        if has_tables(tables).unwrap_or(false) {
            keep(kind, program, &[], IPTABLES);
        }
    }
    texts
}

/// Compares but for comments, which hold the time, and counters.
fn are_same_rules(a: &str, b: &str) -> bool {
    let rules = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(" [").next().unwrap_or(line).to_owned())
            .collect()
    };
    rules(a) == rules(b)
}

fn with_capability(reason: String) -> String {
    let refusals = ["ermission denied", "not permitted", "must be root"];
    if !reason.contains("(needs ") && refusals.iter().any(|refusal| reason.contains(refusal)) {
        format!("{reason} (needs CAP_NET_ADMIN)")
    } else {
        reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_rules_at_another_time_are_the_same() {
        let early = "# Generated at 12:00\n*raw\n:PREROUTING ACCEPT [1:60]\n-A OUTPUT -j ACCEPT\n";
        let late = "# Generated at 12:01\n*raw\n:PREROUTING ACCEPT [9:540]\n-A OUTPUT -j ACCEPT\n";
        assert!(are_same_rules(early, late));
        assert!(!are_same_rules(
            early,
            &late.replace("OUTPUT", "PREROUTING")
        ));
    }

    #[test]
    fn a_refusal_names_the_capability() {
        let refused = with_capability("nft failed: Operation not permitted".to_owned());
        assert!(refused.ends_with("(needs CAP_NET_ADMIN)"));
        assert_eq!(
            with_capability("nft failed: bad".to_owned()),
            "nft failed: bad"
        );
    }
}
