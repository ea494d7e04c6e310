//! Netlink attributes (`struct nlattr`): 2 bytes of length, 2 of type, the payload, padding to 4 bytes.

use super::Malformed;

const HEADER: usize = 4;
/// `NLA_TYPE_MASK`: without the flags for nesting and byte order.
const TYPE_MASK: u16 = 0x3fff;

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    /// Its type, whose meaning depends on the attribute it is nested in.
    pub(super) kind: u16,
    payload: &'a [u8],
}

/// The attributes of a message, or nested in another attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next attribute; `None` at the end.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Attribute<'a>>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let [a, b, c, d] = *self
            .0
            .first_chunk::<HEADER>()
            .ok_or(Malformed("an attribute's header is cut off"))?;
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let payload = self
            .0
            .get(HEADER..length)
            .ok_or(Malformed("an attribute's length does not fit"))?;
        // The last attribute may lack its padding.
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Ok(Some(Attribute {
            kind: u16::from_ne_bytes([c, d]) & TYPE_MASK,
            payload,
        }))
    }
}

impl<'a> Attribute<'a> {
    #[inline]
    pub(super) fn nested(&self) -> Attributes<'a> {
        Attributes(self.payload)
    }

    /// A payload of exactly this many bytes.
    #[inline]
    pub(super) fn bytes<const N: usize>(&self) -> Result<[u8; N], Malformed> {
        self.payload
            .try_into()
            .map_err(|_| Malformed("an attribute has the wrong size"))
    }

    #[inline]
    pub(super) fn u8(&self) -> Result<u8, Malformed> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn be16(&self) -> Result<u16, Malformed> {
        self.bytes().map(u16::from_be_bytes)
    }

    #[inline]
    pub(super) fn be32(&self) -> Result<u32, Malformed> {
        self.bytes().map(u32::from_be_bytes)
    }

    /// Text up to its NUL.
    pub(super) fn text(&self) -> String {
        let end = self.payload.iter().position(|byte| *byte == 0);
        let text = self.payload.get(..end.unwrap_or(self.payload.len()));
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    }
}
