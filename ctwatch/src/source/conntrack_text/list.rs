//! Lines as `conntrack -L` prints them (plain or with `-o extended,id,ktimestamp,labels`), and those of
//! /proc/net/nf_conntrack (`ct_seq_show`, which adds the family, `zone=0` and GRE's timeouts).

use super::{
    cursor::Cursor,
    damage::{Damage, What},
    parts::{Direction, Parts},
};
use crate::model::{endpoint::Protocol, entry::State, listed::Listed, status};

/// How most lines end: with connmarks and security marks in the kernel or without, and in /proc.
pub(super) const USUAL_ENDS: [&[u8]; 6] = [
    b" [ASSURED] mark=0 use=1",
    b" [ASSURED] mark=0 use=2",
    b" [ASSURED] mark=0 secmark=0 use=1",
    b" [ASSURED] mark=0 secmark=0 use=2",
    b" [ASSURED] mark=0 zone=0 use=2",
    b" [ASSURED] use=1",
];

/// Reads a line that begins with the family or with the protocol.
pub(super) fn parse<'a>(line: &'a [u8], listed: &mut Listed) -> Result<Option<&'a [u8]>, Damage> {
    let mut cursor = Cursor::new(line);
    if cursor.take(b"ipv4 ") || cursor.take(b"ipv6 ") {
        cursor.skip_blanks();
        cursor.number::<u8>()?;
        cursor.skip_blanks();
    }
    let mut reading = Reading {
        parts: Parts::new(protocol(&mut cursor)?),
        directions: 0,
        original: [&[]; 4],
    };
    cursor.skip_blanks();
    while !cursor.rest().is_empty() {
        reading.word(&mut cursor)?;
        match cursor.rest() {
            [] | [b' ' | b'\t', ..] => cursor.skip_blanks(),
            _ => return Err(cursor.damage(What::Unended)),
        }
    }
    let end = cursor.at();
    reading
        .parts
        .write(listed)
        .map_err(|what| Damage::at(end, what))
}

/// The protocol's name and number: the number counts, names are those of whoever printed them.
fn protocol(cursor: &mut Cursor<'_>) -> Result<Protocol, Damage> {
    let begin = *cursor;
    // A listing consists of these.
    if cursor.take(b"tcp      6 ") {
        return Ok(Protocol::TCP);
    }
    if cursor.take(b"udp      17 ") {
        return Ok(Protocol::UDP);
    }
    let name = cursor.word();
    let is_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let is_number = cursor.rest().first().is_some_and(u8::is_ascii_digit);
    if name.is_empty() || !name.iter().all(is_name) || !is_number {
        return Err(begin.damage(What::NoForm));
    }
    cursor.number().map(Protocol)
}

struct Reading<'a> {
    parts: Parts<'a>,
    /// Directions that began.
    directions: usize,
    /// The first one's words: source, destination, and their ports.
    original: [&'a [u8]; 4],
}

