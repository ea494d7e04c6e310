//! The table: its limit, its fill, its hash, its memory.

use super::{conntrack::count, setting};
use crate::{
    analysis::{memory, ownership},
    model::{
        doctor::{Answer, Facts, Finding, Told, Topic},
        limit::Limit,
    },
};

const MAX: &str = "net.netfilter.nf_conntrack_max";

/// From here on newcomers are about to push others out; the kernel's own garbage collection evicts above 95 %.
const NEARLY_FULL: f64 = 0.9;

/// A part of the node's memory that is much for one table.
const MUCH: f64 = 0.25;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    if facts.conntrack.loaded == Some(false) {
        return Vec::new();
    }
    vec![
        limit(facts),
        fill(facts),
        refused(facts),
        buckets(facts),
        memory(facts),
    ]
}

fn max(facts: &Facts) -> Option<u64> {
    setting::conntrack(facts, "max")
}

fn limit(facts: &Facts) -> Finding {
    let finding = |answer, reason: String| Finding::new(Topic::Table, "limit", answer, reason);
    let Some(max) = max(facts) else {
        return finding(Answer::Unknown, format!("{MAX} could not be read"))
            .todo(format!("sysctl {MAX}"));
    };
    match Limit::of(max, facts.release.value().map_or("", String::as_str)) {
        Some(Limit::Entries(max)) => {
            let who = ownership::owner(facts, MAX, max).map_or_else(String::new, |owner| format!(", set by {}", owner.who));
            finding(Answer::Yes, format!("{MAX} = {max}{who}; the limit of each network namespace by itself"))
        }
        Some(Limit::Nothing) => finding(Answer::No, format!("{MAX} = 0, which this kernel takes for no room at all (before Linux 7 it was no limit)"))
            .attention(
                "every new connection that is tracked is refused; `nf_conntrack: table full` in the kernel log",
                format!("sysctl {MAX}; conntrack -S | grep -o ' drop=[0-9]*'"),
                format!("sysctl -w {MAX}=262144, and the same in /etc/sysctl.d"),
            ),
        Some(Limit::Unlimited) => finding(Answer::No, format!("{MAX} = 0, which is no limit before Linux 7: memory is"))
            .todo(format!("set {MAX} before the node gets Linux 7, where 0 refuses every connection")),
        None => finding(Answer::Unknown, format!("{MAX} = 0, which means no limit before Linux 7 and no room from then on, and the version could not be read"))
            .todo("uname -r"),
    }
}

fn fill(facts: &Facts) -> Finding {
    let finding = |answer, reason: String| Finding::new(Topic::Table, "room", answer, reason);
    let (count, max) = match (count(facts), max(facts)) {
        (Some(count), Some(max)) => (count, max),
        _ => {
            return finding(
                Answer::Unknown,
                "nf_conntrack_count and nf_conntrack_max could not be read".to_owned(),
            )
            .todo("sysctl net.netfilter.nf_conntrack_count");
        }
    };
    let reason = format!("{count} of {max} entries{}", share(count, max));
    if max == 0 || (count as f64) < max as f64 * NEARLY_FULL {
        return finding(Answer::Yes, reason);
    }
    finding(Answer::No, reason).attention(
        "new connections time out, or push out those of others; above 95 % the kernel evicts by itself",
        "ctwatch report after ctwatch record -d 5m; conntrack -S",
        "ctwatch record -d 5m && ctwatch advise: it names the ports that fill the table, and those that need not be tracked",
    )
}

fn share(count: u64, max: u64) -> String {
    match max {
        0 => String::new(),
        max => format!(" ({:.0} %)", (count as f64 * 100.0 / max as f64).floor()),
    }
}

