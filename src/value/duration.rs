//! Durations as rules write them: `30d`, `26h`, `1h30m`. Seconds inside.

const UNITS: [(&str, i64); 6] = [("y", 31_536_000), ("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Seconds of a duration such as `30d` or `1h30m`; a number without a unit is refused, except `0`.
pub fn parse(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(*seconds)?)?;
        rest = tail;
    }
    Some(if negative { -total } else { total })
}

/// The two largest units that say it: `61d 4h`, `90s`.
pub fn show(seconds: i64) -> String {
    let mut rest = seconds.unsigned_abs();
    let mut parts = Vec::new();
    for (unit, size) in UNITS.iter().skip(2) {
        let size = size.unsigned_abs();
        if rest >= size && parts.len() < 2 {
            parts.push(format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    let text = if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") };
    if seconds < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_do_not_overflow() {
        assert_eq!(parse("30d"), Some(2_592_000));
        assert_eq!(parse("1h30m"), Some(5_400));
        assert_eq!(parse("-3d"), Some(-259_200));
        assert_eq!(parse("0"), Some(0));
        for bad in ["", "30", "d", "30x", "30 d", "1.5d", "999999999999999999d", "--1d", "3é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn shown_with_its_two_largest_units() {
        assert_eq!(show(86_400 * 61 + 4 * 3_600 + 59), "61d 4h");
        assert_eq!(show(-259_200), "-3d");
        assert_eq!(show(0), "0s");
    }
}
