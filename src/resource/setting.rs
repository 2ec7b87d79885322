//! `setting`: one setting of a program, taken from the layer that wins.

use std::path::Path;

use secrecy::ExposeSecret;
use serde_json::Value as Json;

use crate::facts::{Basis, Extent, Listing, Subject};
use crate::format::lookup::{FORMAT_WORDS, Format, Raw, lookup};
use crate::resource::{Accepts, Field, Param, Resource, With, container, env, field, files, sensitive};
use crate::target::host::environments::Environments;
use crate::target::host::{Host, Trouble};
use crate::target::{Door, Environment, Kind};
use crate::value::secret::Salt;
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{List, Observed, Reason, Record, Type, Value};

/// Bytes of a configuration file.
const LIMIT: u64 = 4 << 20;

/// The kinds of sources that a setting is taken from.
static LAYER: Vocabulary = Vocabulary { name: "layer", words: &["env", "file", "default"], ordered: false };

const OVERRIDDEN: &[Field] = &[
    field("origin", Type::Text, "", "where it is set"),
    field("value", Type::Text, "", "what it is set to there; `***` for a secret"),
];

static OVERRIDDEN_RECORD: Type = Type::Record(OVERRIDDEN);

const FIELDS: &[Field] = &[
    field("value", Type::As, "", "the value that counts, read as `as` says; absent when no layer has one"),
    field(
        "origin",
        Type::Text,
        "",
        "where that value is set: `unit app.service (/etc/systemd/system/app.service:7)`, `/etc/app.json:12`, `default`",
    ),
    field("layer", Type::Word(&LAYER), "", "the kind of layer that it comes from"),
    field(
        "is_default",
        Type::Bool(Dialect::Plain),
        "",
        "whether no layer sets it, so that the program's default counts",
    ),
    field(
        "overridden",
        Type::List(&OVERRIDDEN_RECORD),
        "",
        "values that layers further down set, and that do not count",
    ),
];

