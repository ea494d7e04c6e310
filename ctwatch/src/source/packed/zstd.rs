//! zstd, by ruzstd: in Rust throughout, so that nobody's dump is unpacked by C. It takes twice the time of the C
//! library and builds without one.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read};

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

/// Bytes that are unpacked at once, so that memory stays bounded.
const AT_ONCE: usize = 256 * 1_024;

/// Whether a stream that begins so is zstd's: a frame, or one to be skipped (RFC 8878, section 3.1).
pub(super) fn is(begin: &[u8]) -> bool {
    match begin {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => true,
        [first, 0x2a, 0x4d, 0x18, ..] => first & 0xf0 == 0x50,
        _ => false,
    }
}

/// One frame after the other, their checksums compared.
pub(super) struct Frames<R> {
    packed: BufReader<R>,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(packed: R) -> Self {
        Self {
            packed: BufReader::with_capacity(AT_ONCE, packed),
            decoder: FrameDecoder::new(),
            in_frame: false,
        }
    }

    /// Begins the next frame; false at the end.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.packed) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = self.packed.by_ref().take(u64::from(length));
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(_) => return Err(damaged()),
            }
        }
        Ok(false)
    }

    fn end(&mut self) -> io::Result<()> {
        self.in_frame = false;
        let (told, found) = (
            self.decoder.get_checksum_from_data(),
            self.decoder.get_calculated_checksum(),
        );
        if told.is_some() && told != found {
            return Err(damaged());
        }
        Ok(())
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame && !self.begin()? {
                return Ok(0);
            }
            if self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let some = BlockDecodingStrategy::UptoBytes(into.len().min(AT_ONCE));
                self.decoder
                    .decode_blocks(&mut self.packed, some)
                    .map_err(|_| damaged())?;
            }
            let read = self.decoder.read(into)?;
            if read > 0 {
                return Ok(read);
            }
            if self.decoder.is_finished() {
                self.end()?;
            }
        }
    }
}

/// What the decoder says names its own functions; where it stopped is all that helps.
fn damaged() -> Error {
    Error::new(
        ErrorKind::InvalidData,
        "it is damaged zstd, or not all of it (zstd -t FILE tells; was the copy cut off?)",
    )
}
