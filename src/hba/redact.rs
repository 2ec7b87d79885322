//! Keeps secrets out of everything that is shown: `ldapbindpasswd` and `radiussecrets` are replaced
//! when an entry is built, so that no later step has them.

use std::borrow::Cow;

use super::tokens::Token;

const SECRET: [&str; 2] = ["ldapbindpasswd", "radiussecrets"];
const MASK: &str = "***";

/// Whether an option's value is a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|s| name.eq_ignore_ascii_case(s))
}

/// An option's value as it may be shown.
pub(crate) fn value<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    match name {
        _ if is_secret(name) => MASK.into(),
        "ldapurl" => without_userinfo(value),
        _ => value.into(),
    }
}

/// `scheme://user:password@host` without what precedes the `@`.
fn without_userinfo(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{MASK}@{host}{tail}").into(),
        None => url.into(),
    }
}

/// The line as written up to its last token, with masked options.
pub(crate) fn text<'a>(raw: &[u8], tokens: impl Iterator<Item = &'a Token>) -> String {
    let mut shown = String::new();
    let mut done = 0;
    for token in tokens {
        let between = raw.get(done..token.span.start).unwrap_or_default();
        shown.push_str(&String::from_utf8_lossy(between));
        // tokens of an `@file` share the span of the word that names it
        let written = raw.get(token.span.start.max(done)..token.span.end).unwrap_or_default();
        let from_file = raw.get(token.span.start) == Some(&b'@') && !token.bytes.starts_with(b"@");
        match masked(token).filter(|_| !from_file && !written.is_empty()) {
            Some(option) => shown.push_str(&option),
            None => shown.push_str(&String::from_utf8_lossy(written)),
        }
        done = done.max(token.span.end);
    }
    shown.trim().to_owned()
}

fn masked(token: &Token) -> Option<String> {
    let word = String::from_utf8_lossy(&token.bytes);
    let (name, given) = word.split_once('=')?;
    let safe = value(name, given);
    (safe != given || is_secret(name)).then(|| format!("{name}={safe}"))
}
