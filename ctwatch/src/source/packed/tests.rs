#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    unpacked(Box::new(io::Cursor::new(packed.to_vec())))?.read_to_end(&mut text)?;
    Ok(text)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    compress_to_vec(text, CompressionLevel::Fastest)
}

proptest! {
    #[test]
    fn what_was_packed_is_read_as_it_was(text: Vec<u8>, more: Vec<u8>) {
        let both = [text.as_slice(), &more].concat();
        for pack in [gzip, zstd] {
            let packed = [pack(&text), pack(&more)].concat();
            prop_assert_eq!(unpack(&packed).unwrap(), both.clone());
        }
    }

    #[test]
    fn any_bytes_end_in_a_result(bytes: Vec<u8>) {
        for magic in [&[0x1f, 0x8b, 8][..], &[0x28, 0xb5, 0x2f, 0xfd], &[0x51, 0x2a, 0x4d, 0x18], &[]] {
            let _ = unpack(&[magic, &bytes].concat());
        }
    }
}

#[test]
fn a_frame_that_is_cut_off_or_damaged_is_told() {
    let text = b"tcp      6 11 LAST_ACK\n".repeat(10_000);
    for packed in [gzip(&text), zstd(&text)] {
        assert!(unpack(&packed[..packed.len() - 6]).is_err());
    }
    let mut packed = zstd(&text);
    let last = packed.len() - 1;
    packed[last] ^= 1;
    let reason = unpack(&packed).unwrap_err().to_string();
    assert!(reason.contains("damaged zstd"), "{reason}");
}

#[test]
fn frames_to_be_skipped_are_skipped() {
    let packed = [
        &[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3],
        zstd(b"tcp").as_slice(),
    ]
    .concat();
    assert_eq!(unpack(&packed).unwrap(), b"tcp");
}

#[test]
fn what_is_packed_otherwise_is_named_with_what_to_do() {
    let reason = unpack(b"\xfd7zXZ\0\0\0").unwrap_err().to_string();
    assert!(reason.contains("xz -dc"), "{reason}");
    let reason = unpack(b"SQLite format 3\0....").unwrap_err().to_string();
    assert!(reason.contains("ctwatch report"), "{reason}");
}

#[test]
fn a_file_larger_than_the_limit_is_refused_and_not_read_to_its_end() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let packed = gzip(&vec![b'a'; 3 << 20]);
    file.as_file().write_all(&packed).unwrap();
    assert_eq!(read(file.path(), 3 << 20).unwrap().len(), 3 << 20);
    let reason = read(file.path(), 2 << 20).unwrap_err().to_string();
    assert!(reason.contains("2 MiB"), "{reason}");
}
