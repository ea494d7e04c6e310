//! Stock Debian cloud kernels: found in the archive by version, kept in the cache.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::apt::{self, Archive};
use super::cache::Cache;
use super::modules;

/// How long a cached kernel is taken without asking the archive for a newer build.
const FRESH: Duration = Duration::from_secs(14 * 24 * 3600);

/// Kernel series the laboratory boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kernel {
    /// Debian 11 (bullseye)
    #[value(name = "5.10")]
    V5_10,
    /// Debian 12 (bookworm)
    #[value(name = "6.1")]
    V6_1,
    /// Debian 13's kernel, as Debian 12 offers it
    #[value(name = "6.12")]
    V6_12,
    /// Debian 13 backports
    #[value(name = "6.18")]
    V6_18,
    /// Debian 13 backports
    #[value(name = "7.2")]
    V7_2,
}

impl Kernel {
    /// The series, such as `6.1`.
    pub(crate) fn series(self) -> &'static str {
        match self {
            Self::V5_10 => "5.10",
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::V6_18 => "6.18",
            Self::V7_2 => "7.2",
        }
    }

    fn suites(self) -> &'static [&'static str] {
        match self {
            Self::V5_10 => &["bullseye", "bullseye-security"],
            Self::V6_1 => &["bookworm", "bookworm-security"],
            Self::V6_12 => &["bookworm-backports", "bookworm-security"],
            Self::V6_18 | Self::V7_2 => &["trixie-backports"],
        }
    }

    /// What the names of the packages begin with: the image's first. Debian splits them from 7.1 on.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::V7_2 => &["linux-binary-", "linux-modules-", "linux-base-"],
            _ => &["linux-image-"],
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.series())
    }
}

/// A kernel in the cache.
pub(super) struct Stock {
    dir: PathBuf,
}

impl Stock {
    /// What the boot loader starts.
    pub(super) fn vmlinuz(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    /// File system image of /lib/modules.
    pub(super) fn modules_image(&self) -> PathBuf {
        self.dir.join("modules.ext4")
    }

    /// Modules that must be loaded before there is a root file system, in order.
    pub(super) fn boot_modules(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.dir.join("boot"))? {
            found.push(entry?.path());
        }
        found.sort();
        Ok(found)
    }

    /// Full version, such as `6.1.0-56-cloud-amd64`.
    pub(super) fn release(&self) -> String {
        self.dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }
}

/// The newest build of `kernel`: from the cache while fresh, else from the archive.
pub(super) fn obtain(cache: &Cache, kernel: Kernel) -> Result<Stock> {
    let cached = newest_cached(cache, kernel);
    if let Some(stock) = &cached
        && asked_lately(&asked_stamp(cache, kernel))
    {
        return Ok(Stock {
            dir: stock.dir.clone(),
        });
    }
    let _lock = cache.lock()?;
    match (fetch(cache, kernel), newest_cached(cache, kernel)) {
        (Ok(stock), _) => Ok(stock),
        (Err(error), Some(stock)) => {
            eprintln!(
                "lab: {error:#}; going on with the cached {}",
                stock.release()
            );
            Ok(stock)
        }
        (Err(error), None) => Err(error.context(format!("no kernel {kernel}"))),
    }
}

fn newest_cached(cache: &Cache, kernel: Kernel) -> Option<Stock> {
    let home = cache.path(format!("kernels/{kernel}"));
    let names = fs::read_dir(&home)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let newest = names
        .filter(|name| !name.starts_with('.'))
        .max_by_key(|name| version(name))?;
    Some(Stock {
        dir: home.join(newest),
    })
}

fn asked_stamp(cache: &Cache, kernel: Kernel) -> PathBuf {
    cache.path(format!("kernels/{kernel}/.asked"))
}

fn asked_lately(stamp: &Path) -> bool {
    let age = |asked: SystemTime| SystemTime::now().duration_since(asked).unwrap_or_default();
    fs::metadata(stamp)
        .and_then(|meta| meta.modified())
        .is_ok_and(|asked| age(asked) < FRESH)
}

