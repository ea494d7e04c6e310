//! Where legacy tables and those of nf_tables both hold rules, `ctwatch apply` edits those that `iptables` edits; nothing of others is
//! touched, a second apply changes nothing, and `rollback` leaves the same rules in the same order.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::{apply_is_taken_back_unless_confirmed::text, verify_proves_rules_that_work::verify};
use crate::{
    lab::{
        check::{equal, holds},
        command,
        traffic::tcp,
        world::{NODE, World},
    },
    runner::Skip,
};

const VARIANTS: [&str; 2] = ["legacy", "nft"];

/// Rules of others for ports that begin like the planned one's, and a place for the accept rule.
const OTHERS: [&str; 6] = [
    "-t raw -A PREROUTING -p udp --dport 9 -j DROP",
    "-A INPUT -p tcp --dport 9 -j DROP",
    "-N SVC",
    "-A SVC -p tcp --dport 8080 -j RETURN",
    "-A INPUT -j SVC",
    "-A INPUT -p tcp -m conntrack --ctstate INVALID -j ACCEPT",
];

pub(crate) fn run() -> Result<()> {
    let world = World::create("variants")?;
    let legacy = world.node.run(|| command::run("iptables-legacy-save", &["-t", "raw"]));
    if let Err(error) = legacy {
        return Err(Skip(format!("this kernel has no legacy tables: {error}")).into());
    }
    let listener = tcp::listener(&world.node, (NODE, 80).into())?;
    for variant in VARIANTS {
        for rule in OTHERS {
            let words: Vec<&str> = ["-w"].into_iter().chain(rule.split(' ')).collect();
            for program in ["iptables", "ip6tables"] {
                let program = format!("{program}-{variant}");
                world.node.run(|| command::run(&program, &words))?;
            }
        }
    }
    let directory = TempDir::new()?;
    let plan = directory.path().join("plan").display().to_string();
    let accept = format!("[[port.accept]]\ntable = \"filter\"\nchain = \"INPUT\"\nbefore = 2\npackets = \"requests\"\naddress = \"{NODE}\"\n");
    fs::write(&plan, text("iptables") + &accept)?;
    let before = [rules(&world, "legacy")?, rules(&world, "nft")?];
    for (at, variant) in VARIANTS.into_iter().enumerate() {
        let _active = Active::make(variant)?;
        let ctwatch = |arguments: &[&str]| world.node.run(|| command::run("ctwatch", arguments));
        ctwatch(&["apply", &plan])?;
        ctwatch(&["confirm"])?;
        let with = [rules(&world, "legacy")?, rules(&world, "nft")?];
        let own = with.clone().map(|rules| rules.iter().filter(|rule| is_own(rule)).count());
        let expected = if at == 0 { [6, 0] } else { [0, 6] };
        equal(&format!("rules of ctwatch's, {variant} active"), own, expected)?;
        let others = with.clone().map(|rules| rules.into_iter().filter(|rule| !is_own(rule)).collect());
        equal(&format!("rules of others, {variant} active"), others, before.clone())?;
        let again = ctwatch(&["-o", "json", "apply", &plan])?;
        holds("a second apply adds nothing", again.contains(r#""added": 0"#))?;
        let address = listener.local_addr()?;
        drop(world.client.run(|| Ok(TcpStream::connect(address)?))?);
        equal(&format!("verify, {variant} active"), verify(&world, &plan)?, (Some(0), "proven".to_owned()))?;
        ctwatch(&["rollback"])?;
        let after = [rules(&world, "legacy")?, rules(&world, "nft")?];
        equal(&format!("rules after rollback, {variant} active"), &after, &before)?;
    }
    Ok(())
}

fn is_own(rule: &str) -> bool {
    rule.contains("--comment ctwatch")
}

/// Rules of both families in order.
fn rules(world: &World, variant: &str) -> Result<Vec<String>> {
    let mut rules = Vec::new();
    for program in ["iptables", "ip6tables"] {
        let saved = world.node.run(|| command::run(&format!("{program}-{variant}-save"), &[]))?;
        rules.extend(saved.lines().filter(|line| line.starts_with("-A")).map(str::to_owned));
    }
    Ok(rules)
}

/// One variant behind the names that have none; dropped, the one that was there.
struct Active(Vec<(PathBuf, PathBuf)>);

impl Active {
    fn make(variant: &str) -> Result<Self> {
        let mut before = Self(Vec::new());
        for family in ["iptables", "ip6tables"] {
            for what in ["", "-save", "-restore"] {
                let link = Path::new("/usr/sbin").join(format!("{family}{what}"));
                let target = fs::read_link(&link).with_context(|| link.display().to_string())?;
                fs::remove_file(&link)?;
                symlink(format!("{family}-{variant}{what}"), &link)?;
                before.0.push((link, target));
            }
        }
        Ok(before)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        for (link, target) in &self.0 {
            let _ = fs::remove_file(link);
            let _ = symlink(target, link);
        }
    }
}
