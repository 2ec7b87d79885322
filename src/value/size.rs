//! Sizes in bytes: `512MiB`, `1KiB`, `4096`.

const UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Bytes of a size. Only binary units are understood: `MB` means two things, so it is refused.
pub fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    if unit.is_empty() {
        return Some(number);
    }
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.checked_mul(*factor)
}

/// The largest unit that divides it, so that nothing is rounded.
pub fn show(bytes: u64) -> String {
    match UNITS.iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units_only() {
        assert_eq!(parse("512MiB"), Some(512 << 20));
        assert_eq!(parse("1 KiB"), Some(1024));
        assert_eq!(parse("7"), Some(7));
        for bad in ["", "MiB", "1MB", "1k", "-1", "99999999999999999999", "20000000TiB"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(show(512 << 20), "512MiB");
        assert_eq!(show(1025), "1025B");
        assert_eq!(show(0), "0B");
    }
}
