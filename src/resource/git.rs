//! `git`: a work tree, read without git: what is tracked and holds secrets, what is not ignored, where it is pushed.

mod ignores;
mod repository;
mod secrets;

use std::path::{Path, PathBuf};

use crate::facts::{Basis, Listing, Subject};
use crate::git::config::Config;
use crate::glob::is_pattern;
use crate::resource::{Accepts, Field, Param, Resource, SEPARATOR, With, field, sensitive, text};
use crate::target::host::{Host, Trouble};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{List, Observed, Reason, Record, Type, Value};
use ignores::Ignores;
use repository::Repository;

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;
static SECRET_KIND: Vocabulary = Vocabulary { name: "secret_kind", words: crate::git::secrets::KINDS, ordered: false };

const SECRET: &[Field] = &[
    field("path", Type::Text, "", "the file, from the top of the work tree"),
    field("kind", Type::Word(&SECRET_KIND), "", "what it looks like"),
    field("line", Type::Integer, "", "where in the file; absent where its name says it"),
];
static SECRETS: Type = Type::Record(SECRET);

const REMOTE: &[Field] = &[
    field("name", Type::Text, "", "`origin`"),
    field("url", Type::Url, "", "where it is, without the password"),
    field("has_password", BOOL, "", "whether the URL has a password or a token in it"),
];
static REMOTES: Type = Type::Record(REMOTE);

const FIELDS: &[Field] = &[
    field("path", Type::Text, "", "the top of the work tree"),
    field("git_directory", Type::Text, "", "where git keeps what it knows: `.git`, or where a file of that name leads"),
    field("bare", BOOL, "", "whether it has no work tree; what is tracked is unknown then"),
    field("shallow", BOOL, "", "whether it holds a part of the history only"),
    field("owner", Type::Text, "", "who owns the git directory; git refuses to work in that of another user"),
    field("tracked", Type::Integer, "index", "how many paths are tracked"),
    field(
        "tracked_secrets",
        Type::List(&SECRETS),
        "index",
        "tracked files that are or hold secrets, by their names and by private keys and tokens in them, as they are in the work tree. Text of up to 4 MiB is looked into; open where some could not. The history, and other branches, are not looked at",
    ),
    field(
        "exposed_secrets",
        Type::List(&SECRETS),
        "",
        "files with the name or the content of a secret that are neither tracked nor ignored: the next `git add .` takes them",
    ),
    field(
        "unignored",
        Type::List(&TEXT),
        "",
        "of the parameter `ignored` those paths that no pattern of the repository ignores; patterns of users' own configuration do not protect other clones",
    ),
    field("remotes", Type::List(&REMOTES), "config", "where it is fetched from and pushed to"),
    field("hooks", Type::List(&TEXT), "hooks", "the hooks that run: executable files by the name of one"),
    field(
        "secret_scanner",
        BOOL,
        "hooks",
        "whether the hook pre-commit looks for secrets: it, or the configuration of pre-commit, names gitleaks, git-secrets, detect-secrets, trufflehog, ggshield, talisman or ripsecrets",
    ),
];

pub(super) static GIT: Resource = Resource {
    name: "git",
    about: "A work tree of git by its files; git is not run, and nothing is fetched. The history is not looked at: what was committed once is in every clone.",
    privilege: "read permission for the work tree and its .git",
    params: &[
        Param {
            name: "path",
            accepts: Accepts::Text,
            required: true,
            about: "the top of the work tree, or a pattern for several; directories that are none are left out",
        },
        Param {
            name: "ignored",
            accepts: Accepts::Texts,
            required: false,
            about: "paths that have to be ignored, from the top of the work tree, for `unignored`: `.env`, `deploy/server.key`, `build/`",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("work trees are read on a host")) };
    let path = text(with, "path").to_owned();
    let ignored = text(with, "ignored");
    let ignored: Vec<String> = ignored.split(SEPARATOR).filter(|path| !path.is_empty()).map(str::to_owned).collect();
    host.run(move |host| look(host, &path, &ignored)).await.unwrap_or_else(Listing::failed)
}

fn look(host: &Host, pattern: &str, ignored: &[String]) -> Listing {
    let (paths, mut more) = match is_pattern(pattern) {
        false => (vec![PathBuf::from(pattern)], None),
        true => match host.find(pattern) {
            Ok(found) => (found.paths, found.more),
            Err(reason) => return Listing::failed(reason),
        },
    };
    let mut subjects = Vec::new();
    for path in paths {
        match Repository::open(host, &path) {
            Ok(repository) => subjects.push(subject(host, &repository, ignored)),
            Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => drop(more.get_or_insert(reason)),
        }
    }
    match more {
        Some(reason) if subjects.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(subjects, reason),
        None if subjects.is_empty() => Listing::absent(format!("{pattern} is no work tree of git")),
        None => Listing::complete(subjects),
    }
}

