//! `env`: the variables that a container, a process or a unit runs with or will, or that a dotenv file sets.

use secrecy::ExposeSecret;
use serde_json::Value as Json;

use crate::facts::{Basis, Listing, Subject};
use crate::glob::{Glob, is_pattern};
use crate::resource::mounted::{self, Place};
use crate::resource::{Accepts, Field, Param, Resource, With, field, sensitive, text};
use crate::target::host::environments::{self, Environments};
use crate::target::{Door, Environment, Kind, Variable};
use crate::value::secret::Salt;
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Reason, Record, Secret, Type};

const BOOL: Type = Type::Bool(Dialect::Plain);

/// What a value looks like.
static FORM: Vocabulary = Vocabulary { name: "form", words: &["empty", "path", "pem", "text"], ordered: false };

const FIELDS: &[Field] = &[
    field(
        "owner",
        Type::Text,
        "",
        "whose variable it is: `container web`, `process app (pid 12)`, `unit app.service`, `/etc/app.env`",
    ),
    field("name", Type::Text, "", "the variable's name"),
    field(
        "present",
        BOOL,
        "",
        "whether it is set; an exact name that is not set is a subject too; of a declared container whether its manifest sets it, whatever the image does",
    ),
    field(
        "value",
        Type::As,
        "",
        "its value, read as `as` says; a secret when that is not given; absent when it is not set",
    ),
    field(
        "unresolved",
        BOOL,
        "",
        "whether it is set to a reference (`${…}`, `%i`, a Secret that is not in the manifests) that harden does not resolve; its value is unknown then",
    ),
    field("length", Type::Integer, "", "bytes of the value, whatever `as` says"),
    field(
        "entropy_bits",
        Type::Integer,
        "",
        "an upper estimate of the value's unpredictability in bits, whatever `as` says",
    ),
    field("placeholder", BOOL, "", "whether the value is a known placeholder such as `changeme`, whatever `as` says"),
    field(
        "form",
        Type::Word(&FORM),
        "",
        "what the value looks like, whatever `as` says: `pem` for text with a PEM header, `path` for a `/` and no line break, `text` for all else",
    ),
    field(
        "mounted",
        BOOL,
        "Mounts",
        "of a container's variable that is a path: whether a mount covers it; otherwise the file is the image's own, or is not there. Absent when it is no path, and for other owners",
    ),
    field(
        "host_file",
        Type::Text,
        "Mounts",
        "of a container's variable that is a path: the file of the host that is mounted there. Absent when it is no path or no mount covers it, for a file of the Compose project's own directory, and for other owners",
    ),
];

