//! One set-up from its first packet to its last.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::{
    advice::Advice,
    rules,
    server::Servers,
    setup::{Place, Protocol, Setup, Subject, Truth},
    stage::Stage,
    traffic::{self, Traffic},
};
use crate::lab::recorder::Recorder;

/// What came of a set-up, as its line of JSON.
#[derive(Serialize)]
pub(crate) struct Finding {
    name: &'static str,
    built: &'static str,
    family: &'static str,
    protocol: Protocol,
    address: &'static str,
    port: u16,
    expected: Truth,
    verdict: String,
    /// Codes of the reasons, each once.
    reasons: Vec<String>,
    /// Of the first reason.
    evidence: Option<String>,
    before: Traffic,
    /// With the rules of somebody who asks nobody; absent where only advised rules were applied.
    plain: Option<Phase>,
    /// With the rules that ctwatch printed, where it did.
    advised: Option<Phase>,
    /// That of the plain rules, or of the advised ones where only they were applied.
    truth: Truth,
    seconds: f64,
}

/// Traffic under rules.
#[derive(Serialize)]
struct Phase {
    truth: Truth,
    #[serde(flatten)]
    traffic: Traffic,
}

/// Builds it, records its traffic, takes the advice, and sees what rules do, whatever the verdict.
pub(crate) fn play(setup: &Setup) -> Result<Finding> {
    let started = Instant::now();
    let stage = Stage::build(setup)?;
    let servers = Servers::start(&stage, setup.services)?;
    let (before, advice) = advised(&stage, setup)?;
    if before.answered < before.asked || before.let_in > 0 {
        bail!("it does not work without any rule: {before:?}");
    }
    let [plain, advised] = phases(&stage, setup, &before, &advice)?;
    drop(servers);
    let deciding = plain.as_ref().or(advised.as_ref());
    let truth = deciding.context("safe without rules")?.truth;
    let Subject {
        protocol,
        address,
        port,
        ..
    } = setup.subject;
    Ok(Finding {
        name: setup.name,
        built: setup.built,
        family: setup.subject.family(),
        protocol,
        address,
        port,
        expected: setup.expected,
        reasons: codes(&advice),
        evidence: advice.reasons.into_iter().next().map(|r| r.evidence),
        verdict: advice.verdict,
        before,
        plain,
        advised,
        truth,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// The traffic under plain rules, unless those that were advised are called safe; and under these, if there are any.
fn phases(
    stage: &Stage,
    setup: &Setup,
    before: &Traffic,
    advice: &Advice,
) -> Result<[Option<Phase>; 2]> {
    let judged = |traffic: Traffic| Phase {
        truth: truth(before, &traffic),
        traffic,
    };
    let mut plain = None;
    if advice.verdict != "safe" {
        let rules = rules::plain(setup.subject);
        let traffic = under(stage, setup, || rules::add(stage, setup, &rules))?;
        rules::delete(stage, setup, &rules)?;
        plain = Some(judged(traffic));
    }
    let mut advised = None;
    if !advice.rules.iptables.is_empty() || !advice.rules.nft.is_empty() {
        let traffic = under(stage, setup, || rules::follow(stage, setup, advice))?;
        advised = Some(judged(traffic));
    }
    Ok([plain, advised])
}

/// Records the traffic, and takes the advice.
fn advised(stage: &Stage, setup: &Setup) -> Result<(Traffic, Advice)> {
    let node = format!("--net=/run/netns/{}", Place::Node.name());
    let recorder = Recorder::start_by(&["nsenter", &node, "ctwatch"], &[])?;
    let traffic = traffic::recorded(stage, setup)?;
    let file = recorder.file();
    let recording = recorder.stop()?;
    let advice = Advice::take(&file, setup.subject)?;
    drop(recording);
    Ok((traffic, advice))
}

/// The traffic once rules have come, while a connection stood.
fn under(stage: &Stage, setup: &Setup, apply: impl FnOnce() -> Result<()>) -> Result<Traffic> {
    stage.forget_paths()?;
    let standing = traffic::standing(stage, setup).context("before the rules")?;
    apply()?;
    traffic::drain(stage, setup)?;
    let still = standing.map(|mut connection| connection.ask(50_000).is_ok());
    let mut traffic = traffic::all(stage, setup)?;
    traffic.standing = still;
    Ok(traffic)
}

/// What rules did.
fn truth(before: &Traffic, after: &Traffic) -> Truth {
    if after.answered < after.asked || after.standing == Some(false) {
        Truth::Breaks
    } else if after.let_in > 0 {
        Truth::Opens
    } else if after.entries * 10 > before.entries || before.entries == 0 {
        Truth::Idle
    } else {
        Truth::Safe
    }
}

fn codes(advice: &Advice) -> Vec<String> {
    let mut codes: Vec<_> = advice.reasons.iter().map(|r| r.code.clone()).collect();
    codes.sort();
    codes.dedup();
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(answered: usize, let_in: usize, entries: usize) -> Traffic {
        Traffic {
            asked: 8,
            answered,
            unwelcome: 8,
            let_in,
            entries,
            ..Traffic::default()
        }
    }

    #[test]
    fn rules_are_safe_that_change_nothing_but_the_table() {
        let before = traffic(8, 0, 40);
        let judged = |after: &Traffic| truth(&before, after);
        assert_eq!(judged(&traffic(8, 0, 0)), Truth::Safe);
        assert_eq!(judged(&traffic(8, 0, 4)), Truth::Safe);
        assert_eq!(judged(&traffic(8, 0, 5)), Truth::Idle);
        assert_eq!(judged(&traffic(7, 0, 0)), Truth::Breaks);
        assert_eq!(judged(&traffic(8, 1, 0)), Truth::Opens);
        let standing = Some(false);
        let cut = Traffic {
            standing,
            ..traffic(8, 0, 0)
        };
        assert_eq!(judged(&cut), Truth::Breaks);
    }
}
