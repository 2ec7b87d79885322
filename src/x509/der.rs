//! A small zero-copy reader for DER (X.690) elements.
//!
//! Private keys, algorithm parameters and extensions are read with it rather than with one crate per format, so that a key of
//! a kind that no crate models (explicit EC parameters, DSA, Ed448) is still recognised, and no secret is copied on the way.
//! Lengths need not be minimal, because OpenSSL accepts such keys; indefinite lengths are refused.

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// `[n]`, constructed, context-specific.
pub(super) const fn context(n: u8) -> u8 {
    0xa0 | n
}

/// Why a DER element could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DerError {
    /// The bytes end before the element does.
    Truncated,
    /// A length form that DER does not have, or that is absurdly large.
    Length,
    /// Another element stands where one was required.
    Tag,
    /// Bytes follow where nothing may.
    Trailing,
}

impl std::fmt::Display for DerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Truncated => "DER ends early",
            Self::Length => "DER length is invalid",
            Self::Tag => "unexpected DER element",
            Self::Trailing => "bytes after the DER element",
        })
    }
}

/// One element: its identifier octet, its contents, and both with the length between them.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) body: &'a [u8],
    pub(super) raw: &'a [u8],
}

/// Reads elements one after another.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn element(&mut self) -> Result<Element<'a>, DerError> {
        let (&tag, after) = self.rest.split_first().ok_or(DerError::Truncated)?;
        if tag & 0x1f == 0x1f {
            return Err(DerError::Tag);
        }
        let (length, header) = length(after)?;
        let end = (header + 1).checked_add(length).ok_or(DerError::Length)?;
        let (raw, rest) = self.rest.split_at_checked(end).ok_or(DerError::Truncated)?;
        let body = raw.get(header + 1..).ok_or(DerError::Truncated)?;
        self.rest = rest;
        Ok(Element { tag, body, raw })
    }

    /// The contents of the next element, which must carry `tag`.
    pub(super) fn expect(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        let element = self.element()?;
        if element.tag == tag { Ok(element.body) } else { Err(DerError::Tag) }
    }

    /// The contents of the next element when it carries `tag`; otherwise nothing is consumed.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.rest.first() == Some(&tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    pub(super) fn finish(&self) -> Result<(), DerError> {
        if self.is_empty() { Ok(()) } else { Err(DerError::Trailing) }
    }
}

/// The length and how many octets spell it.
fn length(bytes: &[u8]) -> Result<(usize, usize), DerError> {
    let (&first, rest) = bytes.split_first().ok_or(DerError::Truncated)?;
    if first < 0x80 {
        return Ok((usize::from(first), 1));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return Err(DerError::Length);
    }
    let octets = rest.get(..count).ok_or(DerError::Truncated)?;
    let value = octets.iter().fold(0_usize, |sum, &octet| (sum << 8) | usize::from(octet));
    Ok((value, count + 1))
}

/// A reader over the contents of the one SEQUENCE that `bytes` consist of.
pub(super) fn sequence(bytes: &[u8]) -> Result<Reader<'_>, DerError> {
    let mut outer = Reader::new(bytes);
    let body = outer.expect(SEQUENCE)?;
    outer.finish()?;
    Ok(Reader::new(body))
}

/// A non-negative INTEGER without its leading zero octets.
pub(super) fn unsigned(body: &[u8]) -> Option<&[u8]> {
    match body.first() {
        Some(first) if first & 0x80 == 0 => Some(strip_zeros(body)),
        _ => None,
    }
}

pub(super) fn strip_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&octet| octet == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// The length in bits of a big-endian number.
pub(super) fn bit_length(number: &[u8]) -> u32 {
    let number = strip_zeros(number);
    let Some(first) = number.first() else {
        return 0;
    };
    let bits = number.len().saturating_mul(8).saturating_sub(first.leading_zeros() as usize);
    u32::try_from(bits).unwrap_or(u32::MAX)
}

/// The octets of a BIT STRING that is a whole number of octets.
pub(super) fn whole_bits(body: &[u8]) -> Option<&[u8]> {
    match body.split_first() {
        Some((0, octets)) => Some(octets),
        _ => None,
    }
}

/// The dotted form of an OBJECT IDENTIFIER's contents; `None` when they are not one (X.690 8.19).
pub(super) fn oid_text(body: &[u8]) -> Option<String> {
    let mut arcs: Vec<u128> = Vec::new();
    let mut arc: u128 = 0;
    let mut inside = false;
    for &octet in body {
        if arc > u128::MAX >> 8 {
            return None;
        }
        arc = (arc << 7) | u128::from(octet & 0x7f);
        inside = octet & 0x80 != 0;
        if !inside {
            if arcs.is_empty() {
                let top = (arc / 40).min(2);
                arcs.push(top);
                arc -= top * 40;
            }
            arcs.push(arc);
            arc = 0;
        }
    }
    if inside || arcs.is_empty() {
        return None;
    }
    Some(arcs.iter().map(u128::to_string).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_errors() {
        let mut reader = Reader::new(&[0x02, 0x01, 0x05, 0x30, 0x00]);
        assert_eq!(reader.expect(INTEGER), Ok(&[5][..]));
        assert_eq!(reader.optional(INTEGER), Ok(None));
        assert_eq!(reader.expect(SEQUENCE), Ok(&[][..]));
        assert!(reader.is_empty());
        assert_eq!(Reader::new(&[0x30, 0x80]).expect(SEQUENCE), Err(DerError::Length));
        assert_eq!(Reader::new(&[0x30, 0x05, 1]).expect(SEQUENCE), Err(DerError::Truncated));
        assert_eq!(Reader::new(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).expect(SEQUENCE), Err(DerError::Truncated));
    }

    #[test]
    fn numbers_and_identifiers() {
        assert_eq!(unsigned(&[0, 0x80]), Some(&[0x80][..]));
        assert_eq!(unsigned(&[0x80]), None);
        assert_eq!(bit_length(&[0, 1, 0]), 9);
        assert_eq!(bit_length(&[]), 0);
        assert_eq!(oid_text(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]).as_deref(), Some("1.2.840.113549"));
        assert_eq!(oid_text(&[0x88, 0x37]).as_deref(), Some("2.999"));
        assert_eq!(oid_text(&[0x2a, 0x86]), None);
        assert_eq!(oid_text(&[]), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.element().is_ok() {}
            let _ = oid_text(&bytes);
            let _ = unsigned(&bytes).map(bit_length);
        }
    }
}
