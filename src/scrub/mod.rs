//! Facts that can be shown to anybody: every name, address and id is replaced, the same one by the same one wherever it
//! stands, and what rules judge by is kept.
//!
//! What stays is on a list ([`words`], [`known`]); what is not on it is replaced, whatever it is. Booleans, numbers, sizes,
//! times, modes, versions and words of vocabularies stay as they are: rules judge by them, and they name nothing. Secrets
//! never were in the facts. Pure: facts and a key in, facts out.

mod addresses;
mod fields;
mod known;
mod names;
mod text;
mod words;

use std::collections::BTreeMap;

use serde_json::Value as Json;

pub use addresses::Key;
pub use known::Known;

use crate::evaluate::evaluate;
use crate::facts::{Access, Extent, Facts, Listing, Query, Subject, Target};
use crate::glob::is_pattern;
use crate::resource::{self, Resource, With};
use crate::rule::Rule;
use crate::value::{List, Net, Observed, Reason, Record, Secret, Value, Version};
use fields::Scrub;
use names::Kind;
use text::Scrubber;

/// How often addresses are replaced anew because one became another that is there.
const ROUNDS: u32 = 16;

/// The facts with everything replaced that could tell whose they are.
pub fn scrub(facts: &Facts, known: &Known, key: &Key) -> Facts {
    let mut round = 0;
    loop {
        let mut scrubber = Scrubber::new(known, key, round);
        // Names first, so that they are known where they stand in a sentence.
        Walk { replace: &mut |text, how| note(&mut scrubber, text, how) }.facts(facts);
        let scrubbed = Walk { replace: &mut |text, how| replace(&mut scrubber, text, how) }.facts(facts);
        round += 1;
        if !scrubber.repeats() || round == ROUNDS {
            return scrubbed;
        }
    }
}

/// The rules that say something else of the scrubbed facts than of the facts: not of as many subjects, or not the same.
pub fn changed<'r>(rules: &'r [Rule], facts: &Facts, scrubbed: &Facts) -> Vec<&'r Rule> {
    let counts = |rule: &Rule, facts: &Facts| {
        let mut counts = [0_usize; 4];
        evaluate([rule], facts, facts.started, &mut |finding| {
            if let Some(count) = counts.get_mut(usize::from(finding.status.weight())) {
                *count += 1;
            }
        });
        counts
    };
    rules.iter().filter(|rule| counts(rule, facts) != counts(rule, scrubbed)).collect()
}

/// What is to be done with a text.
#[derive(Clone, Copy)]
enum How {
    As(Scrub),
    /// It is the fingerprint of a secret.
    Id,
}

fn note(scrubber: &mut Scrubber<'_>, text: &str, how: How) -> String {
    if let How::As(scrub) = how {
        scrubber.note(text, scrub);
    }
    text.to_owned()
}

fn replace(scrubber: &mut Scrubber<'_>, text: &str, how: How) -> String {
    match how {
        How::As(scrub) => scrubber.scrub(text, scrub),
        How::Id => scrubber.id(text),
    }
}

/// Every text of a document, with what it is, on its way to another document.
struct Walk<'w> {
    replace: &'w mut dyn FnMut(&str, How) -> String,
}

