//! `config`: the settings of any configuration file, each with its place.

pub(super) mod value;

use crate::facts::{Basis, Listing, Subject};
use crate::format::inside;
use crate::format::lookup::{self, FORMAT_WORDS, Format, OTHER_LETTERS, Repeats, counting, in_other_letters};
use crate::format::node::{Document, Kind, MAX_SELECTED, Names, Selected, leaves, select, star};
use crate::format::source::NoFiles;
use crate::resource::files::{self, Content, Included};
use crate::resource::{Accepts, Field, Param, Resource, SEPARATOR, With, field, text};
use crate::target::host::Host;
use crate::target::{Door, Kind as Target};
use crate::value::secret::Salt;
use crate::value::types::Dialect;
use crate::value::{Observed, Reason, Type};
use value::Reading;

static TEXT: Type = Type::Text;
const BOOL: Type = Type::Bool(Dialect::Plain);

const FIELDS: &[Field] = &[
    field("path", Type::Text, "", "the file that was asked for; `origin` says where in it, or in what it includes"),
    field("key", Type::Text, "", "its name with those around it, joined by dots: `database.sslmode`, `hosts.0`"),
    field(
        "value",
        Type::As,
        "",
        "what it is set to, read as `as` says; absent when the file does not set it. A reference that is not resolved (`${NAME}`, `{{ … }}`) is unknown",
    ),
    field("values", Type::List(&TEXT), "", "every value of a key that is repeated, or every item of a list"),
    field(
        "origin",
        Type::Text,
        "",
        "where it is set: `/etc/app.ini:12`, in an included file too; absent when it is not",
    ),
    field("section", Type::Text, "", "the names around it; absent at the top"),
    field("document", Type::Text, "", "of several YAML documents, which: `Deployment/web`, or the number from 1"),
    field("keys", Type::List(&TEXT), "", "the names below it, when it is no single value"),
    field("known", BOOL, "", "whether `known_keys` lists it; absent when none were given"),
    field("encrypted", BOOL, "", "whether the file holds it encrypted (Pulumi's `secure`, Ansible's `!vault`, SOPS)"),
    field(
        "unresolved",
        Type::List(&TEXT),
        "",
        "the names that its value refers to: `DB_PASSWORD` of `${DB_PASSWORD:-x}`",
    ),
];

pub(super) static CONFIG: Resource = Resource {
    name: "config",
    about: "What a configuration file sets, one subject for each value.",
    privilege: "read permission for the file and for what it includes",
    params: &[
        Param { name: "path", accepts: Accepts::Text, required: true, about: "the file; `*` and other globs allowed" },
        Param { name: "format", accepts: Accepts::Words(FORMAT_WORDS), required: true, about: "how it is written" },
        Param {
            name: "key",
            accepts: Accepts::Text,
            required: false,
            about: "what is looked up: `a.b`, `hosts.0`, `job-run*.image`, where `*` stands for any part of a name; every value when not given",
        },
        Param {
            name: "inside",
            accepts: Accepts::Text,
            required: false,
            about: "of a YAML or JSON file the key whose text holds the configuration: `server.ha.raft.config` of a chart's values; `format` is that of the text",
        },
        Param {
            name: "as",
            accepts: Accepts::As,
            required: false,
            about: "the type that values are read as; text when not given",
        },
        Param {
            name: "document",
            accepts: Accepts::Text,
            required: false,
            about: "of several YAML documents those by this name: `Deployment/*`, `2`",
        },
        Param {
            name: "names",
            accepts: Accepts::Words(&["exact", "any-case", "loose"]),
            required: false,
            about: "how the program compares names: `loose` ignores case, `-` and `_`; as the format says when not given",
        },
        Param {
            name: "repeated",
            accepts: Accepts::Words(&["first", "last", "list"]),
            required: false,
            about: "which value the program takes of a key that is repeated; as the format says, else unknown, when not given",
        },
        Param {
            name: "variables",
            accepts: Accepts::Words(&["expanded", "literal"]),
            required: false,
            about: "whether something replaces `${NAME}` and `{{ … }}` before the program reads values; `expanded` when not given",
        },
        Param {
            name: "known_keys",
            accepts: Accepts::Texts,
            required: false,
            about: "the keys that the program knows, for `known`; `*` stands for any part of a name",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Target::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("configuration files are read on a host")) };
    let Some(question) = Question::of(with) else {
        return Listing::failed(Reason::new(format!(
            "there is no such format; there are: {}",
            FORMAT_WORDS.join(", ")
        )));
    };
    let path = text(with, "path").to_owned();
    let reading = host.run(move |host| {
        files::list(host, &path, |host, path, bytes| question.answer(host, &files::show(path), bytes))
    });
    reading.await.unwrap_or_else(Listing::failed)
}

/// The parameters.
struct Question {
    format: Format,
    key: Option<String>,
    inside: Option<String>,
    ty: Type,
    document: Option<String>,
    names: Names,
    repeats: Repeats,
    literal: bool,
    known: Option<Vec<String>>,
}

