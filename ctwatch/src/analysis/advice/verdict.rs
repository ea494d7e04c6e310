//! Verdicts and their reasons, in the interface's words.

use serde::Serialize;

use crate::model::ruleset::{Effect, Need};

/// Whether not tracking a port is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing that was looked at speaks against it.
    Safe,
    /// Safe, but it would free next to nothing.
    NoBenefit,
    /// Safe once the accept rules printed with it stand.
    NeedsAccept,
    /// Not enough was looked at, or understood, to say.
    Unproven,
    /// Something needs these entries.
    Blocked,
    /// All rules are there already.
    Done,
}

impl Verdict {
    /// The word of the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::NoBenefit => "no-benefit",
            Self::NeedsAccept => "needs-accept",
            Self::Unproven => "unproven",
            Self::Blocked => "blocked",
            Self::Done => "done",
        }
    }
}

/// What a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Entries with a translated destination.
    DnatObserved,
    /// Entries with a translated source.
    SnatObserved,
    /// A rule that translates.
    NatRule,
    /// A MASQUERADE rule.
    MasqueradeRule,
    /// Accepted by state today, dropped when untracked.
    EstablishedOnlyRuleset,
    /// ICMP errors about untracked flows are INVALID, and dropped.
    InvalidDrop,
    /// A rule drops untracked packets by name.
    UntrackedDrop,
    /// A rule that drops by state would no longer drop.
    FilterOpens,
    /// A connection tracking helper.
    Helper,
    /// Entries expected by others.
    Expectation,
    /// A mark on entries.
    Connmark,
    /// Labels on entries.
    Connlabel,
    /// A limit on the number of entries.
    Connlimit,
    /// A zone other than 0.
    CtZone,
    /// Sequence numbers are adjusted.
    SeqAdjust,
    /// SYNPROXY answers for the service.
    Synproxy,
    /// TPROXY redirects.
    Tproxy,
    /// A flowtable carries the flows.
    Flowtable,
    /// A virtual service of IPVS.
    IpvsService,
    /// A Kubernetes node port.
    NodeportService,
    /// The service's address is not one of the node's own.
    NotLocalAddress,
    /// Packets only pass through.
    Forwarded,
    /// The operator's own way in.
    ControlPort,
    /// A rule that does it is there.
    ExistingRule,
    /// Somebody else's rule in raw keeps ours from working.
    ForeignRawChain,
    /// Most entries are those of a SYN flood.
    SynFlood,
    /// Not read, or not understood.
    NotLookedAt,
}

impl Code {
    /// The word of the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DnatObserved => "dnat-observed",
            Self::SnatObserved => "snat-observed",
            Self::NatRule => "nat-rule",
            Self::MasqueradeRule => "masquerade-rule",
            Self::EstablishedOnlyRuleset => "established-only-ruleset",
            Self::InvalidDrop => "invalid-drop",
            Self::UntrackedDrop => "untracked-drop",
            Self::FilterOpens => "filter-opens",
            Self::Helper => "helper",
            Self::Expectation => "expectation",
            Self::Connmark => "connmark",
            Self::Connlabel => "connlabel",
            Self::Connlimit => "connlimit",
            Self::CtZone => "ct-zone",
            Self::SeqAdjust => "seq-adjust",
            Self::Synproxy => "synproxy",
            Self::Tproxy => "tproxy",
            Self::Flowtable => "flowtable",
            Self::IpvsService => "ipvs-service",
            Self::NodeportService => "nodeport-service",
            Self::NotLocalAddress => "not-local-address",
            Self::Forwarded => "forwarded",
            Self::ControlPort => "control-port",
            Self::ExistingRule => "existing-rule",
            Self::ForeignRawChain => "foreign-raw-chain",
            Self::SynFlood => "syn-flood",
            Self::NotLookedAt => "not-looked-at",
        }
    }

    /// What an effect of a rule is about that needs entries.
    pub(super) fn of_effect(effect: Effect) -> Option<Self> {
        let Effect::Needs(need) = effect else {
            return None;
        };
        Some(match need {
            Need::Helper => Self::Helper,
            Need::Zone => Self::CtZone,
            Need::Connmark => Self::Connmark,
            Need::Connlabel => Self::Connlabel,
            Need::Connlimit => Self::Connlimit,
            Need::Synproxy => Self::Synproxy,
            Need::Tproxy => Self::Tproxy,
            Need::Flowtable => Self::Flowtable,
        })
    }

    /// What a rule that is not understood is about, as far as its words tell.
    pub(super) fn of_rule(text: &str) -> Self {
        let words = [
            ("connmark", Self::Connmark),
            ("CONNMARK", Self::Connmark),
            ("ct mark", Self::Connmark),
            ("connlabel", Self::Connlabel),
            ("ct label", Self::Connlabel),
            ("connlimit", Self::Connlimit),
            ("ct count", Self::Connlimit),
            ("SYNPROXY", Self::Synproxy),
            ("TPROXY", Self::Tproxy),
            ("helper", Self::Helper),
            ("--zone", Self::CtZone),
            ("ct zone", Self::CtZone),
        ];
        words
            .iter()
            .find(|(word, _)| text.contains(word))
            .map_or(Self::NotLookedAt, |(_, code)| *code)
    }
}

/// Why a verdict is what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What it is about.
    pub code: Code,
    /// One entry, the exact rule, or a sentence.
    pub evidence: String,
}

/// A reason with the verdict that it alone would give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) reason: Reason,
}

impl Judgement {
    pub(super) fn new(verdict: Verdict, code: Code, evidence: impl Into<String>) -> Self {
        Self {
            verdict,
            reason: Reason {
                code,
                evidence: evidence.into(),
            },
        }
    }

    pub(super) fn blocked(code: Code, evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Blocked, code, evidence)
    }

    pub(super) fn unproven(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Unproven, Code::NotLookedAt, evidence)
    }

    /// A rule in the way that is not understood.
    pub(super) fn not_understood(rule: &str) -> Self {
        let evidence = format!("not understood, and in the packets' way: {rule}");
        Self::new(Verdict::Unproven, Code::of_rule(rule), evidence)
    }
}
