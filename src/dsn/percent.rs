//! Percent-decoding as libpq does it (`conninfo_uri_decode`), blanks included: libpq 18 drops blanks around a part and
//! refuses blanks inside it; libpq 17 and before kept them.

use super::error::{DsnError, DsnErrorKind};

/// Decodes one part of a URI. `offset` is where `text` begins in the whole string; `version` is libpq's major version.
pub(super) fn decode(text: &str, offset: usize, version: u8) -> Result<String, DsnError> {
    let (text, offset) = if version >= 18 { without_blanks(text, offset) } else { (text, offset) };
    let mut bytes = text.bytes().enumerate();
    let mut out = Vec::with_capacity(text.len());
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'%' => {
                let (high, low) = (digit(bytes.next()), digit(bytes.next()));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(DsnError::hinted(
                        DsnErrorKind::PercentEncoding,
                        offset + at,
                        "write a literal \"%\" as %25",
                    ));
                };
                match high * 16 + low {
                    0 => return Err(DsnError::new(DsnErrorKind::PercentNul, offset + at)),
                    decoded => out.push(decoded),
                }
            }
            b' ' if version >= 18 => {
                return Err(DsnError::new(DsnErrorKind::SpaceInUri, offset + at));
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).map_err(|_| DsnError::new(DsnErrorKind::NotUtf8, offset))
}

fn without_blanks(text: &str, offset: usize) -> (&str, usize) {
    let rest = text.trim_start_matches(' ');
    (rest.trim_end_matches(' '), offset + text.len() - rest.len())
}

/// The value of one hexadecimal digit.
pub(super) fn digit(byte: Option<(usize, u8)>) -> Option<u8> {
    let (_, byte) = byte?;
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::decode;
    use crate::dsn::DsnErrorKind::{NotUtf8, PercentEncoding, PercentNul, SpaceInUri};

    #[test]
    fn decodes_and_refuses() {
        assert_eq!(decode("%2Fvar%2frun", 0, 18).ok().as_deref(), Some("/var/run"));
        assert_eq!(decode("a+b", 0, 18).ok().as_deref(), Some("a+b"));
        let fails = [("%", PercentEncoding), ("a%2", PercentEncoding), ("%zz", PercentEncoding), ("%00", PercentNul)];
        for (text, kind) in fails {
            assert_eq!(decode(text, 0, 18).map_err(|e| e.kind), Err(kind), "{text}");
        }
        assert_eq!(decode("%ff", 0, 18).map_err(|e| e.kind), Err(NotUtf8));
        assert_eq!(decode("ab%4", 10, 18).map_err(|e| e.offset), Err(12));
    }

    #[test]
    fn blanks_changed_with_libpq_18() {
        assert_eq!(decode(" h ", 0, 17).ok().as_deref(), Some(" h "));
        assert_eq!(decode(" h ", 0, 18).ok().as_deref(), Some("h"));
        assert_eq!(decode("%20h", 0, 18).ok().as_deref(), Some(" h"));
        assert_eq!(decode("a b", 4, 18).map_err(|e| (e.kind, e.offset)), Err((SpaceInUri, 5)));
        assert_eq!(decode("a\tb", 0, 18).ok().as_deref(), Some("a\tb"));
    }
}
