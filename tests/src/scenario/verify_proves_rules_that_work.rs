//! `ctwatch verify` proves rules of nft and iptables by real connections from elsewhere, and finds out about replies that a
//! filter drops.

use std::{fs, net::TcpStream, thread, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;

use super::apply_is_taken_back_unless_confirmed::text;
use crate::lab::{
    check::equal,
    command,
    traffic::tcp,
    world::{NODE, World},
};

const DROPS: &str = "table inet theirs { chain in { type filter hook input priority 10; ct state untracked tcp dport 80 counter drop; }; }";

pub(crate) fn run() -> Result<()> {
    let world = World::create("verify")?;
    let listener = tcp::listener(&world.node, (NODE, 80).into())?;
    let directory = TempDir::new()?;
    for backend in ["nft", "iptables"] {
        let plan = directory.path().join(backend).display().to_string();
        fs::write(&plan, text(backend))?;
        equal("without rules", verify(&world, &plan)?, (Some(1), "failed".to_owned()))?;
        world.node.run(|| command::run("ctwatch", &["apply", &plan, "--confirm-within", "10m"]))?;
        let address = listener.local_addr()?;
        let ask = || {
            thread::sleep(Duration::from_secs(1));
            // Whether it is heard is for verify to say.
            let _ = TcpStream::connect_timeout(&address, Duration::from_secs(2));
            Ok(())
        };
        let asked = |what: &str, expected: (Option<i32>, String)| -> Result<()> {
            thread::scope(|scope| {
                let client = scope.spawn(|| world.client.run(ask));
                let found = verify(&world, &plan)?;
                let _ = client.join();
                equal(what, found, expected)
            })
        };
        asked("with rules", (Some(0), "proven".to_owned()))?;
        world.load_rules(DROPS)?;
        asked("with requests dropped", (Some(1), "failed".to_owned()))?;
        world.load_rules("delete table inet theirs")?;
        world.node.run(|| command::run("ctwatch", &["rollback"]))?;
    }
    Ok(())
}

/// Exit status, and the outcome of the one port.
pub(super) fn verify(world: &World, plan: &str) -> Result<(Option<i32>, String)> {
    let arguments = ["-o", "json", "verify", plan, "-d", "5s"];
    let output = world.node.run(|| command::output("ctwatch", &arguments, ""))?;
    let document: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let outcome = document["ports"][0]["outcome"].as_str();
    Ok((output.status.code(), outcome.unwrap_or_default().to_owned()))
}
