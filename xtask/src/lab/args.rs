//! Arguments of `cargo xtask vm`, checked.

use std::path::PathBuf;
use std::time::Duration;

use super::kernel::Kernel;
use super::machine::Machine;
use super::qemu::Cpus;

/// Arguments of `cargo xtask vm`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kernel series.
    #[arg(long, value_enum, default_value = "6.1")]
    kernel: Kernel,
    /// Number of processors.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    smp: u32,
    /// One processor whose clock counts instructions: repeatable, unrelated to real time.
    #[arg(long, conflicts_with = "smp")]
    icount: bool,
    /// Memory, from 256MiB on.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory_mib)]
    memory: u64,
    /// End the run when nothing was heard from it for so long.
    #[arg(long, value_name = "DUR", default_value = "3m", value_parser = timeout)]
    timeout: Duration,
    /// File or directory to bring; in the guest it is /root/NAME unless a path is given.
    #[arg(long, value_name = "HOSTPATH[:GUESTPATH]", value_parser = payload)]
    payload: Vec<(PathBuf, PathBuf)>,
    /// Directory for what the script leaves in /out; default target/vm/out, emptied first.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Script to run inside, with its arguments.
    #[arg(last = true, required = true, value_name = "SCRIPT [ARG]")]
    pub(super) command: Vec<String>,
}

impl Args {
    /// The machine they describe, which leaves its files in `out`.
    pub(super) fn machine(&self, out: PathBuf) -> Machine {
        let cpus = if self.icount {
            Cpus::Icount
        } else {
            Cpus::Smp(self.smp)
        };
        let mut machine = Machine::new(self.kernel, out);
        machine.cpus = cpus;
        machine.memory_mib = self.memory;
        machine.timeout = self.timeout;
        machine.payload.clone_from(&self.payload);
        machine
    }
}

fn memory_mib(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let factor = match unit {
        "MiB" => 1,
        "GiB" => 1024,
        _ => return Err("a size is a whole number with MiB or GiB, such as 512MiB".into()),
    };
    match number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
    {
        Some(mib @ 256..=1_048_576) => Ok(mib),
        _ => Err("memory is from 256MiB to 1024GiB".into()),
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time >= Duration::from_secs(1) => Ok(time),
        Ok(_) => Err("no kernel boots in less than 1s".into()),
        Err(error) => Err(format!("{error}; durations look like 30s or 5m")),
    }
}

fn payload(text: &str) -> Result<(PathBuf, PathBuf), String> {
    let (host, guest) = match text.split_once(':') {
        Some((host, guest)) => (PathBuf::from(host), PathBuf::from(guest)),
        None => {
            let host = PathBuf::from(text);
            let name = host
                .file_name()
                .ok_or("a path that ends in a name is needed, or HOSTPATH:GUESTPATH")?;
            (host.clone(), PathBuf::from("/root").join(name))
        }
    };
    if !guest.is_absolute() || guest.components().any(|part| part.as_os_str() == "..") {
        return Err("the path in the guest must be absolute, without '..'".into());
    }
    Ok((host, guest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Result<Machine, clap::Error> {
        let words = std::iter::once("vm").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.args.machine("/o".into()))
    }

    #[test]
    fn a_script_alone_gets_two_processors_and_kernel_6_1() {
        let machine = parse("-- x.sh -v --kernel").unwrap();
        assert_eq!((machine.kernel, machine.cpus), (Kernel::V6_1, Cpus::Smp(2)));
        assert_eq!(machine.memory_mib, 1024);
    }

    #[test]
    fn counting_instructions_excludes_several_processors() {
        assert_eq!(parse("--icount -- x").unwrap().cpus, Cpus::Icount);
        assert!(parse("--icount --smp 2 -- x").is_err());
        assert!(parse("--smp 0 -- x").is_err());
        assert!(parse("--kernel 4.19 -- x").is_err());
        assert!(parse("--kernel 6.12").is_err());
    }

    #[test]
    fn sizes_and_durations_carry_units() {
        assert_eq!(memory_mib("2GiB"), Ok(2048));
        assert_eq!(timeout("1m30s"), Ok(Duration::from_secs(90)));
        for size in [
            "",
            "512",
            "1T",
            "255MiB",
            "99999999999999999999GiB",
            "-1GiB",
        ] {
            assert!(memory_mib(size).is_err(), "{size}");
        }
        for time in ["", "5", "10ms", "soon"] {
            assert!(timeout(time).is_err(), "{time}");
        }
    }

    #[test]
    fn payload_goes_to_root_or_where_it_is_told() {
        assert_eq!(
            payload("a/b.db"),
            Ok(("a/b.db".into(), "/root/b.db".into()))
        );
        assert_eq!(
            payload("b:/usr/local/bin/x"),
            Ok(("b".into(), "/usr/local/bin/x".into()))
        );
        assert!(payload("b:x").is_err());
        assert!(payload("b:/x/../../etc").is_err());
        assert!(payload("/").is_err());
    }
}
