//! Netlink messages (`struct nlmsghdr`): what the kernel answers to a dump request, and what it tells of itself.

use super::Malformed;

const HEADER: usize = 16;

/// `NLM_F_DUMP_INTR`: what is being dumped changed in a way that makes the dump unreliable.
const DUMP_INTR: u16 = 0x10;
/// `NLM_F_CREATE`, in an event: the entry is new.
const CREATE: u16 = 0x400;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) sequence: u32,
    /// `NLM_F_DUMP_INTR` is set.
    pub(super) interrupted: bool,
    /// `NLM_F_CREATE` is set.
    pub(super) creates: bool,
    /// The netlink port of the process whose request led to an event; 0 for the kernel itself.
    pub(super) port: u32,
    pub(super) content: Content<'a>,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// `NLMSG_NOOP`
    Nothing,
    /// `NLMSG_ERROR` or `NLMSG_DONE` with this errno; 0 is success.
    End(i32),
    /// Of a subsystem: its type, and what follows the header.
    Data(u16, &'a [u8]),
}

/// Splits what one receive returned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages<'a>(&'a [u8]);

impl<'a> Messages<'a> {
    pub(super) fn new(received: &'a [u8]) -> Self {
        Self(received)
    }

    /// The next message; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Message<'a>>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let header = self
            .0
            .first_chunk::<HEADER>()
            .ok_or(Malformed("a message's header is cut off"))?;
        let [
            l0,
            l1,
            l2,
            l3,
            k0,
            k1,
            f0,
            f1,
            s0,
            s1,
            s2,
            s3,
            p0,
            p1,
            p2,
            p3,
        ] = *header;
        let payload = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3]))
            .ok()
            .and_then(|length| Some((length, self.0.get(HEADER..length)?)));
        let (length, payload) = payload.ok_or(Malformed("a message's length does not fit"))?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        let flags = u16::from_ne_bytes([f0, f1]);
        Ok(Some(Message {
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            interrupted: flags & DUMP_INTR != 0,
            creates: flags & CREATE != 0,
            port: u32::from_ne_bytes([p0, p1, p2, p3]),
            content: content(u16::from_ne_bytes([k0, k1]), payload)?,
        }))
    }
}

fn content(kind: u16, payload: &[u8]) -> Result<Content<'_>, Malformed> {
    match i32::from(kind) {
        libc::NLMSG_NOOP => Ok(Content::Nothing),
        libc::NLMSG_ERROR | libc::NLMSG_DONE => {
            let number = payload
                .first_chunk()
                .ok_or(Malformed("an end of dump carries no status"))?;
            Ok(Content::End(i32::from_ne_bytes(*number).saturating_neg()))
        }
        libc::NLMSG_OVERRUN => Err(Malformed("the kernel reports an overrun")),
        _ => Ok(Content::Data(kind, payload)),
    }
}
