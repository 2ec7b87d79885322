//! Changes to what a case saw: each judged field takes other valid values, those at its boundaries, none, and an unknown
//! one; lists and listings lose and gain items, end early, or cannot be read.

use std::collections::BTreeMap;

use super::effort::Effort;
use crate::facts::{Extent, Listing, Subject};
use crate::matcher::{Expectation, Matcher, Test, UrlTest};
use crate::resource::{Field, Resource};
use crate::rule::case::{Answer, CASE_NOW, Case};
use crate::rule::{Check, QueryCheck, Rule, Selection};
use crate::value::{List, Net, Observed, Reason, Record, Secret, Type, Value, Version};

/// Why something is unknown in a variation: what a person would write in a case.
const NOT_SEEN: &str = "permission denied";
/// Changed values of one field of one case, so that a rule with long lists stays provable.
const MAX_CHANGES: usize = 400;
/// Bits of a mode.
const MODE_BITS: u32 = 12;

/// A field that a rule looks at, as `mode` or `mounts.source`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    pub resource: &'static str,
    pub field: String,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// Another valid value.
    Value,
    /// There is none, or nothing.
    Absence,
    /// Less was seen: by the law this may only make a verdict unknown.
    Blinding,
}

/// A case with one change.
#[derive(Debug)]
pub(super) struct Variation {
    pub what: String,
    pub nature: Nature,
    pub claim: Option<Claim>,
    pub case: Case,
}

/// A field as the rule asks for it: every matcher on it, and whether an `each` picks it.
#[derive(Debug, Default)]
struct Want<'r> {
    matchers: Vec<&'r Matcher>,
    picked: bool,
}

/// The wanted fields of a table, by index.
type Wants<'r> = BTreeMap<usize, Want<'r>>;

/// What each selection of a rule asks.
#[derive(Debug, Default)]
pub(super) struct Demands<'r> {
    of: Vec<(&'r Selection, Wants<'r>)>,
}

impl<'r> Demands<'r> {
    pub(super) fn new(rule: &'r Rule) -> Self {
        let mut demands = Demands::default();
        let mut add = |query: &'r QueryCheck| {
            let mut wants = Wants::new();
            collect(&query.expectation, &mut wants);
            demands.selection(&query.selection, wants);
        };
        rule.checks().for_each(|check: &Check| check.visit(&mut add));
        demands
    }

    fn selection(&mut self, selection: &'r Selection, mut wants: Wants<'r>) {
        if let Some(filter) = &selection.filter {
            collect(filter, &mut wants);
        }
        self.of.push((selection, wants));
        if let Some(each) = &selection.each {
            let picked = Want { picked: true, ..Want::default() };
            self.selection(&each.from, Wants::from([(each.pick, picked)]));
        }
    }

    /// Every field asked for, and whether its mere presence decides something.
    pub(super) fn claims(&self) -> BTreeMap<Claim, bool> {
        let mut claims = BTreeMap::new();
        for (selection, wants) in &self.of {
            claim(selection.resource.name, "", selection.resource.fields, wants, &mut claims);
        }
        claims
    }

    /// Every variation of a case, as far as the effort goes; `others` are the rule's other cases, whose values are tried
    /// here too.
    pub(super) fn variations(&self, case: &Case, others: &[Case], effort: &Effort) -> Vec<Variation> {
        let mut found = Vec::new();
        for (number, answer) in case.answers.iter().enumerate() {
            let asking: Vec<_> = self.of.iter().filter(|(selection, _)| selection.may_ask(answer)).collect();
            let Some((first, _)) = asking.first() else { continue };
            let varied = |what: String, nature: Nature, claim: Option<Claim>, listing: Listing| {
                let mut case = case.clone();
                if let Some(answer) = case.answers.get_mut(number) {
                    answer.listing = listing;
                }
                Variation { what: format!("{} {what}", answer.resource), nature, claim, case }
            };
            let whole = listings(answer, first.resource).into_iter();
            found.extend(whole.map(|(what, nature, listing)| varied(what, nature, None, listing)));
            for (at, subject) in answer.listing.subjects.iter().enumerate() {
                for (change, index) in self.changes(subject, answer, &asking, others) {
                    if !effort.keep(case) {
                        return found;
                    }
                    let claim = Claim { resource: answer.resource, field: change.path };
                    let what = format!("{}: {}", claim.field, change.value);
                    let mut changed = subject.clone();
                    if let Some(slot) = changed.fields.fields.get_mut(index) {
                        *slot = change.value;
                    }
                    if change.nature == Nature::Value {
                        let mut both = answer.listing.clone();
                        let more = both.subjects.len() + 1;
                        both.subjects
                            .push(Subject { name: format!("{} {more}", answer.resource).into(), ..changed.clone() });
                        found.push(varied(format!("and another with {what}"), Nature::Value, None, both));
                    }
                    let mut listing = answer.listing.clone();
                    if let Some(slot) = listing.subjects.get_mut(at) {
                        *slot = changed;
                    }
                    found.push(varied(what, change.nature, Some(claim), listing));
                }
            }
        }
        found
    }

    /// Every change of a subject's fields that some selection asks for, with the field's index.
    fn changes(
        &self,
        subject: &Subject,
        answer: &Answer,
        asking: &[&(&'r Selection, Wants<'r>)],
        others: &[Case],
    ) -> Vec<(Change, usize)> {
        let mut found = Vec::new();
        for (selection, wants) in asking {
            for (index, want) in wants {
                let table = subject.fields.table.get(*index).zip(subject.fields.fields.get(*index));
                let Some((field, seen)) = table else { continue };
                let ty = if matches!(field.ty, Type::As) { selection.as_type } else { field.ty };
                let mut changes = Changes::default();
                changes.of(seen, ty, &want.matchers, field.name);
                for value in values_elsewhere(others, answer, *index) {
                    changes.add(field.name, Nature::Value, value.clone());
                }
                let changes = changes.list.into_iter().filter(|change| change.value != *seen);
                found.extend(changes.map(|change| (change, *index)));
            }
        }
        found
    }
}