pub(super) static ENV: Resource = Resource {
    name: "env",
    about: "An environment variable of a container (running, or declared in a Compose file or a manifest), a process, a systemd unit or a dotenv file. A variable that is not set is a subject with `present: false`; missing is the thing whose it would be, or any that matches a name with `*`.",
    privilege: "root, or the process's own user, for a process; read permission for files",
    params: &[
        Param {
            name: "of",
            accepts: Accepts::Text,
            required: true,
            about: "`container` (each one), `container:NAME` (`*` allowed), `process:COMMAND` (`*` allowed; the start-up environment; none with --root, whose files are at rest), `unit:NAME.service` or `file:/path` (dotenv)",
        },
        Param {
            name: "name",
            accepts: Accepts::Text,
            required: true,
            about: "the variable's name; with `*` every one that is set and matches",
        },
        Param {
            name: "as",
            accepts: Accepts::AsElse(Type::Secret),
            required: false,
            about: "the type that the value is read as; `secret` when not given",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |with| owner_kind(first_owner(with)),
    observe: |door, with| Box::pin(observe(door, with)),
};

/// Whose variable is asked for. A list asks one query for each of its items, all of the same kind.
pub(super) fn first_owner(with: &With) -> &str {
    let of = with.get("of");
    let first = of.and_then(Json::as_array).and_then(|items| items.first());
    first.or(of).and_then(Json::as_str).unwrap_or_default()
}

/// The kind of target that the owner of a variable is on.
pub(super) fn owner_kind(of: &str) -> Kind {
    if of == "container" || of.starts_with("container:") { Kind::Containers } else { Kind::Host }
}

/// The environments of `of`. The only place where loaders ask for them.
pub(super) async fn environments(door: &Door, of: &str) -> Result<Environments, Reason> {
    match (door, owner_kind(of)) {
        (Door::Host(host), Kind::Host) => {
            let of = of.to_owned();
            host.run(move |host| environments::read(host, &of)).await?
        }
        (Door::Docker(docker), Kind::Containers) => {
            let name = of.strip_prefix("container:").unwrap_or("*");
            docker.environments(name).await.map(|seen| Environments { seen, more: None })
        }
        (Door::Manifest(manifest), Kind::Containers) => {
            manifest.environments(of.strip_prefix("container:").unwrap_or("*")).await
        }
        _ => Err(Reason::new(format!("`{of}` is not read from this target"))),
    }
}

/// The value of a variable of one owner.
pub(super) struct Owned {
    pub(super) origin: String,
    pub(super) basis: Basis,
    pub(super) value: Result<String, Reason>,
}

/// The values of a variable, for resources that look into them; they are kept only as long as that takes. Owners that do
/// not set it are left out.
pub(super) async fn values(door: &Door, of: &str, name: &str) -> Result<Vec<Owned>, Listing> {
    let Environments { seen, more } = environments(door, of).await.map_err(Listing::failed)?;
    let mut found = Vec::new();
    for environment in seen {
        let (origin, basis) = (&environment.origin, environment.basis);
        match environment.variable(name) {
            Ok(None) => {}
            Ok(Some(variable)) => found.push(Owned {
                origin: format!("{} {name}", variable.origin.as_deref().unwrap_or(origin)),
                basis,
                value: match &variable.value {
                    Ok(value) => Ok(value.expose_secret().to_owned()),
                    Err(reason) => Err(Reason { text: format!("{name}: {}", reason.text).into(), ..reason.clone() }),
                },
            }),
            Err(reason) => found.push(Owned { origin: origin.clone(), basis, value: Err(reason.clone()) }),
        }
    }
    if let Some(reason) = more {
        found.push(Owned { origin: of.to_owned(), basis: Basis::Declared, value: Err(reason) });
    }
    if found.is_empty() { Err(Listing::absent(format!("{of} does not set {name}"))) } else { Ok(found) }
}

async fn observe(door: &Door, with: &With) -> Listing {
    let (of, name) = (text(with, "of"), text(with, "name"));
    let Environments { seen, more } = match environments(door, of).await {
        Ok(seen) => seen,
        Err(reason) => return Listing::failed(reason),
    };
    if seen.is_empty() {
        return more.map_or_else(|| Listing::absent(format!("{of} does not exist")), Listing::failed);
    }
    let reading = Reading { ty: ENV.as_type(with), salt: door.salt() };
    let (mut subjects, mut unseen) = (Vec::new(), more);
    for environment in &seen {
        if !is_pattern(name) {
            let place = place(door, environment, environment.variable(name)).await;
            subjects.push(reading.subject(environment, name, environment.variable(name), place));
            continue;
        }
        let (matching, doubt) = match environment.matching(&Glob::new(name)) {
            Ok(matching) => matching,
            Err(reason) => (Vec::new(), Some(reason)),
        };
        for variable in matching {
            let place = place(door, environment, Ok(Some(variable))).await;
            subjects.push(reading.subject(environment, &variable.name, Ok(Some(variable)), place));
        }
        if let Some(reason) = doubt {
            let text = format!("{}: {}", environment.owner, reason.text).into();
            unseen.get_or_insert(Reason { text, ..reason.clone() });
        }
    }
    match unseen {
        Some(reason) => Listing::partial(subjects, reason),
        None => Listing::complete(subjects),
    }
}

/// Where the file lies that a container's variable names; `None` when it names none.
async fn place(door: &Door, owner: &Environment, seen: Result<Option<&Variable>, &Reason>) -> Option<Place> {
    let in_container = matches!(door, Door::Docker(_) | Door::Manifest(_));
    let value = seen.ok().flatten()?.value.as_ref().ok()?.expose_secret();
    if !in_container || form(value) != "path" {
        return None;
    }
    Some(mounted::place(door, &owner.owner, value.trim()).await)
}

/// A word of [`FORM`].
pub(super) fn form(value: &str) -> &'static str {
    let value = value.trim();
    match value {
        "" => "empty",
        _ if value.starts_with("-----BEGIN ") => "pem",
        _ if value.starts_with('/') && !value.contains(char::is_control) => "path",
        _ => "text",
    }
}

struct Reading<'a> {
    ty: Type,
    salt: &'a Salt,
}

