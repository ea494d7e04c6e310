//! Lines as `conntrack -L -o xml` prints them: an element `flow` each.

use super::{
    cursor::Cursor,
    damage::{Damage, What},
    parts::Parts,
};
use crate::model::{endpoint::Protocol, entry::State, listed::Listed, status};

/// Whether the line is of the document around the flows.
pub(super) fn is_frame(line: &[u8]) -> bool {
    line.starts_with(b"<?xml") || line == b"<conntrack>" || line == b"</conntrack>"
}

/// Where values belong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Original,
    Reply,
    Entry,
}

/// Reads a line that begins with `<flow`.
pub(super) fn parse<'a>(line: &'a [u8], listed: &mut Listed) -> Result<Option<&'a [u8]>, Damage> {
    let mut cursor = Cursor::new(line);
    let mut reading = Reading {
        parts: Parts::new(Protocol(0)),
        place: Place::Entry,
        state: None,
        has_protocol: false,
    };
    let mut ended = false;
    while !ended {
        let begin = cursor;
        if !cursor.take(b"<") {
            return Err(begin.damage(What::Unended));
        }
        let tag = cursor.until(b'>').ok_or(begin.damage(What::Incomplete))?;
        ended = tag == b"/flow";
        reading.element(tag, &mut cursor)?;
    }
    if !cursor.rest().is_empty() {
        return Err(cursor.damage(What::Unended));
    }
    reading.write(cursor.at(), listed)
}

struct Reading<'a> {
    parts: Parts<'a>,
    place: Place,
    state: Option<&'a [u8]>,
    has_protocol: bool,
}

impl<'a> Reading<'a> {
    fn element(&mut self, tag: &'a [u8], cursor: &mut Cursor<'a>) -> Result<(), Damage> {
        if tag.starts_with(b"meta ") {
            self.place = match attribute(tag, b"direction=\"") {
                Some(b"original") => Place::Original,
                Some(b"reply") => Place::Reply,
                _ => Place::Entry,
            };
            return Ok(());
        }
        if tag.starts_with(b"layer4 ") {
            return self.layer4(tag, cursor);
        }
        let is_known = match self.place {
            Place::Entry => self.of_the_entry(tag, cursor)?,
            Place::Original => self.of_a_direction(0, tag, cursor)?,
            Place::Reply => self.of_a_direction(1, tag, cursor)?,
        };
        if is_known {
            return close(tag, cursor);
        }
        if !is_frame_of_values(tag) {
            self.parts.not_understood(tag);
            // Its text, if it has any; elements in it are looked at one by one.
            let end = memchr::memchr(b'<', cursor.rest()).unwrap_or(cursor.rest().len());
            let text = cursor.rest();
            cursor.take(&text[..end]);
        }
        Ok(())
    }

    fn layer4(&mut self, tag: &[u8], cursor: &Cursor<'_>) -> Result<(), Damage> {
        let number = attribute(tag, b"protonum=\"");
        let number = number.and_then(|number| std::str::from_utf8(number).ok());
        let number = number.and_then(|number| number.parse().ok());
        self.parts.protocol = Protocol(number.ok_or_else(|| cursor.damage(What::NoNumber))?);
        self.has_protocol = true;
        Ok(())
    }

