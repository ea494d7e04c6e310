//! Under systemd what takes the rules back is a service of its own: the end of the session with everything in it leaves it alone,
//! killed it is started again, and `ctwatch confirm` ends it.

use std::{fs, thread, time::Duration};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::apply_is_taken_back_unless_confirmed::{rules, text};
use crate::lab::{
    check::{equal, holds},
    netns::Netns,
    systemd::Systemd,
    world::World,
};

/// Units of guards.
const GUARDS: &str = "ctwatch-guard-*";

pub(crate) fn run() -> Result<()> {
    let world = World::create("systemd")?;
    let systemd = Systemd::start()?;
    let directory = TempDir::new()?;
    let plan = directory.path().join("plan").display().to_string();
    fs::write(&plan, text("nft"))?;
    let before = rules(&world)?;
    session_ends(&world, &systemd, &plan, &before)?;
    confirmed(&world, &systemd, &plan, &before)?;
    in_its_own_namespace(&systemd, &plan)
}

/// The session ends at once and the service is killed, too.
fn session_ends(world: &World, systemd: &Systemd, plan: &str, before: &str) -> Result<()> {
    let apply = format!("ctwatch -o json apply {plan} --confirm-within 20s >{plan}.said && sleep 1000");
    let session = ["systemd-run", "--quiet", "--scope", "--unit=session-1", "sh", "-c", &apply];
    thread::scope(|scope| {
        let session = scope.spawn(|| systemd.run(Some(&world.node), &session));
        let guards = wait("a service that guards", || Ok(Some(systemd.units(GUARDS)?).filter(|units| units.len() == 1)))?;
        let said = wait("what apply says", || Ok(fs::read_to_string(format!("{plan}.said")).ok().filter(|said| said.contains('}'))))?;
        holds("apply says that systemd guards", said.contains(r#""guard": "systemd""#))?;
        systemd.run(None, &["systemctl", "kill", "--signal=KILL", "session-1.scope"])?;
        holds("the session was killed", session.join().is_ok_and(|ended| ended.is_err()))?;
        holds("rules were added", rules(world)? != before)?;
        systemd.run(None, &["systemctl", "kill", "--signal=KILL", &guards[0]])?;
        holds("rules stand without the guard", rules(world)? != before)?;
        wait("the guard started again", || main_process(systemd, &guards[0]))?;
        wait("rules as before", || Ok((rules(world)? == before).then_some(())))?;
        gone(systemd)
    })
}

/// What was confirmed stays, and nothing guards it.
fn confirmed(world: &World, systemd: &Systemd, plan: &str, before: &str) -> Result<()> {
    let node = Some(&world.node);
    systemd.run(node, &["ctwatch", "apply", plan, "--confirm-within", "10s"])?;
    equal("guards", systemd.units(GUARDS)?.len(), 1)?;
    systemd.run(node, &["ctwatch", "confirm"])?;
    gone(systemd)?;
    let confirmed = rules(world)?;
    thread::sleep(Duration::from_secs(11));
    equal("confirmed rules", rules(world)?, confirmed)?;
    systemd.run(node, &["ctwatch", "rollback"])?;
    equal("rules after rollback", rules(world)?.as_str(), before)
}

/// Where systemd's services run anyway, whose namespace has no name.
fn in_its_own_namespace(systemd: &Systemd, plan: &str) -> Result<()> {
    fs::write(plan, text("nft").replace(&crate::lab::world::NODE.to_string(), "127.0.0.1"))?;
    let said = systemd.run(None::<&Netns>, &["ctwatch", "-o", "json", "apply", plan, "--confirm-within", "5s"])?;
    holds("systemd guards its own namespace", said.contains(r#""guard": "systemd""#))?;
    gone(systemd)?;
    let listed = systemd.run(None, &["nft", "list", "tables"])?;
    holds("nothing of ctwatch is left", !listed.contains("ctwatch"))
}

fn main_process(systemd: &Systemd, unit: &str) -> Result<Option<String>> {
    let shown = systemd.run(None, &["systemctl", "show", "--property=MainPID,NRestarts", unit])?;
    Ok((shown.contains("NRestarts=1") && !shown.contains("MainPID=0")).then_some(shown))
}

fn gone(systemd: &Systemd) -> Result<()> {
    wait("no service that guards", || Ok(systemd.units(GUARDS)?.is_empty().then_some(())))
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    for _ in 0..240 {
        if let Some(found) = look().with_context(|| what.to_owned())? {
            return Ok(found);
        }
        thread::sleep(Duration::from_millis(250));
    }
    bail!("waited a minute in vain for {what}")
}