impl Reading<'_> {
    fn subject(
        &self,
        owner: &Environment,
        name: &str,
        seen: Result<Option<&Variable>, &Reason>,
        place: Option<Place>,
    ) -> Subject {
        let origin = seen.ok().flatten().and_then(|variable| variable.origin.as_deref()).unwrap_or(&owner.origin);
        let mut subject = Subject::new(&ENV, format!("{} {name}", owner.owner), origin, owner.basis);
        let fields = &mut subject.fields;
        fields.set("owner", owner.owner.as_str());
        fields.set("name", name);
        match seen {
            Err(reason) => {
                fields.set("present", Observed::Unknown(reason.clone()));
                fields.set("unresolved", Observed::Unknown(reason.clone()));
                set_value(fields, || Observed::Unknown(reason.clone()));
            }
            Ok(None) => {
                fields.set("present", false);
                fields.set("unresolved", false);
                set_value(fields, || Observed::Absent);
            }
            Ok(Some(variable)) => {
                fields.set("present", true);
                fields.set("unresolved", variable.value.is_err());
                match &variable.value {
                    Ok(value) => {
                        self.read(fields, name, value.expose_secret());
                        set_place(fields, place);
                    }
                    Err(reason) => set_value(fields, || Observed::Unknown(reason.clone())),
                }
            }
        }
        subject
    }

    fn read(&self, fields: &mut Record, name: &str, value: &str) {
        let facts = Secret::measure(value.as_bytes(), self.salt);
        fields.set("value", sensitive::read(name, value, self.ty, self.salt));
        fields.set("length", i64::try_from(facts.length).unwrap_or(i64::MAX));
        fields.set("entropy_bits", i64::from(facts.entropy_bits));
        fields.set("placeholder", facts.placeholder);
        fields.set("form", word(&FORM, form(value)));
    }
}

fn set_place(fields: &mut Record, place: Option<Place>) {
    let (mounted, host_file): (Observed, Observed) = match place {
        None => (Observed::Absent, Observed::Absent),
        Some(Place::Host(path)) => (true.into(), path.as_str().into()),
        Some(Place::Project(_)) => (true.into(), Observed::Absent),
        Some(Place::Elsewhere(reason)) => (true.into(), Observed::Unknown(reason)),
        Some(Place::Unmounted) => (false.into(), Observed::Absent),
        Some(Place::Unseen(reason)) => (Observed::Unknown(reason.clone()), Observed::Unknown(reason)),
    };
    fields.set("mounted", mounted);
    fields.set("host_file", host_file);
}

fn set_value(fields: &mut Record, observed: impl Fn() -> Observed) {
    for name in ["value", "length", "entropy_bits", "placeholder", "form", "mounted", "host_file"] {
        fields.set(name, observed());
    }
}

#[cfg(test)]
mod tests;
