//! ctnetlink's own messages: an entry has come, has changed, has gone (`ctnetlink_conntrack_event`).

use super::super::{
    Malformed, entry,
    message::{Content, Messages},
};
use crate::model::entry::Entry;

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW`
const CT_NEW: u16 = 0x100;
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE`
const CT_DELETE: u16 = 0x102;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) kind: Kind,
    /// As far as the message tells: the kernel leaves a timeout below one second out when the entry has gone.
    pub(super) entry: Entry,
    /// `CTA_ID`
    pub(super) id: u32,
}

/// What happened to the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It was inserted.
    New,
    /// It was changed.
    Changed,
    /// It was removed; by a process through ctnetlink or not.
    Gone {
        /// A netlink port is told only where a process asked for it (`conntrack -D`, `-F`).
        deleted: bool,
    },
}

/// Hands each event in what one receive returned to `each`.
pub(super) fn read(received: &[u8], mut each: impl FnMut(Event)) -> Result<(), Malformed> {
    let mut messages = Messages::new(received);
    while let Some(message) = messages.next()? {
        let (kind, payload) = match message.content {
            Content::Data(CT_NEW, payload) if message.creates => (Kind::New, payload),
            Content::Data(CT_NEW, payload) => (Kind::Changed, payload),
            Content::Data(CT_DELETE, payload) => {
                let deleted = message.port != 0;
                (Kind::Gone { deleted }, payload)
            }
            _ => continue,
        };
        let (entry, id) = entry::parse(payload)?;
        each(Event { kind, entry, id });
    }
    Ok(())
}
