//! Facts in the grammar of a rule's `tests:`.

use super::used::{Fields, Used};
use crate::facts::{Extent, Listing, Subject};
use crate::resource::Field;
use crate::value::text::sanitize;
use crate::value::{List, Observed, Reason, Record, Type, Value};

const ABSENT: &str = "!absent";
/// Seconds of the units of a duration.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

/// Writes observations; times become relative to the one at which they were made.
pub(super) struct Writer {
    pub(super) started: i64,
}

impl Writer {
    /// A listing behind its key, with the space or the line breaks before it. `indent` is that of the key.
    pub(super) fn listing(&self, listing: &Listing, used: &Fields, indent: usize) -> String {
        let more = match &listing.extent {
            Extent::Absent(what) => return format!(" !absent {}", scalar(what, true)),
            Extent::Failed(reason) => return format!(" {}", unknown(reason)),
            Extent::Partial(reason) => Some(unknown(reason)),
            Extent::Complete => None,
        };
        let subjects = listing.subjects.iter().map(|subject| self.subject(subject, used));
        match (listing.subjects.as_slice(), more) {
            ([], None) => " []".to_owned(),
            ([], Some(more)) => format!(" [{more}]"),
            ([only], None) => format!(" {}", self.subject(only, used)),
            (_, more) => {
                let line = |item: String| format!("\n{:indent$}- {item}", "");
                subjects.chain(more).map(line).collect()
            }
        }
    }

    fn subject(&self, subject: &Subject, used: &Fields) -> String {
        let mut entries = Vec::new();
        for (index, (field, observed)) in subject.fields.table.iter().zip(&subject.fields.fields).enumerate() {
            // By these the reader knows it, and a finding names it.
            let names = matches!(field.name, "name" | "path") && matches!(observed, Observed::Known(Value::Text(_)));
            match used.get(&index) {
                Some(used) => entries.push(format!("{}: {}", field.name, self.observed(observed, used, field.ty))),
                None if names => {
                    entries.push(format!("{}: {}", field.name, self.observed(observed, &Used::default(), field.ty)));
                }
                None => {}
            }
        }
        flow(&entries)
    }

    fn record(&self, record: &Record, used: &Fields) -> String {
        let fields = record.table.iter().zip(&record.fields).enumerate();
        let entries = fields.filter_map(|(index, (field, observed)): (usize, (&Field, &Observed))| {
            let used = used.get(&index)?;
            Some(format!("{}: {}", field.name, self.observed(observed, used, field.ty)))
        });
        flow(&entries.collect::<Vec<_>>())
    }

    fn observed(&self, observed: &Observed, used: &Used, ty: Type) -> String {
        match observed {
            Observed::Known(value) => self.value(value, used, ty),
            Observed::Absent => ABSENT.to_owned(),
            Observed::Unknown(reason) => unknown(reason),
        }
    }

    fn value(&self, value: &Value, used: &Used, ty: Type) -> String {
        match value {
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Size(bytes) => quoted(&crate::value::size::show(*bytes)),
            Value::Duration(seconds) => format!("{seconds}s"),
            Value::Time(seconds) => self.time(*seconds),
            Value::Mode(_) | Value::Version(_) => quoted(&value.to_string()),
            Value::Net(_) | Value::Word(_) => scalar(&value.to_string(), false),
            // A case would look for an input of that name.
            Value::Text(text) if text.contains("${") => "!unknown its text holds a reference".to_owned(),
            Value::Text(text) => scalar(text, false),
            Value::Invalid(text) => format!("!invalid {}", scalar(text, false)),
            Value::Secret(secret) => format!(
                "{{ length: {}, entropy_bits: {}, placeholder: {} }}",
                secret.length, secret.entropy_bits, secret.placeholder
            ),
            Value::List(list) => self.list(list, used, ty),
            Value::Map(map) => {
                let wanted = map.iter().filter(|(key, _)| used.whole || used.keys.contains(*key));
                let inner = item_of(ty);
                let entries =
                    wanted.map(|(key, value)| format!("{}: {}", scalar(key, false), self.observed(value, used, inner)));
                flow(&entries.collect::<Vec<_>>())
            }
            Value::Record(record) => self.record(record, &used.fields),
        }
    }

    fn list(&self, list: &List, used: &Used, ty: Type) -> String {
        let inner = item_of(ty);
        let (unseen, mut items): (Vec<_>, Vec<_>) =
            list.items.iter().partition(|item| matches!(item, Observed::Unknown(_)));
        // An unknown last item would say that the list was cut short; order says nothing.
        items.splice(0..0, unseen);
        let items = items.into_iter().map(|item| self.observed(item, used, inner));
        let items: Vec<String> = items.chain(list.more.iter().map(unknown)).collect();
        format!("[{}]", joined(&items))
    }

    /// Relative to now, which is the time of the observation here and the fixed one of cases there.
    fn time(&self, seconds: i64) -> String {
        let Some(offset) = seconds.checked_sub(self.started) else {
            return quoted(&crate::value::time::show(seconds));
        };
        let mut rest = offset.unsigned_abs();
        let mut text = String::from(if offset < 0 { "now-" } else { "now+" });
        for (unit, size) in UNITS {
            if rest >= size {
                text.push_str(&format!("{}{unit}", rest / size));
                rest %= size;
            }
        }
        if offset == 0 { "now".to_owned() } else { text }
    }
}

fn item_of(ty: Type) -> Type {
    match ty {
        Type::List(item) | Type::Map(item) => *item,
        other => other,
    }
}

fn unknown(reason: &Reason) -> String {
    format!("!unknown {}", scalar(&reason.text, true))
}

fn flow(entries: &[String]) -> String {
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

/// The text as a scalar, in quotes where YAML or a reader of it would make something else of it. Prose may hold spaces.
pub(super) fn scalar(text: &str, prose: bool) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./@+=-".contains(c) || (prose && c == ' ');
    let begins = |c: char| c.is_ascii_alphabetic() || c == '/';
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "t", "f"];
    let is_plain = text.starts_with(begins)
        && text.chars().all(plain)
        && text.trim_end() == text
        && !words.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// In double quotes, with escapes for what must not stand or draw there.
pub(super) fn quoted(text: &str) -> String {
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

/// A key of a map, as it stands in a line of its own.
pub(super) fn key(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " _./@+=-".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_relative_to_the_observation() {
        let writer = Writer { started: 1000 };
        assert_eq!(writer.time(1000), "now");
        assert_eq!(writer.time(1000 + 61 * 86_400 + 3), "now+61d3s");
        assert_eq!(writer.time(1000 - 90_061), "now-1d1h1m1s");
        assert_eq!(writer.time(i64::MIN), quoted(&crate::value::time::show(i64::MIN)));
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in ".{0,40}", prose: bool) {
            let root = crate::yaml::parse(&format!("a: {}\nb: [{}]\n", scalar(&text, prose), scalar(&text, false)));
            let root = root.map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?;
            prop_assert_eq!(root.get("a").and_then(crate::yaml::Node::text), Some(text.as_str()));
            let item = root.get("b").and_then(|node| node.sequence()?.first()?.text());
            prop_assert_eq!(item, Some(text.as_str()));
        }
    }
}
