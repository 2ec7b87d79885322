//! What a test says of its subject: `is within 0640 (no permission bit beyond rw-r-----)`. Words of the test alone, with
//! units; a negated test holds for what is not there too, and says so where its words would not.

use super::code;
use crate::matcher::{Test, UrlTest};
use crate::value::{Observed, Type, Value, duration};

/// What stands after the subject.
pub(super) fn predicate(test: &Test, negated: bool, ty: Type) -> String {
    let not = if negated { "not " } else { "" };
    match test {
        Test::Equals(Value::List(list)) => {
            let items: Vec<_> = list.items.iter().map(item).collect();
            match items.is_empty() {
                true => format!("is {not}empty"),
                false => format!(
                    "{} exactly the members {}",
                    if negated { "does not have" } else { "has" },
                    items.join(", ")
                ),
            }
        }
        Test::Equals(Value::Mode(mode)) => format!("is {not}exactly {}", mode_and_bits(*mode)),
        Test::Equals(Value::Text(text)) if text.is_empty() => format!("is {not}empty"),
        Test::Equals(wanted) => format!("is {not}{}", value(wanted)),
        Test::In(words) => match words.as_slice() {
            [only] => format!("is {not}{}", value(only)),
            words => {
                let list: Vec<_> = words.iter().map(value).collect();
                format!("is {} of {}", if negated { "none" } else { "one" }, list.join(", "))
            }
        },
        Test::AtLeast(limit) => at_least(limit, negated),
        Test::AtMost(limit) => at_most(limit, negated),
        Test::NotBefore(offset) => or_absent(negated, "is earlier than", "is no earlier than", &moment(*offset)),
        Test::NotAfter(offset) => or_absent(negated, "is later than", "is no later than", &moment(*offset)),
        Test::Matches(pattern) => {
            let verb = if negated { "does not match" } else { "matches" };
            format!("{verb} the regular expression {}", code(pattern.text()))
        }
        Test::Within(nets) => {
            let list: Vec<_> = nets.iter().map(|net| code(&net.to_string())).collect();
            format!("{} within {}", if negated { "does not lie" } else { "lies" }, list.join(", "))
        }
        Test::Has(wanted) => {
            let what = if matches!(ty, Type::Map(_)) { "the key " } else { "" };
            format!("{} {what}{}", if negated { "does not have" } else { "has" }, value(wanted))
        }
        Test::Exists(wanted) => format!("is {}there", if *wanted == negated { "not " } else { "" }),
        Test::Count { at_least, at_most } => count(*at_least, *at_most, negated),
        Test::Secret { min_length, min_entropy_bits, placeholder_allowed } => {
            secret(*min_length, *min_entropy_bits, *placeholder_allowed, negated)
        }
        Test::Url(test) => url(test, negated),
    }
}

/// A value with its unit.
fn value(value: &Value) -> String {
    match value {
        Value::Text(text) => code(text),
        Value::Mode(mode) => mode_and_bits(*mode),
        Value::Duration(seconds) => duration_words(*seconds),
        Value::Version(version) => format!("version {version}"),
        Value::Net(net) => code(&net.to_string()),
        Value::Word(word) => code(word.as_str()),
        Value::Bool(_) | Value::Int(_) | Value::Size(_) | Value::Time(_) => value.to_string(),
        Value::Secret(_) | Value::List(_) | Value::Map(_) | Value::Record(_) | Value::Invalid(_) => {
            code(&value.to_string())
        }
    }
}

fn item(observed: &Observed) -> String {
    match observed {
        Observed::Known(known) => value(known),
        Observed::Absent | Observed::Unknown(_) => observed.to_string(),
    }
}

/// A negated bound holds for what is not there too.
fn or_absent(negated: bool, negative: &str, positive: &str, bound: &str) -> String {
    match negated {
        true => format!("{negative} {bound}, or is not there"),
        false => format!("{positive} {bound}"),
    }
}

fn at_least(limit: &Value, negated: bool) -> String {
    match limit {
        Value::Mode(mode) => {
            or_absent(negated, "lacks a permission bit of", "has every permission bit of", &mode_and_bits(*mode))
        }
        Value::Time(_) => or_absent(negated, "is earlier than", "is no earlier than", &value(limit)),
        Value::Version(_) => or_absent(negated, "is earlier than", "is at least", &value(limit)),
        Value::Word(word) => {
            let words = word.vocabulary().words.iter().skip(word.rank());
            or_absent(negated, "is less than", "is at least", &ranked(word.as_str(), words.copied()))
        }
        other => or_absent(negated, "is less than", "is at least", &value(other)),
    }
}

