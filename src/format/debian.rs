//! What Debian's package tools write: paragraphs of fields (deb822(5)), and versions in their order (deb-version(7)).

use std::cmp::Ordering;

/// The fields that `wanted` names of each paragraph, in the order of `wanted`; continued lines are left out.
pub fn paragraphs<'t, const N: usize>(text: &'t str, wanted: [&str; N]) -> impl Iterator<Item = [Option<&'t str>; N]> {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        while lines.next_if(|line| line.trim().is_empty()).is_some() {}
        lines.peek()?;
        let mut fields = [None; N];
        while let Some(line) = lines.next_if(|line| !line.trim().is_empty()) {
            let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with([' ', '\t'])) else { continue };
            let at = wanted.iter().position(|wanted| wanted.eq_ignore_ascii_case(name));
            if let Some(field) = at.and_then(|at| fields.get_mut(at)) {
                *field = Some(value.trim());
            }
        }
        Some(fields)
    })
}

/// The order of two versions: epoch, upstream version, revision.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (split(a), split(b));
    a.0.cmp(&b.0).then_with(|| compare_part(a.1, b.1)).then_with(|| compare_part(a.2, b.2))
}

fn split(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch.parse().unwrap_or(0), upstream, revision)
}

/// By turns what is no digit, letters first and `~` before even the end, and numbers.
fn compare_part(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let (text_a, rest_a) = cut(a, |c| !c.is_ascii_digit());
        let (text_b, rest_b) = cut(b, |c| !c.is_ascii_digit());
        let (number_a, rest_a) = cut(rest_a, |c| c.is_ascii_digit());
        let (number_b, rest_b) = cut(rest_b, |c| c.is_ascii_digit());
        let order = compare_text(text_a, text_b).then_with(|| compare_number(number_a, number_b));
        if order != Ordering::Equal || (rest_a.is_empty() && rest_b.is_empty()) {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

fn cut(text: &str, of: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !of(c)).unwrap_or(text.len()))
}

fn compare_text(a: &str, b: &str) -> Ordering {
    let rank = |c: Option<char>| match c {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i64::from(u32::from(c)),
        Some(c) => i64::from(u32::from(c)) + 0x0011_0000,
    };
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        let (one, other) = (a.next(), b.next());
        let order = rank(one).cmp(&rank(other));
        if order != Ordering::Equal || (one.is_none() && other.is_none()) {
            return order;
        }
    }
}

/// Numbers of any length.
fn compare_number(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_in_the_order_of_dpkg() {
        for (lower, higher) in [
            ("1.0", "1.1"),
            ("1.9", "1.10"),
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0a"),
            ("1.0a", "1.0+b"),
            ("1.0-1", "1.0-1+deb12u1"),
            ("1.0-1~deb12u1", "1.0-1"),
            ("9.9", "1:0.1"),
            ("3.0.11-1~deb12u1", "3.0.11-1~deb12u2"),
            ("1.0~~", "1.0~"),
            ("2.36-9+deb12u3", "2.36-9+deb12u10"),
        ] {
            assert_eq!(compare(lower, higher), Ordering::Less, "{lower} {higher}");
            assert_eq!(compare(higher, lower), Ordering::Greater, "{lower} {higher}");
        }
        assert_eq!(compare("1.0-0", "1.0"), Ordering::Equal);
        assert_eq!(compare("0:1.00", "1.0"), Ordering::Equal);
    }

    #[test]
    fn paragraphs_give_the_fields_that_are_wanted() {
        let text = "\nPackage: a\nVersion: 1\nDescription: x\n Version: 9\n\n\nPackage: b\n";
        let seen: Vec<_> = paragraphs(text, ["Package", "Version"]).collect();
        assert_eq!(seen, [[Some("a"), Some("1")], [Some("b"), None]]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([A-Z][a-z]*: ?[a-z]*\n|\n| \\PC*\n|\\PC*\n)*") {
            let _ = paragraphs(&text, ["Package"]).count();
        }

        #[test]
        fn the_order_is_one(a in "[0-9a-z~+.:-]{0,12}", b in "[0-9a-z~+.:-]{0,12}", c in "[0-9a-z~+.:-]{0,12}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }
    }
}
