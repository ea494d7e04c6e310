//! The node's table: how many entries, and flushing it over ctnetlink.

use std::{
    fs,
    os::fd::{AsRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket},
};

const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
const STAT: &str = "/proc/net/stat/nf_conntrack";
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE`
const CT_DELETE: u16 = 0x102;

/// Entries now; 0 while conntrack is not loaded.
pub(crate) fn count() -> Result<u64> {
    if !fs::exists(COUNT)? {
        return Ok(0);
    }
    let text = fs::read_to_string(COUNT)?;
    text.trim()
        .parse()
        .with_context(|| format!("{COUNT} is {text:?}"))
}

/// What became of packets at a full table, since boot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stat {
    pub(crate) drop: u64,
    pub(crate) early_drop: u64,
}

impl Stat {
    /// The node's own, all processors together.
    pub(crate) fn read() -> Result<Self> {
        let text = fs::read_to_string(STAT).with_context(|| format!("cannot read {STAT}"))?;
        let mut lines = text.lines();
        let names: Vec<&str> = lines
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let mut stat = Self::default();
        for line in lines {
            for (name, value) in names.iter().zip(line.split_whitespace()) {
                let value = || u64::from_str_radix(value, 16).with_context(|| STAT.to_owned());
                match *name {
                    "drop" => stat.drop += value()?,
                    "early_drop" => stat.early_drop += value()?,
                    _ => {}
                }
            }
        }
        Ok(stat)
    }
}

/// Deletes what is in the table, as `conntrack -F` does.
pub(crate) struct Flusher(OwnedFd);

impl Flusher {
    pub(crate) fn open() -> Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkNetFilter,
        )?;
        Ok(Self(socket))
    }

    /// Deletes all entries; they are gone when this returns.
    pub(crate) fn flush(&self) -> Result<()> {
        send(self.0.as_raw_fd(), &request(), MsgFlags::empty())?;
        let mut answer = [0; 256];
        let length = recv(self.0.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        // struct nlmsghdr, then the errno of struct nlmsgerr.
        let Some(error) = answer[..length].get(16..20) else {
            bail!("ctnetlink answers a flush with {length} bytes");
        };
        match i32::from_ne_bytes([error[0], error[1], error[2], error[3]]) {
            0 => Ok(()),
            errno => bail!("cannot flush the table: {}", Errno::from_raw(-errno)),
        }
    }
}

/// `struct nlmsghdr` and `struct nfgenmsg` without a tuple: everything.
fn request() -> [u8; 20] {
    let mut request = [0; 20];
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    request[0..4].copy_from_slice(&20_u32.to_ne_bytes());
    request[4..6].copy_from_slice(&CT_DELETE.to_ne_bytes());
    request[6..8].copy_from_slice(&flags.to_ne_bytes());
    request
}
