//! How nginx reads the words for switches, sizes and times (`ngx_parse.c`).

/// `on` and `off`, in any case.
pub fn flag(text: &str) -> Option<bool> {
    match () {
        () if text.eq_ignore_ascii_case("on") => Some(true),
        () if text.eq_ignore_ascii_case("off") => Some(false),
        () => None,
    }
}

/// Bytes of `8k`, `1m`, `2g` or a bare number.
pub fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The units of a time in the order in which they may follow each other, in milliseconds. A bare number is seconds.
const UNITS: [(&str, u64); 8] = [
    ("y", 31_536_000_000),
    ("M", 2_592_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Seconds of `1h 30m`, `90s`, `500ms` or a bare number. A part of a second counts as a whole one, so that a time that is
/// not zero does not become it.
pub fn seconds(text: &str) -> Option<i64> {
    let mut rest = text;
    let (mut total, mut last) = (0_u64, 0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let unit = if unit.is_empty() { "s" } else { unit };
        let index = UNITS.iter().position(|(name, _)| *name == unit)?;
        if index < last || (index == last && rest.len() < text.len()) {
            return None;
        }
        last = index;
        let (_, factor) = UNITS.get(index)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = tail.trim_start_matches(' ');
    }
    i64::try_from(total.div_ceil(1000)).ok()
}

/// Whether nginx puts something in place of a part of the text when it answers a request.
pub fn has_variable(text: &str) -> bool {
    let mut parts = text.split('$').skip(1);
    parts.any(|after| after.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '{')))
}
