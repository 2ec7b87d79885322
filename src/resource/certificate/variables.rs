//! Certificates in the variables of programs, which hold PEM text or the path of a file, and the keys in the variables
//! beside them.

use std::path::Path;

use secrecy::ExposeSecret as _;

use super::{Relations, content, key_of};
use crate::facts::Listing;
use crate::resource::env::{self, form};
use crate::resource::files::Content;
use crate::resource::mounted::{self, Place};
use crate::resource::{With, text};
use crate::target::host::environments::Environments;
use crate::target::host::{Host, Trouble};
use crate::target::{Door, Environment};
use crate::value::{Observed, Reason, time};

/// Bytes of a file that a variable names.
const MAX_BYTES: u64 = 4 << 20;

/// What a variable leads to.
enum Material {
    /// It is not set, or empty.
    Unset,
    Bytes(Vec<u8>),
    /// It names a file that is not there.
    Missing,
    Unseen(Reason),
}

/// The certificates that the variable `env` of each owner holds or names, with the key that `key_env` does.
pub(super) async fn list(door: &Door, with: &With) -> Listing {
    let (of, name, key_name) = (text(with, "of"), text(with, "env"), text(with, "key_env"));
    let Environments { seen, mut more } = match env::environments(door, of).await {
        Ok(seen) => seen,
        Err(reason) => return Listing::failed(reason),
    };
    let mut relations = relations(door, with).await;
    let mut subjects = Vec::new();
    for environment in &seen {
        let place = format!("{} {name}", environment.owner);
        if !key_name.is_empty() {
            relations.key = key(material(door, environment, key_name).await, key_name);
        }
        let unseen = match material(door, environment, name).await {
            Material::Unset => None,
            Material::Missing => Some(Reason::new(format!("{place}: names a file that does not exist"))),
            Material::Unseen(reason) => Some(Reason { text: format!("{name}: {}", reason.text).into(), ..reason }),
            Material::Bytes(bytes) => {
                match content(&super::read_certificates(&bytes), &place, Some(origin(environment, name)), &relations) {
                    Content::Subjects(seen, unseen) => {
                        subjects.extend(seen);
                        unseen
                    }
                    Content::Other(what) => Some(Reason::new(format!("{place}: {what}"))),
                }
            }
        };
        more = more.or(unseen);
    }
    match more {
        Some(reason) => Listing::partial(subjects, reason),
        None if subjects.is_empty() => Listing::absent(format!("{of} does not set {name}")),
        None => Listing::complete(subjects),
    }
}

fn origin<'e>(environment: &'e Environment, name: &str) -> &'e str {
    let variable = environment.variable(name).ok().flatten();
    variable.and_then(|variable| variable.origin.as_deref()).unwrap_or(&environment.origin)
}

/// Trusted certificates and the key's file are a host's; of containers neither is known.
async fn relations(door: &Door, with: &With) -> Relations {
    let owned = with.clone();
    let read = match door {
        Door::Host(host) => host.run(move |host| Relations::new(host, &owned, time::now())).await,
        Door::Docker(_) | Door::Manifest(_) | Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) => {
            Err(Reason::new("which certificates the container trusts is not read"))
        }
    };
    read.unwrap_or_else(|reason| Relations::without_host(with, time::now(), &reason))
}

fn key(material: Material, name: &str) -> Option<Result<crate::x509::PrivateKey, Observed>> {
    Some(match material {
        Material::Unset | Material::Missing => Err(Observed::Absent),
        Material::Unseen(reason) => Err(Observed::Unknown(reason)),
        Material::Bytes(bytes) => key_of(&bytes, name),
    })
}

async fn material(door: &Door, environment: &Environment, name: &str) -> Material {
    let value = match environment.variable(name) {
        Ok(None) => return Material::Unset,
        Ok(Some(variable)) => variable.value.as_ref(),
        Err(reason) => return Material::Unseen(reason.clone()),
    };
    let value = match value {
        Ok(value) => value.expose_secret().trim(),
        Err(reason) => return Material::Unseen(reason.clone()),
    };
    match (form(value), door) {
        ("empty", _) => Material::Unset,
        ("pem", _) => Material::Bytes(value.as_bytes().to_vec()),
        (_, Door::Host(host)) => {
            let path = value.to_owned();
            host.run(move |host| file(host, &path)).await.unwrap_or_else(Material::Unseen)
        }
        ("path", _) => in_container(door, mounted::place(door, &environment.owner, value).await).await,
        _ => Material::Unseen(Reason::new("its value is neither PEM text nor the path of a file")),
    }
}

fn file(host: &Host, path: &str) -> Material {
    match host.read(Path::new(path), MAX_BYTES) {
        Ok(bytes) => Material::Bytes(bytes),
        Err(Trouble::Absent) => Material::Missing,
        Err(Trouble::Unseen(reason)) => Material::Unseen(reason),
    }
}

async fn in_container(door: &Door, place: Place) -> Material {
    match (place, door) {
        (Place::Project(path), Door::Manifest(manifest)) => match manifest.project_file(path).await {
            Ok(Some(bytes)) => Material::Bytes(bytes),
            Ok(None) => Material::Missing,
            Err(reason) => Material::Unseen(reason),
        },
        (Place::Host(path), _) => {
            Material::Unseen(Reason::new(format!("it names a file that is {path} on the host; ask for that one")))
        }
        (Place::Unmounted, _) => {
            Material::Unseen(Reason::new("it names a file of the image, or one that is not there: no mount covers it"))
        }
        (Place::Elsewhere(reason) | Place::Unseen(reason), _) => Material::Unseen(reason),
        (Place::Project(_), _) => Material::Unseen(Reason::new("it names a file of a project, which is not read here")),
    }
}
