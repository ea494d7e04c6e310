//! apt with lists, cache and sources of its own: reads other suites, changes nothing of the host's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::host;

/// A set of Debian suites with their package lists.
pub(crate) struct Archive {
    home: PathBuf,
}

impl Archive {
    /// Reads the lists of `suites` (say `bookworm`, `bookworm-security`) into `home`.
    ///
    /// The host's own apt sources say where Debian is; its proxies and credentials apply too.
    pub(crate) fn update(home: PathBuf, suites: &[&str]) -> Result<Self> {
        for dir in ["state/lists/partial", "cache/archives/partial", "log"] {
            fs::create_dir_all(home.join(dir))
                .with_context(|| format!("cannot create {}", home.display()))?;
        }
        // An empty status file: nothing counts as installed, so the closure of a package is complete.
        fs::write(home.join("state/status"), "")?;
        fs::write(home.join("apt.conf"), configuration(&home))?;
        fs::write(home.join("sources.list"), sources(&mirrors()?, suites)?)?;
        let archive = Self { home };
        host::run(
            archive
                .apt("apt-get")
                .args(["-qq", "--error-on=any", "update"]),
        )
        .context(
            "cannot read Debian's package lists (is the archive reachable? try: apt-get update)",
        )?;
        Ok(archive)
    }

    /// Names of packages that begin with `prefix`.
    pub(super) fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let output = host::run(self.apt("apt-cache").args(["pkgnames", prefix]))?;
        Ok(String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect())
    }

    /// The versions of a package, newest first.
    pub(crate) fn versions(&self, package: &str) -> Result<Vec<String>> {
        let output = host::run(self.apt("apt-cache").args(["madison", package]))?;
        Ok(String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| Some(line.split('|').nth(1)?.trim().to_owned()))
            .collect())
    }

    /// Downloads `packages` alone.
    pub(crate) fn download(&self, packages: &[String], into: &Path) -> Result<Vec<PathBuf>> {
        fs::create_dir_all(into)?;
        host::run(
            self.apt("apt-get")
                .current_dir(into)
                .args(["-qq", "download"])
                .args(packages),
        )
        .with_context(|| format!("cannot download {}", packages.join(" ")))?;
        debs(into)
    }

    /// Downloads `packages` and all that they depend on.
    pub(super) fn download_closure(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        // What an earlier attempt left may be of another version.
        self.clean()?;
        let mut install = self.apt("apt-get");
        host::run(
            install
                .args(["-qq", "-y", "install", "--download-only"])
                .args(packages),
        )
        .context("cannot download the packages of the laboratory's image")?;
        debs(&self.home.join("cache/archives"))
    }

    /// Frees what was downloaded with its closure.
    pub(super) fn clean(&self) -> Result<()> {
        host::run(self.apt("apt-get").arg("clean")).map(drop)
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = host::command(program);
        command.arg("-c").arg(self.home.join("apt.conf"));
        command
    }
}

/// Unpacks a package; its maintainer scripts do not run.
pub(crate) fn unpack(package: &Path, root: &Path) -> Result<()> {
    let mut list = host::command("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .context("cannot run dpkg-deb")?;
    let Some(stream) = list.stdout.take() else {
        bail!("dpkg-deb gave no output")
    };
    // /bin and /lib are links into /usr and must stay so, though old packages ship them as directories.
    let unpacked = host::run(
        host::command("tar")
            .args(["-xp", "--keep-directory-symlink", "-C"])
            .arg(root)
            .stdin(stream),
    );
    if !list.wait()?.success() || unpacked.is_err() {
        bail!(
            "cannot unpack {} (a broken download? remove it and run again)",
            package.display()
        );
    }
    Ok(())
}

/// apt reads this after the host's own configuration, hence the `#clear`s: hooks of the host stay out.
fn configuration(home: &Path) -> String {
    let home = home.display();
    format!(
        r##"#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Dir::State "{home}/state";
Dir::State::status "{home}/state/status";
Dir::Cache "{home}/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Log "{home}/log";
Dir::Etc::sourcelist "{home}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
APT::Keep-Downloaded-Packages "true";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
"##
    )
}

/// Where the host finds Debian, and Debian's security updates.
#[derive(Debug, PartialEq)]
struct Mirrors {
    main: String,
    security: Option<String>,
}

fn mirrors() -> Result<Mirrors> {
    let format = "$(CREATED_BY) $(REPO_URI) $(RELEASE) $(COMPONENT)";
    // Without --no-release-info apt lists only what it has already fetched: nothing, on a fresh machine.
    let output = host::run(host::command("apt-get").args([
        "indextargets",
        "--no-release-info",
        "--format",
        format,
    ]))?;
    match parse_mirrors(&String::from_utf8_lossy(&output.stdout)) {
        Some(mirrors) => Ok(mirrors),
        None => bail!(
            "no Debian archive among this machine's apt sources (see sources.list(5); component main is needed)"
        ),
    }
}

fn parse_mirrors(targets: &str) -> Option<Mirrors> {
    const RELEASES: &[&str] = &[
        "bullseye",
        "bookworm",
        "trixie",
        "forky",
        "sid",
        "oldstable",
        "stable",
        "testing",
        "unstable",
    ];
    let (mut main, mut security) = (None, None);
    for line in targets.lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        let ["Packages", uri, release, "main"] = fields[..] else {
            continue;
        };
        match release.strip_suffix("-security") {
            Some(base) if RELEASES.contains(&base) => {
                security.get_or_insert_with(|| uri.to_owned())
            }
            None if RELEASES.contains(&release) => main.get_or_insert_with(|| uri.to_owned()),
            _ => continue,
        };
    }
    Some(Mirrors {
        main: main?,
        security,
    })
}

fn sources(mirrors: &Mirrors, suites: &[&str]) -> Result<String> {
    let mut list = String::new();
    for suite in suites {
        let uri = match (suite.ends_with("-security"), &mirrors.security) {
            (false, _) => &mirrors.main,
            (true, Some(uri)) => uri,
            (true, None) => continue,
        };
        list += &format!("deb [signed-by={}] {uri} {suite} main\n", host::KEYRING);
    }
    Ok(list)
}

/// The packages in a directory, by name.
fn debs(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_read_from_the_hosts_own_sources() {
        let targets = "Packages http://a.example/debian/ bookworm main\n\
                       DEP-11 http://x.example/ bookworm main\n\
                       Packages http://pg.example/ bookworm-pgdg main\n\
                       Packages http://docker.example/ bookworm stable\n\
                       Packages http://b.example/debian-security/ bookworm-security main\n";
        let mirrors = parse_mirrors(targets);
        assert_eq!(
            mirrors,
            Some(Mirrors {
                main: "http://a.example/debian/".into(),
                security: Some("http://b.example/debian-security/".into())
            })
        );
        assert_eq!(
            parse_mirrors("Packages http://u.example/ubuntu noble main\n"),
            None
        );
    }

    #[test]
    fn a_host_without_security_updates_reads_the_other_suites() -> Result<()> {
        let mirrors = Mirrors {
            main: "http://a.example/debian/".into(),
            security: None,
        };
        let list = sources(&mirrors, &["bookworm", "bookworm-security"])?;
        assert_eq!(
            list,
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://a.example/debian/ bookworm main\n"
        );
        Ok(())
    }
}
