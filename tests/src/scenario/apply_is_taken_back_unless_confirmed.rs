//! `ctwatch apply` installs a plan by nft and by iptables, drains the old entries of its port and no others, and takes it back
//! at its deadline; `confirm` keeps it, `rollback` leaves the rules as they were.

use std::{fs, net::TcpStream, thread, time::Duration};

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::lab::{
    check::{equal, holds},
    command,
    listing::by_port,
    traffic::tcp,
    world::{NODE, World},
};

pub(crate) fn run() -> Result<()> {
    let world = World::create("apply")?;
    let (web, other) = ((NODE, 80).into(), (NODE, 8080).into());
    let listeners = [tcp::listener(&world.node, web)?, tcp::listener(&world.node, other)?];
    world.node.run(|| command::run("iptables", &["-w", "-A", "INPUT", "-p", "udp", "--dport", "9", "-j", "DROP"]))?;
    world.node.run(|| command::run("iptables", &["-w", "-t", "raw", "-A", "PREROUTING", "-p", "udp", "--dport", "9", "-j", "DROP"]))?;
    let directory = TempDir::new()?;
    for backend in ["nft", "iptables"] {
        let plan = directory.path().join(backend).display().to_string();
        fs::write(&plan, text(backend))?;
        for listener in &listeners {
            let address = listener.local_addr()?;
            let connect = || Ok(TcpStream::connect(address)?);
            drop((world.client.run(connect)?, listener.accept()?));
        }
        course(&world, &plan)?;
    }
    Ok(())
}

/// Applied and taken back, applied and confirmed and taken back.
fn course(world: &World, plan: &str) -> Result<()> {
    let ctwatch = |arguments: &[&str]| world.node.run(|| command::run("ctwatch", arguments));
    let before = rules(world)?;
    holds("port 80 has entries", entries(world, 80)? > 0)?;
    ctwatch(&["apply", plan, "--drain", "--confirm-within", "15s"])?;
    holds("rules were added", rules(world)? != before)?;
    equal("drained entries of port 80", entries(world, 80)?, 0)?;
    holds("entries of port 8080 stay", entries(world, 8080)? > 0)?;
    taken_back(world, &before)?;
    ctwatch(&["apply", plan, "--confirm-within", "15s"])?;
    ctwatch(&["confirm"])?;
    let confirmed = rules(world)?;
    thread::sleep(Duration::from_secs(17));
    equal("confirmed rules", rules(world)?, confirmed)?;
    ctwatch(&["rollback"])?;
    equal("rules after rollback", rules(world)?, before)
}

/// Port 80 of the node.
pub(super) fn text(backend: &str) -> String {
    format!(
        "version = 1\nbackend = \"{backend}\"\n[[port]]\nprotocol = \"tcp\"\nport = 80\naddresses = [\"{NODE}\"]\n\
         directions = [\"requests\", \"replies\"]\n"
    )
}

/// Of both programs, without counters.
pub(super) fn rules(world: &World) -> Result<String> {
    let saved = world.node.run(|| command::run("iptables-save", &[]))?;
    let listed = world.node.run(|| command::run("nft", &["-s", "list", "ruleset", "inet"]))?;
    let saved = saved.lines().filter(|line| line.starts_with("-A"));
    Ok(saved.map(|line| format!("{line}\n")).collect::<String>() + &listed)
}

fn entries(world: &World, port: u16) -> Result<i64> {
    let ports = by_port(world)?;
    Ok(ports.get(&("tcp".to_owned(), port)).copied().unwrap_or(0))
}

fn taken_back(world: &World, before: &str) -> Result<()> {
    for _ in 0..120 {
        if rules(world)? == before {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(500));
    }
    bail!("a minute after its deadline the plan still stands: {}", rules(world)?)
}
