//! Reads listings of settings: what `sysctl -a` prints, files of sysctl.d, and `grep . /proc/sys/…/*`.
//!
//! A listing is used as far as it is understood; lines that are not are counted, and the first few kept.

use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// Lines kept of those that were not understood.
const KEPT: usize = 3;

/// Where files of settings lie, and the module's parameter among them.
const PROC: &str = "/proc/sys/";
const HASHSIZE: (&str, &str) = (
    "/sys/module/nf_conntrack/parameters/hashsize",
    "nf_conntrack.hashsize",
);

/// What `sysctl` says of settings that it may not read.
const COMPLAINT: &str = "sysctl: ";

/// A listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SysctlListing {
    /// Values by dotted name; of a name that is there twice, the last.
    pub settings: BTreeMap<String, String>,
    /// Lines that were not understood.
    pub damaged: usize,
    /// The first of them.
    pub first_damaged: Vec<Damage>,
}

/// A line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Line, counted from 1.
    pub line: usize,
    /// Byte of the line at which it ceases to be a setting, counted from 1.
    pub column: usize,
    /// Its beginning.
    pub text: String,
}

/// No setting is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no line of it is a setting such as net.netfilter.nf_conntrack_max = 262144 (sysctl -a)")]
pub struct NoListing;

/// Reads a listing.
///
/// # Errors
/// When there is no setting in it.
pub fn read(text: &str) -> Result<SysctlListing, NoListing> {
    let mut listing = SysctlListing::default();
    for (at, line) in text.lines().enumerate() {
        match setting(line) {
            Ok(Some((name, value))) => {
                listing.settings.insert(name, value);
            }
            Ok(None) => {}
            Err(column) => {
                listing.damaged += 1;
                if listing.first_damaged.len() < KEPT {
                    listing.first_damaged.push(Damage {
                        line: at + 1,
                        column,
                        text: line.chars().take(60).collect(),
                    });
                }
            }
        }
    }
    if listing.settings.is_empty() {
        return Err(NoListing);
    }
    Ok(listing)
}

/// A line's setting; none in a comment, an empty line, or a complaint. Else the column where it goes wrong.
fn setting(line: &str) -> Result<Option<(String, String)>, usize> {
    let text = line.trim();
    if text.is_empty() || text.starts_with(['#', ';']) || text.starts_with(COMPLAINT) {
        return Ok(None);
    }
    let indent = line.len() - line.trim_start().len();
    // A dash before a name in sysctl.d: errors do not matter.
    let bare = text.strip_prefix('-').unwrap_or(text);
    let is_path = bare.starts_with('/');
    let separator = if is_path {
        bare.find([':', '='])
    } else {
        bare.find('=')
    };
    let at = separator.ok_or(line.trim_end().len() + 1)?;
    let (name, value) = (bare.get(..at), bare.get(at + 1..));
    let column = indent + (text.len() - bare.len()) + 1;
    let name = name
        .and_then(|name| dotted(name.trim_end()))
        .ok_or(column)?;
    Ok(Some((name, value.unwrap_or_default().trim().to_owned())))
}

/// The dotted name: as it is, or of a path, whose dots are part of a name and become slashes (sysctl(8)).
fn dotted(name: &str) -> Option<String> {
    if name == HASHSIZE.0 {
        return Some(HASHSIZE.1.to_owned());
    }
    let name = name.strip_prefix(PROC).unwrap_or(name);
    let separator = name.find(['.', '/'])?;
    let is_name = |c: char| c.is_ascii_graphic() && !matches!(c, '=' | '"' | '\'' | '<' | '>');
    let whole = !name.starts_with(['.', '/']) && !name.ends_with(['.', '/']);
    if !whole || !name.chars().all(is_name) {
        return None;
    }
    if name.get(separator..)?.starts_with('.') {
        return Some(name.to_owned());
    }
    let swap = |c: char| match c {
        '/' => '.',
        '.' => '/',
        other => other,
    };
    Some(name.chars().map(swap).collect())
}
