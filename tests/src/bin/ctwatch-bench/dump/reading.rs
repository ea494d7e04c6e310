//! The ways to read a table, each a process of its own.

use std::{
    net::IpAddr,
    os::fd::AsRawFd as _,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};
use ctwatch::{
    model::{
        dump::{Dump, DumpKind},
        node::Address,
    },
    source::{netlink, node::netns},
};
use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket},
    },
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use super::{ENTRIES, SERVICE, SERVICE_IPV6};
use crate::memory::kib;

/// A way to read the table.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// The socket is drained, nothing parsed.
    Drain,
    /// ctwatch's dump, into its model.
    Model,
    /// `conntrack -L`
    Conntrack,
    /// `cat /proc/net/nf_conntrack`
    Proc,
}

/// One reading.
#[derive(Serialize)]
pub(crate) struct Reading {
    wall_ms: f64,
    /// User and system time.
    cpu_ms: f64,
    /// Most memory; of our own programs only.
    peak_kib: Option<u64>,
}

/// What a process of our own says at its end.
#[derive(Serialize, Deserialize)]
struct Words {
    peak_kib: u64,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Drain, Self::Model, Self::Conntrack, Self::Proc];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Model => "model",
            Self::Conntrack => "conntrack -L",
            Self::Proc => "cat /proc/net/nf_conntrack",
        }
    }

    /// Reads the table once; `None` where there is no such program.
    pub(crate) fn read(self) -> Result<Option<Reading>> {
        let mut command = match self {
            Self::Drain | Self::Model => {
                let mut command = Command::new("/proc/self/exe");
                command
                    .args(["dump-once", self.name()])
                    .stdout(Stdio::piped());
                command
            }
            Self::Conntrack => silent(&["conntrack", "-L"]),
            Self::Proc => silent(&["cat", "/proc/net/nf_conntrack"]),
        };
        let (began, before) = (Instant::now(), cpu_ms()?);
        let child = match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            child => child.with_context(|| format!("cannot run {command:?}"))?,
        };
        let output = child.wait_with_output()?;
        let wall_ms = began.elapsed().as_secs_f64() * 1e3;
        ensure!(
            output.status.success(),
            "{command:?} ended with {}",
            output.status
        );
        let words: Option<Words> = match self {
            Self::Drain | Self::Model => Some(serde_json::from_slice(&output.stdout)?),
            Self::Conntrack | Self::Proc => None,
        };
        Ok(Some(Reading {
            wall_ms,
            cpu_ms: cpu_ms()? - before,
            peak_kib: words.map(|words| words.peak_kib),
        }))
    }
}

fn silent(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// CPU time of all processes that were waited for, in milliseconds.
fn cpu_ms() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok([usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3)
        .sum())
}

/// What the process that [`Way::read`] starts does.
pub(crate) fn once(way: &str) -> Result<()> {
    match way {
        "drain" => drain()?,
        "model" => {
            let dump = model()?;
            ensure!(
                dump.entries == u64::from(ENTRIES),
                "{} entries in the dump",
                dump.entries
            );
        }
        _ => bail!("no way {way}"),
    }
    let words = Words {
        peak_kib: kib(Pid::this(), "status", "VmHWM:")?,
    };
    println!("{}", serde_json::to_string(&words)?);
    Ok(())
}

fn model() -> Result<Dump> {
    let own = netns::own()?;
    let addresses = [IpAddr::from(SERVICE), IpAddr::from(SERVICE_IPV6)].map(|address| Address {
        netns: own.netns,
        interface: "lo".into(),
        address,
        prefix: 32,
    });
    Ok(netlink::dump(&own, Some(&addresses), DumpKind::Periodic)?)
}

/// Asks for a dump of both families and fetches it.
fn drain() -> Result<()> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkNetFilter,
    )?;
    let mut request = [0; 20];
    request[0] = 20;
    // IPCTNL_MSG_CT_GET of ctnetlink
    request[4..6].copy_from_slice(&0x101_u16.to_ne_bytes());
    request[6..8].copy_from_slice(&((libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16).to_ne_bytes());
    send(socket.as_raw_fd(), &request, MsgFlags::empty())?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        if is_end(&buffer[..length]) {
            return Ok(());
        }
    }
}

/// The last message is a `struct nlmsghdr` and a status, or that alone.
fn is_end(part: &[u8]) -> bool {
    let last = part.len().checked_sub(20).and_then(|at| part.get(at..));
    last.is_some_and(|last| last[..4] == 20_u32.to_ne_bytes() && last[4..6] == 3_u16.to_ne_bytes())
}
