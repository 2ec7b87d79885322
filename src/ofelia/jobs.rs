//! Jobs, from sections of the files and from labels of containers.

use std::collections::BTreeMap;

use super::expand::Expanded;
use super::keys::{self, Kind, Section};
use super::settings::{Setting, Settings};
use super::{fold, go_bool};
use crate::manifest::Read;

/// The user that a job runs as where nothing says otherwise.
pub const DEFAULT_USER: &str = "nobody";
/// The word for the image's or the container's own user.
pub const OWN_USER: &str = "default";

/// Where a job comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    File,
    /// Labels of this container.
    Label(String),
}

/// One job.
#[derive(Clone)]
pub struct Job {
    pub kind: Kind,
    pub name: String,
    pub source: Source,
    /// `path:line`, or the container with its labels.
    pub place: String,
    pub settings: Settings,
}

/// A volume of a job: `source:destination[:options]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// `None` for one without a name.
    pub source: Option<String>,
    pub destination: String,
    pub writable: bool,
}

impl Job {
    /// A key's value; `None` when it is not set, or set to nothing.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub fn text(&self, key: &str) -> Read<Option<&str>> {
        let Some(setting) = self.settings.get(&fold(key)) else { return Ok(None) };
        Ok(Some(setting.text()?).filter(|text| !text.is_empty()))
    }

    /// A list's items; empty ones do not count.
    ///
    /// # Errors
    /// Why they cannot be told.
    pub fn texts(&self, key: &str) -> Read<Vec<&str>> {
        let Some(setting) = self.settings.get(&fold(key)) else { return Ok(Vec::new()) };
        let texts = setting.texts().collect::<Read<Vec<&str>>>()?;
        Ok(texts.into_iter().filter(|text| !text.is_empty()).collect())
    }

    /// What ParseBool makes of a key whose failure the daemon ignores: anything that is not true is false.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub fn lenient(&self, key: &str) -> Read<bool> {
        match self.settings.get(&fold(key)) {
            None => Ok(true),
            Some(setting) => Ok(go_bool(setting.text()?).unwrap_or(false)),
        }
    }

    /// The user of its command; `None` for kinds that have none.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub fn user(&self, default: Read<String>) -> Read<Option<String>> {
        if self.kind.is_on_host() {
            return Ok(None);
        }
        let user = match self.text("user")? {
            Some(user) => user.to_owned(),
            None => default?,
        };
        Ok(Some(if user.is_empty() { OWN_USER.to_owned() } else { user }))
    }

    /// Its volumes.
    ///
    /// # Errors
    /// Why they cannot be told.
    pub fn volumes(&self) -> Read<Vec<Volume>> {
        Ok(self.texts("volume")?.into_iter().map(volume).collect())
    }

    /// Whether the daemon refuses it because labels may not reach the host: a command beside the daemon, a directory of
    /// the host, or another container's volumes.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn reaches_host(&self) -> Read<bool> {
        if self.kind.is_on_host() {
            return Ok(true);
        }
        if !matches!(self.kind, Kind::Run | Kind::ServiceRun) {
            return Ok(false);
        }
        let is_host = |volume: &Volume| volume.source.as_deref().is_some_and(is_path);
        Ok(self.volumes()?.iter().any(is_host) || !self.texts("volumes-from")?.is_empty())
    }
}

/// Whether a volume's source is a path of the host and no volume's name.
pub fn is_path(source: &str) -> bool {
    source.trim_start().starts_with(['/', '.', '~'])
}

fn volume(text: &str) -> Volume {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, destination, options) = match parts.as_slice() {
        [source, destination, rest @ ..] => (Some((*source).to_owned()), *destination, rest),
        _ => (None, text, &[][..]),
    };
    let read_only = options.iter().flat_map(|options| options.split(',')).any(|option| option == "ro");
    Volume { source, destination: destination.to_owned(), writable: !read_only }
}

/// Labels whose value may be a list, written as JSON.
const LISTS: [&str; 8] =
    ["volume", "environment", "volumes-from", "depends-on", "on-success", "on-failure", "env-file", "env-from"];

