//! `ofelia_job`: a job that a daemon of Ofelia runs, from its INI files or from labels of containers.

use crate::facts::{Listing, Subject};
use crate::manifest::Read;
use crate::ofelia::jobs::{self, Job, Source, Volume, is_path};
use crate::ofelia::keys::Kind as JobKind;
use crate::resource::image::reference;
use crate::resource::ofelia::{PARAMS, Seen, daemons, listing, seen, target, texts};
use crate::resource::{Field, Resource, With, container, field};
use crate::target::Door;
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Reason, Record, Type, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;

/// The kinds of jobs.
static KIND: Vocabulary = Vocabulary {
    name: "ofelia_job",
    words: &["job-exec", "job-run", "job-service-run", "job-local", "job-compose"],
    ordered: false,
};

const VOLUME: &[Field] = &[
    field("source", Type::Text, "", "path on the host, or a volume's name; absent for a volume without one"),
    field("destination", Type::Text, "", "path in the job's container"),
    field("host", BOOL, "", "whether the source is a path of the host"),
    field("writable", BOOL, "", "whether the job may write to it: not said to be `ro`"),
    field(
        "sensitive",
        BOOL,
        "",
        "whether the source is a directory or socket of the host's own, as `container` tells it (`sensitive_mounts`)",
    ),
];

static VOLUME_RECORD: Type = Type::Record(VOLUME);

const FIELDS: &[Field] = &[
    field("name", Type::Text, "", "the job's name"),
    field("type", Type::Word(&KIND), "", "what kind of job it is"),
    field("daemon", Type::Text, "", "the daemon that runs it: `container ofelia`, `unit ofelia.service`"),
    field("label_of", Type::Text, "", "the container whose labels define it; absent for one of the daemon's files"),
    field(
        "refused",
        BOOL,
        "",
        "whether the daemon does not run it, because it comes from labels, reaches the host, and labels may not",
    ),
    field("on_host", BOOL, "", "whether its command runs beside the daemon itself (`job-local`, `job-compose`)"),
    field("schedule", Type::Text, "schedule", "when it runs"),
    field(
        "image",
        Type::Text,
        "image",
        "of job-run and job-service-run; absent when it runs in a container that is there",
    ),
    field(
        "image_registry",
        Type::Text,
        "image",
        "host of the image's registry, `docker.io` when it names none; absent without an image",
    ),
    field("image_pinned", BOOL, "image", "whether the image is named by its digest; absent without an image"),
    field(
        "user",
        Type::Text,
        "user",
        "whom its command runs as, the daemon's default for one that names nobody; `default` when that is left to the image; absent for job-local and job-compose",
    ),
    field(
        "network",
        Type::Text,
        "network",
        "the network of its container; absent when none is named, which is the default bridge",
    ),
    field("volumes", Type::List(&VOLUME_RECORD), "volume", "what is mounted into its container"),
    field("volumes_from", Type::List(&TEXT), "volumes-from", "containers whose mounts it gets"),
    field("privileged", BOOL, "privileged", "whether a job-exec runs with every capability; absent for other kinds"),
    field("delete", BOOL, "delete", "whether its container is removed when it ends; absent for kinds that make none"),
    field(
        "pull",
        BOOL,
        "pull",
        "whether its image is pulled before each run: any word but a true one, `always` too, means that it is not; absent but for job-run",
    ),
    field("no_overlap", BOOL, "no-overlap", "whether it is skipped while it still runs"),
];

pub(super) static OFELIA_JOB: Resource = Resource {
    name: "ofelia_job",
    about: "A job of the scheduler Ofelia, from the daemon's INI files or from labels of containers, with the daemon's defaults.",
    privilege: "what `ofelia` needs",
    params: PARAMS,
    fields: FIELDS,
    can_be_absent: true,
    target,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let found = daemons(door, with).await;
    let unread = found.as_ref().ok().and_then(|(seen, _)| seen.iter().find_map(unread));
    let found = listing(found, |seen| jobs_of(seen).iter().map(|job| subject(seen, job)).collect());
    match unread {
        Some(reason) => found.cut(reason),
        None => found,
    }
}

/// Why there may be more jobs than were found.
fn unread(seen: &Seen) -> Option<Reason> {
    let labels = seen.labelled.iter().find_map(|one| one.labels.as_ref().err());
    seen.daemon.configuration.unread.as_ref().or(labels).cloned()
}

/// Those of the files, and those of labels that no file has by the same name.
fn jobs_of(seen: &Seen) -> Vec<Job> {
    let mut found = seen.daemon.configuration.jobs.clone();
    for one in &seen.labelled {
        let Ok(labels) = &one.labels else { continue };
        for job in jobs::of_labels(&one.container, labels, one.own) {
            if !found
                .iter()
                .any(|known| known.source == Source::File && (known.kind, &known.name) == (job.kind, &job.name))
            {
                found.push(job);
            }
        }
    }
    found
}