impl Question {
    fn of(with: &With) -> Option<Self> {
        let given = |name: &str| Some(text(with, name)).filter(|value| !value.is_empty());
        let format = Format::of(text(with, "format"))?;
        Some(Question {
            format,
            key: given("key").map(str::to_owned),
            inside: given("inside").map(str::to_owned),
            ty: CONFIG.as_type(with),
            document: given("document").map(str::to_owned),
            names: match given("names") {
                Some("exact") => Names::Exact,
                Some("any-case") => Names::AnyCase,
                Some("loose") => Names::Loose,
                Some(_) | None => format.names(),
            },
            repeats: match given("repeated") {
                Some("first") => Repeats::First,
                Some("last") => Repeats::Last,
                Some("list") => Repeats::List,
                Some(_) | None => format.repeats(),
            },
            literal: given("variables") == Some("literal"),
            known: given("known_keys").map(|keys| keys.split(SEPARATOR).map(str::to_owned).collect()),
        })
    }

    fn answer(&self, host: &Host, path: &str, bytes: &[u8]) -> Content {
        let read = match &self.inside {
            Some(inside) => self.held(inside, path, bytes),
            None => lookup::read(self.format, path, bytes, &Included(host)),
        };
        let documents = match read {
            Ok(documents) => documents,
            Err(why) => return Content::Subjects(Vec::new(), Some(Reason::new(format!("{path}: {why}")))),
        };
        let (mut subjects, mut more) = (Vec::new(), None);
        for document in documents.iter().filter(|document| self.inside.is_some() || self.is_asked(document)) {
            let (seen, unseen) = self.document(document, path, host.salt());
            subjects.extend(seen);
            more = more.or(unseen);
        }
        if subjects.is_empty() && more.is_none() && documents.is_empty() {
            subjects.extend(self.key.as_deref().map(|key| subject(path, None, key, path)).map(nothing));
        }
        Content::Subjects(subjects, more)
    }

    /// The documents that are values of a YAML or JSON file.
    fn held(&self, inside: &str, path: &str, bytes: &[u8]) -> Result<Vec<Document>, String> {
        let outer = if path.ends_with(".json") { Format::Json } else { Format::Yaml };
        let text = String::from_utf8_lossy(bytes);
        let mut documents = Vec::new();
        for file in lookup::read(outer, path, bytes, &NoFiles)?.iter().filter(|file| self.is_asked(file)) {
            documents.extend(inside::documents(&file.root, inside, self.format, &text)?);
        }
        Ok(documents)
    }

    fn is_asked(&self, document: &Document) -> bool {
        let Some(wanted) = &self.document else { return true };
        star(wanted, document.name.as_deref().unwrap_or("1"))
    }

    fn document(&self, document: &Document, path: &str, salt: &Salt) -> (Vec<Subject>, Option<Reason>) {
        let name = document.name.as_deref();
        let selected = match &self.key {
            Some(key) => select(&document.root, key, self.names),
            None => leaves(&document.root, self.names),
        };
        let hole = document.hole.as_ref().map(|why| Reason::new(format!("{path}: {why}")));
        let one = self.key.as_deref().filter(|key| !key.contains('*'));
        if let (Some(key), true) = (one, selected.is_empty()) {
            return (vec![self.unset(document, path, key, hole)], None);
        }
        let cut = (selected.len() > MAX_SELECTED)
            .then(|| Reason::new(format!("{path} sets more than {MAX_SELECTED} values, which were not all looked at")));
        let subjects = selected.iter().map(|found| self.value(found, path, name, salt)).collect();
        // One key that was found is all that was asked for; its value says whether a hole hides another one.
        (subjects, cut.or(hole.filter(|_| one.is_none())))
    }

    /// The subject for a key that was not found.
    fn unset(&self, document: &Document, path: &str, key: &str, hole: Option<Reason>) -> Subject {
        let mut unset = nothing(subject(path, document.name.as_deref(), key, path));
        let near = match self.names {
            Names::Exact => in_other_letters(self.format, &document.root, key),
            Names::AnyCase | Names::Loose | Names::Options => None,
        };
        let why = hole.or_else(|| Some(Reason::new(format!("{}: {OTHER_LETTERS}", near?))));
        if let Some(why) = why {
            for name in ["value", "values", "origin", "keys", "encrypted", "unresolved"] {
                unset.fields.set(name, Observed::Unknown(why.clone()));
            }
        }
        unset
    }

    fn value(&self, found: &Selected, path: &str, document: Option<&str>, salt: &Salt) -> Subject {
        let counts = counting(&found.nodes, self.repeats);
        let place = counts.as_ref().map_or_else(|| path.to_owned(), |node| node.place.to_string());
        let mut subject = nothing(subject(path, document, &found.key, &place));
        let Some(node) = counts.filter(|node| node.kind != Kind::Null) else { return subject };
        let reading = Reading { format: self.format, ty: self.ty, literal: self.literal, salt };
        reading.set(&mut subject.fields, &found.key, &node, &found.nodes);
        if let Some(known) = &self.known {
            let key = self.names.fold(&found.key);
            subject.fields.set("known", known.iter().any(|pattern| star(&self.names.fold(pattern), &key)));
        }
        subject
    }
}

fn subject(path: &str, document: Option<&str>, key: &str, place: &str) -> Subject {
    let name = [Some(path), document, Some(key)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let mut subject = Subject::new(&CONFIG, name, place, Basis::Declared);
    subject.fields.set("path", path);
    subject.fields.set("key", key);
    subject.fields.set("section", Observed::from_option(key.rsplit_once('.').map(|(section, _)| section)));
    subject.fields.set("document", Observed::from_option(document));
    subject
}

/// The fields of a key that nothing sets.
fn nothing(mut subject: Subject) -> Subject {
    value::set_absent(&mut subject.fields);
    subject.fields.set("known", Observed::Absent);
    subject
}

#[cfg(test)]
mod tests;
