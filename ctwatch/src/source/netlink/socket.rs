//! The ctnetlink socket: one dump request, and what the kernel answers.

use std::{
    fs,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::{
        socket::{
            AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recvfrom, send,
            setsockopt, socket, sockopt,
        },
        time::TimeVal,
    },
};

use super::{
    Malformed, Reason, entry,
    message::{Content, Messages},
};
use crate::model::entry::Entry;

/// The kernel fills buffers of up to 32 KiB, as large as the largest that was offered to it (`netlink_dump`); the
/// socket's own buffer does not matter, since the next part is made only when the last one is fetched.
pub(super) const BUFFER: usize = 64 * 1024;
/// A dump is made by the process that asks for it, so the kernel never lets one wait; silence means it has no answer.
const PATIENCE_SECONDS: i64 = 10;
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET`
const CT_GET: u16 = 0x101;
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_DYING`
const CT_GET_DYING: u16 = 0x106;
/// Of the thread's namespace. Entries that are being removed count.
const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW`
const CT_NEW: u16 = 0x100;
const SEQUENCE: u32 = 1;

/// A socket of the network namespace of the thread that calls.
pub(super) fn open() -> Result<OwnedFd, Errno> {
    let fd = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkNetFilter,
    )?;
    setsockopt(
        &fd,
        sockopt::ReceiveTimeout,
        &TimeVal::new(PATIENCE_SECONDS, 0),
    )?;
    Ok(fd)
}

/// Asks for a dump of this kind, of the network namespace that the calling thread is in.
pub(super) fn ask(kind: u16) -> Result<OwnedFd, Errno> {
    let fd = open()?;
    send(fd.as_raw_fd(), &request(kind), MsgFlags::empty())?;
    Ok(fd)
}

/// Asks for the entries of the network namespace that the calling thread is in.
///
/// The kernel walks all buckets of a hash that all namespaces share, which takes milliseconds also where there is
/// nothing to be found. So where the table is empty it is asked for entries that are being removed: there are none
/// either, and it need not walk to know.
pub(super) fn ask_entries() -> Result<OwnedFd, Errno> {
    let is_empty = fs::read_to_string(COUNT).is_ok_and(|count| count.trim() == "0");
    ask(if is_empty { CT_GET_DYING } else { CT_GET })
}

/// Reads entries of both families, which [`ask_entries`] asked for.
pub(super) fn read_entries(fd: &OwnedFd, mut each: impl FnMut(&Entry)) -> Result<(), Reason> {
    read(fd, |part| read_part(part, &mut |entry, _| each(entry)))
}

/// Reads what was asked for; `each` takes what one receive returned, and says whether that was the end.
pub(super) fn read(
    fd: &OwnedFd,
    mut each: impl FnMut(&[u8]) -> Result<bool, Reason>,
) -> Result<(), Reason> {
    let mut buffer = vec![0; BUFFER];
    while !each(receive(fd, &mut buffer)?)? {}
    Ok(())
}

/// The next part of what the kernel answers, in `buffer` ([`BUFFER`] bytes).
pub(super) fn receive<'a>(fd: &OwnedFd, buffer: &'a mut [u8]) -> Result<&'a [u8], Errno> {
    loop {
        let (length, sender) = match recvfrom::<NetlinkAddr>(fd.as_raw_fd(), buffer) {
            Ok(received) => received,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        };
        // Other processes can send to this socket too; the kernel's port is 0.
        if sender.is_some_and(|sender| sender.pid() == 0) {
            return Ok(buffer.get(..length).unwrap_or_default());
        }
    }
}

/// Reads entries with their `CTA_ID` from what one receive returned; true at the end of the dump.
pub(super) fn read_part(part: &[u8], each: &mut impl FnMut(&Entry, u32)) -> Result<bool, Reason> {
    read_messages(part, |kind, payload| {
        if kind == CT_NEW {
            let (entry, id) = entry::parse(payload)?;
            each(&entry, id);
        }
        Ok(())
    })
}

/// Reads messages from what one receive returned, each with its type; true at the end of the dump.
pub(super) fn read_messages(
    part: &[u8],
    mut each: impl FnMut(u16, &[u8]) -> Result<(), Malformed>,
) -> Result<bool, Reason> {
    let mut messages = Messages::new(part);
    while let Some(message) = messages.next()? {
        if message.sequence != SEQUENCE {
            continue;
        }
        if message.interrupted {
            return Err(Reason::Interrupted);
        }
        match message.content {
            Content::Data(kind, payload) => each(kind, payload)?,
            Content::Nothing => {}
            Content::End(0) => return Ok(true),
            Content::End(number) => return Err(Errno::from_raw(number).into()),
        }
    }
    Ok(false)
}

/// `struct nlmsghdr` and `struct nfgenmsg` with family `AF_UNSPEC`: both families.
fn request(kind: u16) -> [u8; 20] {
    let mut request = [0; 20];
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
    request[0..4].copy_from_slice(&20_u32.to_ne_bytes());
    request[4..6].copy_from_slice(&kind.to_ne_bytes());
    request[6..8].copy_from_slice(&flags.to_ne_bytes());
    request[8..12].copy_from_slice(&SEQUENCE.to_ne_bytes());
    request
}
