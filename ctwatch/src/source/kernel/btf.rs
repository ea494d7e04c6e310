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
const KIND_FUNC: u32 = 12;
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

/// A kernel's type information, or a module's.
#[derive(Debug)]
pub struct Btf {
    path: String,
    data: Vec<u8>,
    /// Offset of each type's record in `data`.
    types: Vec<u32>,
    /// Id of the first of them: 1, for id 0 is void and not stored. A module's go on where the kernel's end.
    first: u32,
    strings: (usize, usize),
    /// The kernel's strings, which come before a module's own.
    inherited: Vec<u8>,
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

    /// Reads a loaded module's BTF, which is split: it holds what the kernel's own does not.
    ///
    /// # Errors
    ///
    /// As [`Self::vmlinux`]; kernels before 5.11 have none.
    pub fn module(name: &str, vmlinux: &Self) -> Result<Self, BtfError> {
        let module = Self::read(&Path::new("/sys/kernel/btf").join(name))?;
        Ok(module.on(vmlinux))
    }

    /// Counts types and strings on from those of `base`.
    fn on(self, base: &Self) -> Self {
        let (start, end) = base.strings;
        let types = u32::try_from(base.types.len()).unwrap_or(u32::MAX);
        Self {
            first: base.first.saturating_add(types),
            inherited: base.data.get(start..end).unwrap_or_default().to_vec(),
            ..self
        }
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
            first: 1,
            strings,
            inherited: Vec::new(),
        })
    }

    /// Type id of the one function of that name; `None` too where there are several.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<u32> {
        let functions = (self.first..).zip(self.records());
        let mut named = functions.filter(|(_, record)| {
            record.kind == KIND_FUNC && self.string(record.name) == name.as_bytes()
        });
        match (named.next(), named.next()) {
            (Some((id, _)), None) => Some(id),
            _ => None,
        }
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
            .and_then(|index| u32::try_from(index).ok()?.checked_add(self.first))
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
        let at = *self.types.get(id.checked_sub(self.first)? as usize)? as usize;
        Record::read(&self.data, at)
    }

    fn records(&self) -> impl Iterator<Item = Record> {
        self.types
            .iter()
            .filter_map(|&at| Record::read(&self.data, at as usize))
    }

    fn string(&self, offset: u32) -> &[u8] {
        let (start, end) = self.strings;
        let offset = offset as usize;
        let bytes = match offset.checked_sub(self.inherited.len()) {
            Some(own) => self.data.get(start.saturating_add(own)..end),
            None => self.inherited.get(offset..),
        };
        let bytes = bytes.unwrap_or_default();
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
#[path = "btf_tests.rs"]
mod tests;
