//! Times as Go's robfig/cron reads them (version 3), which Kubernetes and Ofelia plan with. They differ from cron's own:
//! `5/10` is a range, Sunday is never 7, `@every` takes a duration.

const DESCRIPTORS: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

type Bounds = (u32, u32, &'static [&'static str]);

const SECONDS: Bounds = (0, 59, &[]);
const FIELDS: [Bounds; 5] = [(0, 59, &[]), (0, 23, &[]), (1, 31, &[]), (1, 12, &MONTHS), (0, 6, &DAYS)];

/// Whether the text is understood; `seconds` says whether a field of them may stand before the others.
pub fn understands(text: &str, seconds: bool) -> bool {
    if let Some(every) = text.strip_prefix("@every ") {
        return is_duration(every);
    }
    if text.starts_with('@') {
        return DESCRIPTORS.contains(&text);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let (first, rest) = match fields.as_slice() {
        [first, rest @ ..] if seconds && rest.len() == FIELDS.len() => (Some(*first), rest),
        all => (None, all),
    };
    first.is_none_or(|field| list(field, SECONDS))
        && rest.len() == FIELDS.len()
        && rest.iter().zip(FIELDS).all(|(field, bounds)| list(field, bounds))
}

fn list(field: &str, bounds: Bounds) -> bool {
    field.split(',').filter(|part| !part.is_empty()).all(|part| range(part, bounds).is_some())
}

fn range(text: &str, (low, high, names): Bounds) -> Option<()> {
    let mut parts = text.split('/');
    let ends: Vec<&str> = parts.next()?.split('-').collect();
    let number = |text: &str| {
        let name = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        name.map_or_else(|| text.parse::<u32>().ok(), |at| Some(low + u32::try_from(at).ok()?))
    };
    let (from, mut to) = match ends.as_slice() {
        ["*" | "?", ..] => (low, high),
        [one] => (number(one)?, number(one)?),
        [from, to] => (number(from)?, number(to)?),
        _ => return None,
    };
    if let Some(step) = parts.next() {
        if step.parse::<u32>().ok()? == 0 || parts.next().is_some() {
            return None;
        }
        if ends.len() == 1 {
            to = high;
        }
    }
    (from >= low && to <= high && from <= to).then_some(())
}

/// Go's time.ParseDuration.
fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 8] = ["ns", "us", "\u{b5}s", "\u{3bc}s", "ms", "s", "m", "h"];
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut some = false;
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let fraction = after.strip_prefix('.').map(|after| after.trim_start_matches(|c: char| c.is_ascii_digit()));
        let end = fraction.unwrap_or(after);
        let number = rest.strip_suffix(end).unwrap_or_default();
        let unit = UNITS.iter().filter(|unit| end.starts_with(**unit)).max_by_key(|unit| unit.len());
        let Some(unit) = unit.filter(|_| number.bytes().any(|byte| byte.is_ascii_digit())) else { return false };
        rest = end.strip_prefix(unit).unwrap_or_default();
        some = true;
    }
    some
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_of_go() {
        for text in ["@daily", "@every 1h30m", "@every 10s", "5/10 * * * *", "*/5 0-6 1,15 jan-MAR ?", "1,,2 * * * *"] {
            assert!(understands(text, false), "{text}");
        }
        for text in [
            "",
            "@reboot",
            "@every x",
            "@every 5",
            "* * * * 7",
            "60 * * * *",
            "* * * *",
            "*/0 * * * *",
            "5-1 * * * *",
            "1-2-3 * * * *",
            "0 0 3 * * *",
        ] {
            assert!(!understands(text, false), "{text}");
        }
        assert!(understands("0 0 3 * * *", true) && understands("0 3 * * *", true));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[@a-z0-9*,/? .-]{0,40}|\\PC{0,20}") {
            let _ = (understands(&text, true), understands(&text, false));
        }
    }
}
