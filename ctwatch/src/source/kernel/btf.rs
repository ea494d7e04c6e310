//! Offsets of members in the running kernel's structures, from its BTF
//! (Documentation/bpf/btf.rst in the kernel's sources).

use std::{fs, path::Path};

use thiserror::Error;

const MAGIC: u16 = 0xEB9F;
const KIND_INT: u32 = 1;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
const KIND_TYPEDEF: u32 = 8;
const KIND_CONST: u32 = 10;
const KIND_VOLATILE: u32 = 9;
const KIND_RESTRICT: u32 = 11;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_VAR: u32 = 14;
const KIND_DATASEC: u32 = 15;
const KIND_DECL_TAG: u32 = 17;
const KIND_TYPE_TAG: u32 = 18;
const KIND_ENUM64: u32 = 19;

/// What can be wrong with BTF.
#[derive(Debug, Error)]
pub enum BtfError {
    /// The file cannot be read.
    #[error(
        "cannot read the kernel's type information at {path}: {source} (the kernel must be built with CONFIG_DEBUG_INFO_BTF, as distributions' kernels since 5.8 are)"
    )]
    Unreadable {
        /// File.
        path: String,
        /// The kernel's reason.
        source: std::io::Error,
    },
    /// The file is not BTF.
    #[error("{path} is not BTF as this program knows it: {reason}")]
    Damaged {
        /// File.
        path: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A type or member is missing.
    #[error(
        "this kernel's BTF has no `{what}`; ctwatch cannot find its way around conntrack here (please report the kernel's version)"
    )]
    Missing {
        /// `struct member.member`.
        what: String,
    },
}

/// A kernel's type information.
#[derive(Debug)]
pub struct Btf {
    path: String,
    data: Vec<u8>,
    /// Offset of each type's record in `data`; type id 0 is void and not stored.
    types: Vec<u32>,
    strings: (usize, usize),
}

impl Btf {
    /// Reads the running kernel's own BTF, `/sys/kernel/btf/vmlinux`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is damaged.
    pub fn vmlinux() -> Result<Self, BtfError> {
        Self::read(Path::new("/sys/kernel/btf/vmlinux"))
    }

    fn read(path: &Path) -> Result<Self, BtfError> {
        let name = path.display().to_string();
        let data = fs::read(path).map_err(|source| BtfError::Unreadable {
            path: name.clone(),
            source,
        })?;
        Self::parse(name, data)
    }

    /// Parses BTF in this machine's byte order.
    ///
    /// # Errors
    ///
    /// When a header, record or string lies outside the data.
    pub fn parse(path: String, data: Vec<u8>) -> Result<Self, BtfError> {
        let damaged = |reason| BtfError::Damaged {
            path: path.clone(),
            reason,
        };
        let word = |at: usize| word(&data, at).ok_or_else(|| damaged("the header is cut off"));
        if word(0)? & 0xffff != u32::from(MAGIC) {
            return Err(damaged("the magic number is another"));
        }
        let header = word(4)? as usize;
        let region = |offset: u32, length: u32| {
            let start = header.checked_add(offset as usize)?;
            let end = start.checked_add(length as usize)?;
            (end <= data.len()).then_some((start, end))
        };
        let (start, end) =
            region(word(8)?, word(12)?).ok_or_else(|| damaged("the types lie outside"))?;
        let strings =
            region(word(16)?, word(20)?).ok_or_else(|| damaged("the strings lie outside"))?;
        let mut types = Vec::new();
        let mut at = start;
        while at < end {
            types.push(u32::try_from(at).map_err(|_| damaged("it is larger than 4 GiB"))?);
            let info = self::word(&data, at + 4).ok_or_else(|| damaged("a type is cut off"))?;
            let trailer = trailer(info).ok_or_else(|| damaged("it holds an unknown kind"))?;
            at += 12 + trailer;
        }
        if at != end {
            return Err(damaged("the last type is cut off"));
        }
        Ok(Self {
            path,
            data,
            types,
            strings,
        })
    }

