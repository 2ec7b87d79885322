//! A subject in the making: each field with the place where it is set, nginx's own default where it is not.

use std::collections::BTreeMap;
use std::path::Path;

use super::scope::{Found, Scope};
use super::{NGINX, redact};
use crate::facts::{Basis, Subject};
use crate::format::nginx::{Directive, flag, has_variable, seconds, size};
use crate::value::{List, Observed, Reason, Record, Value};

/// What stands in `origins` for a value that nothing sets.
pub(super) const DEFAULT: &str = "default";

/// What counts when nothing is set.
pub(super) enum Default {
    Value(Value),
    Absent,
    Unknown(Reason),
}

pub(super) struct Reading<'s, 't> {
    pub(super) scope: &'s Scope<'t>,
    /// The folder that relative certificates and keys are looked for in.
    folder: &'s Path,
    subject: Subject,
    origins: BTreeMap<Box<str>, Observed>,
}

impl<'s, 't> Reading<'s, 't> {
    /// A subject none of whose fields is there.
    pub(super) fn new(scope: &'s Scope<'t>, folder: &'s Path, name: &str, origin: &str) -> Self {
        let mut subject = Subject::new(&NGINX, name, origin, Basis::Declared);
        subject.fields = Record { table: NGINX.fields, fields: vec![Observed::Absent; NGINX.fields.len()].into() };
        Reading { scope, folder, subject, origins: BTreeMap::new() }
    }

    pub(super) fn finish(mut self) -> Subject {
        self.subject.fields.set("origins", Value::Map(self.origins));
        self.subject
    }

    pub(super) fn put(&mut self, field: &str, observed: impl Into<Observed>) {
        self.subject.fields.set(field, observed);
    }

    /// Where a field is set that was put by itself.
    pub(super) fn origin(&mut self, field: &str, place: &str) {
        self.note(field, place);
    }

    /// Says that a list may hold more, or something else.
    pub(super) fn doubt(&mut self, field: &str, reason: &Reason) {
        let seen = self.subject.fields.get(field).cloned();
        let doubted = match seen {
            Some(Observed::Known(Value::List(list))) => {
                Observed::Known(Value::List(List { more: Some(reason.clone()), ..list }))
            }
            _ => Observed::Unknown(reason.clone()),
        };
        self.put(field, doubted);
    }

    fn note(&mut self, field: &str, origin: impl Into<Box<str>>) {
        self.origins.insert(field.into(), Observed::Known(Value::Text(origin.into())));
    }

    /// A value that nothing sets.
    pub(super) fn default(&mut self, field: &str, default: Default) {
        let observed = match default {
            Default::Value(value) => Observed::Known(value),
            Default::Absent => return self.put(field, Observed::Absent),
            Default::Unknown(reason) => Observed::Unknown(reason),
        };
        self.note(field, DEFAULT);
        self.put(field, observed);
    }

    /// A directive that can stand once in a block.
    pub(super) fn one(&mut self, name: &str, default: Default, read: impl Fn(&Directive) -> Observed) {
        self.one_from(name, self.scope.nearest(name), default, read);
    }

    pub(super) fn one_from(
        &mut self,
        field: &str,
        found: Found<'t>,
        default: Default,
        read: impl Fn(&Directive) -> Observed,
    ) {
        match found {
            Found::Unset => self.default(field, default),
            Found::Unseen(reason) => self.put(field, Observed::Unknown(reason)),
            Found::Set(directives, _) => {
                let Some(first) = directives.first() else { return };
                self.note(field, first.place.to_string());
                let observed = match directives.len() {
                    1 => read(first),
                    _ => Observed::unknown(format!(
                        "it is set more than once from {} on, which nginx refuses",
                        first.place
                    )),
                };
                self.put(field, observed);
            }
        }
    }

    /// A directive that can be repeated: an item for each.
    pub(super) fn many(&mut self, field: &str, name: &str, read: impl Fn(&Directive) -> Vec<Observed>) {
        self.many_from(field, self.scope.nearest(name), read);
    }

    pub(super) fn many_from(&mut self, field: &str, found: Found<'t>, read: impl Fn(&Directive) -> Vec<Observed>) {
        match found {
            Found::Unset => {
                self.note(field, DEFAULT);
                self.put(field, Value::List(List::default()));
            }
            Found::Unseen(reason) => self.put(field, Observed::Unknown(reason)),
            Found::Set(directives, more) => {
                let places: Vec<String> = directives.iter().map(|one| one.place.to_string()).collect();
                self.note(field, places.join(", "));
                let items = directives.into_iter().flat_map(read).collect();
                self.put(field, Value::List(List { items, more }));
            }
        }
    }

    pub(super) fn flag(&mut self, name: &str, default: bool) {
        self.one(name, Default::Value(default.into()), |one| argument(one, |text| flag(text).map(Value::Bool)));
    }

    pub(super) fn size(&mut self, name: &str, default: u64) {
        self.one(name, Default::Value(Value::Size(default)), |one| argument(one, |text| size(text).map(Value::Size)));
    }

    pub(super) fn time(&mut self, name: &str, default: i64) {
        let read = |one: &Directive| argument(one, |text| seconds(text).map(Value::Duration));
        self.one(name, Default::Value(Value::Duration(default)), read);
    }

    /// The text of all arguments, secrets taken out.
    pub(super) fn text(&mut self, name: &str, default: Option<&str>) {
        let default = default.map_or(Default::Absent, |text| Default::Value(text.into()));
        self.one(name, default, |one| Value::from(redact::arguments(one).join(" ")).into());
    }

    /// A file beside the configuration, or elsewhere by an absolute path.
    pub(super) fn file(&mut self, name: &str) {
        let folder = self.folder;
        self.one(name, Default::Absent, |one| path(one, folder));
    }

    pub(super) fn files(&mut self, name: &str) {
        let folder = self.folder;
        self.many(name, name, |one| vec![path(one, folder)]);
    }
}

/// The first argument, read as its directive reads it.
pub(super) fn argument(directive: &Directive, read: impl Fn(&str) -> Option<Value>) -> Observed {
    let Some(text) = directive.args.first() else { return Value::Invalid("".into()).into() };
    match read(text) {
        Some(value) => value.into(),
        None if has_variable(text) => Observed::unknown(format!("{}: it depends on variables", directive.place)),
        None => Value::Invalid(redact::value("", text).into()).into(),
    }
}

/// A path that a directive names; certificates can also be given as text, by an engine, or by variables.
fn path(directive: &Directive, folder: &Path) -> Observed {
    let Some(text) = directive.args.first() else { return Value::Invalid("".into()).into() };
    let elsewhere = ["data:", "engine:", "store:"].iter().any(|start| text.starts_with(start));
    if elsewhere || has_variable(text) {
        return Observed::unknown(format!("{}: no file is named, but where else it comes from", directive.place));
    }
    Value::from(folder.join(text).to_string_lossy().into_owned()).into()
}
