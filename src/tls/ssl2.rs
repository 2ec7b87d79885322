//! SSL 2, as far as it takes to hear that a server still speaks it ("The SSL Protocol", Netscape, 1995).

use super::cursor::Cursor;

/// Numbers of the cipher kinds, and their names.
pub(super) const KINDS: [(u32, &str); 7] = [
    (0x01_0080, "SSL_CK_RC4_128_WITH_MD5"),
    (0x02_0080, "SSL_CK_RC4_128_EXPORT40_WITH_MD5"),
    (0x03_0080, "SSL_CK_RC2_128_CBC_WITH_MD5"),
    (0x04_0080, "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5"),
    (0x05_0080, "SSL_CK_IDEA_128_CBC_WITH_MD5"),
    (0x06_0040, "SSL_CK_DES_64_CBC_WITH_MD5"),
    (0x07_00c0, "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"),
];
const SERVER_HELLO: u8 = 4;

/// A CLIENT-HELLO that offers every cipher kind, with a challenge of zeros: nothing is agreed on.
pub const SSL2_HELLO: [u8; 48] = [
    0x80, 46, 1, 0x00, 0x02, 0, 21, 0, 0, 0, 16, // message, version, lengths of specs, session and challenge
    0x01, 0x00, 0x80, 0x02, 0x00, 0x80, 0x03, 0x00, 0x80, 0x04, 0x00, 0x80, 0x05, 0x00, 0x80, 0x06, 0x00, 0x40, 0x07,
    0x00, 0xc0, // cipher specs
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// What a server said to [`SSL2_HELLO`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ssl2Answer {
    /// It speaks SSL 2, with these cipher kinds.
    Accepted(Vec<&'static str>),
    /// Whatever this is, it is no SERVER-HELLO.
    Other,
    /// More bytes are needed.
    More,
}

/// Reads what has come so far.
pub fn ssl2_answer(bytes: &[u8]) -> Ssl2Answer {
    let mut cursor = Cursor::new(bytes);
    let Some(head) = cursor.u16() else { return Ssl2Answer::More };
    if head & 0x8000 == 0 {
        return Ssl2Answer::Other;
    }
    match cursor.take(usize::from(head & 0x7fff)) {
        Some(message) => server_hello(message).map_or(Ssl2Answer::Other, Ssl2Answer::Accepted),
        None if cursor.u8().is_none_or(|kind| kind == SERVER_HELLO) => Ssl2Answer::More,
        None => Ssl2Answer::Other,
    }
}

fn server_hello(message: &[u8]) -> Option<Vec<&'static str>> {
    let mut cursor = Cursor::new(message);
    if cursor.u8()? != SERVER_HELLO {
        return None;
    }
    let (_session_hit, _certificate_type, version) = (cursor.u8()?, cursor.u8()?, cursor.u16()?);
    if version != 2 {
        return None;
    }
    let (certificate, specs, _connection) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
    cursor.take(usize::from(certificate))?;
    let specs = cursor.take(usize::from(specs))?;
    let number = |spec: &[u8]| spec.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
    let name = |spec: &[u8]| KINDS.iter().find(|(kind, _)| *kind == number(spec)).map(|(_, name)| *name);
    Some(specs.chunks(3).filter_map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_server_hello_is_told_from_an_alert() {
        let mut hello = vec![0x80, 11 + 3 + 3 + 16, 4, 0, 1, 0, 2, 0, 3, 0, 3, 0, 16];
        hello.extend([0; 3]);
        hello.extend([0x07, 0x00, 0xc0]);
        hello.extend([0; 16]);
        let kinds = vec!["SSL_CK_DES_192_EDE3_CBC_WITH_MD5"];
        assert_eq!(ssl2_answer(&hello), Ssl2Answer::Accepted(kinds));
        assert_eq!(ssl2_answer(&hello[..20]), Ssl2Answer::More);
        assert_eq!(ssl2_answer(&[0x15, 3, 1, 0, 2, 2, 70]), Ssl2Answer::Other);
        assert_eq!(ssl2_answer(&[0x80, 3, 0, 0, 1]), Ssl2Answer::Other, "an SSL 2 error");
        assert_eq!(SSL2_HELLO.len(), 2 + 46);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, head in 0u8..=255) {
            ssl2_answer(&bytes);
            ssl2_answer(&[&[0x80, head, 4], &bytes[..]].concat());
        }
    }
}