pub(super) static SETTING: Resource = Resource {
    name: "setting",
    about: "A setting that a program takes from several places, the first that has it wins.",
    privilege: "read permission on every layer: one that cannot be read leaves all below it unknown",
    params: &[
        Param {
            name: "from",
            accepts: Accepts::Layers,
            required: true,
            about: "the layers, the one that wins first: `{ env: NAME, of: … }` as in `env`, `{ file: /path, format: json|yaml|toml|ini|dotenv|keyvalue|postgresql, key: a.b }`, `{ default: VALUE }`. A file with `of: container:NAME` is one in that container: it is unknown when a mount brings it, and when it is the image's own `default` stands for it",
        },
        Param {
            name: "as",
            accepts: Accepts::As,
            required: false,
            about: "the type that the value is read as; text when not given",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target,
    observe: |door, with| Box::pin(observe(door, with)),
};

/// The target of the first layer that is a variable: containers are asked of Docker, all else of the host.
fn target(with: &With) -> Kind {
    let of = layers_of(with).into_iter().find_map(|layer| match layer {
        Layer::Env { of, .. } => Some(of),
        Layer::File { .. } | Layer::Default(_) => None,
    });
    of.map_or(Kind::Host, |of| env::owner_kind(&of))
}

/// A place where the setting may be set.
#[derive(Debug, Clone)]
enum Layer {
    Env { name: String, of: String },
    File { path: String, format: String, key: String, of: Option<String> },
    Default(String),
}

fn layers_of(with: &With) -> Vec<Layer> {
    let text = |layer: &Json, name: &str| layer.get(name).and_then(Json::as_str).map(str::to_owned);
    let read = |layer: &Json| {
        if let Some(name) = text(layer, "env") {
            return Layer::Env { name, of: text(layer, "of").unwrap_or_default() };
        }
        match text(layer, "file") {
            Some(path) => Layer::File {
                path,
                format: text(layer, "format").unwrap_or_default(),
                key: text(layer, "key").unwrap_or_default(),
                of: text(layer, "of"),
            },
            None => Layer::Default(text(layer, "default").unwrap_or_default()),
        }
    };
    with.get("from").and_then(Json::as_array).map(|layers| layers.iter().map(read).collect()).unwrap_or_default()
}

/// What one layer says.
#[derive(Clone)]
struct Said {
    layer: &'static str,
    /// The variable or key, by which secrets are known.
    name: String,
    origin: String,
    basis: Basis,
    /// The value, or why it is not to be had though it is set.
    value: Result<Raw, Reason>,
}

/// The answer of a layer.
#[derive(Clone)]
enum Answer {
    Said(Said),
    /// It says nothing. Whether the file or the variable's owner exists is kept: where none does, there is no program.
    Silent {
        exists: bool,
    },
    Unseen(Reason),
}

async fn observe(door: &Door, with: &With) -> Listing {
    let layers = layers_of(with);
    let salt = door.salt();
    // Several owners of the first layer's variable (each container) are a subject each.
    let first_of = layers.iter().find_map(|layer| match layer {
        Layer::Env { of, .. } => Some(of.clone()),
        Layer::File { .. } | Layer::Default(_) => None,
    });
    let owners = match &first_of {
        Some(of) => env::environments(door, of).await,
        None => Ok(Environments { seen: Vec::new(), more: None }),
    };
    let mut answers = Vec::new();
    for layer in &layers {
        answers.push(match layer {
            Layer::Env { of, .. } if Some(of) == first_of.as_ref() => Answer::Silent { exists: false },
            Layer::Env { name, of } => other_owner(name, of, env::environments(door, of).await),
            Layer::File { path, of: Some(of), .. } => file_of_container(door, path, of).await,
            Layer::File { path, format, key, of: None } => file(door, path, format, key, SETTING.as_type(with)).await,
            Layer::Default(value) => Answer::Said(default(value)),
        });
    }
    let with_owner = |owner: Result<Option<&Environment>, &Reason>| -> Vec<Answer> {
        let answer = |(layer, answer): (&Layer, &Answer)| match layer {
            Layer::Env { name, of } if Some(of) == first_of.as_ref() => match owner {
                Ok(Some(owner)) => variable(name, owner),
                Ok(None) => Answer::Silent { exists: false },
                Err(reason) => Answer::Unseen(reason.clone()),
            },
            Layer::Env { .. } | Layer::File { .. } | Layer::Default(_) => answer.clone(),
        };
        layers.iter().zip(&answers).map(answer).collect()
    };
    let chains: Vec<(String, Vec<Answer>)> = match &owners {
        Ok(Environments { seen, .. }) if !seen.is_empty() => {
            seen.iter().map(|owner| (label(&layers, Some(&owner.owner)), with_owner(Ok(Some(owner))))).collect()
        }
        Ok(Environments { more: Some(reason), .. }) | Err(reason) => {
            vec![(label(&layers, None), with_owner(Err(reason)))]
        }
        Ok(_) => vec![(label(&layers, None), with_owner(Ok(None)))],
    };
    let nowhere = |answer: &Answer| matches!(answer, Answer::Silent { exists: false });
    if chains.iter().all(|(_, answers)| answers.iter().all(nowhere)) {
        return Listing::absent(format!("none of the places that set {} exists", label(&layers, None)));
    }
    let ty = SETTING.as_type(with);
    let subjects = chains.iter().map(|(name, answers)| subject(name, answers, ty, salt)).collect();
    match owners {
        Ok(Environments { seen, more: Some(reason) }) if !seen.is_empty() => Listing::partial(subjects, reason),
        Ok(_) | Err(_) => Listing::complete(subjects),
    }
}

/// The setting by its most specific source: `app.service DB_SSLMODE`, `/etc/app.json database.sslmode`.
fn label(layers: &[Layer], owner: Option<&str>) -> String {
    match layers.first() {
        Some(Layer::Env { name, of }) => format!("{} {name}", owner.unwrap_or(of)),
        Some(Layer::File { path, key, .. }) => match owner {
            Some(owner) => format!("{owner} {path} {key}"),
            None => format!("{path} {key}"),
        },
        Some(Layer::Default(_)) | None => "default".to_owned(),
    }
}

fn default(value: &str) -> Said {
    Said {
        layer: "default",
        name: String::new(),
        origin: "default".to_owned(),
        basis: Basis::Declared,
        value: Ok(Raw::Text(value.to_owned())),
    }
}

fn variable(name: &str, owner: &Environment) -> Answer {
    let variable = match owner.variable(name) {
        Ok(Some(variable)) => variable,
        Ok(None) => return Answer::Silent { exists: true },
        Err(reason) => return Answer::Unseen(reason.clone()),
    };
    let place = variable.origin.as_deref().unwrap_or(&owner.origin);
    let origin = if place.starts_with(&owner.owner) { place.to_owned() } else { format!("{} ({place})", owner.owner) };
    let value = variable.value.as_ref().map(|value| Raw::Text(value.expose_secret().to_owned()));
    let value = value.map_err(Clone::clone);
    Answer::Said(Said { layer: "env", name: name.to_owned(), origin, basis: owner.basis, value })
}

/// A variable of something else than the first layer's owner, which must then be one thing.
fn other_owner(name: &str, of: &str, seen: Result<Environments, Reason>) -> Answer {
    match seen {
        Err(reason) | Ok(Environments { more: Some(reason), .. }) => Answer::Unseen(reason),
        Ok(Environments { seen, more: None }) => match seen.as_slice() {
            [] => Answer::Silent { exists: false },
            [owner] => variable(name, owner),
            several => Answer::Unseen(Reason::new(format!("`{of}` is {} things here, not one", several.len()))),
        },
    }
}

/// A file of a container is not read. One that no mount brings is the image's own, for which the rule's default stands.
async fn file_of_container(door: &Door, path: &str, of: &str) -> Answer {
    let name = of.strip_prefix("container:").unwrap_or(of);
    let with = [("name", name), ("path", path)].map(|(key, value)| (key.to_owned(), Json::from(value)));
    let listing = (container::CONTAINER.observe)(door, &With::from(with)).await;
    if let Extent::Failed(reason) | Extent::Partial(reason) = listing.extent {
        return Answer::Unseen(reason);
    }
    for subject in &listing.subjects {
        match subject.fields.get("path_mount") {
            Some(Observed::Absent) => {}
            Some(Observed::Unknown(reason)) => return Answer::Unseen(reason.clone()),
            Some(Observed::Known(_)) | None => {
                let reason = Reason::new(format!("{path} of {of} comes from a mount, and is not read"));
                return Answer::Unseen(reason.with_grant("set the variable, which wins over the file"));
            }
        }
    }
    Answer::Silent { exists: !listing.subjects.is_empty() }
}

async fn file(door: &Door, path: &str, format: &str, key: &str, ty: Type) -> Answer {
    let Door::Host(host) = door else {
        return Answer::Unseen(Reason::new(format!("{path} is a file of the container, which is not read")));
    };
    let Some(format) = Format::of(format) else {
        let words = FORMAT_WORDS.join(", ");
        return Answer::Unseen(Reason::new(format!("`{format}` is no format; there are: {words}")));
    };
    let (path, key) = (path.to_owned(), key.to_owned());
    host.run(move |host| read_file(host, &path, (format, ty), &key)).await.unwrap_or_else(Answer::Unseen)
}

fn read_file(host: &Host, path: &str, (format, ty): (Format, Type), key: &str) -> Answer {
    let content = match host.read(Path::new(path), LIMIT) {
        Ok(content) => content,
        Err(Trouble::Absent) => return Answer::Silent { exists: false },
        Err(Trouble::Unseen(reason)) => return Answer::Unseen(reason),
    };
    match lookup((format, ty), path, &content, key, &files::Included(host)) {
        Ok(None) => Answer::Silent { exists: true },
        Err(why) => Answer::Unseen(Reason::new(format!("{path}: {why}"))),
        Ok(Some(found)) => Answer::Said(Said {
            layer: "file",
            name: key.replace('.', "_"),
            origin: found.place.to_string(),
            basis: Basis::Declared,
            value: found.value.map_err(Reason::new),
        }),
    }
}

/// The first layer that says something wins; one that could not be seen hides whether it does.
fn subject(name: &str, answers: &[Answer], ty: Type, salt: &Salt) -> Subject {
    let mut rest = answers.iter().filter(|answer| !matches!(answer, Answer::Silent { .. }));
    let winner = rest.next();
    let (origin, basis) = match winner {
        Some(Answer::Said(said)) => (said.origin.as_str(), said.basis),
        Some(Answer::Silent { .. } | Answer::Unseen(_)) | None => (name, Basis::Declared),
    };
    let mut subject = Subject::new(&SETTING, name, origin, basis);
    let fields = &mut subject.fields;
    match winner {
        Some(Answer::Said(said)) => {
            fields.set("value", value(said, ty, salt));
            fields.set("origin", said.origin.as_str());
            fields.set("layer", word(&LAYER, said.layer));
            fields.set("is_default", said.layer == "default");
            fields.set("overridden", Value::List(overridden(rest)));
        }
        Some(Answer::Unseen(reason)) => {
            for field in FIELDS {
                fields.set(field.name, Observed::Unknown(reason.clone()));
            }
        }
        Some(Answer::Silent { .. }) | None => {
            for field in FIELDS {
                fields.set(field.name, Observed::Absent);
            }
            fields.set("is_default", true);
            fields.set("overridden", Value::List(List::default()));
        }
    }
    subject
}

fn value(said: &Said, ty: Type, salt: &Salt) -> Observed {
    match &said.value {
        Ok(Raw::Text(text)) => sensitive::read(&said.name, text, ty, salt),
        Ok(Raw::List(items)) => sensitive::read_list(&said.name, items, ty, salt),
        Err(why) => Observed::Unknown(why.clone()),
    }
}

/// What the layers below the winner say, the program's default aside: that one is meant to be overridden.
fn overridden<'a>(below: impl Iterator<Item = &'a Answer>) -> List {
    let mut list = List::default();
    for answer in below {
        match answer {
            Answer::Said(said) if said.layer != "default" => {
                let value = match &said.value {
                    Ok(Raw::Text(text)) => sensitive::show(&said.name, text).into(),
                    Ok(Raw::List(items)) => {
                        let items: Vec<_> = items.iter().map(|item| sensitive::show(&said.name, item)).collect();
                        items.join(", ").into()
                    }
                    Err(why) => Observed::Unknown(why.clone()),
                };
                let record = Record::new(OVERRIDDEN).with("origin", said.origin.as_str()).with("value", value);
                list.items.push(Observed::Known(record.into()));
            }
            Answer::Said(_) | Answer::Silent { .. } => {}
            Answer::Unseen(reason) => list.more = Some(reason.clone()),
        }
    }
    list
}

#[cfg(test)]
mod tests;
