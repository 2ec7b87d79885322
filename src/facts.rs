//! The document between looking and judging: every target that was considered, every query that was asked, and what
//! was seen. Judging reads nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::resource::{self, Resource, With};
use crate::target::Kind;
use crate::value::json::{record_from_json, record_to_json, without_repeats};
use crate::value::text::json_document;
use crate::value::{Reason, Record};

/// The version of the document's format.
pub const SCHEMA: &str = "harden.facts/v1";

/// Targets of a document; rules are judged on their combinations.
const MAX_TARGETS: usize = 1000;

/// How a fact was learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The running thing was asked.
    Live,
    /// A file was read that the running thing may not have loaded.
    Declared,
}

/// One thing as it was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// A name that a person recognises.
    pub name: Box<str>,
    /// Where it was seen: `path:line`, `container web`.
    pub origin: Box<str>,
    pub basis: Basis,
    pub fields: Record,
}

impl Subject {
    /// A subject of `resource` none of whose fields has been read yet.
    pub fn new(resource: &Resource, name: impl Into<Box<str>>, origin: impl Into<Box<str>>, basis: Basis) -> Self {
        Subject { name: name.into(), origin: origin.into(), basis, fields: Record::new(resource.fields) }
    }
}

/// How far a listing got.
#[derive(Debug, Clone, PartialEq)]
pub enum Extent {
    /// All there is.
    Complete,
    /// The thing asked for does not exist; the text says what was looked for.
    Absent(Box<str>),
    /// Some was seen, and there may be more.
    Partial(Reason),
    /// Nothing could be seen.
    Failed(Reason),
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    pub subjects: Vec<Subject>,
    pub extent: Extent,
}

impl Listing {
    /// The same listing with these subjects.
    #[must_use]
    pub fn with(self, subjects: Vec<Subject>) -> Self {
        Listing { subjects, ..self }
    }

    /// The same listing, of which there may be more for this reason. One that is not complete stays as it is.
    #[must_use]
    pub fn cut(self, reason: Reason) -> Self {
        match self.extent {
            Extent::Complete => Listing::partial(self.subjects, reason),
            Extent::Absent(_) | Extent::Partial(_) | Extent::Failed(_) => self,
        }
    }

    pub fn complete(subjects: Vec<Subject>) -> Self {
        Listing { subjects, extent: Extent::Complete }
    }

    pub fn partial(subjects: Vec<Subject>, reason: Reason) -> Self {
        Listing { subjects, extent: Extent::Partial(reason) }
    }

    pub fn absent(what: impl Into<Box<str>>) -> Self {
        Listing { subjects: Vec::new(), extent: Extent::Absent(what.into()) }
    }

    pub fn failed(reason: Reason) -> Self {
        Listing { subjects: Vec::new(), extent: Extent::Failed(reason) }
    }
}

/// What is read once: a resource with its parameters, on a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Query {
    pub target: String,
    pub resource: &'static str,
    /// Canonical JSON of the parameters, so that equal queries are equal.
    with: String,
}

impl Query {
    pub fn new(target: impl Into<String>, resource: &'static str, with: &With) -> Self {
        Query { target: target.into(), resource, with: Json::from_iter(with.clone()).to_string() }
    }

    pub fn with(&self) -> With {
        serde_json::from_str(&self.with).unwrap_or_default()
    }

    /// The query in a line: `file path=/etc/shadow`.
    pub fn describe(&self) -> String {
        let with = self.with();
        let params = with.iter().map(|(name, value)| match value {
            Json::String(text) => format!(" {name}={text}"),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
                format!(" {name}={value}")
            }
        });
        format!("{}{}", self.resource, params.collect::<String>())
    }
}

/// Whether a target could be audited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", tag = "state", content = "why")]
pub enum Access {
    Audited,
    /// Merely looked for, and not there.
    Absent(String),
    /// Named or found, and not to be reached.
    Unreachable(String),
}

/// A target that was considered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Target {
    pub name: String,
    pub kind: Kind,
    /// How it is reached, without secrets: a path, a URL, a redacted connection string.
    pub address: String,
    #[serde(flatten)]
    pub access: Access,
}

/// Everything observed in a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// Seconds since the epoch.
    pub started: i64,
    pub targets: Vec<Target>,
    pub listings: BTreeMap<Query, Listing>,
}

/// The document as JSON has it.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    schema: String,
    harden: String,
    started: String,
    targets: Vec<Target>,
    queries: Vec<Entry>,
}

