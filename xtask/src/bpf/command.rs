//! Running other programs: their own messages pass through, a failure names the program.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Variables with which a caller's cargo or shell would change how the kernel side or its linker is compiled.
const COMPILER_VARIABLES: [&str; 6] = [
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

/// The cargo that runs this xtask.
pub(super) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for variable in COMPILER_VARIABLES {
        cargo.env_remove(variable);
    }
    cargo
}

/// Runs to the end; the program's output goes to this program's.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let name = name(command);
    let status = command
        .status()
        .with_context(|| format!("cannot run {name}"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// Runs to the end and returns what the program printed on stdout.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let name = name(command);
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        let last = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{name} failed ({}): {}",
            output.status,
            last.trim().lines().last().unwrap_or("it printed nothing")
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{name} printed something else than text"))
}

/// The program and its first argument, which for cargo, rustup and apt-get is the subcommand.
fn name(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut name = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned();
    if let Some(first) = command.get_args().next().map(OsStr::to_string_lossy) {
        name.push(' ');
        name.push_str(&first);
    }
    name
}
