//! What containers and manifests plan: Ofelia's labels, and CronJobs of Kubernetes.

use std::collections::{BTreeMap, BTreeSet};

use super::job::{Command, Job, Jobs, Outcome};
use super::ofelia;
use super::programs::Programs;
use crate::facts::Listing;
use crate::format::cron::go;
use crate::manifest::kubernetes::CronJob;
use crate::target::Door;
use crate::value::{Observed, Reason, Value};

type Labels = BTreeMap<String, Result<String, Reason>>;

pub(super) async fn list(door: &Door) -> Listing {
    let mut jobs = Jobs::default();
    match door {
        Door::Docker(docker) => match docker.containers().await {
            Ok(containers) => containers.iter().for_each(|one| {
                let origin = format!("container {}", one.name);
                let labels = one.inspected.as_ref().map_err(|failure| failure.reason());
                match labels.and_then(|json| live(json.pointer("/Config/Labels"))) {
                    Ok(labels) => ofelia::labelled(&one.name, &origin, &labels, &mut jobs),
                    Err(reason) => jobs.doubt(reason),
                }
            }),
            Err(reason) => return Listing::failed(reason),
        },
        Door::Manifest(manifest) => match manifest.declared().await {
            Ok(declared) => {
                for container in &declared.containers {
                    let labels = container.fields.iter().find(|(name, _)| *name == "labels");
                    match declared_labels(labels.map(|(_, labels)| labels)) {
                        Ok(labels) => ofelia::labelled(&container.title, &container.origin, &labels, &mut jobs),
                        Err(reason) => jobs.doubt(reason),
                    }
                }
                declared.cron_jobs.iter().for_each(|one| jobs.found.push(cron_job(one)));
                declared.more.clone().into_iter().for_each(|reason| jobs.doubt(reason));
            }
            Err(reason) => return Listing::failed(reason),
        },
        Door::Host(_) | Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) => {
            return Listing::failed(Reason::new("these schedules are read from a daemon or a manifest"));
        }
    }
    jobs.listing("no container has a job of Ofelia, and no manifest a CronJob".to_owned())
}

/// The daemon writes null where there are none.
fn live(labels: Option<&serde_json::Value>) -> Result<Labels, Reason> {
    let unexpected = || Reason::new("unexpected shape of Config.Labels");
    match labels {
        Some(serde_json::Value::Null) => Ok(Labels::new()),
        Some(serde_json::Value::Object(labels)) => labels
            .iter()
            .map(|(name, value)| Ok((name.clone(), Ok(value.as_str().ok_or_else(unexpected)?.to_owned()))))
            .collect(),
        Some(_) | None => Err(unexpected()),
    }
}

fn declared_labels(labels: Option<&Observed>) -> Result<Labels, Reason> {
    match labels {
        Some(Observed::Known(Value::Map(map))) => {
            let text = |value: &Observed| match value {
                Observed::Known(Value::Text(text)) => Ok(text.to_string()),
                Observed::Unknown(reason) => Err(reason.clone()),
                Observed::Known(_) | Observed::Absent => Ok(String::new()),
            };
            Ok(map.iter().map(|(name, value)| (name.to_string(), text(value))).collect())
        }
        Some(Observed::Unknown(reason)) => Err(reason.clone()),
        Some(Observed::Known(_) | Observed::Absent) | None => Ok(Labels::new()),
    }
}

fn cron_job(one: &CronJob) -> Job {
    let mut problems = BTreeSet::new();
    let understood = match &one.schedule {
        Ok(Some(text)) => go::understands(text, false).into(),
        Ok(None) => false.into(),
        Err(reason) => Observed::Unknown(reason.clone()),
    };
    if understood == Observed::from(false) {
        problems.insert("bad-schedule");
    }
    let suspended = match &one.suspended {
        Ok(suspended) => Ok(*suspended),
        Err(reason) => Err(reason.clone()),
    };
    if suspended == Ok(true) {
        problems.insert("suspended");
    }
    let enabled = match (&understood, suspended) {
        _ if !problems.is_empty() => false.into(),
        (Observed::Unknown(reason), _) => Observed::Unknown(reason.clone()),
        (_, Err(reason)) => Observed::Unknown(reason),
        (_, Ok(suspended)) => (!suspended).into(),
    };
    let doubt = [&understood, &enabled].into_iter().find_map(|one| match one {
        Observed::Unknown(reason) => Some(reason.clone()),
        Observed::Known(_) | Observed::Absent => None,
    });
    Job {
        kind: "cronjob",
        subject: one.title.clone(),
        origin: one.origin.clone(),
        path: None,
        line: None,
        name: Some(one.name.clone()),
        when: match &one.schedule {
            Ok(text) => Observed::from_option(text.as_deref()),
            Err(reason) => Observed::Unknown(reason.clone()),
        },
        outcome: Outcome { understood, enabled, problems, doubt },
        user: one.user.clone(),
        command: match &one.command {
            Ok(Some(words)) => Command::Arguments(words.clone()),
            Ok(None) => Command::None,
            Err(reason) => Command::Unseen(reason.clone()),
        },
        input: false,
        programs: Programs::default(),
        environment: None,
        cron: None,
    }
}
