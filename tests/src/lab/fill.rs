//! Entries by the thousand, as conntrack-tools load them.

use std::{fmt::Write as _, fs};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use super::world::{NODE, World};

/// Whether the kernel may evict an entry for a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It may not: traffic was seen both ways.
    Assured,
    /// It may.
    Unreplied,
}

/// Lines that conntrack-tools load at once: it keeps them all, 2 KB each.
const AT_ONCE: usize = 20_000;

/// Puts so many UDP entries of an hour to this port of the node into its table.
pub(crate) fn table(world: &World, entries: u64, port: u16, kind: Kind) -> Result<()> {
    let status = match kind {
        Kind::Assured => "-u SEEN_REPLY,ASSURED",
        Kind::Unreplied => "",
    };
    let numbers: Vec<u64> = (0..entries).collect();
    let file = NamedTempFile::new().context("no file for entries")?;
    let name = file.path().to_string_lossy();
    for chunk in numbers.chunks(AT_ONCE) {
        let mut lines = String::new();
        for number in chunk {
            let (high, middle, low) = (number >> 14 & 0xff, number >> 6 & 0xff, number & 0x3f);
            writeln!(
                lines,
                "-A -t 3600 {status} -p udp -s 198.{}.{high}.{middle} -d {NODE} --sport {} --dport {port}",
                18 + (number >> 22),
                1024 + low
            )?;
        }
        fs::write(file.path(), lines)?;
        world.conntrack(&["-R", &name])?;
    }
    Ok(())
}
