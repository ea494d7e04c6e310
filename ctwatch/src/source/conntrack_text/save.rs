//! Lines as `conntrack -L -o save` prints them: options for conntrack itself. They tell neither marks nor helpers.

use super::{
    cursor::Cursor,
    damage::{Damage, What},
    parts::Parts,
};
use crate::model::{endpoint::Protocol, entry::State, listed::Listed, status};

/// Types of ICMP requests and what answers them (`invmap` in nf_conntrack_proto_icmp.c and _icmpv6.c).
const ANSWERS: [(u8, u8); 6] = [(8, 0), (13, 14), (15, 16), (17, 18), (128, 129), (139, 140)];

/// Reads a line that begins with `-A`.
pub(super) fn parse<'a>(line: &'a [u8], listed: &mut Listed) -> Result<Option<&'a [u8]>, Damage> {
    let mut cursor = Cursor::new(line);
    cursor.word();
    // The protocol comes after what it is needed for.
    let mut parts = Parts::new(Protocol(0));
    parts.status = 0;
    let mut has_protocol = false;
    while !cursor.rest().is_empty() {
        let name = cursor.word();
        has_protocol |= matches!(name, b"-p" | b"--protonum" | b"--proto");
        if !option(&mut parts, name, &mut cursor)? {
            parts.not_understood(name);
            if !cursor.rest().starts_with(b"-") {
                cursor.word();
            }
            continue;
        }
        match cursor.rest() {
            [] | [b' ' | b'\t', ..] => cursor.skip_blanks(),
            _ => return Err(cursor.damage(What::Unended)),
        }
    }
    let end = cursor.at();
    answer(&mut parts);
    if !has_protocol {
        return Err(Damage::at(end, What::Incomplete));
    }
    parts.write(listed).map_err(|what| Damage::at(end, what))
}

/// Reads the value of an option that is understood.
fn option<'a>(parts: &mut Parts<'a>, name: &[u8], cursor: &mut Cursor<'a>) -> Result<bool, Damage> {
    match name {
        b"-t" => parts.timeout_seconds = Some(cursor.number()?),
        b"-u" => flags(parts, cursor.value()),
        b"-m" | b"--mark" => parts.mark = cursor.number()?,
        b"-w" | b"--zone" | b"--orig-zone" | b"--reply-zone" => {
            parts.zone = parts.zone.max(cursor.number()?);
        }
        b"-l" | b"--label" => parts.labelled = !cursor.value().is_empty(),
        b"--helper" => parts.helper = Some(cursor.value()),
        b"-p" => parts.protocol = protocol(cursor)?,
        b"--state" => {
            let word = cursor.value();
            parts.state = State::from_name(word);
            if parts.state.is_none() {
                parts.not_understood(word);
            }
        }
        b"--orig-vtag" | b"--reply-vtag" => {
            cursor.number::<u32>()?;
        }
        _ => return of_a_direction(parts, name, cursor),
    }
    Ok(true)
}

fn of_a_direction(
    parts: &mut Parts<'_>,
    name: &[u8],
    cursor: &mut Cursor<'_>,
) -> Result<bool, Damage> {
    let [original, reply] = &mut parts.directions;
    match name {
        b"-s" => cursor.address(&mut original.source)?,
        b"-d" => cursor.address(&mut original.destination)?,
        b"-r" => cursor.address(&mut reply.source)?,
        b"-q" => cursor.address(&mut reply.destination)?,
        b"--sport" => original.source_port = Some(cursor.number()?),
        b"--dport" => original.destination_port = Some(cursor.number()?),
        b"--reply-port-src" => reply.source_port = Some(cursor.number()?),
        b"--reply-port-dst" => reply.destination_port = Some(cursor.number()?),
        b"--srckey" => original.source_port = Some(cursor.key()?),
        b"--dstkey" => original.destination_port = Some(cursor.key()?),
        b"--reply-key-src" => reply.source_port = Some(cursor.key()?),
        b"--reply-key-dst" => reply.destination_port = Some(cursor.key()?),
        b"--icmp-type" | b"--icmpv6-type" => original.kind = Some(cursor.number()?),
        b"--icmp-code" | b"--icmpv6-code" => original.code = cursor.number()?,
        b"--icmp-id" | b"--icmpv6-id" => original.source_port = Some(cursor.number()?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// ICMP's reply direction is not printed: it follows from the original one.
fn answer(parts: &mut Parts<'_>) {
    let [original, reply] = &mut parts.directions;
    let Some(kind) = original.kind.filter(|_| reply.kind.is_none()) else {
        return;
    };
    let answers = ANSWERS.iter().find(|(request, _)| *request == kind);
    reply.kind = Some(answers.map_or(kind, |(_, answer)| *answer));
    reply.code = original.code;
    reply.source_port = original.source_port;
}

/// A name, or a number where conntrack knows no name.
fn protocol(cursor: &mut Cursor<'_>) -> Result<Protocol, Damage> {
    if cursor.rest().first().is_some_and(u8::is_ascii_digit) {
        return cursor.number().map(Protocol);
    }
    let begin = *cursor;
    std::str::from_utf8(cursor.value())
        .ok()
        .and_then(Protocol::from_name)
        .ok_or_else(|| begin.damage(What::NoForm))
}

fn flags<'a>(parts: &mut Parts<'a>, words: &'a [u8]) {
    for word in words.split(|byte| *byte == b',') {
        match word {
            b"SEEN_REPLY" => parts.status |= status::SEEN_REPLY,
            b"ASSURED" => parts.status |= status::ASSURED,
            b"EXPECTED" => parts.status |= status::EXPECTED,
            b"OFFLOAD" => parts.status |= status::OFFLOAD,
            b"HW_OFFLOAD" => parts.status |= status::OFFLOAD | status::HW_OFFLOAD,
            b"UNSET" | b"FIXED_TIMEOUT" | b"CONFIRMED" => {}
            _ => parts.not_understood(word),
        }
    }
}