impl<'a> Reading<'a> {
    /// Reads what is next, less the blank after it. By the first byte: a line has some twenty words.
    #[inline]
    fn word(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Damage> {
        let read = match cursor.rest() {
            [b's', ..] => self.word_s(cursor)?,
            [b'd', ..] => self.word_d(cursor)?,
            [b'p' | b'b' | b't' | b'c', ..] => self.word_of_a_direction(cursor)?,
            [b'[', ..] => self.flag(cursor)?,
            [b'0'..=b'9', ..] if self.directions == 0 && self.parts.timeout_seconds.is_none() => {
                self.parts.timeout_seconds = Some(cursor.number()?);
                true
            }
            [b'A'..=b'Z', ..] if self.directions == 0 => self.state(cursor),
            _ => self.word_of_the_entry(cursor)?,
        };
        if !read {
            self.not_understood(cursor);
        }
        Ok(())
    }

    fn not_understood(&mut self, cursor: &mut Cursor<'a>) {
        self.parts.not_understood(cursor.value());
    }

    #[inline]
    fn direction(&mut self) -> &mut Direction {
        &mut self.parts.directions[usize::from(self.directions > 1)]
    }

    /// Keeps a word of the first direction.
    #[inline]
    fn keep(&mut self, place: usize, begin: Cursor<'a>, end: &Cursor<'a>) {
        if self.directions == 1 {
            self.original[place] = begin.up_to(end);
        }
    }

    /// Takes the second direction if it is the first one turned round, word by word, as it is of all entries that are
    /// not translated: words are compared in a third of the time that they are read in.
    #[inline]
    fn is_inverse(&mut self, cursor: &mut Cursor<'a>) -> bool {
        let [source, destination, source_port, destination_port] = self.original;
        let mut ahead = *cursor;
        let is_inverse = !destination_port.is_empty()
            && !source_port.is_empty()
            && ahead.take(destination)
            && ahead.take(b" dst=")
            && ahead.take(source)
            && ahead.take(b" sport=")
            && ahead.take(destination_port)
            && ahead.take(b" dport=")
            && ahead.take(source_port)
            && matches!(ahead.rest(), [] | [b' ', ..]);
        if is_inverse {
            let [original, reply] = &mut self.parts.directions;
            reply.source = original.destination;
            reply.destination = original.source;
            reply.source_port = original.destination_port;
            reply.destination_port = original.source_port;
            *cursor = ahead;
        }
        is_inverse
    }

    /// Takes the rest of the line, if it is one of those that say nothing but that the entry is assured.
    #[inline]
    fn usual_end(&mut self, cursor: &mut Cursor<'a>) {
        if USUAL_ENDS.contains(&cursor.rest()) {
            self.parts.status |= status::ASSURED;
            cursor.take(cursor.rest());
        }
    }

    #[inline]
    fn word_s(&mut self, cursor: &mut Cursor<'a>) -> Result<bool, Damage> {
        if cursor.take(b"src=") {
            self.directions += 1;
            if self.directions > 2 {
                return Err(cursor.damage(What::ThirdDirection));
            }
            if self.directions == 2 && self.is_inverse(cursor) {
                self.usual_end(cursor);
                return Ok(true);
            }
            let begin = *cursor;
            cursor.address(&mut self.direction().source)?;
            self.keep(0, begin, cursor);
        } else if cursor.take(b"sport=") {
            let begin = *cursor;
            self.direction().source_port = Some(cursor.number()?);
            self.keep(2, begin, cursor);
        } else if cursor.take(b"srckey=") {
            self.direction().source_port = Some(cursor.key()?);
        } else if cursor.take(b"secmark=") {
            self.parts.has_security_mark |= cursor.number::<u32>()? != 0;
        } else if cursor.take(b"secctx=") {
            cursor.value();
            self.parts.has_security_mark = true;
        } else if self.directions == 0 && cursor.take(b"stream_timeout=") {
            cursor.value();
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    #[inline]
    fn word_d(&mut self, cursor: &mut Cursor<'a>) -> Result<bool, Damage> {
        if cursor.take(b"dst=") {
            let begin = *cursor;
            cursor.address(&mut self.direction().destination)?;
            self.keep(1, begin, cursor);
        } else if cursor.take(b"dport=") {
            let begin = *cursor;
            self.direction().destination_port = Some(cursor.number()?);
            self.keep(3, begin, cursor);
        } else if cursor.take(b"dstkey=") {
            self.direction().destination_port = Some(cursor.key()?);
        } else if cursor.take(b"delta-time=") {
            self.parts.age_seconds = Some(cursor.number()?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    #[inline]
    fn word_of_a_direction(&mut self, cursor: &mut Cursor<'a>) -> Result<bool, Damage> {
        if cursor.take(b"packets=") {
            self.direction().packets = Some(cursor.number()?);
        } else if cursor.take(b"bytes=") {
            self.direction().bytes = cursor.number()?;
        } else if cursor.take(b"type=") {
            self.direction().kind = Some(cursor.number()?);
        } else if cursor.take(b"code=") {
            self.direction().code = cursor.number()?;
        } else if self.directions == 0 && cursor.take(b"timeout=") {
            // GRE's own settings: `timeout=30, stream_timeout=180`.
            cursor.value();
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    #[inline]
    fn word_of_the_entry(&mut self, cursor: &mut Cursor<'a>) -> Result<bool, Damage> {
        if cursor.take(b"mark=") {
            self.parts.mark = cursor.number()?;
        } else if cursor.take(b"use=") {
            cursor.number::<u32>()?;
        } else if cursor.take(b"id=") {
            self.id(cursor.number()?);
        } else if cursor.take(b"zone=") || cursor.take(b"zone-orig=") || cursor.take(b"zone-reply=")
        {
            let zone: u16 = cursor.number()?;
            self.parts.zone = self.parts.zone.max(zone);
        } else if cursor.take(b"helper=") {
            self.parts.helper = Some(cursor.value());
        } else if cursor.take(b"labels=") {
            self.parts.labelled = !cursor.value().is_empty();
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// ICMP's identifier, or, behind the directions, the entry's own, which says nothing.
    fn id(&mut self, id: u64) {
        let is_icmp = matches!(self.parts.protocol, Protocol::ICMP | Protocol::ICMPV6);
        let direction = self.direction();
        if is_icmp && direction.source_port.is_none() {
            direction.source_port = u16::try_from(id).ok();
        }
    }

    /// What stands in brackets, blanks included: `[start=Fri Nov 20 16:32:14 2026]`.
    fn flag(&mut self, cursor: &mut Cursor<'a>) -> Result<bool, Damage> {
        // Most entries are.
        if cursor.take(b"[ASSURED]") {
            self.parts.status |= status::ASSURED;
            return Ok(true);
        }
        let begin = *cursor;
        let text = begin.rest();
        let Some(flag) = cursor.until(b']') else {
            return Err(begin.damage(What::Incomplete));
        };
        match flag {
            b"[UNREPLIED" => self.parts.status &= !status::SEEN_REPLY,
            b"[OFFLOAD" => self.parts.status |= status::OFFLOAD,
            b"[HW_OFFLOAD" => self.parts.status |= status::OFFLOAD | status::HW_OFFLOAD,
            _ if flag.starts_with(b"[start=") || flag.starts_with(b"[stop=") => {}
            _ => self.parts.not_understood(&text[..=flag.len()]),
        }
        Ok(true)
    }

    fn state(&mut self, cursor: &mut Cursor<'a>) -> bool {
        let begin = *cursor;
        self.parts.state = State::from_name(cursor.value());
        if self.parts.state.is_none() {
            *cursor = begin;
        }
        self.parts.state.is_some()
    }
}