    /// Byte offset of a member, by a path such as `proto.tcp.state`; members of anonymous structures and unions
    /// are found by their own names, and an array stands for its first element.
    ///
    /// # Errors
    ///
    /// [`BtfError::Missing`], which names the path.
    pub fn offset(&self, structure: &str, path: &str) -> Result<u32, BtfError> {
        let missing = || BtfError::Missing {
            what: format!("{structure}.{path}"),
        };
        let mut id = self.find(structure).ok_or_else(missing)?;
        let mut offset = 0;
        for name in path.split('.') {
            let (at, member) = self.member(id, name).ok_or_else(missing)?;
            offset += at;
            id = member;
        }
        Ok(offset)
    }

    /// Size of a structure in bytes.
    ///
    /// # Errors
    ///
    /// [`BtfError::Missing`].
    pub fn size(&self, structure: &str) -> Result<u32, BtfError> {
        self.find(structure)
            .and_then(|id| self.record(id))
            .map(|record| record.size)
            .ok_or_else(|| BtfError::Missing {
                what: structure.to_owned(),
            })
    }

    /// Value of an enumerator.
    ///
    /// # Errors
    ///
    /// [`BtfError::Missing`].
    pub fn enumerator(&self, enumeration: &str, name: &str) -> Result<u32, BtfError> {
        self.records()
            .filter(|record| {
                record.kind == KIND_ENUM && self.string(record.name) == enumeration.as_bytes()
            })
            .find_map(|record| {
                (0..record.count).find_map(|n| {
                    let at = record.at + 12 + n * 8;
                    (self.string(word(&self.data, at)?) == name.as_bytes())
                        .then(|| word(&self.data, at + 4))?
                })
            })
            .ok_or_else(|| BtfError::Missing {
                what: format!("{enumeration}.{name}"),
            })
    }

