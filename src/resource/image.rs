//! `image`: the images of a Docker daemon, by the reference that a container or a tag gives them.

mod fields;
pub(super) mod reference;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use self::reference::{Reference, Source};
use super::docker_json::{Read, at, has_healthcheck, is_root_user, maybe, names_of_env, seen, seen_texts, seen_time};
use super::{Accepts, Param, Resource, text};
use crate::facts::{Basis, Listing, Subject};
use crate::resource::With;
use crate::target::docker::{Answer, Docker, Failure, Glob, all};
use crate::target::{Door, Kind};
use crate::value::{Observed, Reason, Record, Value};

pub(crate) static IMAGE: Resource = Resource {
    name: "image",
    about: "an image of the Docker daemon: by each reference that containers were made from, and every other by its tag",
    privilege: "root, or membership of the group docker (which equals root)",
    params: &[
        Param {
            name: "reference",
            accepts: Accepts::Text,
            required: false,
            about: "a reference or a pattern (`docker.io/library/*`), compared as written and in full; all without it",
        },
        Param {
            name: "only_used",
            accepts: Accepts::Words(&["true", "false"]),
            required: false,
            about: "only images that a container was made from, stopped ones included",
        },
    ],
    fields: fields::FIELDS,
    can_be_absent: false,
    target: |_| Kind::Docker,
    observe: |door, with| Box::pin(observe(door, with)),
};

/// An image under one of its names.
struct Named {
    reference: Option<String>,
    id: String,
    used_by: BTreeSet<String>,
}

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Docker(docker) = door else { return Listing::failed(Reason::new("images are read from a daemon")) };
    let wanted = match Glob::new(text(with, "reference")) {
        Ok(wanted) => wanted,
        Err(reason) => return Listing::failed(reason),
    };
    let (images, gap) = match named(docker, text(with, "only_used") == "true").await {
        Ok(named) => named,
        Err(reason) => return Listing::failed(reason),
    };
    let stores_digests = stores_digests_of_builds(docker).await;
    let repeated = repeated_references(&images);
    let subjects = images.iter().map(async |image| {
        let answer = docker.image(&image.id).await;
        let names = spellings(image, &answer);
        if !names.iter().any(|name| wanted.matches(name)) {
            return None;
        }
        let is_repeated = image.reference.as_ref().is_some_and(|reference| repeated.contains(reference));
        Some(subject(image, &answer, is_repeated, stores_digests.clone()))
    });
    let subjects: Vec<Subject> = all(subjects).await.into_iter().flatten().collect();
    match gap {
        None => Listing::complete(subjects),
        Some(reason) => Listing::partial(subjects, reason),
    }
}

/// The images to judge, and why some may be missing.
async fn named(docker: &Docker, only_used: bool) -> Result<(Vec<Named>, Option<Reason>), Reason> {
    let mut used: BTreeMap<(Option<String>, String), BTreeSet<String>> = BTreeMap::new();
    let mut gap = None;
    for container in docker.containers().await? {
        let inspected = container.inspected.as_ref().map_err(Failure::reason);
        let image = inspected.and_then(|json| {
            Ok((at(json, "Config.Image").some_text()?.map(str::to_owned), at(json, "Image").text()?.to_owned()))
        });
        match image {
            Ok(key) => _ = used.entry(key).or_default().insert(container.name),
            Err(reason) => {
                gap =
                    Some(Reason { text: format!("the image of {}: {}", container.name, reason.text).into(), ..reason });
            }
        }
    }
    let used_ids: BTreeSet<String> = used.keys().map(|(_, id)| id.clone()).collect();
    let mut images: Vec<Named> =
        used.into_iter().map(|((reference, id), used_by)| Named { reference, id, used_by }).collect();
    if !only_used {
        let list = docker.images().await.map_err(|failure| failure.reason())?;
        let entries = list.as_array().ok_or_else(|| Reason::new("the daemon's list of images is no list"))?;
        for entry in entries {
            let id = at(entry, "Id").text()?;
            if !used_ids.contains(id) {
                let tags = tags_of(entry)?;
                let reference = tags.first().map(|tag| (*tag).to_owned());
                images.push(Named { reference, id: id.to_owned(), used_by: BTreeSet::new() });
            }
        }
    }
    Ok((images, gap))
}

