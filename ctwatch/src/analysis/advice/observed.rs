//! What was seen in entries that NOTRACK would break.

use super::verdict::{Code, Judgement};
use crate::model::{
    counters::Counters,
    dump::{Evidence, Finding},
    endpoint::Endpoint,
    recording::Recording,
};

/// Judges the findings of all dumps and the counters of the whole recording. Counters catch entries that came and
/// went between dumps; dumps have an entry to show.
pub(super) fn judge(recording: &Recording, endpoint: &Endpoint, sums: &Counters) -> Vec<Judgement> {
    let counted = [
        (
            Finding::DnatObserved,
            sums.dnat,
            "with a translated destination",
        ),
        (Finding::SnatObserved, sums.snat, "with a translated source"),
        (Finding::Helper, sums.helper, "with a helper"),
    ];
    let mut judgements = Vec::new();
    for (finding, evidence) in findings(recording, endpoint) {
        let text = format!(
            "{} entries at once, one of them: {}",
            evidence.entries, evidence.example
        );
        judgements.push(Judgement::blocked(code(finding), text));
    }
    for (finding, count, what) in counted {
        let code = code(finding);
        if count > 0
            && !judgements
                .iter()
                .any(|judgement| judgement.reason.code == code)
        {
            let text = format!("{count} of {} new entries {what}", sums.inserted);
            judgements.push(Judgement::blocked(code, text));
        }
    }
    judgements
}

/// Of each finding the dump that has most of it.
fn findings<'a>(
    recording: &'a Recording,
    endpoint: &Endpoint,
) -> std::collections::BTreeMap<Finding, &'a Evidence> {
    let mut most = std::collections::BTreeMap::new();
    let dumps = recording.dumps.iter();
    for seen in dumps.filter_map(|dump| dump.endpoints.get(endpoint)) {
        for (finding, evidence) in &seen.findings {
            let kept = most.entry(*finding).or_insert(evidence);
            if evidence.entries > kept.entries {
                *kept = evidence;
            }
        }
    }
    most
}

fn code(finding: Finding) -> Code {
    match finding {
        Finding::DnatObserved => Code::DnatObserved,
        Finding::SnatObserved => Code::SnatObserved,
        Finding::Helper => Code::Helper,
        Finding::Expectation => Code::Expectation,
        Finding::Connmark => Code::Connmark,
        Finding::Connlabel => Code::Connlabel,
        Finding::CtZone => Code::CtZone,
        Finding::SeqAdjust => Code::SeqAdjust,
        Finding::Flowtable => Code::Flowtable,
    }
}
