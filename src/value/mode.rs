//! Permission bits. "At most 0640" is a question about sets of bits, not about numbers: 0604 is the smaller number
//! and grants what 0640 does not.

/// Bits of a mode written in octal: three or four digits, the leading zero required (`0640`, `02755` too).
pub fn parse(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('0')?;
    if !(3..=4).contains(&digits.len()) || !digits.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        return None;
    }
    u32::from_str_radix(digits, 8).ok()
}

/// Whether `mode` grants nothing that `limit` does not grant.
pub fn is_within(mode: u32, limit: u32) -> bool {
    mode & !limit == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_is_a_subset_of_bits() {
        assert!(is_within(0o400, 0o600));
        assert!(!is_within(0o642, 0o644), "smaller as a number, and world-writable");
        assert!(!is_within(0o4755, 0o755), "setuid is a bit like the others");
        let accepted = (0..=0o7777).filter(|mode| is_within(*mode, 0o644)).count();
        assert_eq!(accepted, 16);
    }

    #[test]
    fn modes_are_octal_with_a_leading_zero() {
        assert_eq!(parse("0640"), Some(0o640));
        assert_eq!(parse("04755"), Some(0o4755));
        for bad in ["640", "0", "06", "0698", "0x1ff", "0640 ", "777777", ""] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
