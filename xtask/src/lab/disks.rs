//! The disks of one run: what it brings (a tar, unpacked over the root) and what it leaves (a tar of /out).

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::host;

/// Room for /out; the file is sparse.
const OUT_BYTES: u64 = 8 << 30;

/// Writes the disk with the first process, the script, its arguments and the payload.
pub(super) fn bring(
    scratch: &Path,
    script: &Path,
    arguments: &[String],
    payload: &[(PathBuf, PathBuf)],
) -> Result<PathBuf> {
    let stage = scratch.join("stage");
    let lab = stage.join("lab");
    fs::create_dir_all(&lab)?;
    program(&lab.join("init"), include_bytes!("guest/init.sh"))?;
    let name = script.file_name().unwrap_or(OsStr::new("script"));
    let content =
        fs::read(script).with_context(|| format!("cannot read the script {}", script.display()))?;
    program(&lab.join(name), &content)?;
    let mut command = File::create(lab.join("command"))?;
    let guest_script = Path::new("/lab").join(name);
    for word in std::iter::once(guest_script.as_os_str().as_encoded_bytes())
        .chain(arguments.iter().map(|argument| argument.as_bytes()))
    {
        command.write_all(word)?;
        command.write_all(b"\0")?;
    }
    for (host_path, guest_path) in payload {
        copy(
            host_path,
            &stage.join(guest_path.strip_prefix("/").unwrap_or(guest_path)),
        )?;
    }
    let disk = scratch.join("bring.tar");
    host::run(
        host::command("tar")
            .args(["--owner=0", "--group=0", "-cf"])
            .arg(&disk)
            .arg("-C")
            .args([&stage, Path::new(".")]),
    )?;
    fs::remove_dir_all(stage)?;
    Ok(disk)
}

/// An empty disk for what the run leaves.
pub(super) fn leave(scratch: &Path) -> Result<PathBuf> {
    let disk = scratch.join("leave.tar");
    File::create(&disk)
        .and_then(|file| file.set_len(OUT_BYTES))
        .with_context(|| format!("cannot create {}", disk.display()))?;
    Ok(disk)
}

/// Unpacks what the run left into the directory `out`.
pub(super) fn collect(disk: &Path, out: &Path) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    host::run(
        host::command("tar")
            .args(["--no-same-owner", "-xf"])
            .arg(disk)
            .arg("-C")
            .arg(out),
    )
    .context("cannot copy /out from the guest")
    .map(drop)
}

fn program(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        bail!("payload {} does not exist", from.display());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    // -T: a directory becomes `to` itself. -L: a link on the host means nothing inside.
    host::run(
        host::command("cp")
            .args(["-rLT", "--preserve=mode,timestamps"])
            .args([from, to]),
    )
    .with_context(|| format!("cannot copy payload {}", from.display()))
    .map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn a_run_brings_script_arguments_and_payload() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("hello.sh"), "#!/bin/sh\n").unwrap();
        fs::write(at("data"), "d").unwrap();
        let payload = [(at("data"), PathBuf::from("/srv/x/data"))];
        let arguments = ["a b".to_owned(), String::new()];
        let disk = bring(dir.path(), &at("hello.sh"), &arguments, &payload).unwrap();
        assert_eq!(fs::metadata(&disk).unwrap().len() % 512, 0);
        collect(&disk, &at("seen")).unwrap();
        assert_eq!(
            fs::read(at("seen/lab/command")).unwrap(),
            b"/lab/hello.sh\0a b\0\0"
        );
        assert_eq!(fs::read_to_string(at("seen/srv/x/data")).unwrap(), "d");
        assert_eq!(
            fs::metadata(at("seen/lab/hello.sh"))
                .unwrap()
                .permissions()
                .mode()
                & 0o111,
            0o111
        );
    }

    #[test]
    fn a_missing_payload_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = copy(&dir.path().join("gone"), &dir.path().join("to")).unwrap_err();
        assert!(error.to_string().ends_with("gone does not exist"));
    }
}
