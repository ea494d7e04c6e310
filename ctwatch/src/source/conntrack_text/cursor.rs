//! A place in a line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::damage::{Damage, What};

/// Digits that no number of a listing exceeds, and that fit.
const SAFE_DIGITS: usize = 19;

/// What of a line is not read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    line: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Before the first byte of a line.
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { line, rest: line }
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Bytes read.
    pub(super) fn at(&self) -> usize {
        self.line.len() - self.rest.len()
    }

    /// What lies between here and a place behind it.
    pub(super) fn up_to(&self, end: &Self) -> &'a [u8] {
        let length = self.rest.len().saturating_sub(end.rest.len());
        self.rest.get(..length).unwrap_or_default()
    }

    /// What is wrong here.
    pub(super) fn damage(&self, what: What) -> Damage {
        Damage::at(self.at(), what)
    }

    /// Takes this text, if it is next.
    #[inline]
    pub(super) fn take(&mut self, text: &[u8]) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Passes blanks over.
    #[inline]
    pub(super) fn skip_blanks(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Takes everything up to the next blank; the next blanks, too.
    pub(super) fn word(&mut self) -> &'a [u8] {
        let word = self.value();
        self.skip_blanks();
        word
    }

    /// Takes everything up to the next blank.
    pub(super) fn value(&mut self) -> &'a [u8] {
        // Most words are too short for a quicker search to pay.
        let end = self
            .rest
            .iter()
            .position(|byte| matches!(byte, b' ' | b'\t'));
        let (value, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        value
    }

    /// Takes everything up to this byte, and the byte; `None` where there is none.
    pub(super) fn until(&mut self, byte: u8) -> Option<&'a [u8]> {
        let at = memchr::memchr(byte, self.rest)?;
        let (before, rest) = self.rest.split_at(at);
        self.rest = rest.get(1..).unwrap_or_default();
        Some(before)
    }

    /// Takes a decimal number that fits; without a sign.
    #[inline]
    pub(super) fn number<N: TryFrom<u64>>(&mut self) -> Result<N, Damage> {
        let (mut number, mut rest) = (0_u64, self.rest);
        while let [digit @ b'0'..=b'9', after @ ..] = rest {
            number = number
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'));
            rest = after;
        }
        if self.rest.len() - rest.len() > SAFE_DIGITS {
            return Err(self.damage(What::TooLarge));
        }
        if rest.len() == self.rest.len() {
            return Err(self.damage(What::NoNumber));
        }
        let number = N::try_from(number).map_err(|_| self.damage(What::TooLarge))?;
        self.rest = rest;
        Ok(number)
    }

    /// Takes a number in decimal digits or, after `0x`, in hexadecimal ones. GRE's keys are printed both ways.
    pub(super) fn key(&mut self) -> Result<u16, Damage> {
        if !self.take(b"0x") {
            return self.number();
        }
        let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
        let end = self.rest.iter().position(|byte| !is_digit(byte));
        let (digits, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let number = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.damage(What::NoNumber))?;
        self.rest = rest;
        Ok(number)
    }

    /// Takes an address; /proc prints those of IPv6 in full length.
    #[inline]
    pub(super) fn address(&mut self, into: &mut Option<IpAddr>) -> Result<(), Damage> {
        *into = match self.ipv4() {
            Some(bits) => Some(IpAddr::V4(Ipv4Addr::from_bits(bits))),
            None => Some(IpAddr::V6(self.ipv6()?)),
        };
        Ok(())
    }

    /// Takes nothing where there is none. The address stays one number: put together from bytes in memory it would
    /// have to be waited for.
    #[inline(always)]
    fn ipv4(&mut self) -> Option<u32> {
        let (mut bits, mut rest) = (0_u32, self.rest);
        for place in 0..4 {
            if place > 0 {
                rest = rest.strip_prefix(b".")?;
            }
            let (octet, after) = octet(rest)?;
            bits = bits << 8 | octet;
            rest = after;
        }
        self.rest = rest;
        Some(bits)
    }

    fn ipv6(&mut self) -> Result<Ipv6Addr, Damage> {
        let is_part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        let end = self.rest.iter().position(|byte| !is_part(byte));
        let (text, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let address = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.damage(What::NoAddress))?;
        self.rest = rest;
        Ok(address)
    }
}

/// One to three digits, at most 255.
#[inline(always)]
fn octet(text: &[u8]) -> Option<(u32, &[u8])> {
    let (octet, rest) = match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
            (number(*a) * 100 + number(*b) * 10 + number(*c), rest)
        }
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => (number(*a) * 10 + number(*b), rest),
        [a @ b'0'..=b'9', rest @ ..] => (number(*a), rest),
        _ => return None,
    };
    (octet <= 255).then_some((octet, rest))
}

fn number(digit: u8) -> u32 {
    u32::from(digit - b'0')
}