fn claim(
    resource: &'static str,
    prefix: &str,
    table: &'static [Field],
    wants: &Wants<'_>,
    claims: &mut BTreeMap<Claim, bool>,
) {
    for (index, want) in wants {
        let Some(field) = table.get(*index) else { continue };
        let path = format!("{prefix}{}", field.name);
        let inner = records(&want.matchers);
        let item = match field.ty {
            Type::List(item) | Type::Map(item) => *item,
            ty => ty,
        };
        if let Type::Record(table) = item {
            claim(resource, &format!("{path}."), table, &inner, claims);
        }
        let presence = want.picked || want.matchers.iter().any(|matcher| asks_presence(matcher));
        *claims.entry(Claim { resource, field: path }).or_default() |= presence;
    }
}

fn asks_presence(matcher: &Matcher) -> bool {
    match matcher {
        Matcher::Leaf { test: Test::Exists(_), .. } => true,
        Matcher::Leaf { .. } | Matcher::Record(_) => false,
        Matcher::All(parts) | Matcher::Any(parts) => parts.iter().any(asks_presence),
        Matcher::Every(inner) | Matcher::Some(inner) | Matcher::Key(_, inner) => asks_presence(inner),
    }
}

fn collect<'r>(expectation: &'r Expectation, wants: &mut Wants<'r>) {
    match expectation {
        Expectation::Field { index, matcher, .. } => wants.entry(*index).or_default().matchers.push(matcher),
        Expectation::All(parts) | Expectation::Any(parts) => parts.iter().for_each(|part| collect(part, wants)),
    }
}

/// The record fields that matchers on the items of a list ask for.
fn records<'r>(matchers: &[&'r Matcher]) -> Wants<'r> {
    let mut wants = Wants::new();
    fn walk<'r>(matcher: &'r Matcher, wants: &mut Wants<'r>) {
        match matcher {
            Matcher::Record(expectation) => collect(expectation, wants),
            Matcher::All(parts) | Matcher::Any(parts) => parts.iter().for_each(|part| walk(part, wants)),
            Matcher::Every(inner) | Matcher::Some(inner) | Matcher::Key(_, inner) => walk(inner, wants),
            Matcher::Leaf { .. } => {}
        }
    }
    matchers.iter().for_each(|matcher| walk(matcher, &mut wants));
    wants
}

