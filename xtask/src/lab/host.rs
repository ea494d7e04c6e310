//! What the laboratory needs from the machine it runs on: a few Debian packages.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

/// A program, and the Debian package that brings it.
const TOOLS: &[(&str, &str)] = &[
    ("setpriv", "util-linux"),
    ("mke2fs", "e2fsprogs"),
    ("debugfs", "e2fsprogs"),
    ("depmod", "kmod"),
    ("xz", "xz-utils"),
    ("zstd", "zstd"),
];

/// Signs every suite that the laboratory reads.
pub(super) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Makes sure that the programs are there: as root installs what is missing, otherwise says how.
pub(super) fn provide() -> Result<()> {
    for needed in ["apt-get", "dpkg-deb"] {
        if !present(needed) {
            bail!(
                "{needed} not found: the laboratory is made of Debian packages and needs a Debian machine (12 or newer)"
            );
        }
    }
    let missing = || {
        let mut missing = missing_packages(TOOLS, present);
        if !Path::new(KEYRING).exists() {
            missing.push("debian-archive-keyring");
        }
        missing
    };
    install(missing, "the laboratory lacks")
}

/// Makes sure that these programs are there: as root installs the packages that bring them, otherwise says how.
pub(crate) fn provide_tools(tools: &[(&str, &'static str)], lacking: &str) -> Result<()> {
    install(|| missing_packages(tools, present), lacking)
}

/// Installs what is missing, one caller after the other: guests begin at once, and apt lets nobody in beside it.
fn install(missing: impl Fn() -> Vec<&'static str>, lacking: &str) -> Result<()> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(|error| error.into_inner());
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    if !nix::unistd::geteuid().is_root() {
        bail!(
            "{lacking} Debian packages; install them with: sudo apt-get install --no-install-recommends {}",
            missing.join(" ")
        );
    }
    eprintln!("lab: installing {}", missing.join(" "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-qq", "-y", "-o", "DPkg::Lock::Timeout=300"])
            .args(arguments);
        run(&mut command)
    };
    apt(&["update"])?;
    apt(&[&["install", "--no-install-recommends"], missing.as_slice()].concat())?;
    Ok(())
}

fn missing_packages(
    tools: &[(&str, &'static str)],
    present: impl Fn(&str) -> bool,
) -> Vec<&'static str> {
    let absent = tools.iter().filter(|(tool, _)| !present(tool));
    let mut missing: Vec<_> = absent.map(|(_, package)| *package).collect();
    missing.dedup();
    missing
}

/// `PATH` of an ordinary user lacks the sbin directories, where mke2fs and depmod are.
fn search_path() -> std::ffi::OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin:/usr/bin:/bin");
    path
}

fn present(tool: &str) -> bool {
    std::env::split_paths(&search_path()).any(|dir| dir.join(tool).is_file())
}

/// A command that also finds the administrator's programs, speaks English and reads nothing.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env("PATH", search_path())
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end; a failure names the program and its own last words.
pub(crate) fn run(command: &mut Command) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!(
            "{program} failed ({}): {}",
            output.status,
            complaint(&String::from_utf8_lossy(&output.stderr)).unwrap_or("no reason given")
        );
    }
    Ok(output)
}

/// The line that tells most: apt's first `E:`, else the last that is not empty.
pub(super) fn complaint(stderr: &str) -> Option<&str> {
    let lines = || {
        stderr
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    lines()
        .find_map(|line| line.strip_prefix("E: "))
        .or_else(|| lines().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_asked_for_once() {
        let present = |tool: &str| !["mke2fs", "debugfs", "xz"].contains(&tool);
        assert_eq!(missing_packages(TOOLS, present), ["e2fsprogs", "xz-utils"]);
        assert!(missing_packages(TOOLS, |_| true).is_empty());
    }

    #[test]
    fn the_reason_is_the_line_that_tells_most() {
        let apt = "W: Some index files failed\nE: Unable to locate package wrk\nE: more\n";
        assert_eq!(complaint(apt), Some("Unable to locate package wrk"));
        assert_eq!(
            complaint("mke2fs 1.47.0\nmke2fs: No space left on device\n\n"),
            Some("mke2fs: No space left on device")
        );
        assert_eq!(complaint("\n"), None);
    }
}
