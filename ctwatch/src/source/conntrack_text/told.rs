//! What a thread tells of the lines it read.

use super::{damage::Damage, line::Form};
use crate::model::listing::{DamagedLine, Listing};

/// Characters of a damaged line that are shown.
const SHOWN: usize = 160;

/// One thread's.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Lines of each block: its number in the stream first.
    blocks: Vec<(usize, u64)>,
    listing: Listing,
    /// The block of each of the damaged lines that are shown.
    damaged_in: Vec<usize>,
}

impl Told {
    /// The block with this number is next.
    pub(super) fn begin(&mut self, block: usize) {
        self.blocks.push((block, 0));
    }

    /// So is a line.
    pub(super) fn line(&mut self) {
        if let Some((_, lines)) = self.blocks.last_mut() {
            *lines += 1;
        }
        self.listing.lines += 1;
    }

    /// It is an entry.
    #[inline]
    pub(super) fn entry(&mut self, form: Form, unknown: Option<&[u8]>) {
        self.listing.entries += 1;
        match form {
            Form::List => {}
            Form::Save => self.listing.saved += 1,
            Form::Xml => self.listing.xml += 1,
        }
        if let Some(word) = unknown {
            self.unknown(word);
        }
    }

    fn unknown(&mut self, word: &[u8]) {
        self.listing.unknown_entries += 1;
        let end = word.iter().position(|byte| *byte == b'=');
        let name = shown(&word[..end.unwrap_or(word.len())]);
        let words = &mut self.listing.unknown;
        if words.len() < Listing::MAX_SHOWN && !words.contains(&name) {
            words.push(name);
        }
    }

    /// It is none.
    pub(super) fn damaged(&mut self, damage: Damage, line: &[u8]) {
        self.listing.damaged += 1;
        if let Some((block, lines)) = self.blocks.last()
            && self.damaged_in.len() < Listing::MAX_SHOWN
        {
            self.damaged_in.push(*block);
            self.listing.damaged_lines.push(DamagedLine {
                line: *lines,
                column: damage.column as u64,
                reason: damage.what.to_string(),
                text: shown(line),
            });
        }
    }
}

/// The beginning of a text, in which nothing moves a cursor.
fn shown(text: &[u8]) -> String {
    let text = &text[..text.len().min(SHOWN)];
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    String::from_utf8_lossy(text).chars().map(plain).collect()
}

/// What all threads tell together: lines get their numbers in the stream.
pub(super) fn listing(told: Vec<Told>) -> Listing {
    let mut lines: Vec<(usize, u64)> = told.iter().flat_map(|told| &told.blocks).copied().collect();
    lines.sort_unstable();
    let before = |block: usize| -> u64 {
        let earlier = lines.iter().take_while(|(number, _)| *number < block);
        earlier.map(|(_, lines)| lines).sum()
    };
    let mut all = Listing::default();
    for Told {
        listing,
        damaged_in,
        ..
    } in told
    {
        all.lines += listing.lines;
        all.entries += listing.entries;
        all.saved += listing.saved;
        all.xml += listing.xml;
        all.damaged += listing.damaged;
        all.unknown_entries += listing.unknown_entries;
        all.unknown.extend(listing.unknown);
        let numbered = listing.damaged_lines.into_iter().zip(damaged_in);
        all.damaged_lines
            .extend(numbered.map(|(damaged, block)| DamagedLine {
                line: damaged.line + before(block),
                ..damaged
            }));
    }
    all.damaged_lines.sort_by_key(|damaged| damaged.line);
    all.damaged_lines.truncate(Listing::MAX_SHOWN);
    all.unknown.sort_unstable();
    all.unknown.dedup();
    all.unknown.truncate(Listing::MAX_SHOWN);
    all
}
