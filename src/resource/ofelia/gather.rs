//! The daemons that there are: containers of its image with everybody's labels, a unit of the host, or a file of the host
//! alone.

use std::collections::BTreeMap;

use super::files::{self, Files};
use crate::facts::{Basis, Subject};
use crate::format::unit;
use crate::manifest::{Container as Declared, Read};
use crate::ofelia::arguments::Arguments;
use crate::ofelia::daemon::Daemon;
use crate::ofelia::settings::{Configuration, File};
use crate::resource::image::reference::{self, Reference, Source};
use crate::resource::{With, container, text};
use crate::target::docker::Docker;
use crate::target::host::Host;
use crate::target::host::environments::{self, Environments};
use crate::target::host::units;
use crate::target::{Door, Environment, Unseen};
use crate::value::{Observed, Reason, Record, Value};

const UNIT: &str = "ofelia.service";

/// One daemon and what surrounds it.
pub(in crate::resource) struct Seen {
    pub(in crate::resource) name: String,
    pub(in crate::resource) origin: String,
    pub(in crate::resource) basis: Basis,
    pub(in crate::resource) daemon: Daemon,
    /// Its container's fields; `None` for one on the host itself.
    pub(in crate::resource) container: Option<Record>,
    /// Files of the host that its settings are in.
    pub(in crate::resource) on_host: Read<Vec<String>>,
    /// The containers whose labels it reads, its own among them.
    pub(in crate::resource) labelled: Vec<Labelled>,
}

/// A container that lets the daemon read its labels.
#[derive(Clone)]
pub(in crate::resource) struct Labelled {
    pub(in crate::resource) container: String,
    pub(in crate::resource) labels: Read<BTreeMap<String, String>>,
    /// Whether it is a daemon's own.
    pub(in crate::resource) own: bool,
}

/// What was found, and why there may be more.
pub(in crate::resource) type Found = (Vec<Seen>, Option<Reason>);

/// Looks for daemons. `None` when there is none.
pub(in crate::resource) async fn daemons(door: &Door, with: &With) -> Read<Found> {
    match door {
        Door::Host(host) => {
            let pattern = text(with, "config").to_owned();
            let found = host.run(move |host| of_host(host, &pattern)).await??;
            Ok((found.into_iter().collect(), None))
        }
        Door::Docker(_) | Door::Manifest(_) => of_containers(door).await,
        Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) => {
            Err(Reason::new("Ofelia is looked for on hosts and in containers"))
        }
    }
}

async fn of_containers(door: &Door) -> Read<Found> {
    let listing = container::every(door).await;
    let mut more = match listing.extent {
        crate::facts::Extent::Failed(reason) => return Err(reason),
        crate::facts::Extent::Partial(reason) => Some(reason),
        crate::facts::Extent::Complete | crate::facts::Extent::Absent(_) => None,
    };
    let mut own = Vec::new();
    for subject in &listing.subjects {
        match is_ofelia(&subject.fields) {
            Ok(true) => own.push(subject),
            Ok(false) => {}
            Err(reason) => _ = more.get_or_insert(reason),
        }
    }
    let is_own = |subject: &Subject| own.iter().any(|one| one.name == subject.name);
    let labelled: Vec<Labelled> = listing.subjects.iter().filter_map(|one| labelled(one, is_own(one))).collect();
    let mut commands = commands(door).await?;
    let mut environments = environments_of(door).await?;
    let mut found = Vec::new();
    for subject in own {
        let arguments = commands.remove(&*subject.name).unwrap_or_else(Arguments::none);
        let environment = environments.remove(&*subject.name).unwrap_or_else(|| nothing_of(&subject.name));
        found.push(one(door, subject, arguments, environment, &labelled).await);
    }
    Ok((found, more))
}