impl Walk<'_> {
    fn text(&mut self, text: &str, scrub: Scrub) -> String {
        (self.replace)(text, How::As(scrub))
    }

    fn facts(&mut self, facts: &Facts) -> Facts {
        let targets = facts.targets.iter().map(|target| self.target(target)).collect();
        let mut listings = BTreeMap::new();
        for (query, listing) in &facts.listings {
            let answer = self.listing(query.resource, listing);
            listings.insert(self.query(query), answer);
        }
        Facts { started: facts.started, targets, listings }
    }

    fn target(&mut self, target: &Target) -> Target {
        let access = match &target.access {
            Access::Audited => Access::Audited,
            Access::Absent(why) => Access::Absent(self.text(why, Scrub::Prose)),
            Access::Unreachable(why) => Access::Unreachable(self.text(why, Scrub::Prose)),
        };
        Target {
            name: self.text(&target.name, Scrub::Name(Kind::Target)),
            kind: target.kind,
            address: self.text(&target.address, Scrub::Prose),
            access,
        }
    }

    fn query(&mut self, query: &Query) -> Query {
        let target = self.text(&query.target, Scrub::Name(Kind::Target));
        let with: With = query.with().iter().map(|(name, value)| (name.clone(), self.param(name, value))).collect();
        Query::new(target, query.resource, &with)
    }

    /// A parameter by its name; `of` names a container as the subjects do, so that a reference still leads to it.
    fn param(&mut self, name: &str, value: &Json) -> Json {
        match value {
            Json::String(text) => {
                match text.strip_prefix("container:").filter(|owner| name == "of" && !is_pattern(owner)) {
                    Some(owner) => format!("container:{}", self.text(owner, Scrub::Name(Kind::Container))).into(),
                    None => Json::String(self.text(text, Scrub::Text)),
                }
            }
            Json::Array(items) => items.iter().map(|item| self.param(name, item)).collect(),
            Json::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), self.param(key, value))).collect(),
            Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
        }
    }

    fn listing(&mut self, resource: &'static str, listing: &Listing) -> Listing {
        let extent = match &listing.extent {
            Extent::Complete => Extent::Complete,
            Extent::Absent(what) => Extent::Absent(self.text(what, Scrub::Prose).into()),
            Extent::Partial(reason) => Extent::Partial(self.reason(reason)),
            Extent::Failed(reason) => Extent::Failed(self.reason(reason)),
        };
        let subjects = match resource::find(resource) {
            Some(resource) => listing.subjects.iter().map(|subject| self.subject(resource, subject)).collect(),
            None => Vec::new(),
        };
        Listing { subjects, extent }
    }

    fn subject(&mut self, resource: &Resource, subject: &Subject) -> Subject {
        Subject {
            name: self.text(&subject.name, fields::of_subject(resource.name)).into(),
            origin: self.text(&subject.origin, Scrub::Prose).into(),
            basis: subject.basis,
            fields: self.record(resource.name, "", &subject.fields),
        }
    }

    fn reason(&mut self, reason: &Reason) -> Reason {
        let scrubbed = Reason::new(self.text(&reason.text, Scrub::Prose));
        match &reason.grant {
            Some(grant) => scrubbed.with_grant(self.text(grant, Scrub::Prose)),
            None => scrubbed,
        }
    }

    /// The fields of a record; `path` leads to it from the subject, and ends in a dot where it is not the subject itself.
    fn record(&mut self, resource: &str, path: &str, record: &Record) -> Record {
        let fields = record.table.iter().zip(&record.fields).map(|(field, observed)| {
            let path = format!("{path}{}", field.name);
            self.observed(resource, &path, observed)
        });
        Record { table: record.table, fields: fields.collect() }
    }

    fn observed(&mut self, resource: &str, path: &str, observed: &Observed) -> Observed {
        match observed {
            Observed::Known(value) => Observed::Known(self.value(resource, path, value)),
            Observed::Absent => Observed::Absent,
            Observed::Unknown(reason) => Observed::Unknown(self.reason(reason)),
        }
    }

    fn value(&mut self, resource: &str, path: &str, value: &Value) -> Value {
        match value {
            Value::Text(text) => Value::Text(self.text(text, fields::of(resource, path)).into()),
            // The program did not understand it, so it can be anything.
            Value::Invalid(text) => Value::Invalid(self.text(text, Scrub::Setting).into()),
            Value::Version(version) => self.version(version),
            Value::Net(net) => {
                let text = self.text(&net.to_string(), Scrub::Text);
                Net::parse(&text).map_or(Value::Invalid(text.into()), Value::Net)
            }
            Value::Secret(secret) => {
                Value::Secret(Secret { fingerprint: (self.replace)(&secret.fingerprint, How::Id), ..secret.clone() })
            }
            Value::List(List { items, more }) => Value::List(List {
                items: items.iter().map(|item| self.observed(resource, path, item)).collect(),
                more: more.as_ref().map(|reason| self.reason(reason)),
            }),
            Value::Map(map) => {
                let entries = map.iter().map(|(key, value)| {
                    let key = self.text(key, Scrub::Text);
                    (key.into(), self.observed(resource, path, value))
                });
                Value::Map(entries.collect())
            }
            Value::Record(record) => Value::Record(self.record(resource, &format!("{path}."), record)),
            Value::Bool(_)
            | Value::Int(_)
            | Value::Size(_)
            | Value::Duration(_)
            | Value::Time(_)
            | Value::Mode(_)
            | Value::Word(_) => value.clone(),
        }
    }

    /// The numbers stay; a distribution's or a vendor's words behind them go.
    fn version(&mut self, version: &Version) -> Value {
        let text = version.to_string();
        let digits = |c: char| c.is_ascii_digit() || c == '.';
        let rest = text.strip_prefix('v').unwrap_or(&text).trim_start_matches(digits);
        let numbers = text.get(..text.len() - rest.len()).unwrap_or_default();
        let text = format!("{numbers}{}", self.text(rest, Scrub::Text));
        Version::parse(&text).map_or(Value::Invalid(text.into()), Value::Version)
    }
}