fn at_most(limit: &Value, negated: bool) -> String {
    match limit {
        Value::Mode(mode) => {
            let bits = bits(*mode);
            match negated {
                true => format!("has a permission bit beyond 0{mode:03o} ({bits}), or is not there"),
                false if *mode == 0 => "is 0000 (no permission bit at all)".to_owned(),
                false => format!("is within 0{mode:03o} (no permission bit beyond {bits})"),
            }
        }
        Value::Time(_) => or_absent(negated, "is later than", "is no later than", &value(limit)),
        Value::Version(_) => or_absent(negated, "is later than", "is at most", &value(limit)),
        Value::Word(word) => {
            let words = word.vocabulary().words.iter().take(word.rank() + 1);
            or_absent(negated, "is more than", "is at most", &ranked(word.as_str(), words.copied()))
        }
        other => or_absent(negated, "is more than", "is at most", &value(other)),
    }
}

/// A word of an ordered set with the words that are on its side of it.
fn ranked<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> String {
    let side: Vec<_> = words.map(code).collect();
    match side.len() {
        0 | 1 => code(word),
        _ => format!("{} ({})", code(word), side.join(", ")),
    }
}

/// A moment relative to the time of judging.
fn moment(offset: i64) -> String {
    let span = duration_words(offset.saturating_abs());
    match offset {
        0 => "now".to_owned(),
        1.. => format!("{span} from now"),
        _ => format!("{span} ago"),
    }
}

