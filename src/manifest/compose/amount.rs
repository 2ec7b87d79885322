//! Amounts of memory as Compose writes them: a number of bytes, or one with `b`, `k`, `m`, `g`, `t`, `p`, each of which
//! may have a `b` or `ib` behind it; all stand for powers of 1024.

/// Bytes, rounded down. `None` for what Compose refuses.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let power = match unit.trim_start().trim_end_matches('b').trim_end_matches('i') {
        "" if !unit.contains('i') => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let factor = 1024_u64.checked_pow(power)?;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let number: f64 = number.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "powers of two are exact")]
    let product = number * factor as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    let bytes = (0.0..9.0e18).contains(&product).then_some(product as u64);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_docker_reads_them() {
        for (text, size) in [
            ("1024", 1024),
            ("512m", 512 << 20),
            ("512M", 512 << 20),
            ("1gb", 1 << 30),
            ("1GiB", 1 << 30),
            ("1.5g", 3 << 29),
            ("64 k", 64 << 10),
            ("10b", 10),
            ("0", 0),
        ] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for text in ["", "x", "1x", "-1", "1.2.3", "1e3", "m", "1i", "99999999999g", "1mm"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_amount_or_none(text in "\\PC*|[0-9.]{0,30}[a-z ]{0,3}") {
            let _ = bytes(&text);
        }
    }
}
