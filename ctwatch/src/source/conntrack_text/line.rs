//! A line of any form, told by what it begins with.

use super::{
    damage::{Damage, What},
    list,
    parts::Line,
    save, xml,
};

/// Forms of a line. What a form leaves out is not known of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// `conntrack -L`, or /proc/net/nf_conntrack.
    List,
    /// `conntrack -L -o save`.
    Save,
    /// `conntrack -L -o xml`.
    Xml,
}

/// The entry of a line without its end; `None` for lines between entries.
///
/// # Errors
/// When it is no entry, or cut off.
pub fn parse(line: &[u8]) -> Result<Option<(Form, Line<'_>)>, Damage> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line {
        [b'a'..=b'z', ..] if !is_summary(line) => list::parse(line).map(|line| (Form::List, line)),
        [b'-', b'A', b' ', ..] => save::parse(line).map(|line| (Form::Save, line)),
        [b'<', b'f', b'l', b'o', b'w', ..] => xml::parse(line).map(|line| (Form::Xml, line)),
        _ if is_between(line) => return Ok(None),
        _ => Err(Damage::at(0, what_else(line))),
    }
    .map(Some)
}

/// What conntrack says when it is done, on standard error.
fn is_summary(line: &[u8]) -> bool {
    line.starts_with(b"conntrack v")
}

fn is_between(line: &[u8]) -> bool {
    line.trim_ascii().is_empty() || is_summary(line) || xml::is_frame(line)
}

fn what_else(line: &[u8]) -> What {
    let line = line.trim_ascii_start();
    let is_event = [b"[NEW]".as_slice(), b"[UPDATE]", b"[DESTROY]", b"[17"]
        .iter()
        .any(|begin| line.starts_with(begin));
    if is_event { What::Event } else { What::NoForm }
}