    /// The file it was read from.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    fn find(&self, structure: &str) -> Option<u32> {
        self.records()
            .position(|record| {
                record.kind == KIND_STRUCT && self.string(record.name) == structure.as_bytes()
            })
            .and_then(|index| u32::try_from(index + 1).ok())
    }

    /// Offset and type of a member, through anonymous members.
    fn member(&self, id: u32, name: &str) -> Option<(u32, u32)> {
        let record = self.record(self.resolve(id)?)?;
        if record.kind != KIND_STRUCT && record.kind != KIND_UNION {
            return None;
        }
        (0..record.count).find_map(|n| {
            let at = record.at + 12 + n * 12;
            let (member, kind) = (word(&self.data, at)?, word(&self.data, at + 4)?);
            let bits = word(&self.data, at + 8)?;
            let bytes = if record.has_bitfields {
                bits & 0xff_ffff
            } else {
                bits
            } / 8;
            let member = self.string(member);
            if member == name.as_bytes() {
                Some((bytes, kind))
            } else if member.is_empty() {
                let (inner, kind) = self.member(kind, name)?;
                Some((bytes + inner, kind))
            } else {
                None
            }
        })
    }

    /// Follows typedefs, qualifiers and arrays to what they stand for.
    fn resolve(&self, mut id: u32) -> Option<u32> {
        for _ in 0..32 {
            let record = self.record(id)?;
            id = match record.kind {
                KIND_TYPEDEF | KIND_CONST | KIND_VOLATILE | KIND_RESTRICT | KIND_TYPE_TAG => {
                    record.size
                }
                KIND_ARRAY => word(&self.data, record.at + 12)?,
                _ => return Some(id),
            };
        }
        None
    }

    fn record(&self, id: u32) -> Option<Record> {
        let at = *self.types.get((id as usize).checked_sub(1)?)? as usize;
        Record::read(&self.data, at)
    }

    fn records(&self) -> impl Iterator<Item = Record> {
        self.types
            .iter()
            .filter_map(|&at| Record::read(&self.data, at as usize))
    }

    fn string(&self, offset: u32) -> &[u8] {
        let (start, end) = self.strings;
        let bytes = self
            .data
            .get(start.saturating_add(offset as usize)..end)
            .unwrap_or_default();
        bytes.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

/// The head of a type's record.
struct Record {
    at: usize,
    name: u32,
    kind: u32,
    count: usize,
    has_bitfields: bool,
    /// Size of a structure, or type that a typedef, qualifier or pointer refers to.
    size: u32,
}

impl Record {
    fn read(data: &[u8], at: usize) -> Option<Self> {
        let info = word(data, at + 4)?;
        Some(Self {
            at,
            name: word(data, at)?,
            kind: kind(info),
            count: (info & 0xffff) as usize,
            has_bitfields: info >> 31 == 1,
            size: word(data, at + 8)?,
        })
    }
}

fn kind(info: u32) -> u32 {
    info >> 24 & 0x1f
}

/// Bytes that follow the twelve of a type's head.
fn trailer(info: u32) -> Option<usize> {
    let count = (info & 0xffff) as usize;
    Some(match kind(info) {
        KIND_INT | KIND_VAR | KIND_DECL_TAG => 4,
        KIND_ARRAY => 12,
        KIND_STRUCT | KIND_UNION | KIND_DATASEC | KIND_ENUM64 => 12 * count,
        KIND_ENUM | KIND_FUNC_PROTO => 8 * count,
        0 | 20.. => return None,
        _ => 0,
    })
}

fn word(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use proptest::prelude::{any, proptest};

    use super::*;

    /// `struct s { int a; union { int b; struct t { int c; } d; }; }`
    fn small() -> Vec<u8> {
        let strings = b"\0int\0s\0a\0b\0t\0c\0d\0";
        let types: Vec<u32> = vec![
            1,
            KIND_INT << 24,
            4,
            32, // 1: int
            11,
            KIND_STRUCT << 24 | 1,
            4,
            13,
            1,
            0, // 2: struct t
            0,
            KIND_UNION << 24 | 2,
            4,
            9,
            1,
            0,
            15,
            2,
            0, // 3: union
            5,
            KIND_STRUCT << 24 | 2,
            8,
            7,
            1,
            0,
            0,
            3,
            32, // 4: struct s
        ];
        let mut data = Vec::new();
        let length = u32::try_from(types.len() * 4).unwrap();
        let text = u32::try_from(strings.len()).unwrap();
        for word in [u32::from(MAGIC) | 1 << 16, 24, 0, length, length, text] {
            data.extend(word.to_ne_bytes());
        }
        data.extend(types.iter().flat_map(|word| word.to_ne_bytes()));
        data.extend(strings);
        data
    }

    #[test]
    fn members_are_found_through_anonymous_unions() {
        let btf = Btf::parse("test".into(), small()).unwrap();
        assert_eq!(btf.offset("s", "a").unwrap(), 0);
        assert_eq!(btf.offset("s", "b").unwrap(), 4);
        assert_eq!(btf.offset("s", "d.c").unwrap(), 4);
        assert_eq!(btf.size("s").unwrap(), 8);
    }

    #[test]
    fn a_missing_member_is_named() {
        let btf = Btf::parse("test".into(), small()).unwrap();
        let error = btf.offset("s", "d.x").unwrap_err().to_string();
        assert!(error.contains("`s.d.x`"), "{error}");
    }

    #[test]
    fn this_machine_knows_its_own_entries() {
        let Ok(btf) = Btf::vmlinux() else {
            eprintln!("skipped: this kernel has no /sys/kernel/btf/vmlinux");
            return;
        };
        assert!(btf.offset("sk_buff", "_nfct").unwrap() > 0);
        assert_eq!(btf.size("nf_conntrack_tuple").unwrap(), 40);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut data in proptest::collection::vec(any::<u8>(), 0..200), graft in any::<bool>()) {
            if graft {
                let mut real = small();
                let at = data.len().min(real.len());
                real[24..].iter_mut().zip(&data[..at]).for_each(|(byte, noise)| *byte ^= noise & 0x11);
                data = real;
            }
            if let Ok(btf) = Btf::parse("noise".into(), data) {
                let _ = btf.offset("s", "d.c");
                let _ = btf.enumerator("e", "x");
            }
        }
    }
}