async fn one(
    door: &Door,
    subject: &Subject,
    arguments: Arguments,
    environment: Environment,
    labelled: &[Labelled],
) -> Seen {
    let pattern = Daemon::config(&arguments, &environment);
    let read = match pattern {
        Ok(pattern) => files::read(door, files::places(&subject.fields, &pattern), is_bare(&subject.fields)).await,
        Err(reason) => Err(reason),
    };
    let (configuration, on_host) = match read {
        Ok(Files { files, on_host }) => (Configuration::read(&files, &environment), Ok(on_host)),
        Err(reason) => (Configuration { unread: Some(reason.clone()), ..Configuration::default() }, Err(reason)),
    };
    Seen {
        name: format!("container {}", subject.name),
        origin: subject.origin.to_string(),
        basis: subject.basis,
        daemon: Daemon { arguments, environment, configuration, labels: labels(&subject.fields) },
        container: Some(subject.fields.clone()),
        on_host,
        labelled: labelled.to_vec(),
    }
}

/// Whether the image's own name is `ofelia`, whoever publishes it.
fn is_ofelia(container: &Record) -> Read<bool> {
    Ok(image(container)?.is_some_and(|image| image.repository.rsplit('/').next() == Some("ofelia")))
}

/// Whether the image is its makers' own, which brings no configuration.
pub(super) fn is_bare(container: &Record) -> bool {
    let image = image(container).ok().flatten();
    image.is_some_and(|image| matches!(image.repository.as_str(), "netresearch/ofelia" | "mcuadros/ofelia"))
}

/// The reference of a container's image.
pub(super) fn image(container: &Record) -> Read<Option<Reference>> {
    match container.get("image") {
        Some(Observed::Known(value)) => match reference::parse(&value.to_string(), None) {
            Some(Source::Named(image)) => Ok(Some(image)),
            Some(Source::Id) | None => Ok(None),
        },
        Some(Observed::Unknown(reason)) => Err(reason.clone()),
        Some(Observed::Absent) | None => Ok(None),
    }
}

/// A container whose labels the daemon reads: one that says `ofelia.enabled`, and the daemon's own.
fn labelled(subject: &Subject, own: bool) -> Option<Labelled> {
    let labels = labels(&subject.fields);
    let asks = match &labels {
        Ok(labels) => own || labels.get("ofelia.enabled").is_some_and(|value| value == "true"),
        Err(_) => true,
    };
    asks.then(|| Labelled { container: subject.name.to_string(), labels, own })
}

fn labels(container: &Record) -> Read<BTreeMap<String, String>> {
    match container.get("labels") {
        Some(Observed::Known(Value::Map(map))) => {
            let label = |value: &Observed| match value {
                Observed::Known(value) => Ok(value.to_string()),
                Observed::Absent => Ok(String::new()),
                Observed::Unknown(reason) => Err(reason.clone()),
            };
            map.iter().map(|(name, value)| Ok((name.to_string(), label(value)?))).collect()
        }
        Some(Observed::Unknown(reason)) => Err(reason.clone()),
        _ => Ok(BTreeMap::new()),
    }
}

/// What containers are started with, by their names.
async fn commands(door: &Door) -> Read<BTreeMap<String, Arguments>> {
    match door {
        Door::Docker(docker) => of_docker(docker).await,
        Door::Manifest(manifest) => {
            let declared = manifest.declared().await?;
            Ok(declared.containers.iter().map(|one| (one.title.clone(), of_declared(one))).collect())
        }
        Door::Host(_) | Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) => Ok(BTreeMap::new()),
    }
}

async fn of_docker(docker: &Docker) -> Read<BTreeMap<String, Arguments>> {
    let containers = docker.containers().await?;
    let one = |container: &crate::target::docker::Container| {
        let command = match &container.inspected {
            Err(failure) => Err(failure.reason()),
            Ok(inspected) => {
                let path = inspected.get("Path").and_then(serde_json::Value::as_str);
                let rest = inspected.get("Args").and_then(serde_json::Value::as_array).into_iter().flatten();
                Ok(path.into_iter().chain(rest.filter_map(serde_json::Value::as_str)).map(str::to_owned).collect())
            }
        };
        (container.name.clone(), Arguments::of(command))
    };
    Ok(containers.iter().map(one).collect())
}

