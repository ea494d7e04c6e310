//! `ctwatch status` shows a full table with the figures of the kernel's own files, in the namespace and from outside,
//! with privileges and without; its exit status says that something is wrong.

use std::net::TcpStream;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::lab::{
    check::{equal, holds},
    command,
    setting::Setting,
    traffic::{tcp, udp},
    world::{NODE, World},
};

const MAX: u32 = 50;
const REFUSED: u64 = 30;
const ANYBODY: &[&str] = &["--reuid=1000", "--regid=1000", "--clear-groups", "ctwatch", "status"];

pub(crate) fn run() -> Result<()> {
    let world = World::create("status")?;
    let web = (NODE, 443).into();
    let listener = tcp::listener(&world.node, web)?;
    let max = Setting::max(MAX)?;
    let before = world.figures()?;
    let mut held = Vec::new();
    for _ in 0..MAX {
        let connect = || TcpStream::connect(web).context("cannot connect");
        held.push((world.client.run(connect)?, listener.accept()?));
    }
    world
        .client
        .run(|| udp::from_ports((NODE, 53).into(), 30_001..=30_030))?;
    let grown = world.figures()?.grown(&before, "drop")?;
    equal("the kernel's drop", grown.cast_unsigned(), REFUSED)?;

    let netns = world.node.inode()?;
    for (from, status) in [
        ("outside", status()?),
        ("inside", world.node.run(status)?),
    ] {
        let of = |what: &str| format!("{what}, from {from}");
        equal(&of("exit status"), status.0, Some(1))?;
        let row = row(&status.1, netns)?;
        equal(&of("count"), row["count"].as_u64(), Some(MAX.into()))?;
        equal(&of("max"), row["max"].as_u64(), Some(MAX.into()))?;
        equal(&of("full"), row["full"].as_bool(), Some(true))?;
        equal(&of("refused"), row["refused"].as_u64(), Some(REFUSED))?;
        equal(&of("early_drop"), row["early_drop"].as_u64(), Some(0))?;
    }
    let by_name = ["status", "--zabbix", "refused[status-node]"];
    equal("by name", command::run("ctwatch", &by_name)?.trim(), "30")?;
    let key = [ANYBODY, &["--zabbix", "fill"]].concat();
    let fill = world.node.run(|| command::run("setpriv", &key))?;
    equal("fill, for anybody", fill.trim(), "100.00")?;
    let text = world.node.run(|| command::output("setpriv", ANYBODY, ""))?;
    equal("exit status, for anybody", text.status.code(), Some(1))?;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    holds("the text begins with FULL", text.starts_with("FULL: "))?;

    drop(max);
    equal("exit status with room", status()?.0, Some(0))
}

/// Exit status and document.
fn status() -> Result<(Option<i32>, Value)> {
    let output = command::output("ctwatch", &["status", "-o", "json"], "")?;
    let document = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((output.status.code(), document))
}

/// The row of a namespace.
fn row(document: &Value, netns: u64) -> Result<&Value> {
    let rows = document["namespaces"].as_array();
    let found = rows.and_then(|rows| rows.iter().find(|row| row["netns"] == netns));
    found.with_context(|| format!("no namespace {netns} in {document}"))
}
