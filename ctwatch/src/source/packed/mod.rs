//! Files as people hand them on: as they are, or compressed by gzip or zstd.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use flate2::read::MultiGzDecoder;

mod zstd;

/// What a file begins with: as much as the longest of these needs.
const BEGIN: usize = 16;

/// A stream whose owner may be another thread.
pub type Stream = Box<dyn Read + Send>;

/// Other forms that a user may take for a text, with what to do.
const OTHERS: [(&[u8], &str); 4] = [
    (
        b"\xfd7zXZ\0",
        "it is compressed by xz (xz -dc FILE | ctwatch … -)",
    ),
    (
        b"BZh",
        "it is compressed by bzip2 (bzip2 -dc FILE | ctwatch … -)",
    ),
    (
        b"\x04\x22\x4d\x18",
        "it is compressed by lz4 (lz4 -dc FILE | ctwatch … -)",
    ),
    (
        b"SQLite format 3\0",
        "it is a database; a recording is read by `ctwatch report FILE` and `ctwatch advise FILE`",
    ),
];

/// Opens a file, or with `-` standard input.
///
/// # Errors
/// When it cannot be read, or is of a form that is not understood.
pub fn open(path: &Path) -> io::Result<Stream> {
    if path == Path::new("-") {
        unpacked(Box::new(io::stdin()))
    } else {
        unpacked(Box::new(File::open(path)?))
    }
}

/// Reads a whole file, at most `limit` bytes of it once it is unpacked. What is not UTF-8 is replaced.
///
/// # Errors
/// As [`open`]; and when there is more.
pub fn read(path: &Path, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let reason = format!("it is larger than {} MiB", limit >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// What is in a stream, whichever way it is packed.
///
/// # Errors
/// When it cannot be read, or is of a form that is not understood.
pub fn unpacked(mut stream: Stream) -> io::Result<Stream> {
    let mut begin = Vec::with_capacity(BEGIN);
    stream.by_ref().take(BEGIN as u64).read_to_end(&mut begin)?;
    if let Some((_, reason)) = OTHERS.iter().find(|(magic, _)| begin.starts_with(magic)) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, *reason));
    }
    let is_gzip = begin.starts_with(&[0x1f, 0x8b]);
    let is_zstd = zstd::is(&begin);
    let whole = io::Cursor::new(begin).chain(stream);
    Ok(if is_gzip {
        Box::new(Gzip(MultiGzDecoder::new(whole)))
    } else if is_zstd {
        Box::new(zstd::Frames::new(whole))
    } else {
        Box::new(whole)
    })
}

/// gzip, whose errors say what to do.
struct Gzip<R>(MultiGzDecoder<R>);

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(
                error.kind(),
                "its gzip ends in the middle (gzip -t FILE tells; was the copy cut off?)",
            ),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => io::Error::new(
                error.kind(),
                format!("damaged gzip: {error} (gzip -t FILE tells)"),
            ),
            _ => error,
        })
    }
}

#[cfg(test)]
mod tests;
