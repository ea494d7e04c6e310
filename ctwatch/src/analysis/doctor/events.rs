//! What conntrack tells and counts: events, accounting, timestamps; and what listening costs.

use super::setting;
use crate::model::doctor::{Answer, Facts, Finding, Topic};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    if facts.conntrack.loaded == Some(false) {
        return Vec::new();
    }
    vec![events(facts), price(), accounting(facts), timestamps(facts)]
}

fn events(facts: &Facts) -> Finding {
    const NAME: &str = "net.netfilter.nf_conntrack_events";
    let finding = |answer, reason: String| Finding::new(Topic::Events, "events", answer, reason);
    match setting::conntrack(facts, "events") {
        Some(0) => finding(Answer::No, format!("{NAME} = 0: nobody is told of new and ended entries; the netlink source can only dump the table"))
            .todo(format!("sysctl {NAME}=1 before recording with --source netlink; entries made before stay silent")),
        Some(1) => finding(Answer::Yes, format!("{NAME} = 1: every entry is told of, also to listeners that come later; entries carry room for events all the time")),
        Some(value) => finding(Answer::Yes, format!("{NAME} = {value}: entries made while somebody listens are told of; those made before never tell their end (the netlink source finds their ends by dumps)")),
        None if has_settings(facts) => finding(Answer::No, format!("there is no {NAME} (CONFIG_NF_CONNTRACK_EVENTS): the netlink source can only dump the table")),
        None => finding(Answer::Unknown, format!("{NAME} could not be read")).todo(format!("sysctl {NAME}")),
    }
}

fn has_settings(facts: &Facts) -> bool {
    setting::conntrack(facts, "max").is_some()
}

fn price() -> Finding {
    Finding::new(
        Topic::Events,
        "listener-price",
        Answer::Yes,
        "whoever listens to events slows the whole node: a new UDP flow takes 2.5 to 2.6 times its instructions with a listener that loses nothing and 3.5 times with `conntrack -E`; kprobes add some 7 %",
    )
    .todo("nothing: record --source netlink gives up events for dumps by itself where they cost too much of a processor")
}

fn accounting(facts: &Facts) -> Finding {
    const NAME: &str = "net.netfilter.nf_conntrack_acct";
    let finding =
        |answer, reason: String| Finding::new(Topic::Events, "accounting", answer, reason);
    match setting::conntrack(facts, "acct") {
        Some(0) => finding(
            Answer::No,
            format!("{NAME} = 0: entries count no packets and bytes; ctwatch needs none"),
        ),
        Some(value) => finding(
            Answer::Yes,
            format!(
                "{NAME} = {value}: entries count packets and bytes, 32 bytes an entry and some time a packet"
            ),
        ),
        None => finding(Answer::Unknown, format!("{NAME} could not be read"))
            .todo(format!("sysctl {NAME}")),
    }
}

fn timestamps(facts: &Facts) -> Finding {
    const NAME: &str = "net.netfilter.nf_conntrack_timestamp";
    let finding =
        |answer, reason: String| Finding::new(Topic::Events, "timestamps", answer, reason);
    match setting::conntrack(facts, "timestamp") {
        Some(0) => finding(
            Answer::No,
            format!(
                "{NAME} = 0: entries do not say when they began; through netlink, lifetimes are known of entries that were seen to begin"
            ),
        ),
        Some(value) => finding(
            Answer::Yes,
            format!("{NAME} = {value}: entries say when they began"),
        ),
        None if has_settings(facts) => finding(
            Answer::No,
            format!("there is no {NAME} (CONFIG_NF_CONNTRACK_TIMESTAMP)"),
        ),
        None => finding(Answer::Unknown, format!("{NAME} could not be read"))
            .todo(format!("sysctl {NAME}")),
    }
}
