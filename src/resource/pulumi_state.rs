//! What a Pulumi stack made, for the resources that ask for it: the state of a local backend
//! (`.pulumi/stacks/<project>/<stack>.json`), a checkpoint of its history, and what `pulumi stack export` writes.

use serde_json::Value as Json;

use super::files::{self, Content};
use super::{Accepts, Param, With, text};
use crate::facts::{Listing, Subject};
use crate::target::Door;
use crate::value::{Observed, Reason};

/// The member that makes an object stand for something else (Pulumi's property values: `sig`).
const SIGNATURE: &str = "4dabf18193072939515e22adb298388d";
/// The signature of a secret.
const SECRET: &str = "1b47061264138c4ac30d75fd1eb44270";

/// The parameter of each of them.
pub(super) const PATH: &[Param] = &[Param {
    name: "path",
    accepts: Accepts::Text,
    required: true,
    about: "the state or the export, or a pattern; what else a pattern finds is passed over",
}];

/// One resource of a stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made<'j> {
    pub(super) json: &'j Json,
}

impl<'j> Made<'j> {
    pub(super) fn text(&self, name: &str) -> &'j str {
        self.json.get(name).and_then(Json::as_str).unwrap_or_default()
    }

    /// The type: `hcloud:index/server:Server`.
    pub(super) fn kind(&self) -> &'j str {
        self.text("type")
    }

    /// What the program calls it: the last part of its URN.
    pub(super) fn name(&self) -> &'j str {
        let urn = self.text("urn");
        urn.rsplit_once("::").map_or(urn, |(_, name)| name)
    }

    pub(super) fn input(&self, name: &str) -> Option<&'j Json> {
        self.json.get("inputs")?.get(name)
    }

    pub(super) fn output(&self, name: &str) -> Option<&'j Json> {
        self.json.get("outputs")?.get(name)
    }
}

/// Whether a value stands for another one, and for what.
pub(super) enum Stands {
    /// For itself.
    Itself,
    /// A secret that is encrypted.
    Encrypted,
    /// A secret that is written out (`--show-secrets`).
    Plain,
    /// An asset, an archive, a reference to another resource.
    Other,
}

pub(super) fn stands(value: &Json) -> Stands {
    match value.get(SIGNATURE).and_then(Json::as_str) {
        None => Stands::Itself,
        Some(SECRET) if value.get("plaintext").is_some() => Stands::Plain,
        Some(SECRET) => Stands::Encrypted,
        Some(_) => Stands::Other,
    }
}

/// A text, or why it is not to be had.
pub(super) fn text_of(value: Option<&Json>) -> Observed {
    match value {
        None | Some(Json::Null) => Observed::Absent,
        Some(Json::String(text)) => text.as_str().into(),
        Some(Json::Number(number)) => number.to_string().into(),
        Some(value) => Observed::Unknown(why(value)),
    }
}

/// Why a value that is no text is not told.
pub(super) fn why(value: &Json) -> Reason {
    match stands(value) {
        Stands::Encrypted | Stands::Plain => Reason::new("it is a secret of the stack"),
        Stands::Itself | Stands::Other => Reason::new("it has another shape than the provider documents"),
    }
}

/// The resources of a state; `None` when it is none.
fn resources(state: &Json) -> Option<&Vec<Json>> {
    let deployment = state.get("deployment").or_else(|| state.get("checkpoint")?.get("latest"));
    match deployment? {
        // A stack in which nothing was made yet.
        deployment @ Json::Object(_) => {
            static NONE: Vec<Json> = Vec::new();
            match deployment.get("resources") {
                None | Some(Json::Null) => Some(&NONE),
                Some(resources) => resources.as_array(),
            }
        }
        _ => None,
    }
}

/// The subjects that `subjects` makes of the resources of each state.
pub(super) async fn list(door: &Door, with: &With, subjects: fn(&str, &[Made<'_>]) -> Vec<Subject>) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("the states of stacks are read on a host")) };
    let pattern = text(with, "path").to_owned();
    let reading = host
        .run(move |host| files::list(host, &pattern, |_, path, bytes| content(&files::show(path), bytes, subjects)));
    reading.await.unwrap_or_else(Listing::failed)
}

pub(super) fn content(path: &str, bytes: &[u8], subjects: fn(&str, &[Made<'_>]) -> Vec<Subject>) -> Content {
    let unread = |why: &str| Content::Subjects(Vec::new(), Some(Reason::new(format!("{path}: {why}"))));
    // gzip, which `PULUMI_SELF_MANAGED_STATE_GZIP` asks for.
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return unread("it is compressed; give harden what `pulumi stack export` writes");
    }
    let Ok(state) = serde_json::from_slice::<Json>(bytes) else { return unread("it is no JSON, or nested too deep") };
    let Some(resources) = resources(&state) else {
        return Content::Other("it is no state of a Pulumi stack, and no export of one".to_owned());
    };
    let made: Vec<_> = resources.iter().map(|json| Made { json }).collect();
    Content::Subjects(subjects(path, &made), None)
}
