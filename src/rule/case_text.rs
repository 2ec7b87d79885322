//! Cases as they stand under a rule's `tests:`, for those that harden writes itself.

use super::case::{Answer, CASE_NOW, Case, NOT_GIVEN};
use crate::facts::{Extent, Listing, Subject};
use crate::resource;
use crate::value::{List, Observed, Reason, Record, Secret, Value};

/// The case as an item of `tests:`, indented as it stands there.
pub fn write(case: &Case) -> String {
    let facts = match case.answers.as_slice() {
        [only] if !only.keyed => format!(" {}", listing(only)),
        answers => answers.iter().map(|answer| format!("\n      {}: {}", key(answer), listing(answer))).collect(),
    };
    format!("  - {}:{facts}", case.expected.as_str())
}

/// `pg_setting name=ssl`.
fn key(answer: &Answer) -> String {
    let with = answer.with.iter().map(|(name, value)| format!(" {name}={}", crate::plan::show(value)));
    format!("{}{}", answer.resource, with.collect::<String>())
}

fn listing(answer: &Answer) -> String {
    let Listing { subjects, extent } = &answer.listing;
    let mut items: Vec<String> =
        subjects.iter().enumerate().map(|(at, it)| subject(it, answer.resource, at + 1)).collect();
    match extent {
        Extent::Absent(what) => return tagged("absent", what),
        Extent::Failed(why) => return tagged("unknown", &why.text),
        Extent::Partial(why) => items.push(tagged("unknown", &why.text)),
        Extent::Complete => {
            if let [only] = items.as_slice() {
                return only.clone();
            }
        }
    }
    format!("[{}]", items.join(", "))
}

fn subject(subject: &Subject, of: &str, number: usize) -> String {
    let mut entries = fields(&subject.fields);
    let by_path = resource::find(of).is_some_and(|resource| resource.params.iter().any(|param| param.name == "path"));
    let word = if by_path { "path" } else { "name" };
    let named = [word, "name", "path"].iter().any(|word| subject.fields.get(word).is_some_and(is_given));
    if !named && *subject.name != format!("{of} {number}") {
        entries.insert(0, format!("{word}: {}", scalar(&subject.name)));
    }
    format!("{{ {} }}", entries.join(", "))
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
        Observed::Absent => "!absent \"\"".to_owned(),
        Observed::Unknown(reason) => tagged("unknown", &reason.text),
    }
}

fn known(value: &Value) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Size(bytes) => crate::value::size::show(*bytes),
        Value::Duration(seconds) => offset("", *seconds),
        Value::Time(time) => offset("now", time.saturating_sub(CASE_NOW)),
        Value::Version(_) | Value::Mode(_) => format!("\"{value}\""),
        Value::Text(text) => scalar(text),
        Value::Net(net) => scalar(&net.to_string()),
        Value::Word(word) => scalar(word.as_str()),
        Value::Secret(Secret { length, entropy_bits, placeholder, .. }) => {
            format!("{{ length: {length}, entropy_bits: {entropy_bits}, placeholder: {placeholder} }}")
        }
        Value::List(List { items, more }) => {
            let more = more.iter().map(|why| tagged("unknown", &why.text));
            format!("[{}]", items.iter().map(seen).chain(more).collect::<Vec<_>>().join(", "))
        }
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", scalar(key), seen(value)));
            braces(entries.collect())
        }
        Value::Record(record) => braces(fields(record)),
        Value::Invalid(text) => tagged("invalid", text),
    }
}

fn braces(entries: Vec<String>) -> String {
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}

/// In the largest unit that loses nothing.
fn offset(from: &str, seconds: i64) -> String {
    let unit = [(86_400, 'd'), (3_600, 'h'), (60, 'm')].into_iter().find(|(size, _)| seconds % size == 0);
    let (size, unit) = unit.unwrap_or((1, 's'));
    let sign = if from.is_empty() || seconds < 0 { "" } else { "+" };
    if seconds == 0 && !from.is_empty() { from.to_owned() } else { format!("{from}{sign}{}{unit}", seconds / size) }
}

fn tagged(tag: &str, text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " _./-".contains(c);
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain) && !text.ends_with(' ');
    if bare { format!("!{tag} {text}") } else { format!("!{tag} {}", quoted(text)) }
}

/// Plain where YAML takes the text for nothing else.
fn scalar(text: &str) -> String {
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '_');
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c));
    if starts && plain { text.to_owned() } else { quoted(text) }
}

/// Double quotes and escapes are JSON's, which YAML reads too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