fn of_declared(container: &Declared) -> Arguments {
    match (&container.command.entrypoint, &container.command.arguments) {
        (Ok(None), Ok(None)) => Arguments::none(),
        (Ok(None), Ok(Some(words))) => Arguments::of(Ok(words.clone())),
        // An entrypoint takes the place of the image's command too.
        (Ok(Some(entrypoint)), Ok(words)) => {
            Arguments::of(Ok(entrypoint.iter().chain(words.iter().flatten()).cloned().collect()))
        }
        (Err(reason), _) | (_, Err(reason)) => Arguments::of(Err(reason.clone())),
    }
}

/// The variables of containers, by their names.
async fn environments_of(door: &Door) -> Read<BTreeMap<String, Environment>> {
    let seen = match door {
        Door::Docker(docker) => docker.environments("").await?,
        Door::Manifest(manifest) => manifest.environments("").await?.seen,
        Door::Host(_) | Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) => Vec::new(),
    };
    let named = |one: Environment| {
        let name = one.owner.split_once(' ').map_or(one.owner.as_str(), |(_, name)| name).to_owned();
        (name, one)
    };
    Ok(seen.into_iter().map(named).collect())
}

fn nothing_of(name: &str) -> Environment {
    unseen(format!("container {name}"), Reason::new("its variables were not seen"))
}

fn unseen(owner: String, reason: Reason) -> Environment {
    Environment {
        origin: owner.clone(),
        owner,
        basis: Basis::Declared,
        variables: Ok(Vec::new()),
        unseen: vec![Unseen { name: None, reason }],
    }
}

/// A daemon that a unit of the host starts; or, where nobody tells of containers, the file that some daemon has.
fn of_host(host: &Host, pattern: &str) -> Read<Option<Seen>> {
    if let Some((origin, arguments, environment)) = of_unit(host)? {
        let pattern = Daemon::config(&arguments, &environment);
        let files = pattern.and_then(|pattern| files::of_host(host, &pattern));
        return Ok(Some(on_host(format!("unit {UNIT}"), origin, arguments, environment, files)));
    }
    if !host.is_alone() {
        return Ok(None);
    }
    let files = files::of_host(host, pattern)?;
    let Some(first) = files.first() else { return Ok(None) };
    let path = first.path.clone();
    let reason = Reason::new("the variables and flags of the daemon that loads this file were not seen")
        .with_grant("look at its containers too: --compose FILE, --docker ADDRESS");
    let environment = unseen(path.clone(), reason.clone());
    Ok(Some(on_host(path.clone(), path, Arguments::unseen(reason), environment, Ok(files))))
}

fn on_host(
    name: String,
    origin: String,
    arguments: Arguments,
    environment: Environment,
    files: Read<Vec<File>>,
) -> Seen {
    let (configuration, paths) = match files {
        Ok(files) => {
            let paths = files.iter().map(|file| file.path.clone()).collect();
            (Configuration::read(&files, &environment), Ok(paths))
        }
        Err(reason) => (Configuration { unread: Some(reason.clone()), ..Configuration::default() }, Err(reason)),
    };
    Seen {
        name,
        origin,
        basis: Basis::Declared,
        daemon: Daemon { arguments, environment, configuration, labels: Ok(BTreeMap::new()) },
        container: None,
        on_host: paths,
        labelled: Vec::new(),
    }
}

fn of_unit(host: &Host) -> Read<Option<(String, Arguments, Environment)>> {
    let Environments { mut seen, more: None } = environments::read(host, &format!("unit:{UNIT}"))? else {
        return Ok(None);
    };
    let (Some(environment), Some(unit)) = (seen.pop(), units::read(host, UNIT, None)?) else { return Ok(None) };
    let command = unit.directives.map(|directives| {
        let mut starts =
            directives.iter().filter(|one| one.directive.section == "Service" && one.directive.key == "ExecStart");
        starts.next_back().map(|one| unit::words(&one.directive.value)).unwrap_or_default()
    });
    Ok(Some((unit.path.display().to_string(), Arguments::of(command), environment)))
}