/// Real tags, sorted; `<none>:<none>` is how older daemons write that there is none.
fn tags_of(image: &Json) -> Read<Vec<&str>> {
    named_ones(maybe(image, "RepoTags").texts()?)
}

fn digests_of(image: &Json) -> Read<Vec<&str>> {
    named_ones(maybe(image, "RepoDigests").texts()?)
}

fn named_ones(names: Vec<&str>) -> Read<Vec<&str>> {
    let mut names: Vec<&str> = names.into_iter().filter(|name| !name.starts_with("<none>")).collect();
    names.sort_unstable();
    Ok(names)
}

/// References under which containers have different images: the tag has moved since the older one was made.
fn repeated_references(images: &[Named]) -> BTreeSet<String> {
    let mut once = BTreeSet::new();
    let references = images.iter().filter_map(|image| image.reference.as_ref());
    references.filter(|reference| !once.insert(reference.as_str())).cloned().collect()
}

/// Everything that an image may be asked for by.
fn spellings(image: &Named, answer: &Answer) -> Vec<String> {
    let mut names: Vec<String> = image.reference.iter().cloned().chain([image.id.clone()]).collect();
    if let Ok(json) = answer {
        names.extend(tags_of(json).unwrap_or_default().into_iter().map(str::to_owned));
    }
    let full: Vec<String> = names.iter().filter_map(|name| in_full(name, &image.id)).collect();
    names.extend(full);
    names
}

fn in_full(name: &str, id: &str) -> Option<String> {
    let Some(Source::Named(Reference { registry, repository, tag, digest })) = reference::parse(name, Some(id)) else {
        return None;
    };
    let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = digest.map(|digest| format!("@{digest}")).unwrap_or_default();
    Some(format!("{registry}/{repository}{tag}{digest}"))
}

/// containerd's image store keeps a digest of every image, so that there it does not tell what a registry knows.
async fn stores_digests_of_builds(docker: &Docker) -> Read<bool> {
    let info = docker.info().await.map_err(|failure| failure.reason())?;
    let status = maybe(&info, "DriverStatus").items()?;
    let text = |entry: &Json, place: usize| entry.get(place).and_then(Json::as_str).map(str::to_owned);
    Ok(status.iter().any(|entry| {
        text(entry, 0).as_deref() == Some("driver-type")
            && text(entry, 1).is_some_and(|kind| kind.starts_with("io.containerd.snapshotter"))
    }))
}

fn subject(image: &Named, answer: &Answer, is_repeated: bool, stores_digests: Read<bool>) -> Subject {
    let short: String = image.id.trim_start_matches("sha256:").chars().take(12).collect();
    let name = match &image.reference {
        Some(reference) if is_repeated => format!("{reference} ({short})"),
        Some(reference) => reference.clone(),
        None => short,
    };
    let mut subject = Subject::new(&IMAGE, name.as_str(), format!("image {name}"), Basis::Live);
    match answer {
        Ok(json) => set_content(&mut subject.fields, json, stores_digests),
        Err(failure) => {
            let gone = || Reason::new("the image is no longer there");
            let reason = if failure.is_not_found() { gone() } else { failure.reason() };
            for field in subject.fields.fields.iter_mut() {
                *field = Observed::Unknown(reason.clone());
            }
        }
    }
    set_names(&mut subject.fields, image, answer.as_ref().ok().map(|json| &**json));
    subject.fields.set("name", name);
    subject
}

fn set_names(fields: &mut Record, image: &Named, json: Option<&Json>) {
    fields.set("id", image.id.as_str());
    fields.set("used_by", image.used_by.iter().map(String::as_str).collect::<Value>());
    fields.set("reference", Observed::from_option(image.reference.as_deref()));
    let source = image.reference.as_deref().map(|text| (text, reference::parse(text, Some(&image.id))));
    match source {
        Some((_, Some(Source::Named(reference)))) => {
            fields.set("pinned", reference.digest.is_some());
            fields.set("floating_tag", reference.is_floating());
            fields.set("registry", reference.registry);
            fields.set("repository", reference.repository);
            fields.set("tag", Observed::from_option(reference.tag));
            fields.set("digest", Observed::from_option(reference.digest));
        }
        Some((text, None)) => {
            for name in ["pinned", "floating_tag", "registry", "repository", "tag", "digest"] {
                fields.set(name, Observed::unknown(format!("`{text}` is no image reference")));
            }
        }
        // By its id, or without any name.
        Some((_, Some(Source::Id))) | None => {
            fields.set("pinned", true);
            fields.set("floating_tag", false);
            fields.set("tag", Observed::Absent);
            fields.set("digest", Observed::Absent);
            let origin = json.and_then(only_repository);
            let unknown = || Observed::unknown("known by its id only");
            let (registry, repository) = match origin {
                Some(origin) => (origin.registry.into(), origin.repository.into()),
                None => (unknown(), unknown()),
            };
            fields.set("registry", registry);
            fields.set("repository", repository);
        }
    }
}

