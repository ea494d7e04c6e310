//! Fills the table of this thread's namespace over ctnetlink.

use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result, bail};
use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket},
};

use super::{SERVICE, SERVICE_IPV6};

/// Messages sent at once; they fit in a socket's default buffer.
const BATCH: usize = 300;
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW`
const CT_NEW: u16 = 0x100;
const NESTED: u16 = libc::NLA_F_NESTED as u16;
/// Longer than anything here takes.
const TIMEOUT_SECONDS: u32 = 36_000;
/// `IPS_CONFIRMED`, which every entry in a table has.
const UNANSWERED: u32 = 0b1000;
/// `IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED`
const ANSWERED: u32 = 0b1110;
const ESTABLISHED: u8 = 3;

/// Which entries have seen a reply, and are assured.
pub(crate) enum Answers {
    All,
    /// All but one UDP flow in four.
    Most,
}

/// What a table looks like. Even ports are TCP's, odd ones UDP's.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) clients: u32,
    pub(crate) ports: u16,
    pub(crate) ipv6: bool,
    pub(crate) answers: Answers,
}

/// Makes so many entries.
pub(crate) fn fill(shape: &Shape, entries: u32) -> Result<()> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkNetFilter,
    )?;
    let numbers: Vec<u32> = (0..entries).collect();
    for numbers in numbers.chunks(BATCH) {
        let mut batch = Vec::with_capacity(64 * 1024);
        for number in numbers {
            shape.message(*number, &mut batch);
        }
        send(socket.as_raw_fd(), &batch, MsgFlags::empty()).context("cannot make entries")?;
        refusal(&socket)?;
    }
    Ok(())
}

/// The kernel has done all when `send` returns, and answers only what it refuses.
fn refusal(socket: &OwnedFd) -> Result<()> {
    let mut answer = [0; 4096];
    loop {
        match recv(socket.as_raw_fd(), &mut answer, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EAGAIN) => return Ok(()),
            // It refused more than the socket has room for.
            Err(Errno::ENOBUFS) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                // struct nlmsghdr, then the errno of struct nlmsgerr.
                let number = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
                bail!("ctnetlink makes no entry: {}", Errno::from_raw(-number));
            }
        }
    }
}

impl Shape {
    fn message(&self, number: u32, batch: &mut Vec<u8>) {
        let start = batch.len();
        batch.extend([0; 4]);
        batch.extend(CT_NEW.to_ne_bytes());
        batch.extend(((libc::NLM_F_REQUEST | libc::NLM_F_CREATE) as u16).to_ne_bytes());
        batch.extend([0; 8]);
        let family = if self.ipv6 {
            libc::AF_INET6
        } else {
            libc::AF_INET
        };
        batch.extend([family as u8, 0, 0, 0]);
        // Multiplying spreads ports over clients.
        let port = 1 + (number.wrapping_mul(2_654_435_761) >> 8) as u16 % self.ports;
        let source_port = 1_024 + (number / self.clients) as u16;
        let (client, service) = self.ends(number % self.clients);
        let protocol = if port.is_multiple_of(2) {
            libc::IPPROTO_TCP
        } else {
            libc::IPPROTO_UDP
        };
        for (kind, ends, ports) in [
            (1, [&client, &service], [source_port, port]),
            (2, [&service, &client], [port, source_port]),
        ] {
            nest(batch, kind, |batch| {
                tuple(batch, ends.map(Vec::as_slice), protocol as u8, ports)
            });
        }
        let answered = match self.answers {
            Answers::All => true,
            Answers::Most => protocol == libc::IPPROTO_TCP || !number.is_multiple_of(4),
        };
        put(
            batch,
            3,
            &(if answered { ANSWERED } else { UNANSWERED }).to_be_bytes(),
        );
        if protocol == libc::IPPROTO_TCP {
            nest(batch, 4, |batch| {
                nest(batch, 1, |batch| put(batch, 1, &[ESTABLISHED]))
            });
        }
        put(batch, 7, &TIMEOUT_SECONDS.to_be_bytes());
        let length = (batch.len() - start) as u32;
        batch[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    }

    /// Addresses of a client and of the service.
    fn ends(&self, client: u32) -> (Vec<u8>, Vec<u8>) {
        let low = (0x0a00_0000 + client).to_be_bytes();
        if self.ipv6 {
            let prefix = &SERVICE_IPV6[..8];
            return ([prefix, &[0; 4], &low].concat(), SERVICE_IPV6.to_vec());
        }
        (low.to_vec(), SERVICE.to_vec())
    }
}

/// `CTA_TUPLE_*`
fn tuple(batch: &mut Vec<u8>, ends: [&[u8]; 2], protocol: u8, ports: [u16; 2]) {
    let first = if ends[0].len() == 4 { 1 } else { 3 };
    nest(batch, 1, |batch| {
        put(batch, first, ends[0]);
        put(batch, first + 1, ends[1]);
    });
    nest(batch, 2, |batch| {
        put(batch, 1, &[protocol]);
        put(batch, 2, &ports[0].to_be_bytes());
        put(batch, 3, &ports[1].to_be_bytes());
    });
}

/// An attribute.
fn put(batch: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    batch.extend((4 + payload.len() as u16).to_ne_bytes());
    batch.extend(kind.to_ne_bytes());
    batch.extend(payload);
    batch.resize(batch.len().next_multiple_of(4), 0);
}

/// An attribute of attributes.
fn nest(batch: &mut Vec<u8>, kind: u16, inside: impl FnOnce(&mut Vec<u8>)) {
    let start = batch.len();
    put(batch, kind | NESTED, &[]);
    inside(batch);
    let length = (batch.len() - start) as u16;
    batch[start..start + 2].copy_from_slice(&length.to_ne_bytes());
}
