//! `ctwatch apply`, and the guard that it starts.

use std::{
    fmt::Display,
    fs,
    net::IpAddr,
    path::PathBuf,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};

use super::{Global, Outcome, Output};
use crate::{
    analysis::{
        advice::Today,
        plan::{Found, Stale, changed, problems, renew},
    },
    applying::{
        ApplyError, clock, drain, guard, install,
        record::{Change, Record, Stage, Step, VERSION},
        start::{self, Guard},
        store::Store,
    },
    model::{node::Node, plan::Plan, turned_away::Rise},
    render::plan::{Applied, applied_json, applied_text},
    source::{
        node::{
            self,
            netns::{self, Seen},
        },
        plan, privilege, ruleset_text, turned_away,
    },
};

/// How long is looked before anything is changed, for `verify` to compare with.
const BEFORE: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub(super) struct Args {
    /// The plan, as `ctwatch advise --plan` writes it.
    plan: PathBuf,
    /// Take all back after this time unless `ctwatch confirm` comes first.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = within)]
    confirm_within: Duration,
    /// Delete the old entries of the planned ports once the rules stand, and no others.
    #[arg(long)]
    drain: bool,
    /// Have a port untracked although it is the operator's own way in.
    #[arg(long)]
    allow_control_port: bool,
}

/// Of the process that installs rules and takes them back; not for people.
#[derive(clap::Args)]
pub(super) struct GuardArgs {
    id: String,
}

/// From a second to a day.
fn within(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_secs(1)..=Duration::from_secs(86_400)).contains(&time) {
        Ok(time)
    } else {
        Err("from 1s to 24h".to_owned())
    }
}

pub(super) fn guard(args: &GuardArgs) -> Result<Outcome> {
    guard::run(&args.id)?;
    Ok(Outcome::Done)
}

/// Reads a plan.
pub(super) fn read_plan(path: &PathBuf) -> Result<Plan> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    plan::read(&text).with_context(|| format!("{} is not a plan that can be used", path.display()))
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let plan = read_plan(&args.plan)?;
    privilege::check(&privilege::APPLYING)?;
    let own = netns::own().context("cannot tell the own network namespace")?;
    let node = node::read(true);
    for reason in node
        .unread
        .iter()
        .filter(|reason| reason.starts_with("sockets of sshd"))
    {
        noteln!("ctwatch: warning: the way in may be another than is known: {reason}");
    }
    let local = addresses(&node);
    check(args, &plan, &node, &own, local.clone())?;
    let plan = today(args, plan, &node, &own)?;
    let store = Store::of(own.netns);
    store.make()?;
    let (guard, change) = install(args, &plan, &own, &store)?;
    let drained = if args.drain {
        Some(
            drain::drain(&plan, &own, &local)
                .context("the rules stand, but cannot drain the old entries")?,
        )
    } else {
        None
    };
    tell(args, global, &store, guard, &change, drained)
}

/// The own namespace's.
pub(super) fn addresses(node: &Node) -> Vec<IpAddr> {
    node.addresses.iter().map(|each| each.address).collect()
}

/// Whether the node still is as the plan has it.
fn check(args: &Args, plan: &Plan, node: &Node, own: &Seen, local: Vec<IpAddr>) -> Result<()> {
    let found = Found {
        netns: own.netns.inode,
        addresses: local,
        control_ports: node.control_ports.clone(),
    };
    none(args, &problems(plan, &found, args.allow_control_port))
}

/// Fails with the first, and tells the others.
fn none(args: &Args, problems: &[impl Display]) -> Result<()> {
    let Some((first, more)) = problems.split_first() else {
        return Ok(());
    };
    let path = args.plan.display();
    for problem in more {
        noteln!("ctwatch: warning: {path}: {problem}");
    }
    bail!("cannot apply {path}: {first}")
}

/// The plan as it is where the rules are those it was made from; else advised again, by the rules of today.
fn today(args: &Args, plan: Plan, node: &Node, own: &Seen) -> Result<Plan> {
    let changed = changed(&plan, &plan::fingerprint(&node.rulesets));
    if changed.is_empty() {
        return Ok(plan);
    }
    let path = args.plan.display();
    for table in changed {
        noteln!("ctwatch: warning: {path}: {table}");
    }
    match by_todays_rules(&plan, node, own) {
        Ok(plan) => {
            noteln!("ctwatch: by the rules of today the planned ports are as safe as they were");
            Ok(plan)
        }
        Err(stale) => none(args, &stale).map(|()| plan),
    }
}

/// The plan with the accept rules that are missing by the rules of today.
pub(super) fn by_todays_rules(
    plan: &Plan,
    node: &Node,
    own: &Seen,
) -> std::result::Result<Plan, Vec<Stale>> {
    let rulesets: Vec<_> = node.rulesets.iter().map(ruleset_text::read).collect();
    let today = Today {
        netns: own.netns,
        node,
        rulesets: &rulesets,
    };
    renew(plan, &today)
}

/// Installs what is missing; yields the guard unless nothing is.
fn install(
    args: &Args,
    plan: &Plan,
    own: &Seen,
    store: &Store,
) -> Result<(Option<(Guard, u64)>, Change)> {
    let lock = store.lock()?;
    let earlier = store.read()?;
    let (change, steps) = install::missing(plan)?;
    if change.is_empty() {
        return Ok((None, change));
    }
    if earlier
        .as_ref()
        .is_some_and(|record| record.stage != Stage::Confirmed)
    {
        return Err(ApplyError::Pending.into());
    }
    let then = turned_away::read();
    thread::sleep(BEFORE);
    let before = Rise {
        milliseconds: BEFORE.as_millis() as u64,
        packets: turned_away::read().since(&then),
    };
    let record = record(args, own, change.clone(), steps, before, earlier);
    store.write(&record)?;
    drop(lock);
    let guard = start::start(store, own.netns, &record.id)?;
    Ok((Some(guard), change))
}

fn record(
    args: &Args,
    own: &Seen,
    change: Change,
    steps: Vec<Step>,
    before: Rise,
    earlier: Option<Record>,
) -> Record {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Record {
        version: VERSION,
        id: format!("{}-{}", now.as_nanos(), std::process::id()),
        boot: clock::boot(),
        netns: own.netns,
        stage: Stage::Prepared,
        confirm_within_ms: args.confirm_within.as_millis() as u64,
        change,
        steps,
        before: Some(before),
        previous: earlier.map(Box::new),
    }
}

fn tell(
    args: &Args,
    global: &Global,
    store: &Store,
    guard: Option<(Guard, u64)>,
    change: &Change,
    drained: Option<usize>,
) -> Result<Outcome> {
    let waits = matches!(
        store.read()?.map(|record| record.stage),
        Some(Stage::Pending(_))
    );
    let applied = Applied {
        added: change.count(),
        waits,
        confirm_within_seconds: guard.map(|_| args.confirm_within.as_secs_f64()),
        guard: guard.map(|(guard, _)| match guard {
            Guard::Systemd => "systemd",
            Guard::Detached => "detached",
        }),
        drained,
    };
    super::print(&match global.output {
        Output::Json => applied_json(&applied)?,
        Output::Text => applied_text(&applied),
    })?;
    Ok(Outcome::Done)
}