    fn of_a_direction(
        &mut self,
        at: usize,
        tag: &[u8],
        cursor: &mut Cursor<'a>,
    ) -> Result<bool, Damage> {
        let direction = &mut self.parts.directions[at];
        match tag {
            b"src" => cursor.address(&mut direction.source)?,
            b"dst" => cursor.address(&mut direction.destination)?,
            b"sport" => direction.source_port = Some(cursor.number()?),
            b"dport" => direction.destination_port = Some(cursor.number()?),
            b"srckey" => direction.source_port = Some(cursor.key()?),
            b"dstkey" => direction.destination_port = Some(cursor.key()?),
            b"type" => direction.kind = Some(cursor.number()?),
            b"code" => direction.code = cursor.number()?,
            b"id" => direction.source_port = Some(cursor.number()?),
            b"packets" => direction.packets = Some(cursor.number()?),
            b"bytes" => direction.bytes = cursor.number()?,
            b"zone" => self.zone(cursor.number()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn zone(&mut self, zone: u16) {
        self.parts.zone = self.parts.zone.max(zone);
    }

    fn of_the_entry(&mut self, tag: &'a [u8], cursor: &mut Cursor<'a>) -> Result<bool, Damage> {
        match tag {
            b"state" => self.state = Some(text(cursor)),
            b"timeout" => self.parts.timeout_seconds = Some(cursor.number()?),
            b"mark" => self.parts.mark = cursor.number()?,
            b"secmark" => self.parts.has_security_mark |= cursor.number::<u32>()? != 0,
            b"secctx" => {
                text(cursor);
                self.parts.has_security_mark = true;
            }
            b"zone" => self.zone(cursor.number()?),
            b"helper" => self.parts.helper = Some(text(cursor)),
            b"label" => self.parts.labelled |= !text(cursor).is_empty(),
            b"deltatime" => self.parts.age_seconds = Some(cursor.number()?),
            b"use" | b"id" | b"start" | b"stop" => {
                text(cursor);
            }
            b"unreplied/" => self.parts.status &= !status::SEEN_REPLY,
            b"assured/" => self.parts.status |= status::ASSURED,
            b"offload/" => self.parts.status |= status::OFFLOAD,
            b"hw_offload/" => self.parts.status |= status::OFFLOAD | status::HW_OFFLOAD,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn write(mut self, end: usize, listed: &mut Listed) -> Result<Option<&'a [u8]>, Damage> {
        if !self.has_protocol {
            return Err(Damage::at(end, What::Incomplete));
        }
        if let Some(name) = self.state {
            self.parts.state = state(self.parts.protocol, name);
            if self.parts.state.is_none() {
                self.parts.not_understood(name);
            }
        }
        self.parts
            .write(listed)
            .map_err(|what| Damage::at(end, what))
    }
}

/// libnetfilter_conntrack prints SCTP's and DCCP's states in XML by the names of TCP's of the same number
/// (`__snprintf_protoinfo` in snprintf_xml.c).
fn state(protocol: Protocol, name: &[u8]) -> Option<State> {
    let state = State::from_name(name)?;
    match protocol {
        Protocol::SCTP => State::sctp(state.0),
        Protocol::DCCP => State::dccp(state.0),
        _ => Some(state),
    }
}

/// Elements that only hold others.
fn is_frame_of_values(tag: &[u8]) -> bool {
    let name = tag.strip_prefix(b"/").unwrap_or(tag);
    let end = name.iter().position(|byte| *byte == b' ');
    let name = &name[..end.unwrap_or(name.len())];
    matches!(
        name,
        b"flow"
            | b"meta"
            | b"layer3"
            | b"layer4"
            | b"counters"
            | b"labels"
            | b"timestamp"
            | b"when"
    ) || tag.starts_with(b"/")
}

/// The value of an attribute, by its name with `="` after it.
fn attribute<'a>(tag: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(tag, name)?;
    let value = tag.get(at + name.len()..)?;
    let end = memchr::memchr(b'"', value)?;
    value.get(..end)
}

/// Takes the text before the next element.
fn text<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    let all = cursor.rest();
    let end = memchr::memchr(b'<', all).unwrap_or(all.len());
    cursor.take(&all[..end]);
    &all[..end]
}

/// Takes the end of an element whose value was read.
fn close(tag: &[u8], cursor: &mut Cursor<'_>) -> Result<(), Damage> {
    if tag.ends_with(b"/") || (cursor.take(b"</") && cursor.take(tag) && cursor.take(b">")) {
        return Ok(());
    }
    Err(cursor.damage(What::Unended))
}
