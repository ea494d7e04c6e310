//! What `ctwatch advise -o json` says of the endpoint that a set-up is about.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::setup::{Protocol, Subject};
use crate::lab::command;

/// Verdict, reasons and rules.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Advice {
    protocol: String,
    port: u16,
    addresses: Vec<String>,
    pub(crate) verdict: String,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) rules: Rules,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Reason {
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) evidence: String,
}

/// Bare rules for iptables, statements for nft.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Rules {
    pub(crate) iptables: Vec<String>,
    pub(crate) nft: String,
}

#[derive(Deserialize)]
struct Document {
    ports: Vec<Advice>,
}

impl Advice {
    /// Asks for advice on a recording. A port that is not spoken of has the verdict `absent`.
    pub(crate) fn take(recording: &Path, subject: Subject) -> Result<Self> {
        let file = recording
            .to_str()
            .context("the recording's name is no text")?;
        let text = command::run("ctwatch", &["advise", "-o", "json", file])?;
        Self::read(&text, subject)
    }

    fn read(text: &str, subject: Subject) -> Result<Self> {
        let document: Document =
            serde_json::from_str(text).context("`ctwatch advise -o json` is not as expected")?;
        let mut found: Vec<Self> = document.ports;
        found.retain(|advice| advice.is_about(subject));
        // The address that is asked for comes before others of the port.
        found.sort_by_key(|advice| !advice.addresses.iter().any(|a| a == subject.address));
        Ok(found.into_iter().next().unwrap_or_else(|| Self {
            verdict: "absent".to_owned(),
            ..Self::default()
        }))
    }

    fn is_about(&self, subject: Subject) -> bool {
        let protocol = match subject.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        self.protocol == protocol && self.port == subject.port
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    const TEXT: &str = r#"{"ports": [
        {"protocol": "tcp", "port": 80, "addresses": ["203.0.113.11"], "verdict": "blocked",
            "reasons": [{"code": "nat-rule", "evidence": "x"}], "rules": {"iptables": [], "nft": ""}},
        {"protocol": "tcp", "port": 80, "addresses": ["203.0.113.10"], "verdict": "safe", "reasons": [],
            "rules": {"iptables": ["-t raw"], "nft": "y"}}]}"#;

    #[test]
    fn the_address_asked_for_comes_first() {
        let verdict = |subject| Advice::read(TEXT, subject).unwrap().verdict;
        assert_eq!(verdict(Subject::tcp("203.0.113.10", 80)), "safe");
        assert_eq!(verdict(Subject::tcp("203.0.113.11", 80)), "blocked");
        assert_eq!(verdict(Subject::tcp("203.0.113.12", 80)), "blocked");
        assert_eq!(verdict(Subject::udp("203.0.113.10", 80)), "absent");
    }
}
