//! An observation reduced to what a rule uses of it, at the time at which cases are judged.

use super::used::{Fields, Used};
use crate::facts::{Listing, Subject};
use crate::rule::case::{CASE_NOW, NOT_GIVEN};
use crate::value::{List, Observed, Reason, Record, Value};

/// Moves times along with the observation, which began at `started`.
pub(super) struct Reducer {
    pub(super) started: i64,
}

impl Reducer {
    pub(super) fn listing(&self, listing: &Listing, used: &Fields) -> Listing {
        let subject = |subject: &Subject| Subject { fields: self.subject(&subject.fields, used), ..subject.clone() };
        Listing { subjects: listing.subjects.iter().map(subject).collect(), extent: listing.extent.clone() }
    }

    fn subject(&self, record: &Record, used: &Fields) -> Record {
        let mut reduced = self.record(record, used);
        let names = record.table.iter().zip(&record.fields).zip(&mut reduced.fields);
        for ((field, observed), kept) in names {
            // By these the reader knows it, and a finding names it.
            if matches!(field.name, "name" | "path") && matches!(observed, Observed::Known(Value::Text(_))) {
                *kept = self.observed(observed, &Used::default());
            }
        }
        reduced
    }

    fn record(&self, record: &Record, used: &Fields) -> Record {
        let field = |(index, observed): (usize, &Observed)| match used.get(&index) {
            Some(used) => self.observed(observed, used),
            None => Observed::Unknown(Reason::new(NOT_GIVEN)),
        };
        Record { table: record.table, fields: record.fields.iter().enumerate().map(field).collect() }
    }

    fn observed(&self, observed: &Observed, used: &Used) -> Observed {
        let Observed::Known(value) = observed else { return observed.clone() };
        match value {
            Value::Time(seconds) => {
                let moved = seconds.checked_sub(self.started).and_then(|offset| offset.checked_add(CASE_NOW));
                Observed::Known(Value::Time(moved.unwrap_or(*seconds)))
            }
            // A case would look for an input of that name.
            Value::Text(text) if text.contains("${") => Observed::unknown("its text holds a reference"),
            Value::List(list) => Observed::Known(Value::List(self.list(list, used))),
            Value::Map(map) => {
                let wanted = map.iter().filter(|(key, _)| used.whole || used.keys.contains(*key));
                let entries = wanted.map(|(key, value)| (key.clone(), self.observed(value, used)));
                Observed::Known(Value::Map(entries.collect()))
            }
            Value::Record(record) => Observed::Known(Value::Record(self.record(record, &used.fields))),
            _ => observed.clone(),
        }
    }

    /// An unknown last item would say that the list was cut short; order says nothing.
    fn list(&self, list: &List, used: &Used) -> List {
        let (unseen, seen): (Vec<_>, Vec<_>) = list.items.iter().partition(|item| matches!(item, Observed::Unknown(_)));
        let items = unseen.into_iter().chain(seen).map(|item| self.observed(item, used));
        List { items: items.collect(), more: list.more.clone() }
    }
}
