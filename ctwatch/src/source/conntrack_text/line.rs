//! A line of any form, told by what it begins with.

use super::{
    damage::{Damage, What},
    list, save, xml,
};
use crate::model::listed::Listed;

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

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// An entry in this form, and the first of its words that is not understood.
    Entry(Form, Option<&'a [u8]>),
    /// Something that stands between entries.
    Between,
}

/// Reads a line without its end; an entry is written over `listed`.
///
/// # Errors
/// When it is no entry, or cut off; `listed` is of no use then.
pub fn parse<'a>(line: &'a [u8], listed: &mut Listed) -> Result<Kind<'a>, Damage> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (form, unknown) = match line {
        [b'a'..=b'z', ..] if !is_summary(line) => (Form::List, list::parse(line, listed)?),
        [b'-', b'A', b' ', ..] => (Form::Save, save::parse(line, listed)?),
        [b'<', b'f', b'l', b'o', b'w', ..] => (Form::Xml, xml::parse(line, listed)?),
        _ if is_between(line) => return Ok(Kind::Between),
        _ => return Err(Damage::at(0, what_else(line))),
    };
    Ok(Kind::Entry(form, unknown))
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
