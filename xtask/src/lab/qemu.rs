//! The command line of QEMU.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Processors of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cpus {
    /// So many, each emulated by a thread of its own.
    Smp(u32),
    /// One, whose time is the number of instructions it executed: repeatable, and no real time.
    Icount,
}

/// Who executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accel {
    /// The processor.
    Kvm,
    /// QEMU's emulation.
    Tcg,
}

/// What the guest boots.
pub(super) struct Boot<'a> {
    pub(super) vmlinuz: &'a Path,
    pub(super) initramfs: &'a Path,
    /// Added to the kernel's command line.
    pub(super) append: &'a str,
}

/// A disk; the guest sees them as vda, vdb, … in order.
pub(super) struct Disk {
    pub(super) image: PathBuf,
    pub(super) keep: Keep,
}

/// What becomes of writes to a disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Thrown away at the end.
    Nothing,
    /// Refused.
    ReadOnly,
    /// Kept in the image.
    All,
}

/// Arguments for the machine itself: processors, memory in MiB, kernel.
pub(super) fn machine(accel: Accel, cpus: Cpus, memory_mib: u64, boot: &Boot) -> Vec<OsString> {
    let mut arguments =
        words("-nodefaults -no-user-config -display none -no-reboot -machine pc,hpet=off");
    arguments.extend(match (accel, cpus) {
        (_, Cpus::Icount) => {
            words("-accel tcg,thread=single -cpu max -smp 1 -icount shift=0,sleep=off")
        }
        (Accel::Kvm, Cpus::Smp(number)) => words(&format!("-accel kvm -cpu host -smp {number}")),
        (Accel::Tcg, Cpus::Smp(number)) => {
            words(&format!("-accel tcg,thread=multi -cpu max -smp {number}"))
        }
    });
    // panic=-1: restart at once, which -no-reboot turns into the end of QEMU.
    let append = format!(
        "console=ttyS0 loglevel=7 panic=-1 net.ifnames=0 {}",
        boot.append
    );
    arguments.extend(words(&format!("-m {memory_mib}M")));
    for (name, value) in [
        ("-kernel", boot.vmlinuz.as_os_str()),
        ("-initrd", boot.initramfs.as_os_str()),
        ("-append", append.trim_end().as_ref()),
    ] {
        arguments.extend([name.into(), value.to_owned()]);
    }
    arguments
}

/// Arguments for the kernel's console, to a listening socket.
pub(super) fn console(socket: &Path) -> Vec<OsString> {
    let mut arguments = chardev("kernel", socket);
    arguments.extend(words("-serial chardev:kernel"));
    arguments
}

/// Arguments for a named port, to a listening socket. The first needs [`port_bus`] before it.
pub(super) fn port(name: &str, socket: &Path) -> Vec<OsString> {
    let mut arguments = chardev(name, socket);
    arguments.extend(words(&format!(
        "-device virtserialport,chardev={name},name={name}"
    )));
    arguments
}

/// Arguments for the bus of the ports.
pub(super) fn port_bus() -> Vec<OsString> {
    words("-device virtio-serial-pci")
}

/// Arguments for a disk.
pub(super) fn disk(disk: &Disk) -> Vec<OsString> {
    let keep = match disk.keep {
        Keep::Nothing => "snapshot=on",
        Keep::ReadOnly => "readonly=on",
        Keep::All => "cache=unsafe",
    };
    vec![
        "-drive".into(),
        option(&format!("if=virtio,format=raw,{keep},file="), &disk.image),
    ]
}

fn chardev(id: &str, socket: &Path) -> Vec<OsString> {
    vec![
        "-chardev".into(),
        option(&format!("socket,id={id},path="), socket),
    ]
}

/// QEMU reads a comma in a value as its end, unless doubled.
fn option(before: &str, path: &Path) -> OsString {
    format!("{before}{}", path.to_string_lossy().replace(',', ",,")).into()
}

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(accel: Accel, cpus: Cpus) -> String {
        let boot = Boot {
            vmlinuz: Path::new("/k"),
            initramfs: Path::new("/i"),
            append: "",
        };
        machine(accel, cpus, 1024, &boot)
            .join(" ".as_ref())
            .to_string_lossy()
            .into_owned()
    }

    #[test]
    fn counted_instructions_never_run_on_the_processor_itself() {
        let line = line(Accel::Kvm, Cpus::Icount);
        assert!(
            line.contains("-accel tcg,thread=single -cpu max -smp 1 -icount shift=0,sleep=off")
        );
        assert!(!line.contains("kvm"));
    }

    #[test]
    fn processors_and_memory_reach_qemu() {
        let line = line(Accel::Tcg, Cpus::Smp(3));
        assert!(line.contains("-accel tcg,thread=multi -cpu max -smp 3 -m 1024M"));
    }

    #[test]
    fn a_comma_in_a_path_is_doubled() {
        let image = Disk {
            image: "/a,b".into(),
            keep: Keep::ReadOnly,
        };
        assert_eq!(
            disk(&image)[1],
            "if=virtio,format=raw,readonly=on,file=/a,,b"
        );
    }
}