/// `2d 3h` as `2 days 3 hours`.
fn duration_words(seconds: i64) -> String {
    let word = |part: &str| {
        let (sign, digits) = part.strip_prefix('-').map_or(("", part), |rest| ("-", rest));
        let unit = match digits.chars().next_back() {
            Some('d') => "day",
            Some('h') => "hour",
            Some('m') => "minute",
            _ => "second",
        };
        let number = digits.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        format!("{sign}{number} {unit}{}", if number == "1" { "" } else { "s" })
    };
    duration::show(seconds).split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn mode_and_bits(mode: u32) -> String {
    format!("0{mode:03o} ({})", bits(mode))
}

/// Permission bits as `ls` writes them, the special ones by their names.
fn bits(mode: u32) -> String {
    let letters = "rwxrwxrwx".chars().enumerate();
    let plain: String = letters.map(|(i, letter)| if mode & (0o400 >> i) == 0 { '-' } else { letter }).collect();
    let special = [(0o4000, "setuid"), (0o2000, "setgid"), (0o1000, "sticky")];
    let special = special.iter().filter(|(bit, _)| mode & bit != 0).map(|(_, name)| *name);
    let plain = (mode & 0o777 != 0 || mode == 0).then_some(plain.as_str());
    plain.into_iter().chain(special).collect::<Vec<_>>().join(", ")
}

fn count(at_least: usize, at_most: usize, negated: bool) -> String {
    let items = |n: usize| format!("{n} item{}", if n == 1 { "" } else { "s" });
    let (has, number) = match (at_least, at_most) {
        (0, 0) if negated => return "is not empty, or is not there".to_owned(),
        (0, 0) => return "has no items".to_owned(),
        (least, usize::MAX) => ("at least ", items(least)),
        (least, most) if least == most => ("exactly ", items(least)),
        (0, most) => ("at most ", items(most)),
        (least, most) => ("", format!("{least} to {}", items(most))),
    };
    format!("{} {has}{number}", if negated { "does not have" } else { "has" })
}

fn secret(min_length: usize, min_entropy_bits: u32, placeholder_allowed: bool, negated: bool) -> String {
    let length = (min_length > 0).then(|| format!("at least {min_length} bytes long"));
    let entropy = (min_entropy_bits > 0).then(|| format!("of at least {min_entropy_bits} bits of estimated entropy"));
    let placeholder = (!placeholder_allowed).then(|| "no known placeholder".to_owned());
    let parts: Vec<_> = [length, entropy, placeholder].into_iter().flatten().collect();
    match (parts.is_empty(), negated) {
        (true, _) => format!("is {}a secret", if negated { "not " } else { "" }),
        (false, true) => format!("is not all of this: {}", parts.join(", ")),
        (false, false) => format!("is {}", parts.join(" and ")),
    }
}

fn url(test: &UrlTest, negated: bool) -> String {
    let one_of = |what: &str, items: Option<Vec<String>>| items.map(|items| format!("{what} {}", items.join(" or ")));
    let codes = |items: &Option<Vec<String>>| items.as_ref().map(|items| items.iter().map(|item| code(item)).collect());
    let ports = test.ports.as_ref().map(|ports| ports.iter().map(ToString::to_string).collect());
    let userinfo = test.userinfo.map(|wanted| if wanted { "a user in it" } else { "no user in it" }.to_owned());
    let parts =
        [one_of("scheme", codes(&test.schemes)), one_of("host", codes(&test.hosts)), one_of("port", ports), userinfo];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let verb = if negated { "is not a URL" } else { "is a URL" };
    if parts.is_empty() { verb.to_owned() } else { format!("{verb} with {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::Pattern;
    use crate::value::vocabulary::SSLMODE;

    const DAY: i64 = 86_400;

    fn said(test: &Test) -> (String, String) {
        (predicate(test, false, Type::Text), predicate(test, true, Type::Text))
    }

    fn pair(yes: &str, no: &str) -> (String, String) {
        (yes.to_owned(), no.to_owned())
    }

    #[test]
    fn modes_say_their_bits() {
        let within = Test::AtMost(Value::Mode(0o640));
        let no = "has a permission bit beyond 0640 (rw-r-----), or is not there";
        assert_eq!(said(&within), pair("is within 0640 (no permission bit beyond rw-r-----)", no));
        assert_eq!(said(&Test::AtMost(Value::Mode(0))).0, "is 0000 (no permission bit at all)");
        assert_eq!(said(&Test::AtLeast(Value::Mode(0o1000))).0, "has every permission bit of 01000 (sticky)");
        assert_eq!(said(&Test::Equals(Value::Mode(0o4755))).0, "is exactly 04755 (rwxr-xr-x, setuid)");
        assert_eq!(bits(0), "---------");
    }

    #[test]
    fn bounds_say_their_unit_and_their_side() {
        let word = Value::Word(SSLMODE.word("require").unwrap());
        let side = "`require` (`require`, `verify-ca`, `verify-full`)";
        assert_eq!(said(&Test::AtLeast(word)).0, format!("is at least {side}"));
        assert_eq!(said(&Test::AtMost(Value::Size(512 << 20))).0, "is at most 512MiB");
        assert_eq!(said(&Test::AtLeast(Value::Duration(36 * 3600))).0, "is at least 1 day 12 hours");
        assert_eq!(said(&Test::AtLeast(Value::Int(3))), pair("is at least 3", "is less than 3, or is not there"));
    }

    #[test]
    fn times_are_relative_to_the_judging() {
        let no = "is earlier than 30 days from now, or is not there";
        assert_eq!(said(&Test::NotBefore(30 * DAY)), pair("is no earlier than 30 days from now", no));
        assert_eq!(said(&Test::NotBefore(-DAY)).0, "is no earlier than 1 day ago");
        assert_eq!(said(&Test::NotAfter(0)).0, "is no later than now");
    }

    #[test]
    fn negation_is_never_lost() {
        let secret = Test::Secret { min_length: 32, min_entropy_bits: 80, placeholder_allowed: false };
        let url = Test::Url(UrlTest { schemes: Some(vec!["https".into()]), ..UrlTest::default() });
        for test in [
            Test::Equals(true.into()),
            Test::Equals("".into()),
            Test::Equals(Value::from_iter(["a"])),
            Test::Equals(Value::from_iter(Vec::<&str>::new())),
            Test::In(vec!["a".into(), "b".into()]),
            Test::In(vec!["a".into()]),
            Test::Matches(Pattern::new("a`b")),
            Test::Has("x".into()),
            Test::Exists(true),
            Test::Count { at_least: 0, at_most: 0 },
            Test::Count { at_least: 1, at_most: usize::MAX },
            Test::Count { at_least: 1, at_most: 3 },
            secret,
            url,
        ] {
            let (yes, no) = said(&test);
            assert_ne!(yes, no);
            assert!(no.contains("no") && !yes.is_empty(), "{no}");
        }
        assert_eq!(said(&Test::Exists(true)), (said(&Test::Exists(false)).1, said(&Test::Exists(false)).0));
    }
}
