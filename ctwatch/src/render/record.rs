//! What `ctwatch record` says: progress, where the probes sit, and the summary with what was lost.

use std::{fmt::Write as _, path::Path};

use serde_json::{Value, json};

use crate::{
    model::{
        ledger::{Compared, NetnsLedger},
        sample::Losses,
    },
    recorder::{Finished, Progress},
    source::kernel::probes::Probes,
};

/// The progress line, without an end of line.
#[must_use]
pub fn progress(progress: &Progress) -> String {
    let fill = match progress.fill {
        Some((count, 0)) => format!("{count} entries (no limit)"),
        Some((count, max)) => format!("{count}/{max} entries ({} %)", count * 100 / max),
        None => "entries -".to_owned(),
    };
    let seconds = progress.interval.as_secs_f64();
    let rate = if seconds > 0.0 {
        progress.inserted_now as f64 / seconds
    } else {
        0.0
    };
    format!(
        "{:>5.0} s  {fill}  +{rate:.0}/s  refused {}  evicted {}",
        progress.elapsed.as_secs_f64(),
        progress.refused,
        progress.evicted
    )
}

/// Where the probes sit and how much memory the maps take.
#[must_use]
pub fn hooks(probes: &Probes) -> String {
    let mut text = String::new();
    for hook in probes.hooks() {
        let _ = writeln!(text, "{:<18} on {}", hook.program, hook.symbol);
    }
    let _ = writeln!(
        text,
        "maps take {:.1} MiB",
        probes.map_bytes() as f64 / f64::from(1 << 20)
    );
    text
}

/// The summary for people. It always says what was lost, even when that is nothing.
#[must_use]
pub fn summary(finished: &Finished, path: &Path) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "recorded {:.1} s in {} samples to {}",
        finished.elapsed.as_secs_f64(),
        finished.samples,
        path.display()
    );
    for ledger in &finished.ledger.namespaces {
        namespace(&mut text, ledger);
    }
    let _ = writeln!(text, "lost: {}", lost(&finished.ledger.losses));
    for reason in &finished.degraded {
        let _ = writeln!(text, "degraded: {reason}");
    }
    text
}

fn namespace(text: &mut String, ledger: &NetnsLedger) {
    let balance = ledger.inserted as i64 - ledger.ended as i64;
    let check = match ledger.count_change {
        Some(change) if change == balance => {
            format!("nf_conntrack_count changed by {change:+}: agrees")
        }
        Some(change) => format!(
            "nf_conntrack_count changed by {change:+}: {} apart (entries on their way while it was read, or probe misses)",
            (change - balance).abs()
        ),
        None => "nf_conntrack_count could not be read".to_owned(),
    };
    let _ = writeln!(
        text,
        "netns {}: {} inserted, {} ended ({balance:+}); {check}",
        ledger.netns.inode, ledger.inserted, ledger.ended
    );
    let _ = writeln!(
        text,
        "  ctwatch/kernel: refused {}, evicted {}, insert_failed {}, clashes merged {}",
        compared(ledger.refused),
        compared(ledger.evicted),
        compared(ledger.insert_failed),
        compared(ledger.clash_merged)
    );
}

fn compared(figure: Compared) -> String {
    match figure.kernel {
        Some(kernel) => format!("{}/{kernel}", figure.ctwatch),
        None => format!("{}/-", figure.ctwatch),
    }
}

fn lost(losses: &Losses) -> String {
    let misses = match losses.probe_misses {
        Some(misses) => format!("{misses} probe hits"),
        None => "probe hits unknown (this kernel does not count them; the line above is the check)"
            .to_owned(),
    };
    format!(
        "{misses}, {} events without a slot, {} refusals without a tuple, {} causes, {} causes raced, {} reads, {} returns",
        losses.unattributed,
        losses.refused_unattributed,
        losses.cause_lost,
        losses.cause_raced,
        losses.unreadable,
        losses.unpaired
    )
}

/// The summary as a document.
#[must_use]
pub fn json(finished: &Finished, path: &Path) -> Value {
    json!({
        "schema_version": 1,
        "file": path.display().to_string(),
        "seconds": finished.elapsed.as_secs_f64(),
        "samples": finished.samples,
        "ledger": finished.ledger,
        "degraded": finished.degraded,
    })
}