fn subject(seen_of: &Seen, job: &Job) -> Subject {
    let owner = match &job.source {
        Source::File => seen_of.name.clone(),
        Source::Label(container) => format!("container {container}"),
    };
    let name = format!("{owner} {} {}", job.kind.word(), job.name);
    let mut subject = Subject::new(&OFELIA_JOB, name, job.place.as_str(), seen_of.basis);
    let fields = &mut subject.fields;
    fields.set("name", job.name.as_str());
    fields.set("type", word(&KIND, job.kind.word()));
    fields.set("daemon", seen_of.name.as_str());
    let label_of = match &job.source {
        Source::File => None,
        Source::Label(container) => Some(container.as_str()),
    };
    fields.set("label_of", Observed::from_option(label_of));
    fields.set("refused", refused(seen_of, job));
    fields.set("on_host", job.kind.is_on_host());
    fields.set("schedule", owned(job.text("schedule")));
    set_image(fields, job);
    fields.set("user", seen(job.user(seen_of.daemon.default_user())));
    set_surroundings(fields, job);
    subject
}

fn owned(read: Read<Option<&str>>) -> Observed {
    seen(read)
}

/// A job of labels that reaches the host, unless the daemon lets them.
fn refused(seen: &Seen, job: &Job) -> Observed {
    if job.source == Source::File {
        return false.into();
    }
    match (job.reaches_host(), Observed::from(seen.daemon.in_files("allow-host-jobs-from-labels"))) {
        (Ok(false), _) => false.into(),
        (_, Observed::Known(Value::Bool(true))) => false.into(),
        (Ok(true), Observed::Known(Value::Bool(false))) => true.into(),
        (Err(reason), _) | (_, Observed::Unknown(reason)) => Observed::Unknown(reason),
        (_, _) => Observed::unknown("what the daemon makes of allow-host-jobs-from-labels is not known"),
    }
}

fn set_image(fields: &mut Record, job: &Job) {
    let is_made = matches!(job.kind, JobKind::Run | JobKind::ServiceRun);
    let image = if is_made { job.text("image") } else { Ok(None) };
    let pinned = image.clone().map(|image| {
        image.map(|image| match reference::parse(image, None) {
            Some(reference::Source::Named(named)) => named.digest.is_some(),
            Some(reference::Source::Id) => true,
            None => false,
        })
    });
    let registry = image.clone().map(|image| match reference::parse(image?, None) {
        Some(reference::Source::Named(named)) => Some(named.registry),
        Some(reference::Source::Id) | None => None,
    });
    fields.set("image", owned(image));
    fields.set("image_registry", seen(registry));
    fields.set("image_pinned", seen(pinned));
    let only = |applies: bool, read: Read<bool>| if applies { seen(read.map(Some)) } else { Observed::Absent };
    fields.set("delete", only(is_made, job.lenient("delete")));
    fields.set("pull", only(job.kind == JobKind::Run, job.lenient("pull")));
}

fn set_surroundings(fields: &mut Record, job: &Job) {
    fields.set("network", owned(job.text("network")));
    let volumes = job.volumes().map(|volumes| Some(volumes.iter().map(record).collect::<Value>()));
    fields.set("volumes", seen(volumes));
    let from = job.texts("volumes-from").map(|items| items.into_iter().map(str::to_owned).collect());
    fields.set("volumes_from", texts(from));
    fields.set("privileged", if job.kind == JobKind::Exec { switch(job, "privileged") } else { Observed::Absent });
    fields.set("no_overlap", switch(job, "no-overlap"));
}

/// A boolean that is off when it is not set.
fn switch(job: &Job, key: &str) -> Observed {
    match job.text(key) {
        Ok(None) => false.into(),
        Ok(Some(text)) => {
            crate::ofelia::go_bool(text).map_or_else(|| Observed::Known(Value::Invalid(text.into())), Observed::from)
        }
        Err(reason) => Observed::Unknown(reason),
    }
}

fn record(volume: &Volume) -> Observed {
    let host = volume.source.as_deref().is_some_and(is_path);
    let sensitive = volume.source.as_deref().is_some_and(|source| host && container::is_sensitive(source));
    Record::new(VOLUME)
        .with("source", Observed::from_option(volume.source.as_deref()))
        .with("destination", volume.destination.as_str())
        .with("host", host)
        .with("writable", volume.writable)
        .with("sensitive", sensitive)
        .into()
}
