//! The outline of a certificate (RFC 5280 4.1), walked to the last octet.
//!
//! x509-parser stops quietly at the first attribute of a name or the first extension that it cannot read and drops the rest:
//! a name would look shorter and a certificate less restricted than it is. This walk refuses what is malformed, and counts, so
//! that what was dropped is noticed.

use super::der::{self, DerError, Reader};

const SET: u8 = 0x31;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// How many of each repeated part a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outline {
    pub(super) issuer_attributes: usize,
    pub(super) subject_attributes: usize,
    pub(super) extensions: usize,
}

/// Walks the one certificate that `bytes` consist of.
pub(super) fn outline(bytes: &[u8]) -> Result<Outline, DerError> {
    let mut certificate = der::sequence(bytes)?;
    let outline = to_be_signed(certificate.expect(der::SEQUENCE)?)?;
    algorithm(certificate.expect(der::SEQUENCE)?)?;
    bit_string(certificate.expect(der::BIT_STRING)?)?;
    certificate.finish()?;
    Ok(outline)
}

fn to_be_signed(body: &[u8]) -> Result<Outline, DerError> {
    let mut fields = Reader::new(body);
    if let Some(version) = fields.optional(der::context(0))? {
        let mut version = Reader::new(version);
        integer(version.expect(der::INTEGER)?)?;
        version.finish()?;
    }
    integer(fields.expect(der::INTEGER)?)?;
    algorithm(fields.expect(der::SEQUENCE)?)?;
    let issuer_attributes = name(fields.expect(der::SEQUENCE)?)?;
    validity(fields.expect(der::SEQUENCE)?)?;
    let subject_attributes = name(fields.expect(der::SEQUENCE)?)?;
    fields.expect(der::SEQUENCE)?;
    for unique_id in [0x81, 0x82] {
        fields.optional(unique_id)?.map_or(Ok(()), bit_string)?;
    }
    let extensions = fields.optional(der::context(3))?.map_or(Ok(0), extensions)?;
    fields.finish()?;
    Ok(Outline { issuer_attributes, subject_attributes, extensions })
}

/// An INTEGER in the fewest octets (X.690 8.3.2).
fn integer(body: &[u8]) -> Result<(), DerError> {
    match body {
        [] | [0x00, 0x00..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err(DerError::Length),
        _ => Ok(()),
    }
}

/// A BIT STRING with at most seven unused bits (X.690 8.6.2).
fn bit_string(body: &[u8]) -> Result<(), DerError> {
    match body {
        [0] | [0..=7, _, ..] => Ok(()),
        _ => Err(DerError::Length),
    }
}

fn algorithm(body: &[u8]) -> Result<(), DerError> {
    let mut fields = Reader::new(body);
    identifier(&mut fields)?;
    if !fields.is_empty() {
        fields.element()?;
    }
    fields.finish()
}

fn identifier(fields: &mut Reader<'_>) -> Result<(), DerError> {
    der::oid_text(fields.expect(der::OID)?).map(|_| ()).ok_or(DerError::Tag)
}

/// The number of attributes of a Name.
fn name(body: &[u8]) -> Result<usize, DerError> {
    let mut parts = Reader::new(body);
    let mut count: usize = 0;
    while !parts.is_empty() {
        let mut attributes = Reader::new(parts.expect(SET)?);
        while !attributes.is_empty() {
            let mut fields = Reader::new(attributes.expect(der::SEQUENCE)?);
            identifier(&mut fields)?;
            fields.element()?;
            fields.finish()?;
            count = count.saturating_add(1);
        }
    }
    Ok(count)
}

fn validity(body: &[u8]) -> Result<(), DerError> {
    let mut times = Reader::new(body);
    for _ in ["notBefore", "notAfter"] {
        if !matches!(times.element()?.tag, UTC_TIME | GENERALIZED_TIME) {
            return Err(DerError::Tag);
        }
    }
    times.finish()
}

/// The number of extensions.
fn extensions(body: &[u8]) -> Result<usize, DerError> {
    let mut list = der::sequence(body)?;
    let mut count: usize = 0;
    while !list.is_empty() {
        let mut fields = Reader::new(list.expect(der::SEQUENCE)?);
        identifier(&mut fields)?;
        if fields.optional(der::BOOLEAN)?.is_some_and(|critical| critical.len() != 1) {
            return Err(DerError::Length);
        }
        fields.expect(der::OCTET_STRING)?;
        fields.finish()?;
        count = count.saturating_add(1);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_to_the_end() {
        let cn = [0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, b'x'];
        assert_eq!(name(&cn), Ok(1));
        assert_eq!(name(&[cn, cn].concat()), Ok(2));
        assert_eq!(name(&[&cn[..], &[0x30, 0x00]].concat()), Err(DerError::Tag));
        assert_eq!(name(&[&cn[..], &[0x31]].concat()), Err(DerError::Truncated));
        assert_eq!(name(&[]), Ok(0));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let _ = (outline(&bytes), to_be_signed(&bytes), name(&bytes), extensions(&bytes));
        }
    }
}
