//! Runs a program that prints something, and waits neither for ever nor for more than it should print.

use std::{
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::source::privilege::{Capability, lend};

/// Where administration programs are, on NixOS too. The caller's PATH is not asked: what is found here is run with
/// capabilities that the caller need not have.
const SYSTEM: [&str; 5] = [
    "/usr/sbin",
    "/sbin",
    "/usr/bin",
    "/bin",
    "/run/current-system/sw/bin",
];

/// What a program may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) time: Duration,
    pub(super) output: u64,
}

/// The program's output, or in words why there is none. It has these capabilities at most, and nothing of the caller's
/// environment, which could make it load or run something else.
pub(super) fn run(
    name: &str,
    arguments: &[&str],
    capabilities: &[Capability],
    limits: Limits,
) -> Result<String, String> {
    feed(name, arguments, capabilities, limits, String::new())
}

/// As [`run`], with something to read.
pub(super) fn feed(
    name: &str,
    arguments: &[&str],
    capabilities: &[Capability],
    limits: Limits,
    input: String,
) -> Result<String, String> {
    let path = find(name).ok_or_else(|| format!("{name} is not installed"))?;
    let start = || {
        Command::new(path)
            .args(arguments)
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", SYSTEM.join(":"))
            .current_dir("/")
            .stdin(if input.is_empty() {
                Stdio::null()
            } else {
                Stdio::piped()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let mut child = lend(capabilities, start)
        .flatten()
        .map_err(|error| format!("{name} cannot be started: {error}"))?;
    if let Some(mut pipe) = child.stdin.take() {
        // What a program does not read is its own affair: its exit status tells.
        thread::spawn(move || pipe.write_all(input.as_bytes()));
    }
    let output = collect(child.stdout.take(), limits.output);
    let errors = collect(child.stderr.take(), 64 * 1024);
    let deadline = Instant::now() + limits.time;
    let result = finish(&mut child, &output, deadline, limits);
    // Does nothing to a child that was waited for.
    let _ = child.kill();
    let _ = child.wait();
    let (status, output) = result.map_err(|problem| format!("{name} {problem}"))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&output).into_owned());
    }
    let errors = errors
        .recv_timeout(Duration::from_secs(1))
        .unwrap_or(Ok(Vec::new()));
    let errors = errors.unwrap_or_default();
    let errors = String::from_utf8_lossy(&errors);
    let reason = errors
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no reason given");
    Err(format!("{name} failed ({status}): {reason}"))
}

fn find(name: &str) -> Option<PathBuf> {
    SYSTEM
        .iter()
        .map(|directory| Path::new(directory).join(name))
        .find(|path| path.is_file())
}

type Collected = mpsc::Receiver<io::Result<Vec<u8>>>;

/// Reads up to one byte more than `limit`, on a thread of its own that ends with the pipe.
fn collect(pipe: Option<impl Read + Send + 'static>, limit: u64) -> Collected {
    let (sender, receiver) = mpsc::channel();
    if let Some(pipe) = pipe {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let result = pipe.take(limit + 1).read_to_end(&mut bytes);
            let _ = sender.send(result.map(|_| bytes));
        });
    }
    receiver
}

fn finish(
    child: &mut Child,
    output: &Collected,
    deadline: Instant,
    limits: Limits,
) -> Result<(ExitStatus, Vec<u8>), String> {
    let late = || format!("did not finish within {:?}", limits.time);
    let left = deadline.saturating_duration_since(Instant::now());
    let output = output
        .recv_timeout(left)
        .map_err(|_| late())?
        .map_err(|error| format!("cannot be read: {error}"))?;
    if output.len() as u64 > limits.output {
        return Err(format!("printed more than {} MiB", limits.output >> 20));
    }
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok((status, output)),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
            Ok(None) => return Err(late()),
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    const LIMITS: Limits = Limits {
        time: Duration::from_millis(500),
        output: 1 << 20,
    };

    fn shell(script: &str) -> Result<String, String> {
        run("sh", &["-c", script], &[], LIMITS)
    }

    #[test]
    fn output_is_kept_word_for_word() {
        assert_eq!(
            shell("printf '*raw\\nCOMMIT\\n'"),
            Ok("*raw\nCOMMIT\n".to_owned())
        );
    }

    #[test]
    fn a_program_reads_all_that_it_is_fed() {
        let input = "x".repeat(1 << 18);
        let counted = feed("sh", &["-c", "wc -c"], &[], LIMITS, input).unwrap();
        assert_eq!(counted.trim(), "262144");
    }

    #[test]
    fn a_failure_says_what_the_program_said() {
        let failure = shell("echo; echo 'you must be root' >&2; exit 4");
        assert_eq!(
            failure,
            Err("sh failed (exit status: 4): you must be root".to_owned())
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let missing = run("no-such-program", &[], &[], LIMITS);
        assert_eq!(missing, Err("no-such-program is not installed".to_owned()));
    }

    #[test]
    fn a_program_has_no_more_than_it_is_lent_and_nothing_of_the_environment() {
        let status = "exec grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status";
        let lent = run("sh", &["-c", status], &[Capability::CAP_NET_ADMIN], LIMITS).unwrap();
        let sets: Vec<&str> = lent
            .lines()
            .filter_map(|line| line.split('\t').nth(1))
            .collect();
        // An ordinary user has none to lend, and its bounding set gives none.
        let expected = if nix::unistd::Uid::effective().is_root() {
            vec!["0000000000001000"; 5]
        } else {
            assert_eq!(sets.len(), 5);
            [
                vec!["0000000000000000"; 3],
                vec![sets[3], "0000000000000000"],
            ]
            .concat()
        };
        assert_eq!(sets, expected);
        let variables = shell("exec env").unwrap();
        let names: Vec<&str> = variables
            .lines()
            .filter_map(|line| line.split('=').next())
            .collect();
        assert!(
            names
                .iter()
                .all(|name| ["LC_ALL", "PATH", "PWD", "SHLVL", "_"].contains(name)),
            "{variables}"
        );
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let began = Instant::now();
        for script in ["exec sleep 60", "exec >&- 2>&-; exec sleep 60"] {
            let late = shell(script);
            assert_eq!(late, Err("sh did not finish within 500ms".to_owned()));
        }
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_program_that_never_stops_printing_is_ended() {
        assert_eq!(
            shell("exec yes"),
            Err("sh printed more than 1 MiB".to_owned())
        );
    }
}
