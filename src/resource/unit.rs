//! `unit`: what systemd's unit files and their drop-ins make of a unit.

mod capabilities;
mod fields;
mod settings;
#[cfg(test)]
mod tests;

use super::{Accepts, Param, Resource, With, text};
use crate::facts::{Basis, Listing, Subject};
use crate::glob::is_pattern;
use crate::target::host::Host;
use crate::target::host::units::{self, Links, Unit};
use crate::target::{Door, Kind};
use crate::value::{List, Observed, Reason, Value};

pub(crate) static UNIT: Resource = Resource {
    name: "unit",
    about: "Units of systemd by their files and drop-ins: who they run as, what they may, what pulls them in.",
    privilege: "read permission for the unit's files, which every user usually has",
    params: &[Param {
        name: "name",
        accepts: Accepts::Text,
        required: true,
        about: "the unit with its kind, `nginx.service`; `*.service` and other patterns for all that have a file or are pulled in",
    }],
    fields: fields::FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("units are read on a host")) };
    let name = text(with, "name").to_owned();
    host.run(move |host| look(host, &name)).await.unwrap_or_else(Listing::failed)
}

fn look(host: &Host, name: &str) -> Listing {
    let links = Links::read(host);
    if !is_pattern(name) {
        return match units::read(host, name, Some(&links)) {
            Ok(Some(unit)) => Listing::complete(vec![subject(name, &unit, &links)]),
            Ok(None) => Listing::absent(format!("there is no unit {name}")),
            Err(reason) => Listing::failed(reason),
        };
    }
    let (mut subjects, mut more) = (Vec::new(), links.more.clone());
    for name in links.matching(name) {
        match units::read(host, name, Some(&links)) {
            Ok(Some(unit)) => subjects.push(subject(name, &unit, &links)),
            // Pulled in, and without a file.
            Ok(None) => {}
            Err(reason) => more = more.or(Some(reason)),
        }
    }
    match more {
        Some(reason) if subjects.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(subjects, reason),
        None if subjects.is_empty() => Listing::absent(format!("no unit matches {name}")),
        None => Listing::complete(subjects),
    }
}

fn subject(name: &str, unit: &Unit, links: &Links) -> Subject {
    let path = unit.path.display().to_string();
    let mut subject = Subject::new(&UNIT, name, path.as_str(), Basis::Declared);
    match &unit.directives {
        Ok(_) if unit.masked => {
            fields::FIELDS.iter().for_each(|field| subject.fields.set(field.name, Observed::Absent))
        }
        Ok(directives) => settings::fill(&mut subject.fields, name, directives),
        Err(reason) => {
            for field in fields::FIELDS {
                subject.fields.set(field.name, Observed::Unknown(reason.clone()));
            }
        }
    }
    let fields = &mut subject.fields;
    fields.set("name", name);
    fields.set("path", path);
    fields.set("masked", unit.masked);
    fields.set("drop_ins", unit.drop_ins.iter().map(|path| path.display().to_string()).collect::<Value>());
    let items = links.wanted_by(name).into_iter().map(Observed::from).collect::<Vec<_>>();
    let enabled = match (&links.more, items.is_empty()) {
        (Some(reason), true) => Observed::Unknown(reason.clone()),
        (_, none) => (!none).into(),
    };
    fields.set("enabled", enabled);
    fields.set("wanted_by", Value::List(List { items, more: links.more.clone() }));
    subject
}
