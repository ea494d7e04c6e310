//! Programs of the laboratory, run to their end.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, bail};

/// Runs a program; what it prints, or its complaint when it fails.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<String> {
    feed(program, arguments, "")
}

/// As [`run`], with this on its standard input.
pub(crate) fn feed(program: &str, arguments: &[&str], input: &str) -> Result<String> {
    let output = output(program, arguments, input)?;
    if !output.status.success() {
        bail!(
            "{program} {} ended with {}: {}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} printed no text"))
}

/// As [`feed`], whatever the exit status is.
pub(crate) fn output(program: &str, arguments: &[&str], input: &str) -> Result<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input says itself what is wrong.
        let _ = stdin.write_all(input.as_bytes());
    }
    Ok(child.wait_with_output()?)
}