fn known<V: Into<Observed>>(seen: Result<V, Reason>) -> Observed {
    seen.map_or_else(Observed::Unknown, Into::into)
}

fn subject(host: &Host, repository: &Repository, ignored: &[String]) -> Subject {
    let shown = repository.top.display().to_string();
    let mut subject = Subject::new(&GIT, shown.as_str(), repository.git.display().to_string(), Basis::Live);
    let fields = &mut subject.fields;
    fields.set("path", shown);
    fields.set("git_directory", repository.git.display().to_string());
    fields.set("bare", repository.bare);
    fields.set("owner", known(host.user_name(repository.uid)));
    fields.set("shallow", known(repository.exists(host, "shallow")));
    let config = repository.config(host);
    let index = config.as_ref().map_err(Clone::clone).and_then(|config| repository.index(host, config));
    let tracked = index.as_ref().map_err(Clone::clone).and_then(|index| match index.more {
        Some(why) => Err(Reason::new(format!("{}: {why}", repository.git.join("index").display()))),
        None => Ok(Value::Int(i64::try_from(index.entries.len()).unwrap_or(i64::MAX))),
    });
    fields.set("tracked", known(tracked));
    let ignores = config.as_ref().map_err(Clone::clone).and_then(|config| Ignores::of(host, repository, config));
    fields.set("unignored", known(ignores.clone().and_then(|mut ignores| unignored(&mut ignores, ignored))));
    match index {
        Ok(index) => {
            fields.set("tracked_secrets", secrets::tracked(host, repository, &index));
            fields.set(
                "exposed_secrets",
                known(ignores.map(|ignores| secrets::exposed(host, repository, &index, ignores))),
            );
        }
        Err(reason) => {
            fields.set("tracked_secrets", Observed::Unknown(reason.clone()));
            fields.set("exposed_secrets", Observed::Unknown(reason));
        }
    }
    fields.set("remotes", known(config.as_ref().map_err(Clone::clone).map(remotes)));
    let hooks = config.and_then(|config| repository.hooks(host, &config));
    let scanner = hooks.clone().and_then(|hooks| scanner(host, repository, &hooks));
    fields.set("secret_scanner", known(scanner));
    let names = hooks.map(|hooks| {
        let names = hooks.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        names.collect::<Value>()
    });
    fields.set("hooks", known(names));
    subject
}

fn unignored(ignores: &mut Ignores<'_>, wanted: &[String]) -> Result<Value, Reason> {
    let mut open = Vec::new();
    for path in wanted {
        let name = path.trim_start_matches('/');
        let is_directory = name.ends_with('/');
        if !ignores.decide(name.trim_end_matches('/').as_bytes(), is_directory)? {
            open.push(path.as_str());
        }
    }
    Ok(open.into_iter().collect())
}

fn remotes(config: &Config) -> Value {
    let remote = |(name, url): (&str, &str)| {
        // A name without a password (`git@`) is no secret; one as long as a token is.
        let shown = sensitive::show("", url);
        let has_password = shown.contains("***");
        Record::new(REMOTE).with("name", name).with("url", shown).with("has_password", has_password)
    };
    let items = config.remotes().map(|one| remote(one).into()).collect();
    let why = || Reason::new("its configuration includes another file, which may set more");
    Value::List(List { items, more: config.includes.then(why) })
}

/// Whether the hook before a commit looks for secrets.
fn scanner(host: &Host, repository: &Repository, hooks: &[PathBuf]) -> Result<bool, Reason> {
    const SCANNERS: [&str; 8] = [
        "gitleaks",
        "git-secrets",
        "git secrets",
        "detect-secrets",
        "trufflehog",
        "ggshield",
        "talisman",
        "ripsecrets",
    ];
    const LIMIT: u64 = 1 << 20;
    let Some(hook) = hooks.iter().find(|path| path.file_name().is_some_and(|name| name == "pre-commit")) else {
        return Ok(false);
    };
    let read = |path: &Path| match host.read(path, LIMIT) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(Trouble::Absent) => Ok(String::new()),
        Err(Trouble::Unseen(reason)) => Err(reason),
    };
    let names_one = |text: &str| SCANNERS.iter().any(|scanner| text.contains(scanner));
    let hook = read(hook)?;
    if names_one(&hook) {
        return Ok(true);
    }
    if !hook.contains("pre-commit") {
        return Ok(false);
    }
    Ok(names_one(&read(&repository.top.join(".pre-commit-config.yaml"))?))
}

fn secret(path: &str, found: &crate::git::secrets::Secret) -> Value {
    let line = found.line.and_then(|line| i64::try_from(line).ok()).map(Value::Int);
    let record = Record::new(SECRET).with("path", path).with("kind", word(&SECRET_KIND, found.kind));
    record.with("line", Observed::from_option(line)).into()
}

#[cfg(test)]
mod tests;