/// What the rule's other cases say of the same field.
fn values_elsewhere<'c>(cases: &'c [Case], like: &'c Answer, index: usize) -> impl Iterator<Item = &'c Observed> {
    let answers = cases.iter().flat_map(|case| &case.answers);
    let alike = answers.filter(move |answer| answer.resource == like.resource && answer.with == like.with);
    let seen = alike.flat_map(|answer| &answer.listing.subjects).filter_map(move |s| s.fields.fields.get(index));
    seen.filter(|observed| matches!(observed, Observed::Known(_)))
}

/// Changes of a listing as a whole.
fn listings(answer: &Answer, resource: &Resource) -> Vec<(String, Nature, Listing)> {
    let seen = &answer.listing;
    let why = || Reason::new(NOT_SEEN);
    let mut changed = vec![("could not be read".to_owned(), Nature::Blinding, Listing::failed(why()))];
    if resource.can_be_absent {
        changed.push(("is not there".to_owned(), Nature::Absence, Listing::absent("it is not there")));
    }
    if !matches!(seen.extent, Extent::Failed(_)) {
        for kept in [seen.subjects.len(), 0] {
            let subjects = seen.subjects.iter().take(kept).cloned().collect();
            let what = format!("was cut short after {kept} of {}", seen.subjects.len());
            changed.push((what, Nature::Blinding, Listing::partial(subjects, why())));
        }
    }
    if seen.extent == Extent::Complete {
        changed.push(("has no subject".to_owned(), Nature::Absence, Listing::complete(Vec::new())));
        for at in 0..seen.subjects.len() {
            let rest = seen.subjects.iter().enumerate().filter(|(other, _)| *other != at);
            let subjects = rest.map(|(_, subject)| subject.clone()).collect();
            changed.push((format!("has lost its subject {}", at + 1), Nature::Absence, Listing::complete(subjects)));
        }
    }
    changed
}

#[derive(Debug)]
struct Change {
    path: String,
    nature: Nature,
    value: Observed,
}

#[derive(Debug, Default)]
struct Changes {
    list: Vec<Change>,
}

impl Changes {
    fn add(&mut self, path: &str, nature: Nature, value: Observed) {
        let known = self.list.iter().any(|change| change.value == value && change.path == path);
        if !known && self.list.len() < MAX_CHANGES {
            self.list.push(Change { path: path.to_owned(), nature, value });
        }
    }

    /// Every change of what was seen in a field of this type that is asked by these matchers.
    fn of(&mut self, seen: &Observed, ty: Type, matchers: &[&Matcher], path: &str) {
        self.add(path, Nature::Blinding, Observed::unknown(NOT_SEEN));
        self.add(path, Nature::Absence, Observed::Absent);
        for value in candidates(ty, matchers) {
            self.add(path, Nature::Value, Observed::Known(value));
        }
        match (seen, ty) {
            (Observed::Known(Value::List(list)), Type::List(item)) => self.of_list(list, *item, matchers, path),
            (_, Type::List(item)) => self.of_list(&List::default(), *item, matchers, path),
            (Observed::Known(Value::Map(map)), Type::Map(item)) => self.of_map(map, *item, matchers, path),
            (_, Type::Map(item)) => self.of_map(&BTreeMap::new(), *item, matchers, path),
            (Observed::Known(Value::Record(record)), Type::Record(_)) => {
                let wrap = |record: Record| Observed::Known(Value::Record(record));
                self.of_record(record, &records(matchers), path, &wrap);
            }
            _ => {}
        }
    }

