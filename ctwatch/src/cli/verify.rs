//! `ctwatch verify`.

use std::{
    net::SocketAddr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{Global, Outcome, Output, apply};
use crate::{
    analysis::verify::{Covered, Finding, Look, Verification, verify},
    applying::{install, store::Store},
    model::{plan::Plan, turned_away::Rise},
    render::{
        paint::Paint,
        verify::{json, text},
    },
    source::{
        netlink::delete,
        node::{
            self, address,
            netns::{self, Seen},
        },
        plan::fingerprint,
        privilege, turned_away,
    },
};

/// Often enough to see every entry: none ends sooner by itself than after 10 s (TCP in the state CLOSE).
const PAUSE: Duration = Duration::from_secs(4);

#[derive(clap::Args)]
pub(super) struct Args {
    /// The plan that was applied.
    plan: PathBuf,
    /// How long to look.
    #[arg(short, long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    duration: Duration,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let plan = apply::read_plan(&args.plan)?;
    if plan.ports.is_empty() {
        bail!(
            "{} plans no port: there is nothing to prove",
            args.plan.display()
        );
    }
    privilege::check(&privilege::APPLYING)?;
    let own = netns::own().context("cannot tell the own network namespace")?;
    if let Some(planned) = plan.netns.filter(|planned| *planned != own.netns.inode) {
        bail!(
            "{} is for network namespace {planned}, and this is {} (run it there: nsenter, ip netns exec)",
            args.plan.display(),
            own.netns.inode
        );
    }
    let local: Vec<_> = address::read(&own)?
        .iter()
        .map(|each| each.address)
        .collect();
    let covered = Covered::new(&plan.notrack(), &local);
    let (began, mut looks) = (Instant::now(), Vec::new());
    loop {
        looks.push(look(&plan, &own, &covered, began)?);
        let left = args.duration.saturating_sub(began.elapsed());
        if left.is_zero() && looks.len() > 1 {
            break;
        }
        thread::sleep(left.min(PAUSE));
    }
    let mut verification = verify(&plan, &local, &looks, before(&own));
    object(&plan, &own, &mut verification);
    super::print(&match global.output {
        Output::Json => json(&verification)?,
        Output::Text if global.colored() => text(&verification, Paint::Colored),
        Output::Text => text(&verification, Paint::Plain),
    })?;
    Ok(if verification.holds() {
        Outcome::Done
    } else {
        Outcome::Attention
    })
}

/// What the rules of today say against it; nothing where the plan does not tell what it was made from.
fn object(plan: &Plan, own: &Seen, verification: &mut Verification) {
    let Some(planned) = &plan.rulesets else {
        return;
    };
    let node = node::read(true);
    match apply::by_todays_rules(plan, &node, own) {
        Ok(today) => {
            for port in &today.ports {
                for rule in &port.accepts {
                    let service = SocketAddr::new(rule.packets.address(), port.port);
                    let finding = Finding::AcceptMissing(Box::new(rule.clone()));
                    verification.object(port.protocol, service, finding);
                }
            }
        }
        // What was edited out of a plan is not missed, unless rules changed.
        Err(_) if *planned == fingerprint(&node.rulesets) => {}
        Err(stale) => {
            for each in stale {
                let (protocol, service) = (each.protocol, each.service);
                verification.object(protocol, service, Finding::Stale(Box::new(each)));
            }
        }
    }
}

fn look(plan: &Plan, own: &Seen, covered: &Covered, began: Instant) -> Result<Look> {
    Ok(Look {
        rules: install::counters(plan)?,
        entries: delete::numbered(own, |entry| covered.has(entry))?,
        turned_away: turned_away::read(),
        at: began.elapsed(),
    })
}

/// What `apply` saw before it changed anything, if it was it.
fn before(own: &Seen) -> Option<Rise> {
    Store::of(own.netns).read().ok()??.before
}
