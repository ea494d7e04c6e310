//! Whether KVM works here: tried once, since the device can be there and a guest still hang.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::cache::Cache;
use super::emulator::Emulator;
use super::qemu::{self, Accel, Boot, Cpus};

/// A kernel under KVM reaches its first process in about a second.
const PATIENCE: Duration = Duration::from_secs(8);

/// KVM if a guest comes up with it, else emulation. The answer is kept until the machine restarts.
pub(super) fn choose(
    cache: &Cache,
    emulator: &Emulator,
    vmlinuz: &Path,
    initramfs: &Path,
    scratch: &Path,
) -> Result<Accel> {
    if File::options()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_err()
    {
        return Ok(Accel::Tcg);
    }
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let memory = cache.path("kvm");
    if let Some(accel) = remembered(
        &fs::read_to_string(&memory).unwrap_or_default(),
        boot_id.trim(),
    ) {
        return Ok(accel);
    }
    let works = comes_up(emulator, vmlinuz, initramfs, scratch)?;
    if !works {
        eprintln!("lab: /dev/kvm is there, but a kernel does not come up with it; using emulation");
    }
    let answer = if works { "works" } else { "hangs" };
    let partial = scratch.join("kvm");
    // Renamed, so that another run reads either answer whole; without it, it only asks again.
    if fs::write(&partial, format!("{} {answer}\n", boot_id.trim())).is_ok() {
        let _ = fs::copy(&partial, &memory);
    }
    Ok(if works { Accel::Kvm } else { Accel::Tcg })
}

fn remembered(note: &str, boot_id: &str) -> Option<Accel> {
    match note.trim().split_once(' ')? {
        (id, "works") if id == boot_id => Some(Accel::Kvm),
        (id, "hangs") if id == boot_id => Some(Accel::Tcg),
        _ => None,
    }
}

fn comes_up(emulator: &Emulator, vmlinuz: &Path, initramfs: &Path, scratch: &Path) -> Result<bool> {
    let log = scratch.join("kvm.log");
    let boot = Boot {
        vmlinuz,
        initramfs,
        append: "lab.probe",
    };
    let mut qemu = emulator
        .command()
        .args(qemu::machine(Accel::Kvm, Cpus::Smp(2), 512, &boot))
        .arg("-serial")
        .arg(format!("file:{}", log.display()))
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run setpriv, which starts QEMU")?;
    let deadline = Instant::now() + PATIENCE;
    while qemu.try_wait()?.is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = qemu.kill();
    qemu.wait()?;
    Ok(fs::read_to_string(log).is_ok_and(|log| log.contains("lab: up")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_holds_until_the_machine_restarts() {
        assert_eq!(remembered("a1 works\n", "a1"), Some(Accel::Kvm));
        assert_eq!(remembered("a1 hangs\n", "a1"), Some(Accel::Tcg));
        assert_eq!(remembered("a1 hangs\n", "b2"), None);
        assert_eq!(remembered("", "a1"), None);
    }
}
