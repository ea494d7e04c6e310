//! How long entries have been idle: the timeout of their state less what is left of it.

use std::collections::BTreeMap;

use crate::{
    analysis::timeout::Timeouts,
    model::{endpoint::Protocol, left::TimeLeft, remedy::Idle, stage::Stage, states::StateCounts},
};

/// By what entries of a dump have left, under settings of that table's namespace; without a setting the kernel's own
/// value is taken for it. Entries whose timeout is not known count nowhere.
pub(super) fn idle(left: &[TimeLeft], sysctls: &BTreeMap<String, String>) -> Idle {
    let timeouts = Timeouts(Some(sysctls));
    let mut idle = Idle::default();
    for row in left {
        let Some((whole, _)) = timeouts.of(row.protocol, row.stage) else {
            continue;
        };
        // While data wait for their ACK, TCP's timeout is this one at most (nf_conntrack_tcp_packet): so little left
        // is that of a connection in use, and not of one that was idle for days.
        let brief = timeouts.unacknowledged();
        let is_in_use = row.protocol == Protocol::TCP
            && row.stage.name() == "ESTABLISHED"
            && row.seconds <= brief;
        let whole = if is_in_use { whole.min(brief) } else { whole };
        idle.add(
            row.protocol,
            state(row.stage),
            whole.saturating_sub(row.seconds),
            row.entries,
        );
    }
    idle
}

/// As a dump counts it.
fn state(stage: Stage) -> &'static str {
    match stage {
        Stage::Assured | Stage::Replied => StateCounts::REPLIED,
        stage => stage.name(),
    }
}
