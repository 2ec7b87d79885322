//! Quantities: `128Mi`, `1G`, `500m`, `1e3` (Kubernetes, "Quantity").

/// The number that a quantity stands for. `None` for what the API refuses.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-')).unwrap_or(text.len());
    let (digits, suffix) = text.split_at_checked(end)?;
    let digits: f64 = digits.parse().ok()?;
    let factor: f64 = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024_f64,
        "Mi" => 1024_f64.powi(2),
        "Gi" => 1024_f64.powi(3),
        "Ti" => 1024_f64.powi(4),
        "Pi" => 1024_f64.powi(5),
        "Ei" => 1024_f64.powi(6),
        suffix => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            10_f64.powi(exponent.clamp(-30, 30))
        }
    };
    Some(digits * factor)
}

/// Whole bytes, rounded up as the API does.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let number = number(text)?.ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    let bytes = (0.0..9.0e18).contains(&number).then_some(number as u64);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_families_of_suffixes() {
        for (text, expected) in [
            ("128Mi", 128 << 20),
            ("1G", 1_000_000_000),
            ("1.5Gi", 3 << 29),
            ("1e3", 1000),
            ("12E2", 1200),
            ("1024", 1024),
            ("1k", 1000),
            ("1500m", 2),
            ("0", 0),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for text in ["", "x", "1KiB", "1 Gi", "-1", "1mi", "Mi", "1e", "1K"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_quantity_or_none(text in "\\PC*|[0-9.eE+-]{0,20}[a-zA-Z]{0,3}") {
            let _ = bytes(&text);
        }
    }
}
