//! Messages between the recorder and its keeper: a length, JSON, and a descriptor with some.
#![allow(unsafe_code, reason = "descriptors that the kernel hands over")]

use std::{
    io::{self, IoSlice, IoSliceMut, Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
};

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use serde::{Serialize, de::DeserializeOwned};

/// Longer messages are a fault of the other side.
const LONGEST: u32 = 64 << 20;
const HEADER: usize = size_of::<u32>();

/// Sends a value, with a descriptor if there is one.
pub(super) fn send(
    mut stream: &UnixStream,
    value: &impl Serialize,
    fd: Option<OwnedFd>,
) -> io::Result<()> {
    let body = serde_json::to_vec(value)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let header = length.to_ne_bytes();
    let fds: Vec<RawFd> = fd.iter().map(|fd| fd.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&fds)];
    let rights = &rights[..usize::from(fd.is_some())];
    let sent = sendmsg::<()>(
        stream.as_raw_fd(),
        &[IoSlice::new(&header)],
        rights,
        MsgFlags::MSG_NOSIGNAL,
        None,
    )?;
    stream.write_all(header.get(sent..).unwrap_or_default())?;
    stream.write_all(&body)
}

/// The next value, and the descriptor that came with it; `None` when the other side has ended.
pub(super) fn receive<T: DeserializeOwned>(
    mut stream: &UnixStream,
) -> io::Result<Option<(T, Option<OwnedFd>)>> {
    let mut header = [0; HEADER];
    let (read, fd) = receive_first(stream, &mut header)?;
    if read == 0 {
        return Ok(None);
    }
    stream.read_exact(header.get_mut(read..).unwrap_or_default())?;
    let length = u32::from_ne_bytes(header);
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body)?;
    Ok(Some((serde_json::from_slice(&body)?, fd)))
}

/// How much of the header came, and a descriptor beside it.
fn receive_first(
    stream: &UnixStream,
    header: &mut [u8; HEADER],
) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = nix::cmsg_space!(RawFd);
    let mut place = [IoSliceMut::new(header)];
    let received = loop {
        match recvmsg::<()>(
            stream.as_raw_fd(),
            &mut place,
            Some(&mut space),
            MsgFlags::MSG_CMSG_CLOEXEC,
        ) {
            Err(nix::errno::Errno::EINTR) => {}
            received => break received?,
        }
    };
    let fds = received.cmsgs()?.filter_map(|message| match message {
        ControlMessageOwned::ScmRights(fds) => Some(fds),
        _ => None,
    });
    // SAFETY: the kernel has just made these descriptors for this process, and nothing else knows of them.
    let mut owned = fds.flatten().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    let first = owned.next();
    drop(owned.collect::<Vec<_>>());
    Ok((received.bytes, first))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use std::fs::File;

    use super::*;

    #[test]
    fn a_value_and_a_descriptor_arrive_and_then_the_end() {
        let (here, there) = UnixStream::pair().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        send(&here, &vec![7_u32, 8], Some(writer.into())).unwrap();
        send(&here, &"no descriptor", None).unwrap();
        drop(here);
        let (value, fd) = receive::<Vec<u32>>(&there).unwrap().unwrap();
        assert_eq!(value, [7, 8]);
        File::from(fd.unwrap()).write_all(b"through").unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "through");
        let (value, fd) = receive::<String>(&there).unwrap().unwrap();
        assert_eq!((value.as_str(), fd.is_none()), ("no descriptor", true));
        assert!(receive::<String>(&there).unwrap().is_none());
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        let (mut here, there) = UnixStream::pair().unwrap();
        here.write_all(&[0xff; 8]).unwrap();
        assert!(receive::<String>(&there).is_err());
        let (mut here, there) = UnixStream::pair().unwrap();
        here.write_all(&[4, 0, 0, 0, b'j', b'u', b'n', b'k'])
            .unwrap();
        assert!(receive::<String>(&there).is_err());
    }
}