#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Entry {
    target: String,
    resource: String,
    with: With,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    absent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partial: Option<WhyNot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<WhyNot>,
    subjects: Vec<Seen>,
}

#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhyNot {
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant: Option<String>,
}

#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Seen {
    name: String,
    origin: String,
    basis: Basis,
    #[serde(deserialize_with = "without_repeats")]
    fields: Json,
}

impl From<&Reason> for WhyNot {
    fn from(reason: &Reason) -> Self {
        WhyNot { reason: reason.text.to_string(), grant: reason.grant.as_deref().map(str::to_owned) }
    }
}

impl From<WhyNot> for Reason {
    fn from(why: WhyNot) -> Self {
        let reason = Reason::new(why.reason);
        match why.grant {
            Some(grant) => reason.with_grant(grant),
            None => reason,
        }
    }
}

impl Facts {
    /// The JSON document, one value to a line where it helps a person, ending in a line break.
    pub fn to_json(&self) -> String {
        let queries = self.listings.iter().map(|(query, listing)| Entry::new(query, listing)).collect();
        let document = Document {
            schema: SCHEMA.to_owned(),
            harden: env!("CARGO_PKG_VERSION").to_owned(),
            started: crate::value::time::show(self.started),
            targets: self.targets.clone(),
            queries,
        };
        json_document(&json!(document))
    }

    /// Reads a document back. The error says what is wrong and where.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if document.schema != SCHEMA {
            return Err(format!("the document says schema `{}`, this harden reads `{SCHEMA}`", document.schema));
        }
        let started = crate::value::time::parse(&document.started).ok_or("`started` is no timestamp")?;
        let mut listings = BTreeMap::new();
        for (index, entry) in document.queries.into_iter().enumerate() {
            let (query, listing) = entry.read().map_err(|error| format!("queries[{index}]: {error}"))?;
            let is_there = |target: &Target| target.name != query.target || matches!(target.access, Access::Audited);
            if !listing.subjects.is_empty() && !document.targets.iter().all(is_there) {
                return Err(format!("queries[{index}]: `{}` was not audited, and has subjects", query.target));
            }
            if let Some(_first) = listings.insert(query, listing) {
                return Err(format!("queries[{index}]: the same query was answered before"));
            }
        }
        if document.targets.len() > MAX_TARGETS {
            return Err(format!("more than {MAX_TARGETS} targets"));
        }
        Ok(Facts { started, targets: document.targets, listings })
    }
}

impl Entry {
    fn new(query: &Query, listing: &Listing) -> Self {
        let mut entry = Entry {
            target: query.target.clone(),
            resource: query.resource.to_owned(),
            with: query.with(),
            absent: None,
            partial: None,
            failed: None,
            subjects: listing.subjects.iter().map(Seen::from).collect(),
        };
        match &listing.extent {
            Extent::Complete => {}
            Extent::Absent(what) => entry.absent = Some(what.to_string()),
            Extent::Partial(reason) => entry.partial = Some(reason.into()),
            Extent::Failed(reason) => entry.failed = Some(reason.into()),
        }
        entry
    }

    fn read(self) -> Result<(Query, Listing), String> {
        let resource = resource::find(&self.resource).ok_or_else(|| format!("unknown resource `{}`", self.resource))?;
        let as_type = resource.as_type(&self.with);
        let mut subjects = Vec::with_capacity(self.subjects.len());
        for seen in self.subjects {
            let fields = record_from_json(resource.fields, as_type, &seen.fields)
                .map_err(|error| format!("subject `{}`: {error}", seen.name))?;
            subjects.push(Subject { name: seen.name.into(), origin: seen.origin.into(), basis: seen.basis, fields });
        }
        if self.absent.is_some() && !subjects.is_empty() {
            return Err("what is absent has no subjects".into());
        }
        let extent = match (self.absent, self.partial, self.failed) {
            (None, None, None) => Extent::Complete,
            (Some(what), None, None) => Extent::Absent(what.into()),
            (None, Some(why), None) => Extent::Partial(why.into()),
            (None, None, Some(why)) => Extent::Failed(why.into()),
            _ => return Err("only one of absent, partial and failed can be true".into()),
        };
        Ok((Query::new(self.target, resource.name, &self.with), Listing { subjects, extent }))
    }
}

impl From<&Subject> for Seen {
    fn from(subject: &Subject) -> Self {
        Seen {
            name: subject.name.to_string(),
            origin: subject.origin.to_string(),
            basis: subject.basis,
            fields: record_to_json(&subject.fields),
        }
    }
}
