//! The root file system of the laboratory: an ext4 image made from Debian packages, without root.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::apt::{self, Archive};
use super::cache::Cache;
use super::host;
use super::packages::{DIRECTORIES, FILES, LINKS, MERGED, PACKAGES, SUITES};

/// Room on the root file system; the image is sparse, and what a run writes is thrown away.
const SIZE: &str = "6G";

/// A root file system in the cache.
pub(super) struct Image {
    dir: PathBuf,
}

impl Image {
    /// The ext4 image.
    pub(super) fn disk(&self) -> PathBuf {
        self.dir.join("root.ext4")
    }

    /// A static busybox for the initramfs.
    pub(super) fn busybox(&self) -> PathBuf {
        self.dir.join("busybox")
    }
}

/// The image for this version of the sources, made if the cache lacks it.
pub(super) fn obtain(cache: &Cache) -> Result<Image> {
    let name = format!("images/{}", key());
    if !cache.path(&name).exists() {
        let _lock = cache.lock()?;
        if !cache.path(&name).exists() {
            eprintln!(
                "lab: making the image ({} packages and what they need; once)",
                PACKAGES.len()
            );
            cache
                .publish(&name, |at| make(cache, at))
                .context("no image for the laboratory")?;
        }
    }
    Ok(Image {
        dir: cache.path(name),
    })
}

/// Changes with the list of packages and with the code that makes an image of them.
fn key() -> String {
    let mut digest = Sha256::new();
    digest.update(include_str!("packages.rs"));
    digest.update(include_str!("image.rs"));
    digest.finalize()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn make(cache: &Cache, at: &Path) -> Result<()> {
    let archive = Archive::update(cache.path("apt/image"), SUITES)?;
    let packages = archive.download_closure(PACKAGES)?;
    let root = at.join("root");
    lay_out(&root)?;
    for package in &packages {
        apt::unpack(package, &root)?;
    }
    finish(&root)?;
    fs::copy(root.join("usr/bin/busybox"), at.join("busybox"))
        .context("no busybox in busybox-static")?;
    compile_python(&root)?;
    write_disk(&root, &at.join("root.ext4"))?;
    let names = packages
        .iter()
        .filter_map(|path| path.file_stem())
        .map(|name| name.to_string_lossy() + "\n");
    fs::write(at.join("packages.txt"), names.collect::<String>())?;
    fs::remove_dir_all(&root).context("cannot remove the unpacked packages")?;
    archive.clean()
}

fn lay_out(root: &Path) -> Result<()> {
    for dir in DIRECTORIES {
        fs::create_dir_all(root.join(dir)).with_context(|| format!("cannot create {dir}"))?;
    }
    for name in MERGED {
        symlink(format!("usr/{name}"), root.join(name))
            .with_context(|| format!("cannot link {name}"))?;
    }
    Ok(())
}

/// What maintainer scripts would have done.
fn finish(root: &Path) -> Result<()> {
    for (name, target) in LINKS {
        let link = root.join(name);
        if link.is_symlink() {
            fs::remove_file(&link)?;
        }
        symlink(target, &link).with_context(|| format!("cannot link {name}"))?;
    }
    for (name, content) in FILES {
        fs::write(root.join(name), content).with_context(|| format!("cannot write {name}"))?;
    }
    // nginx's own default site listens on port 80, which scripts want for themselves.
    let site = root.join("etc/nginx/sites-enabled/default");
    if site.is_symlink() {
        fs::remove_file(site)?;
    }
    Ok(())
}

/// Python's byte code, made by the image's own interpreter: compiling at each import is slow under emulation.
fn compile_python(root: &Path) -> Result<()> {
    let usr = root.join("usr");
    let libraries = usr.join("lib/x86_64-linux-gnu");
    let Some(library) = fs::read_dir(usr.join("lib"))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find(|name| name.starts_with("python3."))
    else {
        return Ok(());
    };
    let mut compile = host::command(libraries.join("ld-linux-x86-64.so.2"));
    compile
        .arg("--library-path")
        .arg(&libraries)
        .arg(usr.join("bin").join(&library));
    compile
        .env("PYTHONHOME", &usr)
        .args(["-m", "compileall", "-q", "-s"])
        .arg(root)
        .args(["-p", "/"]);
    host::run(
        compile
            .arg(usr.join("lib").join(&library))
            .arg(usr.join("lib/python3")),
    )
    .map(drop)
}

fn write_disk(root: &Path, disk: &Path) -> Result<()> {
    host::run(
        host::command("mke2fs")
            .args([
                "-q",
                "-t",
                "ext4",
                "-O",
                "^has_journal",
                "-m",
                "0",
                "-N",
                "65536",
            ])
            // Initialised now, so that no kernel thread does it while something is measured.
            .args(["-E", "lazy_itable_init=0,root_owner=0:0", "-d"])
            .args([root, disk])
            .arg(SIZE),
    )?;
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    // Unpacked by an ordinary user, files are his; inside they must be root's.
    let mut commands = String::new();
    give_to_root(root, root, &mut commands)?;
    let script = disk.with_extension("debugfs");
    fs::write(&script, commands)?;
    host::run(
        host::command("debugfs")
            .arg("-w")
            .arg("-f")
            .args([&script, &disk.to_path_buf()]),
    )?;
    fs::remove_file(script).map_err(Into::into)
}

fn give_to_root(root: &Path, dir: &Path, commands: &mut String) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        let path = entry.path();
        let inside = path.strip_prefix(root)?.display();
        for field in ["uid", "gid"] {
            *commands += &format!("set_inode_field \"/{inside}\" {field} 0\n");
        }
        if entry.file_type()?.is_dir() {
            give_to_root(root, &path, commands)?;
        }
    }
    Ok(())
}
