//! Deletes single entries.

use std::{
    net::IpAddr,
    os::fd::{AsRawFd as _, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, send},
};

use super::{
    DumpError, Reason, entry,
    message::{Content, Messages},
    socket::{self, BUFFER},
};
use crate::{
    model::entry::{Entry, Numbered, Tuple},
    source::node::netns::Seen,
};

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE`
const CT_DELETE: u16 = 0x102;
/// `NLA_F_NESTED`
const NESTED: u16 = 0x8000;

/// Entries of the own namespace that `wanted` picks.
///
/// # Errors
/// As [`super::entries`].
pub fn numbered(own: &Seen, wanted: impl Fn(&Entry) -> bool) -> Result<Vec<Numbered>, DumpError> {
    let refused = |reason| DumpError::Refused {
        namespace: own.to_string(),
        reason,
    };
    if !super::is_loaded() {
        return Err(DumpError::NotLoaded);
    }
    let mut attempt = 1;
    loop {
        let mut all = Vec::new();
        let fd = socket::ask_entries().map_err(|errno| refused(errno.into()))?;
        let mut each = |entry: &Entry, id: u32| {
            if wanted(entry) {
                let entry = entry.clone();
                all.push(Numbered { entry, id });
            }
        };
        match socket::read(&fd, |part| socket::read_part(part, &mut each)) {
            Ok(()) => return Ok(all),
            Err(Reason::Interrupted) if attempt < super::ATTEMPTS => attempt += 1,
            Err(reason) => return Err(refused(reason)),
        }
    }
}

/// Deletes these entries of the own namespace, each only while it is the one that was seen; yields how many.
///
/// # Errors
/// When the kernel refuses one; those before it are deleted. One that is gone already is none.
pub fn delete(own: &Seen, entries: &[Numbered]) -> Result<usize, DumpError> {
    let refused = |errno: Errno| DumpError::Refused {
        namespace: own.to_string(),
        reason: errno.into(),
    };
    let fd = socket::open().map_err(refused)?;
    let mut buffer = vec![0; BUFFER];
    let mut deleted = 0;
    for (sequence, entry) in (1..).zip(entries) {
        send(fd.as_raw_fd(), &request(entry, sequence), MsgFlags::empty()).map_err(refused)?;
        match answer(&fd, &mut buffer, sequence).map_err(refused)? {
            0 => deleted += 1,
            // Ended meanwhile, or another one has its tuple.
            libc::ENOENT => {}
            number => return Err(refused(Errno::from_raw(number))),
        }
    }
    Ok(deleted)
}

/// The errno in the acknowledgement.
fn answer(fd: &OwnedFd, buffer: &mut [u8], sequence: u32) -> Result<i32, Errno> {
    loop {
        let mut messages = Messages::new(socket::receive(fd, buffer)?);
        while let Ok(Some(message)) = messages.next() {
            if let (true, Content::End(number)) = (message.sequence == sequence, message.content) {
                return Ok(number);
            }
        }
    }
}

fn request(numbered: &Numbered, sequence: u32) -> Vec<u8> {
    let Numbered { entry, id } = numbered;
    let family = if entry.original.source.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    // struct nfgenmsg: family, version 0, resource 0.
    let mut body = vec![family as u8, 0, 0, 0];
    attribute(
        &mut body,
        entry::cta::TUPLE_ORIG | NESTED,
        &tuple(&entry.original, entry.protocol.0),
    );
    if entry.zone != 0 {
        attribute(&mut body, entry::cta::ZONE, &entry.zone.to_be_bytes());
    }
    attribute(&mut body, entry::cta::ID, &id.to_be_bytes());
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    let mut request = (16 + body.len() as u32).to_ne_bytes().to_vec();
    request.extend(CT_DELETE.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    request.extend(sequence.to_ne_bytes());
    request.extend([0; 4]);
    request.extend(body);
    request
}

/// `CTA_TUPLE_IP` and `CTA_TUPLE_PROTO`, of a protocol with ports.
fn tuple(tuple: &Tuple, protocol: u8) -> Vec<u8> {
    let (mut ip, mut proto, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for (at, address) in [(0, tuple.source), (1, tuple.destination)] {
        match address {
            IpAddr::V4(address) => attribute(&mut ip, 1 + at, &address.octets()),
            IpAddr::V6(address) => attribute(&mut ip, 3 + at, &address.octets()),
        }
    }
    attribute(&mut proto, 1, &[protocol]);
    attribute(&mut proto, 2, &tuple.source_port.to_be_bytes());
    attribute(&mut proto, 3, &tuple.destination_port.to_be_bytes());
    attribute(&mut both, 1 | NESTED, &ip);
    attribute(&mut both, 2 | NESTED, &proto);
    both
}

fn attribute(into: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    into.extend((4 + payload.len() as u16).to_ne_bytes());
    into.extend(kind.to_ne_bytes());
    into.extend(payload);
    into.resize(into.len().next_multiple_of(4), 0);
}