    fn of_list(&mut self, list: &List, item: Type, matchers: &[&Matcher], path: &str) {
        let known = |items: Vec<Observed>| Observed::Known(Value::List(List { items, more: list.more.clone() }));
        self.add(path, Nature::Value, known(Vec::new()));
        let inner = of_items(matchers);
        let mut added = candidates(item, &inner);
        added.extend(members(matchers));
        if let Type::Record(table) = item {
            added.push(Value::Record(plain_record(table)));
        }
        for value in added {
            self.add(path, Nature::Value, known(vec![Observed::Known(value.clone())]));
            let more = list.items.iter().cloned().chain([Observed::Known(value)]).collect();
            self.add(path, Nature::Value, known(more));
        }
        for at in 0..list.items.len() {
            let rest = list.items.iter().enumerate().filter(|(other, _)| *other != at);
            self.add(path, Nature::Value, known(rest.map(|(_, item)| item.clone()).collect()));
        }
        for (at, seen) in list.items.iter().enumerate() {
            let put = |new: Observed| {
                let items = list.items.iter().enumerate();
                known(items.map(|(other, item)| if other == at { new.clone() } else { item.clone() }).collect())
            };
            self.inside(seen, item, &inner, path, &put);
        }
        for kept in [list.items.len(), 0] {
            let items = list.items.iter().take(kept).cloned().collect();
            let more = Some(Reason::new(NOT_SEEN));
            self.add(path, Nature::Blinding, Observed::Known(Value::List(List { items, more })));
        }
        for (least, most) in counts(matchers) {
            let sizes = [least.saturating_sub(1), least, most, most.saturating_add(1)];
            for size in sizes.into_iter().filter(|size| *size <= 64) {
                let filler = list.items.first().cloned().unwrap_or_else(|| plain(item));
                let items = list.items.iter().cloned().chain(std::iter::repeat(filler)).take(size).collect();
                self.add(path, Nature::Value, known(items));
            }
        }
    }

    fn of_map(&mut self, map: &BTreeMap<Box<str>, Observed>, item: Type, matchers: &[&Matcher], path: &str) {
        let known = |map: BTreeMap<Box<str>, Observed>| Observed::Known(Value::Map(map));
        self.add(path, Nature::Value, known(BTreeMap::new()));
        let inner = of_items(matchers);
        let keys: Vec<Box<str>> = keys(matchers).chain(map.keys().cloned()).chain(["another".into()]).collect();
        for key in keys {
            let mut without = map.clone();
            let seen = without.remove(&key);
            let put = |new: Observed| known(without.clone().into_iter().chain([(key.clone(), new)]).collect());
            match &seen {
                Some(seen) => {
                    self.add(path, Nature::Value, known(without.clone()));
                    self.inside(seen, item, &inner, path, &put);
                }
                None => {
                    for value in candidates(item, &inner) {
                        self.add(path, Nature::Value, put(Observed::Known(value)));
                    }
                    self.add(path, Nature::Value, put(plain(item)));
                }
            }
        }
    }

    fn of_record(&mut self, record: &Record, wants: &Wants<'_>, path: &str, wrap: &dyn Fn(Record) -> Observed) {
        for (index, want) in wants {
            let (Some(field), Some(seen)) = (record.table.get(*index), record.fields.get(*index)) else { continue };
            let mut changes = Changes::default();
            changes.of(seen, field.ty, &want.matchers, &format!("{path}.{}", field.name));
            for change in changes.list {
                let mut changed = record.clone();
                if let Some(slot) = changed.fields.get_mut(*index) {
                    *slot = change.value;
                }
                self.add(&change.path, change.nature, wrap(changed));
            }
        }
    }

    /// Changes of an item of a list or a value of a map, each put back into the whole.
    fn inside(
        &mut self,
        seen: &Observed,
        ty: Type,
        matchers: &[&Matcher],
        path: &str,
        put: &dyn Fn(Observed) -> Observed,
    ) {
        let mut changes = Changes::default();
        changes.of(seen, ty, matchers, path);
        for change in changes.list {
            self.add(&change.path, change.nature, put(change.value));
        }
    }
}

/// The matchers on the items of a list or the values of a map.
fn of_items<'r>(matchers: &[&'r Matcher]) -> Vec<&'r Matcher> {
    let mut inner = Vec::new();
    for matcher in matchers {
        match matcher {
            Matcher::Every(item) | Matcher::Some(item) | Matcher::Key(_, item) => inner.push(&**item),
            Matcher::All(parts) | Matcher::Any(parts) => inner.extend(of_items(&parts.iter().collect::<Vec<_>>())),
            Matcher::Leaf { .. } | Matcher::Record(_) => {}
        }
    }
    inner
}

