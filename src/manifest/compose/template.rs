//! Interpolation of Compose files: `$NAME`, `${NAME}`, `${NAME:-default}` and its relatives, nested, with `$$` for a
//! dollar sign (Compose specification, "Interpolation").

use crate::manifest::Read;
use crate::value::Reason;

/// Names inside of defaults inside of defaults.
const MAX_DEPTH: usize = 20;
/// Bytes of a value that has become this long by interpolation.
const MAX_LENGTH: usize = 1 << 20;

/// What a name stands for: a value, nothing, or why that cannot be told.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Read<Option<String>> + 'a;

/// The text with its variables filled in.
///
/// # Errors
/// A variable that has no value and no default, or that is required; or a `${` that Compose does not understand.
pub(super) fn interpolate(text: &str, lookup: &Lookup<'_>) -> Read<String> {
    within(text, lookup, 0)
}

fn within(text: &str, lookup: &Lookup<'_>, depth: usize) -> Read<String> {
    if depth > MAX_DEPTH {
        return Err(Reason::new(format!("variables nested deeper than {MAX_DEPTH} levels")));
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(inside) = after.strip_prefix('{') {
            let end = closing(inside).ok_or_else(malformed)?;
            out.push_str(&braced(inside.get(..end).unwrap_or_default(), lookup, depth)?);
            rest = inside.get(end + 1..).unwrap_or_default();
        } else {
            let (name, after) = split_name(after);
            if name.is_empty() {
                out.push('$');
            } else {
                out.push_str(&lookup(name)?.ok_or_else(|| unset(name))?);
            }
            rest = after;
        }
        if out.len() > MAX_LENGTH {
            return Err(Reason::new("a value that becomes too long by its variables"));
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn malformed() -> Reason {
    Reason::new("it has a `${` that Compose does not understand").with_grant("write `$$` for a dollar sign")
}

/// Compose warns of it and takes the empty text; but what it is started with may well set it.
fn unset(name: &str) -> Reason {
    let text = format!(
        "`${name}` is set by no file: Compose takes it from where it is started, or else the empty text, with a warning"
    );
    Reason::new(text).with_grant("name the file that sets it with --compose-env, or give it a default")
}

/// A letter or `_`, then digits too; the rest.
fn split_name(text: &str) -> (&str, &str) {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if starts { text.split_at_checked(end).unwrap_or((text, "")) } else { ("", text) }
}

/// Where the brace closes that was open before the text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

/// `NAME`, or `NAME` with an operator and its operand.
fn braced(inside: &str, lookup: &Lookup<'_>, depth: usize) -> Read<String> {
    let (name, rest) = split_name(inside);
    if name.is_empty() {
        return Err(malformed());
    }
    if rest.is_empty() {
        return lookup(name)?.ok_or_else(|| unset(name));
    }
    // With the colon an empty value counts as none.
    let (empty_counts, rest) = match rest.strip_prefix(':') {
        Some(rest) => (false, rest),
        None => (true, rest),
    };
    let value = lookup(name)?.filter(|value| empty_counts || !value.is_empty());
    let operand = |rest: &str| within(rest, lookup, depth + 1);
    if let Some(rest) = rest.strip_prefix('-') {
        return value.map_or_else(|| operand(rest), Ok);
    }
    if let Some(rest) = rest.strip_prefix('+') {
        return if value.is_some() { operand(rest) } else { Ok(String::new()) };
    }
    if rest.starts_with('?') {
        let text = format!("`${name}` is required and set by no file: Compose does not start without it");
        return value.ok_or_else(|| Reason::new(text).with_grant("name the file that sets it with --compose-env"));
    }
    Err(malformed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lookup(name: &str) -> Read<Option<String>> {
        match name {
            "A" => Ok(Some("a".into())),
            "E" => Ok(Some(String::new())),
            "X" => Err(Reason::new("not read")),
            _ => Ok(None),
        }
    }

    /// The operators of the specification, each with what Compose makes of it.
    #[test]
    fn as_the_specification_says() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$A-${A}", "a-a"),
            ("$$A $$$A", "$A $a"),
            ("${E}", ""),
            ("${E:-d} ${E-d} ${U:-d} ${U-d}", "d  d d"),
            ("${A:-d} ${A-d}", "a a"),
            ("${A:+r} ${E:+r} ${E+r} ${U:+r}${U+r}", "r  r "),
            ("${A:?e} ${A?e} ${E?e}", "a a "),
            ("${U:-${V:-${A}}}", "a"),
            ("${U:-${V:-x}y}z", "xyz"),
            ("${U:-}", ""),
            ("${U:-a:b-c?d}", "a:b-c?d"),
            ("${U:-{\"k\":1}}", "{\"k\":1}"),
            ("${U:-$$x}", "$x"),
            ("$1 $ 5$", "$1 $ 5$"),
            ("cost $.", "cost $."),
        ] {
            assert_eq!(interpolate(text, &lookup).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_has_no_value_says_so() {
        for (text, why) in [
            ("$U", "`$U` is set by no file"),
            ("x${U}", "`$U` is set by no file"),
            ("${U:-$V}", "`$V` is set by no file"),
            ("${U?}", "required"),
            ("${E:?no}", "required"),
            ("${X:-d}", "not read"),
            ("${", "does not understand"),
            ("${}", "does not understand"),
            ("${A b}", "does not understand"),
            ("${A!x}", "does not understand"),
            ("${1}", "does not understand"),
            ("${A", "does not understand"),
        ] {
            let reason = interpolate(text, &lookup).unwrap_err().to_string();
            assert!(reason.contains(why), "{text}: {reason}");
        }
        let deep = "${U:-".repeat(1000) + &"}".repeat(1000);
        assert!(interpolate(&deep, &lookup).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_interpolated_or_refused(text in "[${}:?+\\-AEUX ä]{0,60}|\\PC*") {
            let _ = interpolate(&text, &lookup);
        }
    }
}