fn refused(facts: &Facts) -> Finding {
    const FILE: &str = "/proc/net/stat/nf_conntrack";
    let finding = |answer, reason: String| Finding::new(Topic::Table, "never-full", answer, reason);
    match &facts.conntrack.stats {
        Told::Value(stats) if stats.early_drop == 0 && stats.drop == 0 => {
            finding(Answer::Yes, format!("{FILE}: nothing was dropped and nothing evicted since the node, or this network namespace, started"))
        }
        Told::Value(stats) => finding(
            if stats.early_drop > 0 { Answer::No } else { Answer::Unknown },
            format!(
                "{FILE}: {} entries evicted for newcomers, {} packets dropped (refused, and unresolved clashes among them), {} inserts failed, since the node, or this network namespace, started",
                stats.early_drop, stats.drop, stats.insert_failed
            ),
        )
        .todo("ctwatch status shows whether these still grow"),
        Told::Absent => finding(Answer::Unknown, format!("there is no {FILE} (CONFIG_NF_CONNTRACK_PROCFS)")).todo("conntrack -S"),
        Told::Hidden(reason) => finding(Answer::Unknown, format!("{FILE}: {reason}")).todo("run doctor as root, or: sudo conntrack -S"),
    }
}

fn buckets(facts: &Facts) -> Finding {
    const NAME: &str = "net.netfilter.nf_conntrack_buckets";
    let finding = |answer, reason: String| Finding::new(Topic::Table, "buckets", answer, reason);
    let (buckets, max) = match (setting::conntrack(facts, "buckets"), max(facts)) {
        (Some(buckets @ 1..), Some(max)) => (buckets, max),
        _ => {
            return finding(Answer::Unknown, format!("{NAME} could not be read"))
                .todo(format!("sysctl {NAME}"));
        }
    };
    let chain = 2.0 * max as f64 / buckets as f64;
    let reason = format!(
        "{max} entries in {buckets} buckets: chains of {chain:.1} on average when full, as each entry hangs in two"
    );
    let given_up = facts
        .conntrack
        .stats
        .value()
        .and_then(|stats| stats.chaintoolong)
        .filter(|failed| *failed > 0);
    let reason = given_up.map_or(reason.clone(), |failed| {
        format!("{reason}; {failed} inserts failed as a chain was too long")
    });
    if !memory::is_crowded(max, buckets) {
        return finding(Answer::Yes, reason);
    }
    let wanted = memory::buckets_for(max);
    finding(Answer::No, reason).attention(
        "every lookup walks long chains: packets cost processor time in softirq, and since Linux 5.15 inserts fail when a chain is too long",
        "sysctl net.netfilter.nf_conntrack_buckets; conntrack -S (chaintoolong)",
        format!("echo {wanted} > /sys/module/nf_conntrack/parameters/hashsize, and for good `options nf_conntrack hashsize={wanted}` in /etc/modprobe.d/nf_conntrack.conf"),
    )
}

fn memory(facts: &Facts) -> Finding {
    let finding = |answer, reason: String| Finding::new(Topic::Table, "memory", answer, reason);
    let (Some(max), Some(buckets)) = (max(facts), setting::conntrack(facts, "buckets")) else {
        return finding(
            Answer::Unknown,
            "nf_conntrack_max could not be read".to_owned(),
        )
        .todo(format!("sysctl {MAX}"));
    };
    let full = memory::bytes(max, buckets);
    let now = match &facts.conntrack.slab {
        Told::Value(slab) => format!(
            "; entries take {} now ({} objects of {} bytes in /proc/slabinfo)",
            mebibytes(slab.objects.saturating_mul(slab.size)),
            slab.objects,
            slab.size
        ),
        Told::Hidden(reason) => {
            format!("; what it takes now was not seen (/proc/slabinfo: {reason})")
        }
        Told::Absent => String::new(),
    };
    let reason = format!(
        "{} when full ({} bytes an entry, {} a bucket){now}",
        mebibytes(full),
        memory::ENTRY,
        memory::BUCKET
    );
    match facts.conntrack.memory {
        Some(total) if full as f64 > total as f64 * MUCH => finding(
            Answer::No,
            format!("{reason}; the node has {}", mebibytes(total)),
        )
        .attention(
            "a flood of connections takes the memory of everything else before the table is full",
            "grep nf_conntrack /proc/slabinfo; free -m",
            format!("lower {MAX}, or find the ports that need not be tracked: ctwatch advise"),
        ),
        Some(total) => finding(
            Answer::Yes,
            format!("{reason}; the node has {}", mebibytes(total)),
        ),
        None => finding(Answer::Yes, reason),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
