//! `config`: the settings of any configuration file, each with its place.

use crate::facts::{Basis, Listing, Subject};
use crate::format::lookup::{self, FORMAT_WORDS, Format, OTHER_LETTERS, Raw, Repeats, counting, in_other_letters};
use crate::format::node::{Document, Kind, MAX_SELECTED, Names, Node, Selected, leaves, select, star};
use crate::format::reference::references;
use crate::resource::files::{self, Content, Included};
use crate::resource::{Accepts, Field, Param, Resource, SEPARATOR, With, field, sensitive, text};
use crate::target::host::Host;
use crate::target::{Door, Kind as Target};
use crate::value::secret::Salt;
use crate::value::types::Dialect;
use crate::value::{List, Observed, Reason, Type, Value};

static TEXT: Type = Type::Text;
const BOOL: Type = Type::Bool(Dialect::Plain);

const FIELDS: &[Field] = &[
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
        let documents = match lookup::read(self.format, path, bytes, &Included(host)) {
            Ok(documents) => documents,
            Err(why) => return Content::Subjects(Vec::new(), Some(Reason::new(format!("{path}: {why}")))),
        };
        let (mut subjects, mut more) = (Vec::new(), None);
        for document in documents.iter().filter(|document| self.is_asked(document)) {
            let (seen, unseen) = self.document(document, path, host.salt());
            subjects.extend(seen);
            more = more.or(unseen);
        }
        if subjects.is_empty() && more.is_none() && documents.is_empty() {
            subjects.extend(self.key.as_deref().map(|key| subject(path, None, key, path)).map(nothing));
        }
        Content::Subjects(subjects, more)
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
        let fields = &mut subject.fields;
        fields.set("value", self.read(&found.key, &node, salt));
        fields.set("values", self.values(&found.key, &found.nodes, salt));
        fields.set("origin", place);
        fields.set("encrypted", is_encrypted(&node));
        fields.set("unresolved", self.unresolved(&node));
        let names = node.names();
        if matches!(node.kind, Kind::Map(_)) || !names.is_empty() {
            fields.set("keys", names.into_iter().collect::<Value>());
        }
        if let Some(known) = &self.known {
            let key = self.names.fold(&found.key);
            fields.set("known", known.iter().any(|pattern| star(&self.names.fold(pattern), &key)));
        }
        subject
    }

    fn read(&self, key: &str, node: &Node, salt: &Salt) -> Observed {
        let name = key.replace('.', "_");
        match lookup::raw(node, (self.format, self.ty), self.literal) {
            None => Observed::Absent,
            Some(Err(why)) => Observed::unknown(why),
            Some(Ok(Raw::Text(text))) => sensitive::read(&name, &text, self.ty, salt),
            Some(Ok(Raw::List(items))) => sensitive::read_list(&name, &items, self.ty, salt),
        }
    }

    /// Every value as text.
    fn values(&self, key: &str, nodes: &[Node], salt: &Salt) -> Value {
        let name = key.replace('.', "_");
        let items = nodes.iter().flat_map(|node| match &node.kind {
            Kind::List(items) => items.iter().collect(),
            _ => vec![node],
        });
        let items = items.filter_map(|node| match &node.kind {
            Kind::Text { text, .. } => Some(sensitive::read(&name, text, Type::Text, salt)),
            Kind::Unclear(why) => Some(Observed::unknown(why)),
            Kind::Encrypted => Some(Observed::unknown("it is encrypted in the file")),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        });
        Value::List(List { items: items.collect(), more: None })
    }

    fn references(&self, text: &str) -> Vec<String> {
        if self.literal { Vec::new() } else { references(text) }
    }

    fn unresolved(&self, node: &Node) -> Observed {
        match &node.kind {
            Kind::Text { text, .. } => Observed::Known(self.references(text).into_iter().collect()),
            Kind::List(items) => {
                let names = items.iter().flat_map(|item| match &item.kind {
                    Kind::Text { text, .. } => self.references(text),
                    _ => Vec::new(),
                });
                Observed::Known(names.collect())
            }
            Kind::Unclear(why) => Observed::unknown(why),
            Kind::Null | Kind::Encrypted | Kind::Map(_) => Observed::Known(Value::List(List::default())),
        }
    }
}

fn subject(path: &str, document: Option<&str>, key: &str, place: &str) -> Subject {
    let name = [Some(path), document, Some(key)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let mut subject = Subject::new(&CONFIG, name, place, Basis::Declared);
    subject.fields.set("key", key);
    subject.fields.set("section", Observed::from_option(key.rsplit_once('.').map(|(section, _)| section)));
    subject.fields.set("document", Observed::from_option(document));
    subject
}

/// The fields of a key that nothing sets.
fn nothing(mut subject: Subject) -> Subject {
    for name in ["value", "values", "origin", "keys", "known", "encrypted", "unresolved"] {
        subject.fields.set(name, Observed::Absent);
    }
    subject
}

/// SOPS keeps values as `ENC[AES256_GCM,…]`.
fn is_encrypted(node: &Node) -> Observed {
    match &node.kind {
        Kind::Encrypted => true.into(),
        Kind::Text { text, .. } => text.starts_with("ENC[").into(),
        Kind::Unclear(why) => Observed::unknown(why),
        Kind::Null | Kind::List(_) | Kind::Map(_) => false.into(),
    }
}

#[cfg(test)]
mod tests;