/// Every test on the value itself.
fn tests<'r>(matchers: &[&'r Matcher]) -> Vec<&'r Test> {
    let mut found = Vec::new();
    for matcher in matchers {
        match matcher {
            Matcher::Leaf { test, .. } => found.push(test),
            Matcher::All(parts) | Matcher::Any(parts) => found.extend(tests(&parts.iter().collect::<Vec<_>>())),
            Matcher::Every(_) | Matcher::Some(_) | Matcher::Key(..) | Matcher::Record(_) => {}
        }
    }
    found
}

/// What a list is asked to have.
fn members(matchers: &[&Matcher]) -> Vec<Value> {
    let has = tests(matchers).into_iter().filter_map(|test| match test {
        Test::Has(value) => Some(value.clone()),
        _ => None,
    });
    has.collect()
}

fn counts(matchers: &[&Matcher]) -> Vec<(usize, usize)> {
    let counts = tests(matchers).into_iter().filter_map(|test| match test {
        Test::Count { at_least, at_most } => Some((*at_least, *at_most)),
        _ => None,
    });
    counts.collect()
}

/// The keys that a map is asked for.
fn keys<'r>(matchers: &[&'r Matcher]) -> impl Iterator<Item = Box<str>> + 'r {
    let mut found: Vec<Box<str>> = Vec::new();
    fn walk(matcher: &Matcher, found: &mut Vec<Box<str>>) {
        match matcher {
            Matcher::Key(key, _) => found.push(key.clone()),
            Matcher::Leaf { test: Test::Has(Value::Text(key)), .. } => found.push(key.clone()),
            Matcher::All(parts) | Matcher::Any(parts) => parts.iter().for_each(|part| walk(part, found)),
            Matcher::Leaf { .. } | Matcher::Every(_) | Matcher::Some(_) | Matcher::Record(_) => {}
        }
    }
    matchers.iter().for_each(|matcher| walk(matcher, &mut found));
    found.into_iter()
}

/// Values of a type that tell apart what these matchers ask: their operands, what lies on both sides of them, and some
/// that have nothing to do with them.
fn candidates(ty: Type, matchers: &[&Matcher]) -> Vec<Value> {
    let tests = tests(matchers);
    let mut operands: Vec<Value> = tests.iter().flat_map(|test| operands(test)).collect();
    let mut found = Vec::new();
    match ty {
        Type::Bool(_) => found.extend([Value::Bool(true), Value::Bool(false)]),
        Type::Word(vocabulary) => {
            found.extend(vocabulary.words.iter().filter_map(|w| vocabulary.word(w).map(Value::Word)))
        }
        Type::Secret => found.extend(secrets(&tests).into_iter().map(Value::Secret)),
        Type::Text | Type::Url | Type::As => {
            let urls = tests.iter().filter_map(|test| match test {
                Test::Url(test) => Some(urls(test)),
                _ => None,
            });
            found.extend(urls.flatten().map(Value::from));
            found.extend(["", "another", "https://another.example/"].map(Value::from));
        }
        Type::Net => {
            let plain = ["*", "127.0.0.1", "::1", "10.1.2.3", "203.0.113.7", "2001:db8::7"];
            found.extend(plain.iter().filter_map(|text| Net::parse(text).map(Value::Net)));
        }
        Type::Mode => found.extend([0o644, 0o600, 0o400, 0, 0o7777].map(Value::Mode)),
        Type::Integer => found.extend([0, 1, i64::from(u16::MAX)].map(Value::Int)),
        Type::Size => found.extend([0, 1 << 40].map(Value::Size)),
        Type::Duration => found.extend([0, 1 << 40].map(Value::Duration)),
        Type::Time => found.extend([0, CASE_NOW, CASE_NOW + (1 << 34)].map(Value::Time)),
        Type::Version => {
            found.extend(["0.1", "999.0"].iter().filter_map(|text| Version::parse(text).map(Value::Version)))
        }
        Type::List(_) | Type::Map(_) | Type::Record(_) => {}
    }
    for operand in &operands {
        found.extend(neighbours(operand));
    }
    found.append(&mut operands);
    found
}

