//! The text of a fix, with what was seen filled in. Names come from the audited side, and a fix is copied into a shell or
//! into psql: within backticks a name is quoted as the command around it needs, so that none of it becomes a command.

/// Fills each `{name}` of `text` by what `value` gives. What was not seen is named: `its path` in a sentence, `PATH` in a
/// command.
pub fn fill(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        // `${…}` is the shell's own.
        let name = after.split_once('}').filter(|(name, _)| is_name(name) && !before.ends_with('$'));
        let Some((name, after)) = name else {
            filled.push('{');
            rest = after;
            continue;
        };
        let around = Around::of(&filled, after, text);
        filled.push_str(&value(name).map_or_else(|| around.unseen(name), |value| around.quote(value)));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Fills each `${name}` of `text` by the value of that input, where there is one; braces of a value are no placeholders.
pub fn fill_inputs(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let found = after.split_once('}').and_then(|(name, after)| Some((value(name)?, after)));
        rest = match found {
            Some((value, after)) => {
                filled.push_str(&Around::of(&filled, after, text).quote(value));
                after
            }
            None => {
                filled.push_str("${");
                after
            }
        };
    }
    filled.push_str(rest);
    filled
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// Where a placeholder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Around {
    Prose,
    /// A word of a command.
    Word,
    /// An SQL identifier in double quotes.
    Identifier,
    /// The same within a string: `'"name"'::regrole`.
    IdentifierInString,
}

impl Around {
    /// `after` is the end of `whole`, the text before anything was filled in: what was filled in may hold backticks.
    fn of(before: &str, after: &str, whole: &str) -> Self {
        let consumed = whole.len().saturating_sub(after.len());
        let ticks = whole.bytes().take(consumed).filter(|byte| *byte == b'`').count();
        match (before, after) {
            _ if ticks % 2 == 0 => Around::Prose,
            (before, after) if before.ends_with("'\"") && after.starts_with("\"'") => Around::IdentifierInString,
            (before, after) if before.ends_with('"') && after.starts_with('"') => Around::Identifier,
            _ => Around::Word,
        }
    }

    fn unseen(self, name: &str) -> String {
        match self {
            Around::Prose => format!("its {}", name.replace('_', " ")),
            Around::Word | Around::Identifier | Around::IdentifierInString => name.to_ascii_uppercase(),
        }
    }

    fn quote(self, value: String) -> String {
        match self {
            Around::Prose => value,
            Around::Identifier => value.replace('"', "\"\""),
            Around::IdentifierInString => value.replace('"', "\"\"").replace('\'', "''"),
            Around::Word if is_plain(&value) => value,
            Around::Word => format!("'{}'", value.replace('\'', "'\\''")),
        }
    }
}

/// Whether a shell takes it as one word that means nothing but itself.
fn is_plain(value: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_./:@%+=,-".contains(&b);
    !value.is_empty() && !value.starts_with('-') && value.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(text: &str, value: &str) -> String {
        fill(text, |_| Some(value.to_owned()))
    }

    #[test]
    fn a_name_stays_a_name() {
        let role = "x\"; DROP ROLE a; --";
        assert_eq!(with("`ALTER ROLE \"{name}\" NOLOGIN;`", role), "`ALTER ROLE \"x\"\"; DROP ROLE a; --\" NOLOGIN;`");
        assert_eq!(with("`'\"{name}\"'::regrole`", "a'b"), "`'\"a''b\"'::regrole`");
        assert_eq!(with("Run `rm {path} {path}.pub`.", "/a b;c'd"), "Run `rm '/a b;c'\\''d' '/a b;c'\\''d'.pub`.");
        assert_eq!(with("Run `chmod 0600 {path}`.", "/etc/a-b_c.d"), "Run `chmod 0600 /etc/a-b_c.d`.");
        assert_eq!(with("In {file}, do `x`.", "/a b"), "In /a b, do `x`.");
    }

    #[test]
    fn what_was_filled_in_is_not_filled_in_again() {
        assert_eq!(with("{a} and `{b}`", "`{a}"), "`{a} and `'`{a}'`");
        assert_eq!(fill("`rm {path}` of {key_file} {", |_| None), "`rm PATH` of its key file {");
        assert_eq!(with("{ } {A} {} ${b}", "x"), "{ } {A} {} ${b}");
    }

    proptest! {
        #[test]
        fn any_text(text in "[`{}a\" é]{0,20}", value in ".{0,8}") {
            let _ = with(&text, &value);
        }
    }
}
