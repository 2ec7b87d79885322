//! `kubernetes_object`: objects of Kubernetes of any kind, as manifests declare them.

use std::collections::BTreeMap;

use super::config::value::{Reading, set_absent};
use super::{Accepts, Field, Param, Resource, With, field, sensitive, text};
use crate::facts::{Basis, Listing, Subject};
use crate::format::inside;
use crate::format::lookup::{Format, Repeats, counting};
use crate::format::node::{self, MAX_SELECTED, Names, Selected, select, star};
use crate::manifest::Read;
use crate::manifest::kubernetes::Object;
use crate::target::manifest::Manifest;
use crate::target::{Door, Kind};
use crate::value::secret::Salt;
use crate::value::types::Dialect;
use crate::value::{Observed, Reason, Type, Value};

static TEXT: Type = Type::Text;

const FIELDS: &[Field] = &[
    field("kind", Type::Text, "kind", "its kind: `Ingress`"),
    field(
        "api_version",
        Type::Text,
        "apiVersion",
        "the version of the API that it is written for: `networking.k8s.io/v1`",
    ),
    field("name", Type::Text, "metadata.name", "its name; absent where the cluster makes one"),
    field(
        "namespace",
        Type::Text,
        "metadata.namespace",
        "its namespace; absent where the manifest leaves it to whoever applies it, and for kinds that have none",
    ),
    field("labels", Type::Map(&TEXT), "metadata.labels", "its labels"),
    field("annotations", Type::Map(&TEXT), "metadata.annotations", "its annotations"),
    field(
        "key",
        Type::Text,
        "",
        "the key that was found: `spec.rules.0.host`; absent when none was asked for or found",
    ),
    field(
        "value",
        Type::As,
        "",
        "what the key is set to, read as `as` says; absent when nothing sets it. A reference that is not resolved (`${NAME}`) is unknown",
    ),
    field("values", Type::List(&TEXT), "", "every item of a list"),
    field("origin", Type::Text, "", "where the key is set: `ingress.yaml:12`"),
    field("keys", Type::List(&TEXT), "", "the names below it, when it is no single value"),
    field("encrypted", Type::Bool(Dialect::Plain), "", "whether the manifest holds it encrypted (SOPS)"),
    field("unresolved", Type::List(&TEXT), "", "the names that its value refers to: `DOMAIN` of `app.${DOMAIN}`"),
    field("settings", Type::Map(&TEXT), "", "what the keys of the parameter `settings` are set to, those that are set"),
];

/// The annotation in which kubectl keeps the object as it was applied, a Secret's data too.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

pub(super) static KUBERNETES_OBJECT: Resource = Resource {
    name: "kubernetes_object",
    about: "An object of Kubernetes that manifests declare: one subject for each, or for each value of it that `key` finds. A Docker daemon and a Compose project have none.",
    privilege: "read permission for the manifests",
    params: &[
        Param {
            name: "kind",
            accepts: Accepts::Text,
            required: true,
            about: "the kind, or a pattern: `Ingress`, `*SecretStore`",
        },
        Param {
            name: "key",
            accepts: Accepts::Text,
            required: false,
            about: "what is looked up in each: `spec.ipAllowList.sourceRange`, `spec.rules.*.host`, where `*` stands for any part of a name or any item",
        },
        Param {
            name: "inside",
            accepts: Accepts::Text,
            required: false,
            about: "the key whose text is YAML in which `key` is looked up: `spec.valuesContent` of a HelmChartConfig",
        },
        Param {
            name: "as",
            accepts: Accepts::As,
            required: false,
            about: "the type that `value` is read as; text when not given",
        },
        Param {
            name: "settings",
            accepts: Accepts::Texts,
            required: false,
            about: "keys whose values are wanted together, in the field `settings`",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Containers,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    match door {
        Door::Manifest(manifest) => list(manifest, with).await,
        Door::Docker(_) => Listing::absent("a Docker daemon has no objects of Kubernetes"),
        Door::Host(_) | Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) => {
            Listing::failed(Reason::new("objects of Kubernetes are read from manifests"))
        }
    }
}

async fn list(manifest: &Manifest, with: &With) -> Listing {
    let declared = match manifest.declared().await {
        Ok(declared) => declared,
        Err(reason) => return Listing::failed(reason),
    };
    let Some(objects) = &declared.objects else {
        return Listing::absent("a Compose project has no objects of Kubernetes");
    };
    let question = Question::of(with, manifest.salt());
    let (mut subjects, mut more) = (Vec::new(), declared.more.clone());
    for object in objects.iter().filter(|object| star(question.kind, &object.kind)) {
        subjects.extend(question.subjects(object));
        if subjects.len() > MAX_SELECTED {
            let cut = format!("there are more than {MAX_SELECTED} values, which were not all looked at");
            more.get_or_insert_with(|| Reason::new(cut));
            break;
        }
    }
    match more {
        None => Listing::complete(subjects),
        Some(reason) if subjects.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(subjects, reason),
    }
}

/// The parameters.
struct Question<'w> {
    kind: &'w str,
    key: &'w str,
    inside: &'w str,
    settings: Vec<&'w str>,
    reading: Reading<'w>,
}