fn operands(test: &Test) -> Vec<Value> {
    match test {
        Test::Equals(value) | Test::AtLeast(value) | Test::AtMost(value) => vec![value.clone()],
        Test::In(values) => values.clone(),
        Test::NotBefore(offset) | Test::NotAfter(offset) => vec![Value::Time(CASE_NOW.saturating_add(*offset))],
        Test::Within(nets) => nets.iter().cloned().map(Value::Net).collect(),
        Test::Matches(_) | Test::Has(_) | Test::Exists(_) | Test::Count { .. } | Test::Secret { .. } | Test::Url(_) => {
            Vec::new()
        }
    }
}

/// The values on both sides of a boundary.
fn neighbours(value: &Value) -> Vec<Value> {
    match value {
        Value::Int(n) => vec![Value::Int(n.saturating_sub(1)), Value::Int(n.saturating_add(1))],
        Value::Duration(n) => vec![Value::Duration(n.saturating_sub(1)), Value::Duration(n.saturating_add(1))],
        Value::Time(n) => vec![Value::Time(n.saturating_sub(1)), Value::Time(n.saturating_add(1))],
        Value::Size(n) => vec![Value::Size(n.saturating_sub(1)), Value::Size(n.saturating_add(1))],
        Value::Mode(bits) => (0..MODE_BITS).map(|bit| Value::Mode(bits ^ (1 << bit))).collect(),
        Value::Text(text) => vec![Value::Text(format!("{text}-").into())],
        Value::Version(version) => {
            let longer = Version::parse(&format!("{version}.1")).map(Value::Version);
            let lower = lower(&version.to_string()).and_then(|text| Version::parse(&text)).map(Value::Version);
            longer.into_iter().chain(lower).collect()
        }
        Value::Bool(_)
        | Value::Secret(_)
        | Value::Net(_)
        | Value::Word(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Record(_)
        | Value::Invalid(_) => Vec::new(),
    }
}

/// The version before this one: its last component that is no zero is one less.
fn lower(version: &str) -> Option<String> {
    let mut parts: Vec<u64> = version.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    let last = parts.iter_mut().rfind(|part| **part > 0)?;
    *last -= 1;
    Some(parts.iter().map(ToString::to_string).collect::<Vec<_>>().join("."))
}

fn secrets(tests: &[&Test]) -> Vec<Secret> {
    let limits = tests.iter().filter_map(|test| match test {
        Test::Secret { min_length, min_entropy_bits, .. } => Some((*min_length, *min_entropy_bits)),
        _ => None,
    });
    let mut found = Vec::new();
    let secret = |length, entropy_bits, placeholder| Secret {
        length,
        entropy_bits,
        placeholder,
        fingerprint: "variation".to_owned(),
    };
    for (length, bits) in limits.chain([(64, 256)]) {
        found.extend([secret(length, bits, false), secret(length, bits, true)]);
        found.extend([secret(length.saturating_sub(1), bits, false), secret(length, bits.saturating_sub(1), false)]);
    }
    found
}

fn urls(test: &UrlTest) -> Vec<String> {
    let schemes = test.schemes.clone().unwrap_or_default();
    let hosts = test.hosts.clone().unwrap_or_default();
    let ports = test.ports.clone().unwrap_or_default();
    let scheme = schemes.first().map_or("https", String::as_str);
    let host = hosts.first().map_or("host.example", String::as_str);
    let port = ports.first().map_or(String::new(), |port| format!(":{port}"));
    let mut found: Vec<String> = schemes.iter().map(|scheme| format!("{scheme}://{host}{port}/")).collect();
    found.extend(hosts.iter().map(|host| format!("{scheme}://{host}{port}/")));
    found.extend(ports.iter().map(|port| format!("{scheme}://{host}:{port}/")));
    found.push(format!("{scheme}://user@{host}{port}/"));
    found.push(format!("other://{host}{port}/"));
    found.push(format!("{scheme}://elsewhere.example{port}/"));
    found.push(format!("{scheme}://{host}:1/"));
    found
}

/// A value of the type about which nothing is special.
fn plain(ty: Type) -> Observed {
    match ty {
        Type::Record(table) => Observed::Known(Value::Record(plain_record(table))),
        ty => candidates(ty, &[]).into_iter().next().map_or(Observed::Absent, Observed::Known),
    }
}

fn plain_record(table: &'static [Field]) -> Record {
    let fields = table.iter().map(|field| plain(field.ty)).collect();
    Record { table, fields }
}