/// Asks the archive, and downloads unless the cache has that build. The caller holds the lock.
fn fetch(cache: &Cache, kernel: Kernel) -> Result<Stock> {
    let stamp = asked_stamp(cache, kernel);
    if let Some(stock) = newest_cached(cache, kernel).filter(|_| asked_lately(&stamp)) {
        return Ok(stock);
    }
    let archive = Archive::update(
        cache.path(format!("apt/{}", kernel.suites().join("+"))),
        kernel.suites(),
    )?;
    let stems = kernel.packages();
    let prefix = format!("{}{kernel}.", stems[0]);
    let Some(image) = newest(&archive.names(&prefix)?, &prefix) else {
        bail!(
            "the archive has no {prefix}*-cloud-amd64 in {}",
            kernel.suites().join(", ")
        );
    };
    let release = image.trim_start_matches(stems[0]).to_owned();
    let packages: Vec<String> = stems
        .iter()
        .map(|stem| format!("{stem}{release}"))
        .collect();
    let name = format!("kernels/{kernel}/{release}");
    if !cache.path(&name).exists() {
        eprintln!("lab: fetching {}", packages.join(" "));
        cache.publish(&name, |at| unpack(&archive, &packages, &release, at))?;
    }
    fs::write(&stamp, "").with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(Stock {
        dir: cache.path(name),
    })
}

fn unpack(archive: &Archive, packages: &[String], release: &str, at: &Path) -> Result<()> {
    let root = at.join("root");
    fs::create_dir_all(&root)?;
    // Newer packages ship usr/lib/modules: through this link both forms arrive in one place.
    fs::create_dir_all(root.join("usr/lib"))?;
    std::os::unix::fs::symlink("usr/lib", root.join("lib"))?;
    for package in archive.download(packages, &at.join("deb"))? {
        apt::unpack(&package, &root)?;
    }
    let image = [
        root.join("boot"),
        root.join("usr/lib/modules").join(release),
    ]
    .into_iter()
    .flat_map(|dir| [dir.join(format!("vmlinuz-{release}")), dir.join("vmlinuz")])
    .find(|path| path.exists())
    .with_context(|| format!("no vmlinuz in {}", packages.join(", ")))?;
    fs::rename(image, at.join("vmlinuz"))?;
    let config = root.join("boot").join(format!("config-{release}"));
    if config.exists() {
        // Where bpftool and people look for it; the laboratory links /boot/config-* to it.
        fs::rename(
            config,
            root.join("usr/lib/modules").join(release).join("config"),
        )?;
    }
    modules::prepare(&root, release, at)?;
    fs::remove_dir_all(root)?;
    fs::remove_dir_all(at.join("deb"))?;
    Ok(())
}

/// Among package names the newest build of a series: `PREFIX…-cloud-amd64`, not `-dbg`, not `-unsigned`.
fn newest(names: &[String], prefix: &str) -> Option<String> {
    names
        .iter()
        .filter(|name| name.starts_with(prefix) && name.ends_with("-cloud-amd64"))
        .max_by_key(|name| version(name))
        .cloned()
}

/// The numbers in a name, which order Debian's kernel builds as their versions do.
fn version(name: &str) -> Vec<u64> {
    let name = name.strip_suffix("-cloud-amd64").unwrap_or(name);
    name.split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_build_is_chosen_by_number_not_by_letter() {
        let names = [
            "linux-image-6.1.0-9-cloud-amd64",
            "linux-image-6.1.0-56-cloud-amd64",
            "linux-image-6.1.0-57-cloud-amd64-unsigned",
            "linux-image-6.1.0-58-cloud-amd64-dbg",
            "linux-image-6.1.0-59-amd64",
            "linux-image-6.12.117+deb12-cloud-amd64",
        ]
        .map(str::to_owned);
        let chosen = newest(&names, "linux-image-6.1.");
        assert_eq!(chosen.as_deref(), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(newest(&names, "linux-image-5.10."), None);
    }

    #[test]
    fn a_point_build_is_newer_than_its_base() {
        let names = ["6.12.90+deb12-cloud-amd64", "6.12.90+deb12.1-cloud-amd64"].map(str::to_owned);
        assert_eq!(newest(&names, "6.12."), Some(names[1].clone()));
    }
}
