//! systemd as process 1 of a process namespace, with a /run and a control group of its own.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::{command, netns::Netns};

/// Its control group.
const GROUP: &str = "/sys/fs/cgroup/systemd";
/// What comes before systemd. Of its units there are those alone that every service wants: no device, log or login is managed.
const STAGE: &str = r#"
set -e
: >>/etc/machine-id
umount /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir /tmp/run
mount -t tmpfs tmpfs /tmp/run
mkdir -p /tmp/run/netns /tmp/run/units
mount --rbind /run/netns /tmp/run/netns
mount -n --move /tmp/run /run
rmdir /tmp/run
for unit in sysinit basic shutdown; do printf '[Unit]\nDefaultDependencies=no\n' >/run/units/$unit.target; done
exec env -i container=laboratory PATH="$PATH" SYSTEMD_UNIT_PATH=/run/systemd/transient:/run/units \
    /lib/systemd/systemd --unit=basic.target --log-target=null
"#;

/// A running one; dropped, all that it runs ends.
pub(crate) struct Systemd {
    unshare: Child,
    pid: String,
}

impl Systemd {
    /// Starts it and waits until it takes requests. It knows the named network namespaces that there are now.
    pub(crate) fn start() -> Result<Self> {
        fs::create_dir_all(GROUP).context(GROUP)?;
        let enter = format!(
            "echo $$ >{GROUP}/cgroup.procs && exec unshare --cgroup --mount --pid --fork --kill-child --mount-proc sh -c '{}'",
            STAGE.replace('\'', r"'\''")
        );
        let unshare = Command::new("sh")
            .args(["-c", &enter])
            .stdin(Stdio::null())
            .spawn();
        let mut systemd = Self {
            unshare: unshare.context("cannot run unshare")?,
            pid: String::new(),
        };
        for _ in 0..600 {
            if systemd.takes_requests()? {
                return Ok(systemd);
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("systemd does not come up")
    }

    fn takes_requests(&mut self) -> Result<bool> {
        if let Some(status) = self.unshare.try_wait()? {
            bail!("systemd ended with {status}");
        }
        let pid = self.unshare.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        self.pid = children.trim().to_owned();
        let name = fs::read_to_string(format!("/proc/{}/comm", self.pid)).unwrap_or_default();
        Ok(name == "systemd\n" && self.run(None, &["systemctl", "is-system-running"]).is_ok())
    }

    /// Runs a program beside it, in a network namespace.
    pub(crate) fn run(&self, netns: Option<&Netns>, words: &[&str]) -> Result<String> {
        let net = netns.map(|netns| format!("--net=/run/netns/{}", netns.name()));
        let mut arguments = vec!["-t", &self.pid, "-m", "-p", "-C"];
        arguments.extend(net.as_deref());
        arguments.extend(words);
        command::run("nsenter", &arguments)
    }

    /// Units of that pattern that are there.
    pub(crate) fn units(&self, pattern: &str) -> Result<Vec<String>> {
        let listed = self.run(
            None,
            &["systemctl", "list-units", "--no-legend", "--plain", pattern],
        )?;
        Ok(listed
            .lines()
            .filter_map(|line| line.split(' ').next())
            .map(str::to_owned)
            .collect())
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}
