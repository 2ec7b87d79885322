//! Cases as they stand under a rule's `tests:`, for those that harden writes itself.

use super::case::{CASE_NOW, Case, NOT_GIVEN};
use crate::facts::{Extent, Listing, Subject};
use crate::resource;
use crate::value::text::sanitize;
use crate::value::{List, Observed, Reason, Record, Secret, Value};

/// Columns up to which several subjects share a line.
const WIDTH: usize = 100;
const ABSENT: &str = "!absent";
/// Seconds of the units of a duration.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

/// The case as an item of `tests:`, indented as it stands there.
pub fn write(case: &Case) -> String {
    let facts = match case.answers.as_slice() {
        [only] if !only.keyed => listing(&only.listing, only.resource, 6),
        answers => answers.iter().map(|it| keyed(&it.key(), &it.listing, it.resource)).collect(),
    };
    format!("  - {}:{facts}", case.expected.as_str())
}

/// What is seen of one of several queries, in lines of its own: `pg_setting name=ssl: { value: true }`.
pub fn keyed(key: &str, seen: &Listing, resource: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " _./@+=-".contains(c);
    let key = if key.chars().all(plain) { key.to_owned() } else { quoted(key) };
    format!("\n      {key}:{}", listing(seen, resource, 8))
}

/// What stands behind the colon, with the space or the line breaks before it. `indent` is that of items in lines of their
/// own. Fields that are [`NOT_GIVEN`] are left out.
pub fn listing(listing: &Listing, resource: &str, indent: usize) -> String {
    let Listing { subjects, extent } = listing;
    let mut items: Vec<String> = subjects.iter().enumerate().map(|(at, it)| subject(it, resource, at + 1)).collect();
    match extent {
        Extent::Absent(what) => return format!(" {}", tagged(ABSENT, what)),
        Extent::Failed(why) => return format!(" {}", unknown(why)),
        Extent::Partial(why) => items.push(unknown(why)),
        Extent::Complete => {
            if let [only] = items.as_slice() {
                return format!(" {only}");
            }
        }
    }
    if items.iter().map(String::len).sum::<usize>() <= WIDTH {
        return format!(" [{}]", joined(&items));
    }
    items.iter().map(|item| format!("\n{:indent$}- {item}", "")).collect()
}

fn subject(subject: &Subject, of: &str, number: usize) -> String {
    let mut entries = fields(&subject.fields);
    let by_path = resource::find(of).is_some_and(|resource| resource.params.iter().any(|param| param.name == "path"));
    let word = if by_path { "path" } else { "name" };
    let named = [word, "name", "path"].iter().any(|word| subject.fields.get(word).is_some_and(is_given));
    if !named && *subject.name != format!("{of} {number}") {
        entries.insert(0, format!("{word}: {}", scalar(&subject.name)));
    }
    braces(&entries)
}

fn is_given(observed: &Observed) -> bool {
    !matches!(observed, Observed::Unknown(Reason { text, .. }) if &**text == NOT_GIVEN)
}

fn fields(record: &Record) -> Vec<String> {
    let given = record.table.iter().zip(&record.fields).filter(|(_, observed)| is_given(observed));
    given.map(|(field, observed)| format!("{}: {}", field.name, seen(observed))).collect()
}

fn seen(observed: &Observed) -> String {
    match observed {
        Observed::Known(value) => known(value),
        Observed::Absent => ABSENT.to_owned(),
        Observed::Unknown(reason) => unknown(reason),
    }
}

fn known(value: &Value) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Size(bytes) => crate::value::size::show(*bytes),
        Value::Duration(seconds) => duration(*seconds),
        Value::Time(seconds) => time(*seconds),
        Value::Version(_) | Value::Mode(_) => quoted(&value.to_string()),
        Value::Text(text) => scalar(text),
        Value::Net(_) | Value::Word(_) => scalar(&value.to_string()),
        Value::Secret(Secret { length, entropy_bits, placeholder, .. }) => {
            format!("{{ length: {length}, entropy_bits: {entropy_bits}, placeholder: {placeholder} }}")
        }
        Value::List(List { items, more }) => {
            let items: Vec<_> = items.iter().map(seen).chain(more.iter().map(unknown)).collect();
            format!("[{}]", joined(&items))
        }
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", scalar(key), seen(value)));
            braces(&entries.collect::<Vec<_>>())
        }
        Value::Record(record) => braces(&fields(record)),
        Value::Invalid(text) => tagged("!invalid", text),
    }
}

fn braces(entries: &[String]) -> String {
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", joined(entries)) }
}

fn joined(entries: &[String]) -> String {
    let mut joined = String::new();
    for entry in entries {
        if !joined.is_empty() {
            // A comma would be part of the bare tag before it.
            joined.push_str(if joined.ends_with(ABSENT) { " , " } else { ", " });
        }
        joined.push_str(entry);
    }
    joined
}

/// Relative to the time at which cases are judged.
fn time(seconds: i64) -> String {
    match seconds.checked_sub(CASE_NOW) {
        Some(0) => "now".to_owned(),
        Some(offset) if offset > 0 => format!("now+{}", duration(offset)),
        Some(offset) => format!("now{}", duration(offset)),
        None => quoted(&crate::value::time::show(seconds)),
    }
}

fn duration(seconds: i64) -> String {
    let mut rest = seconds.unsigned_abs();
    let mut text = String::from(if seconds < 0 { "-" } else { "" });
    for (unit, size) in UNITS {
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if seconds == 0 { "0s".to_owned() } else { text }
}

fn unknown(reason: &Reason) -> String {
    tagged("!unknown", &reason.text)
}

fn tagged(tag: &str, text: &str) -> String {
    format!("{tag} {}", plain_or_quoted(text, " "))
}

fn scalar(text: &str) -> String {
    plain_or_quoted(text, "")
}

/// In quotes where YAML or a reader of it would make something else of it.
fn plain_or_quoted(text: &str, also_plain: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./@+=-".contains(c) || also_plain.contains(c);
    let begins = |c: char| c.is_ascii_alphabetic() || c == '/';
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "t", "f"];
    let is_plain = text.starts_with(begins)
        && text.chars().all(plain)
        && text.trim_end() == text
        && !words.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// In double quotes, with escapes for what must not stand or draw there.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if sanitize(&c.to_string()) != c.to_string() => {
                quoted.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_relative_to_the_judgement() {
        assert_eq!(time(CASE_NOW), "now");
        assert_eq!(time(CASE_NOW + 61 * 86_400 + 3), "now+61d3s");
        assert_eq!(time(CASE_NOW - 90_061), "now-1d1h1m1s");
        assert_eq!(time(i64::MIN), quoted(&crate::value::time::show(i64::MIN)));
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in ".{0,40}") {
            let root = crate::yaml::parse(&format!("a: {}\nb: [{}]\n", plain_or_quoted(&text, " "), scalar(&text)));
            let root = root.map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?;
            prop_assert_eq!(root.get("a").and_then(crate::yaml::Node::text), Some(text.as_str()));
            let item = root.get("b").and_then(|node| node.sequence()?.first()?.text());
            prop_assert_eq!(item, Some(text.as_str()));
        }
    }
}