impl<'w> Question<'w> {
    fn of(with: &'w With, salt: &'w Salt) -> Self {
        let settings = text(with, "settings");
        Question {
            kind: text(with, "kind"),
            key: text(with, "key"),
            inside: text(with, "inside"),
            settings: settings.split(super::SEPARATOR).filter(|key| !key.is_empty()).collect(),
            reading: Reading { format: Format::Yaml, ty: KUBERNETES_OBJECT.as_type(with), literal: false, salt },
        }
    }

    fn subjects(&self, object: &Object) -> Vec<Subject> {
        let base = self.base(object);
        if self.key.is_empty() {
            return vec![base];
        }
        let (selected, hole) = match self.places(object) {
            Ok(found) => found,
            Err(why) => (Vec::new(), Some(why)),
        };
        let mut subjects: Vec<_> =
            selected.iter().filter_map(|found| self.value(object, found, base.clone())).collect();
        // An object that does not set the key is one of those that were asked for.
        if subjects.is_empty() {
            let mut unset = base;
            if let Some(why) = hole {
                let why = Reason::new(format!("{}: {why}", object.root.place.file));
                for name in ["key", "value", "values", "origin", "keys", "encrypted", "unresolved"] {
                    unset.fields.set(name, Observed::Unknown(why.clone()));
                }
            }
            subjects.push(unset);
        }
        subjects
    }

    /// The values that the key leads to, and why there may be more.
    fn places(&self, object: &Object) -> Result<(Vec<Selected>, Option<String>), String> {
        if self.inside.is_empty() {
            return Ok((select(&object.root, self.key, Names::Exact), None));
        }
        let documents = inside::documents(&object.root, self.inside, Format::Yaml, "")?;
        let hole = documents.iter().find_map(|document| document.hole.clone());
        Ok((documents.iter().flat_map(|document| select(&document.root, self.key, Names::Exact)).collect(), hole))
    }

    fn base(&self, object: &Object) -> Subject {
        let mut subject =
            Subject::new(&KUBERNETES_OBJECT, title(object), object.root.place.to_string(), Basis::Declared);
        let fields = &mut subject.fields;
        fields.set("kind", object.kind.as_str());
        fields.set("api_version", Observed::from_option(object.api_version.as_deref()));
        fields.set("name", Observed::from_option(Some(object.name.as_str()).filter(|name| !name.is_empty())));
        fields.set("namespace", Observed::from_option(object.namespace.as_deref()));
        fields.set("labels", self.texts(&object.labels));
        fields.set("annotations", self.texts(&object.annotations));
        fields.set("key", Observed::Absent);
        set_absent(fields);
        fields.set("settings", self.settings(object));
        subject
    }

    fn value(&self, object: &Object, found: &Selected, mut subject: Subject) -> Option<Subject> {
        let node = counting(&found.nodes, Repeats::Unclear).filter(|node| node.kind != node::Kind::Null)?;
        subject.name = format!("{} {}", subject.name, found.key).into();
        subject.origin = node.place.to_string().into();
        subject.fields.set("key", found.key.as_str());
        self.reading.set(&mut subject.fields, read_as(object, &found.key), &node, &found.nodes);
        Some(subject)
    }

    /// Annotations can hold what a secret's name says that it is.
    fn texts(&self, texts: &Read<BTreeMap<String, Read<String>>>) -> Observed {
        let texts = match texts {
            Ok(texts) => texts,
            Err(reason) => return Observed::Unknown(reason.clone()),
        };
        let read = |name: &str, text: &Read<String>| match text {
            Ok(_) if name == LAST_APPLIED => Observed::unknown("harden keeps no copy of the whole object"),
            Ok(text) => sensitive::read(name, text, Type::Text, self.reading.salt),
            Err(reason) => Observed::Unknown(reason.clone()),
        };
        Observed::Known(Value::Map(texts.iter().map(|(name, text)| (name.as_str().into(), read(name, text))).collect()))
    }

    fn settings(&self, object: &Object) -> Observed {
        let mut map = BTreeMap::new();
        for key in &self.settings {
            for found in select(&object.root, key, Names::Exact) {
                let counts = counting(&found.nodes, Repeats::Unclear).filter(|node| node.kind != node::Kind::Null);
                let Some(node) = counts else { continue };
                map.insert(
                    found.key.as_str().into(),
                    Reading { ty: Type::Text, ..self.reading }.value(read_as(object, &found.key), &node),
                );
            }
        }
        Observed::Known(Value::Map(map))
    }
}

/// The name that says whether a value may be a secret: its key, where neither its object nor its place says so.
fn read_as<'k>(object: &Object, key: &'k str) -> &'k str {
    let of_secret = object.kind == "Secret" && ["data", "stringData"].iter().any(|part| key.starts_with(part));
    // The name of a container's variable stands beside its value.
    let of_variable = key.contains(".env.") && key.ends_with(".value");
    if of_secret || of_variable { "secret" } else { key }
}

/// `Ingress argocd/argocd-ingress`.
fn title(object: &Object) -> String {
    match &object.namespace {
        Some(namespace) => format!("{} {namespace}/{}", object.kind, object.name),
        None => format!("{} {}", object.kind, object.name),
    }
}

#[cfg(test)]
mod tests;