/// The jobs that a container's labels define; `own` for the daemon's own container. Jobs beside the daemon and services
/// count there only. One that has neither an image nor a container is about the container itself.
pub fn of_labels(container: &str, labels: &BTreeMap<String, String>, own: bool) -> Vec<Job> {
    let mut jobs: BTreeMap<(Kind, &str), Settings> = BTreeMap::new();
    for (label, value) in labels {
        let parts: Vec<&str> = label.split('.').collect();
        let ["ofelia", word, name, key, ..] = parts.as_slice() else { continue };
        let Some(kind) = Kind::of(word) else { continue };
        if !own && matches!(kind, Kind::Local | Kind::ServiceRun) {
            continue;
        }
        let setting = Setting { key: (*key).to_owned(), values: values(key, value), place: label.clone() };
        jobs.entry((kind, *name)).or_default().insert(fold(key), setting);
    }
    let job = |((kind, name), settings): ((Kind, &str), Settings)| Job {
        kind,
        name: name.to_owned(),
        source: Source::Label(container.to_owned()),
        place: format!("container {container} Config.Labels"),
        settings,
    };
    jobs.into_iter().map(job).collect()
}

/// Keys of jobs and of the daemon that labels set and that the daemon drops.
pub fn unknown_labels(container: &str, labels: &BTreeMap<String, String>, own: bool) -> Vec<String> {
    let is_dropped = |label: &&String| {
        let parts: Vec<&str> = label.split('.').collect();
        match parts.as_slice() {
            ["ofelia", "enabled" | "service"] => false,
            ["ofelia", key] if own => !keys::is_taken_from_labels(key),
            ["ofelia", word, _, key, ..] if *word != "webhook" => {
                Kind::of(word).is_none_or(|kind| !keys::is_known(Section::Job(kind), key))
            }
            _ => false,
        }
    };
    labels.keys().filter(is_dropped).map(|label| format!("{label} (container {container})")).collect()
}

/// Labels are taken as they stand: nothing replaces references in them.
fn values(key: &str, value: &str) -> Vec<Expanded> {
    let plain =
        |text: String| Expanded { text: Ok(text), undefined: Vec::new(), references: Vec::new(), literal: true };
    if LISTS.contains(&key.to_lowercase().as_str())
        && let Ok(items) = serde_json::from_str::<Vec<String>>(value)
    {
        return items.into_iter().map(plain).collect();
    }
    vec![plain(value.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn volumes_have_up_to_three_parts() {
        let of = |text: &str| volume(text);
        assert_eq!(of("/a:/b:ro,z"), Volume { source: Some("/a".into()), destination: "/b".into(), writable: false });
        assert_eq!(of("data:/b"), Volume { source: Some("data".into()), destination: "/b".into(), writable: true });
        assert_eq!(of("/b"), Volume { source: None, destination: "/b".into(), writable: true });
    }

    #[test]
    fn labels_make_jobs() {
        let labels = labels(&[
            ("ofelia.enabled", "true"),
            ("ofelia.job-run.a.volume", "[\"/x:/y\", \"v:/z\"]"),
            ("ofelia.job-run.a.pull", "always"),
            ("ofelia.job-run.a.memory", "1g"),
            ("ofelia.job-local.b.command", "id"),
            ("ofelia.job-exec.c.privileged", "true"),
            ("ofelia.web-auth-enabled", "false"),
        ]);
        let jobs = of_labels("web", &labels, false);
        assert_eq!(jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>(), ["c", "a"], "no host jobs of others");
        let run = &jobs[1];
        assert_eq!(
            (run.volumes().unwrap().len(), run.lenient("pull"), run.lenient("delete")),
            (2, Ok(false), Ok(true))
        );
        assert_eq!(run.reaches_host(), Ok(true));
        assert_eq!(run.user(Ok("nobody".into())), Ok(Some("nobody".into())));
        assert_eq!(of_labels("ofelia", &labels, true).len(), 3);
        assert_eq!(unknown_labels("web", &labels, false), ["ofelia.job-run.a.memory (container web)"]);
        assert_eq!(unknown_labels("web", &labels, true).len(), 2, "a label does not turn authentication off");
    }

    proptest! {
        #[test]
        fn no_labels_make_it_panic(key in "(ofelia|x)?[.a-z-]{0,30}|\\PC*", value in "\\PC*") {
            let labels = labels(&[(&key, &value), ("ofelia.job-run.a.volume", &value)]);
            for job in of_labels("web", &labels, true) {
                let _ = (job.volumes(), job.reaches_host());
            }
            unknown_labels("web", &labels, true);
        }
    }
}