/// The repository that all its digests and tags agree on.
fn only_repository(json: &Json) -> Option<Reference> {
    let names = digests_of(json).ok()?.into_iter().chain(tags_of(json).ok()?);
    let mut references = names.map(|name| match reference::parse(name, None) {
        Some(Source::Named(reference)) => Some(reference),
        Some(Source::Id) | None => None,
    });
    let first = references.next()??;
    let agree = |other: Option<Reference>| {
        other.is_some_and(|other| {
            (other.registry, other.repository) == (first.registry.clone(), first.repository.clone())
        })
    };
    references.all(agree).then_some(first)
}

fn set_content(fields: &mut Record, json: &Json, stores_digests: Read<bool>) {
    let digests = digests_of(json);
    fields.set("local", seen(is_local(&digests, stores_digests)));
    fields.set("digests", seen_texts(digests));
    fields.set("tags", seen_texts(tags_of(json)));
    fields.set("created", created(json));
    // An image's configuration leaves out what it does not set (OCI image specification, "Image Configuration").
    let config = at(json, "Config").optional(|config| config.as_object());
    let has_config = config.and_then(|config| config.map(|_| ()).ok_or_else(|| Reason::new("it has no configuration")));
    let user = has_config.clone().and_then(|()| Ok(maybe(json, "Config.User").some_text()?.unwrap_or("0")));
    fields.set("root", seen(user.clone().and_then(is_root)));
    fields.set("user", seen(user));
    let keys = |path: &str| {
        let entries = has_config.clone().and_then(|()| maybe(json, path).entries());
        seen_texts(entries.map(|entries| entries.into_iter().map(|(key, _)| key)))
    };
    fields.set("exposed_ports", keys("Config.ExposedPorts"));
    fields.set("volumes", keys("Config.Volumes"));
    let healthcheck = has_config.clone().and_then(|()| has_healthcheck(json, "Config.Healthcheck.Test"));
    fields.set("healthcheck", seen(healthcheck));
    fields.set("labels", seen(has_config.clone().and_then(|()| maybe(json, "Config.Labels").text_map())));
    let env = has_config.and_then(|()| maybe(json, "Config.Env").texts());
    fields.set("env_names", seen_texts(env.map(names_of_env)));
    let size = at(json, "Size")
        .int()
        .and_then(|size| u64::try_from(size).map(Value::Size).map_err(|_| Reason::new("unexpected value of Size")));
    fields.set("size", seen(size));
    fields.set("architecture", seen(at(json, "Architecture").text()));
}

fn is_root(user: &str) -> Read<bool> {
    is_root_user(user).ok_or_else(|| Reason::new(format!("only the image knows the number of the user `{user}`")))
}

fn is_local(digests: &Read<Vec<&str>>, stores_digests: Read<bool>) -> Read<bool> {
    let has_digest = !digests.clone()?.is_empty();
    match (has_digest, stores_digests) {
        (false, _) => Ok(true),
        (true, Ok(false)) => Ok(false),
        (true, Ok(true)) => Err(Reason::new("containerd's image store has digests of images from everywhere")),
        (true, Err(reason)) => Err(reason),
    }
}

/// Reproducible builds set the epoch, or the first moment that a zip file can hold.
fn created(json: &Json) -> Observed {
    const ZIP_EPOCH: std::ops::Range<i64> = 315_532_800..315_619_200;
    let seen = seen_time(maybe(json, "Created").some_text());
    let says_nothing = |seconds: i64| seconds <= 0 || ZIP_EPOCH.contains(&seconds);
    if matches!(seen, Observed::Known(Value::Time(seconds)) if says_nothing(seconds)) { Observed::Absent } else { seen }
}

#[cfg(test)]
mod tests;
