//! Distinguished names: as RFC 4514 text that is safe to show, and in a form in which equal names are equal bytes.
//!
//! Both are here because both must decode the same dozen string types of X.520.

use std::fmt::Write;

use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

use super::der;

const COMMON_NAME: &str = "2.5.4.3";

/// The RFC 4514 text of a name: most specific part first, special characters escaped by a backslash, control, invisible and
/// direction-changing characters as hexadecimal pairs of their UTF-8 octets, undecodable values as `#` and their DER in hexadecimal.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name.iter_rdn().map(part_text).collect();
    parts.reverse();
    parts.join(",")
}

/// The attributes of one part, reversed as the parts are; RFC 4514 leaves their order open, OpenSSL reverses.
fn part_text(part: &RelativeDistinguishedName<'_>) -> String {
    let mut attributes: Vec<String> = part.iter().map(attribute_text).collect();
    attributes.reverse();
    attributes.join("+")
}

/// The first commonName, as libpq and OpenSSL's examples take it.
pub(super) fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_attributes().find(|attribute| oid(attribute) == COMMON_NAME).map(|attribute| {
        decode(attribute).unwrap_or_else(|| String::from_utf8_lossy(attribute.attr_value().data).into_owned())
    })
}

/// A key that is equal for names that RFC 5280 7.1 calls equal: string types, letter case and runs of spaces do not matter,
/// nor does the order within a multi-valued part. OpenSSL compares names the same way.
pub(super) fn canonical(name: &X509Name<'_>) -> Vec<u8> {
    let mut key = Vec::new();
    for rdn in name.iter_rdn() {
        let mut attributes: Vec<Vec<u8>> = rdn.iter().map(canonical_attribute).collect();
        attributes.sort();
        append(&mut key, &attributes.concat());
    }
    key
}

fn canonical_attribute(attribute: &AttributeTypeAndValue<'_>) -> Vec<u8> {
    let mut key = Vec::new();
    append(&mut key, attribute.attr_type().as_bytes());
    match decode(attribute) {
        Some(text) => {
            let words: Vec<&str> = text.split_ascii_whitespace().collect();
            append(&mut key, words.join(" ").to_ascii_lowercase().as_bytes());
        }
        None => {
            key.push(u8::try_from(attribute.attr_value().tag().0 & 0xff).unwrap_or(0));
            append(&mut key, attribute.attr_value().data);
        }
    }
    key
}

fn append(key: &mut Vec<u8>, part: &[u8]) {
    key.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    key.extend(part);
}

fn oid(attribute: &AttributeTypeAndValue<'_>) -> String {
    der::oid_text(attribute.attr_type().as_bytes()).unwrap_or_default()
}

fn attribute_text(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = oid(attribute);
    match (keyword(&oid), decode(attribute)) {
        (Some(keyword), Some(value)) => format!("{keyword}={}", escape(&value)),
        (keyword, _) => format!("{}=#{}", keyword.unwrap_or(&oid), hex(&encoding(attribute))),
    }
}

/// The DER of the value again, tag and length included.
fn encoding(attribute: &AttributeTypeAndValue<'_>) -> Vec<u8> {
    let value = attribute.attr_value();
    let constructed = if value.header.is_constructed() { 0x20 } else { 0 };
    let mut bytes = vec![u8::try_from(value.tag().0 & 0x1f).unwrap_or(0) | constructed | (value.class() as u8) << 6];
    let length = value.data.len();
    if length < 0x80 {
        bytes.push(u8::try_from(length).unwrap_or(0));
    } else {
        let octets = length.to_be_bytes();
        let octets = der::strip_zeros(&octets);
        bytes.push(0x80 | u8::try_from(octets.len()).unwrap_or(0));
        bytes.extend(octets);
    }
    bytes.extend(value.data);
    bytes
}

/// The text of a string value; `None` for other types and for bytes that the type does not allow.
fn decode(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value = attribute.attr_value();
    let bytes = value.data;
    // DER strings are primitive and of the universal class.
    if value.class() as u8 != 0 || value.header.is_constructed() {
        return None;
    }
    match value.tag().0 {
        // UTF8String, NumericString, PrintableString, IA5String, VisibleString
        0x0c | 0x12 | 0x13 | 0x16 | 0x1a => std::str::from_utf8(bytes).ok().map(str::to_owned),
        // T61String, which everyone fills with Latin-1
        0x14 => Some(bytes.iter().copied().map(char::from).collect()),
        // BMPString
        0x1e => {
            let units = bytes.chunks(2).map(|pair| pair.try_into().ok().map(u16::from_be_bytes));
            String::from_utf16(&units.collect::<Option<Vec<u16>>>()?).ok()
        }
        // UniversalString
        0x1c => {
            let points = bytes.chunks(4).map(|quad| quad.try_into().ok().map(u32::from_be_bytes));
            points.map(|point| char::from_u32(point?)).collect()
        }
        _ => None,
    }
}

/// RFC 4514 2.4, and everything that a terminal might act on.
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (index, c) in value.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', c]),
            '#' if index == 0 => out.push_str("\\#"),
            ' ' if index == 0 || index == last => out.push_str("\\ "),
            c if is_unsafe(c) => {
                for octet in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\{octet:02X}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// Characters that do not show, or that change how others show.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    for octet in bytes {
        let _ = write!(out, "{octet:02x}");
    }
    out
}

/// The keyword of an attribute type: those of RFC 4514 and the customary others, spelt as OpenSSL spells them.
fn keyword(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.13" => "description",
        "2.5.4.15" => "businessCategory",
        "2.5.4.17" => "postalCode",
        "2.5.4.20" => "telephoneNumber",
        "2.5.4.41" => "name",
        "2.5.4.42" => "GN",
        "2.5.4.43" => "initials",
        "2.5.4.44" => "generationQualifier",
        "2.5.4.46" => "dnQualifier",
        "2.5.4.65" => "pseudonym",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "1.2.840.113549.1.9.2" => "unstructuredName",
        "1.2.840.113549.1.9.8" => "unstructuredAddress",
        "1.3.6.1.4.1.311.60.2.1.1" => "jurisdictionL",
        "1.3.6.1.4.1.311.60.2.1.2" => "jurisdictionST",
        "1.3.6.1.4.1.311.60.2.1.3" => "jurisdictionC",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_rfc_4514_and_terminals_need() {
        assert_eq!(escape("#a, b+\"c\" "), "\\#a\\, b\\+\\\"c\\\"\\ ");
        assert_eq!(escape("a\u{1b}[2J\u{202e}b"), "a\\1B[2J\\E2\\80\\AEb");
        assert_eq!(escape("Ünïcode"), "Ünïcode");
        assert_eq!(escape(" "), "\\ ");
    }
}
