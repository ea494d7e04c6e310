//! ctwatch's own programs, as one static file each: they run in any guest.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};

use super::host;

/// Builds a program of the workspace statically and says where it is.
///
/// Errors: the compiler's, which it has already shown on standard error.
pub(crate) fn build_static(package: &str, bin: &str) -> Result<PathBuf> {
    let arguments = ["--profile", "lab", "--target", "x86_64-unknown-linux-gnu"];
    build(
        package,
        bin,
        &arguments,
        Some("-C target-feature=+crt-static"),
    )
}

/// Builds a program as it is installed, and says where it is.
pub(crate) fn build_release(package: &str, bin: &str) -> Result<PathBuf> {
    build(package, bin, &["--release"], None)
}

fn build(package: &str, bin: &str, arguments: &[&str], flags: Option<&str>) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = host::command(cargo);
    if let Some(flags) = flags {
        command.env("RUSTFLAGS", flags);
    }
    let output = command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["build", "--quiet"])
        .args(arguments)
        .args([
            "--message-format",
            "json-render-diagnostics",
            "-p",
            package,
            "--bin",
            bin,
        ])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("{package} does not build (the compiler's words are above)");
    }
    executable(&String::from_utf8_lossy(&output.stdout), bin)
        .ok_or_else(|| anyhow!("cargo did not say where it put {bin}"))
}

fn executable(messages: &str, bin: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| {
            let named =
                message["reason"] == "compiler-artifact" && message["target"]["name"] == bin;
            named
                .then(|| message["executable"].as_str().map(PathBuf::from))
                .flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_told_apart_from_the_library_of_its_name() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"ctwatch"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"ctwatch"},"executable":"/t/lab/ctwatch"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(
            executable(messages, "ctwatch"),
            Some("/t/lab/ctwatch".into())
        );
        assert_eq!(executable(messages, "other"), None);
    }
}
