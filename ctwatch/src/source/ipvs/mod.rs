//! Reads IPVS's table in both its forms: what `ipvsadm -Sn` prints, and /proc/net/ip_vs.
//!
//! A line that is not understood is an error: whatever it meant would be missing from the picture.

use crate::model::ipvs::IpvsTable;

mod proc;
mod save;
#[cfg(test)]
mod tests;

/// A text that is not, or not wholly, IPVS's table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ReadError {
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Neither a service nor a backend.
    #[error("neither a line of ipvsadm -Sn nor of /proc/net/ip_vs: {0}")]
    Foreign(String),
    /// An address or port that is none.
    #[error("{0} is no address with a port (names are printed without -n: ipvsadm -Sn)")]
    Address(String),
    /// A number that is none.
    #[error("{0} is no number")]
    Number(String),
    /// A backend of no service that was seen.
    #[error("a backend of a service that was not there before (cut off at the start?)")]
    Orphan,
    /// A word that says how packets are forwarded, and is not known.
    #[error("{0} is no way of forwarding")]
    Forwarding(String),
}

/// Reads either form; an empty text is a table without services, which is what `ipvsadm -Sn` prints for one.
///
/// # Errors
/// Names the first line that is not understood.
pub fn read(text: &str) -> Result<IpvsTable, ReadError> {
    let is_proc = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .is_some_and(|line| line.starts_with("IP Virtual Server"));
    let mut table = IpvsTable::default();
    for (at, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let result = match words.as_slice() {
            [] => Ok(()),
            words if is_proc => proc::line(&mut table, words),
            words => save::line(&mut table, words),
        };
        result.map_err(|problem| ReadError {
            line: at + 1,
            problem,
        })?;
    }
    Ok(table)
}

/// A line as an error shows it: not longer than a line of a terminal.
fn foreign(words: &[&str]) -> Problem {
    let line = words.join(" ");
    Problem::Foreign(line.chars().take(80).collect())
}
