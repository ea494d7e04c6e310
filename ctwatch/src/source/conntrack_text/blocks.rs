//! A stream in blocks of whole lines, for several threads.

use std::io::{self, Read};

/// Bytes that are read at once; lines of entries have some 160. No entry's is longer than this: longer ones are cut.
pub(super) const BLOCK: usize = 256 * 1_024;

/// What blocks are taken from.
#[derive(Debug)]
pub(super) struct Blocks<R> {
    stream: R,
    /// The beginning of the line that the last block ended in.
    carry: Vec<u8>,
    /// Blocks taken.
    taken: usize,
    /// Whether the rest of a line that was too long comes next.
    skipping: bool,
    ended: bool,
}

/// Whole lines.
#[derive(Debug)]
pub(super) struct Block {
    /// Its place in the stream, from 0 on.
    pub(super) number: usize,
    /// Whether the last line was longer than a block, and is cut.
    pub(super) is_cut: bool,
    bytes: Box<[u8]>,
    filled: usize,
}

impl Block {
    /// Room for lines.
    pub(super) fn new() -> Self {
        Self {
            number: 0,
            is_cut: false,
            bytes: vec![0; BLOCK].into_boxed_slice(),
            filled: 0,
        }
    }

    /// The lines; the last of the stream may lack its end.
    pub(super) fn text(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl<R: Read> Blocks<R> {
    /// Of a stream.
    pub(super) fn new(stream: R) -> Self {
        Self {
            stream,
            carry: Vec::new(),
            taken: 0,
            skipping: false,
            ended: false,
        }
    }

    /// Takes the next block in the place of another; false at the end.
    pub(super) fn take(&mut self, block: &mut Block) -> io::Result<bool> {
        self.fill(block)?;
        while self.skipping && block.filled > 0 {
            match memchr::memchr(b'\n', block.text()) {
                Some(end) => {
                    self.carry.extend_from_slice(&block.text()[end + 1..]);
                    self.skipping = false;
                }
                None if self.ended => block.filled = 0,
                None => {}
            }
            self.fill(block)?;
        }
        block.number = self.taken;
        self.taken += 1;
        block.is_cut = false;
        if !self.ended {
            match memchr::memrchr(b'\n', block.text()) {
                Some(end) => {
                    self.carry.extend_from_slice(&block.text()[end + 1..]);
                    block.filled = end + 1;
                }
                None => (block.is_cut, self.skipping) = (true, true),
            }
        }
        Ok(block.filled > 0)
    }

    /// What was carried over and what comes next, as much as there is room for.
    fn fill(&mut self, block: &mut Block) -> io::Result<()> {
        block.filled = self.carry.len();
        block.bytes[..block.filled].copy_from_slice(&self.carry);
        self.carry.clear();
        while block.filled < BLOCK && !self.ended {
            match self.stream.read(&mut block.bytes[block.filled..]) {
                Ok(0) => self.ended = true,
                Ok(read) => block.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use proptest::prelude::*;

    use super::*;

    fn taken(text: &[u8]) -> (Vec<u8>, usize) {
        let mut blocks = Blocks::new(text);
        let (mut all, mut cut, mut block) = (Vec::new(), 0, Block::new());
        while blocks.take(&mut block).unwrap() {
            all.extend_from_slice(block.text());
            cut += usize::from(block.is_cut);
        }
        (all, cut)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn blocks_are_the_stream(lengths in proptest::collection::vec(0..BLOCK / 2, 0..12), ends: bool) {
            let mut text: Vec<u8> = Vec::new();
            for length in lengths {
                text.resize(text.len() + length, b'a');
                text.push(b'\n');
            }
            if !ends {
                text.pop();
            }
            prop_assert!(taken(&text) == (text, 0));
        }
    }

    #[test]
    fn a_line_longer_than_a_block_is_cut_and_the_rest_of_the_stream_is_kept() {
        for more in [1, BLOCK - 1, BLOCK, 3 * BLOCK] {
            let mut text = vec![b'a'; BLOCK + more];
            text.extend_from_slice(b"\nnext\nlast");
            let (all, cut) = taken(&text);
            assert_eq!((all.len(), cut), (BLOCK + "next\nlast".len(), 1), "{more}");
            assert!(all.ends_with(b"anext\nlast"));
        }
        assert_eq!(taken(&vec![b'a'; 5 * BLOCK]).1, 1, "never a line end");
    }
}
