//! QEMU of the laboratory's own: that of Debian 12 executes code that another processor has just replaced.
//!
//! Before QEMU 8.1 an emulated processor that translated a page while another wrote to it could keep the old code for
//! good. A kernel writes to its code whenever a probe, a rule or a static key comes or goes; its guest then stopped at
//! an `int3` that was no longer there, or called where nothing was.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::apt::{self, Archive};
use super::cache::Cache;
use super::host;
use super::packages::MERGED;

/// Where it comes from: QEMU 10.0.
const SUITES: &[&str] = &["trixie", "trixie-security"];
const PACKAGE: &str = "qemu-system-x86";
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// It, with the libraries it was built for; the host's are not touched.
pub(super) struct Emulator {
    root: PathBuf,
}

/// The cached one, unpacked now if there is none.
pub(super) fn obtain(cache: &Cache) -> Result<Emulator> {
    let name = format!("emulators/{}", SUITES[0]);
    if !cache.path(&name).exists() {
        let _lock = cache.lock()?;
        if !cache.path(&name).exists() {
            eprintln!("lab: fetching QEMU (once)");
            cache
                .publish(&name, |at| make(cache, at))
                .context("no QEMU for the laboratory")?;
        }
    }
    Ok(Emulator {
        root: cache.path(name),
    })
}

fn make(cache: &Cache, root: &Path) -> Result<()> {
    let archive = Archive::update(cache.path("apt/emulator"), SUITES)?;
    let packages = archive.download_closure(&[PACKAGE])?;
    for name in MERGED {
        fs::create_dir_all(root.join("usr").join(name))?;
        symlink(format!("usr/{name}"), root.join(name))
            .with_context(|| format!("cannot link {name}"))?;
    }
    for package in &packages {
        apt::unpack(package, root)?;
    }
    archive.clean()
}

impl Emulator {
    /// A command that runs it. Should this process be killed, QEMU goes with it (setpriv).
    pub(super) fn command(&self) -> Command {
        let libraries = self.root.join(LIBRARIES);
        let mut command = host::command("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(libraries.join("ld-linux-x86-64.so.2"))
            .arg("--library-path")
            .arg(libraries)
            .arg(self.root.join("usr/bin/qemu-system-x86_64"));
        for firmware in ["usr/share/qemu", "usr/share/seabios"] {
            command.arg("-L").arg(self.root.join(firmware));
        }
        command
    }
}
