//! Manifests: a Compose project, or files of Kubernetes. Read once, off the runtime's thread.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;

use super::host::Host;
use super::host::environments::Environments;
use super::{Environment, Unseen, Variable};
use crate::glob::is_pattern;
use crate::manifest::{Container, Files, Read, compose, kubernetes};
use crate::rule::pack::read_regular;
use crate::target::docker::Glob;
use crate::value::Reason;
use crate::value::secret::Salt;
use crate::yaml::MAX_FOREIGN_BYTES;

/// What a target of manifests is made of.
#[derive(Debug, Clone)]
pub enum Source {
    Compose(compose::Request),
    Kubernetes(Vec<PathBuf>),
}

/// What the manifests declare, or why they do not.
#[derive(Debug)]
pub struct Declared {
    pub containers: Vec<Container>,
    /// The objects of Kubernetes; `None` of a Compose project, which has none.
    pub objects: Option<Vec<kubernetes::Object>>,
    /// The containers that CronJobs start.
    pub cron_jobs: Vec<kubernetes::CronJob>,
    /// Why there may be more.
    pub more: Option<Reason>,
}

/// An open project.
pub struct Manifest {
    source: Source,
    salt: Arc<Salt>,
    declared: OnceCell<Read<Arc<Declared>>>,
    /// The host of which it mounts files, where the run has one.
    host: Option<Host>,
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Files of this machine, as whoever started harden may read them.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Reason> {
        match read_regular(path, MAX_FOREIGN_BYTES + 1) {
            Ok(bytes) if bytes.len() > MAX_FOREIGN_BYTES => {
                Err(Reason::new(format!("{} is larger than {MAX_FOREIGN_BYTES} bytes", path.display())))
            }
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(Reason::new(format!("{}: {error}", path.display()))),
        }
    }
}

impl Manifest {
    pub fn new(source: Source, salt: Arc<Salt>) -> Self {
        Manifest { source, salt, declared: OnceCell::new(), host: None }
    }

    pub fn salt(&self) -> &Salt {
        &self.salt
    }

    /// Names the host whose files containers are to be given.
    pub fn set_host(&mut self, host: Host) {
        self.host = Some(host);
    }

    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// Files of the project's own directory, by a path or a pattern for the last name that is written relative to it:
    /// each with its path and its bytes, in the order of their names.
    ///
    /// # Errors
    /// Why they cannot be told.
    pub async fn project_files(&self, pattern: &str) -> Read<Vec<(PathBuf, Vec<u8>)>> {
        let directory =
            self.project().ok_or_else(|| Reason::new("a manifest of Kubernetes has no directory of its own"))?;
        let pattern = directory.join(pattern.trim_start_matches("./"));
        let task = tokio::task::spawn_blocking(move || beside(&pattern));
        task.await.unwrap_or_else(|_| Err(Reason::new("reading was broken off by a fault in harden")))
    }

    /// The directory that relative paths of a Compose project start from; Kubernetes has none.
    pub fn project(&self) -> Option<&Path> {
        match &self.source {
            Source::Compose(request) if request.directory.as_os_str().is_empty() => {
                Some(request.files.first().and_then(|file| file.parent()).unwrap_or(Path::new("")))
            }
            Source::Compose(request) => Some(&request.directory),
            Source::Kubernetes(_) => None,
        }
    }

    /// A file of the project that one of its containers mounts; `None` when there is none.
    ///
    /// # Errors
    /// It cannot be read, is no regular file, or is too large.
    pub async fn project_file(&self, path: PathBuf) -> Read<Option<Vec<u8>>> {
        let broken = |_| Err(Reason::new("reading was broken off by a fault in harden"));
        tokio::task::spawn_blocking(move || Disk.read(&path)).await.unwrap_or_else(broken)
    }

    /// What is declared, with the containers in the order of the files.
    ///
    /// # Errors
    /// Why nothing of it could be told.
    pub async fn declared(&self) -> Read<Arc<Declared>> {
        let read = async || {
            let source = self.source.clone();
            let task = tokio::task::spawn_blocking(move || read(&source));
            let broken = |_| Err(Reason::new("reading was broken off by a fault in harden"));
            task.await.unwrap_or_else(broken).map(Arc::new)
        };
        self.declared.get_or_init(read).await.clone()
    }

    /// The variables of each container whose name matches the glob.
    ///
    /// # Errors
    /// The glob does not parse, or nothing could be read.
    pub async fn environments(&self, glob: &str) -> Read<Environments> {
        let wanted = Glob::new(glob)?;
        let declared = self.declared().await?;
        let seen = declared.containers.iter().filter(|one| is_called(one, &wanted)).map(|one| copy(&one.environment));
        Ok(Environments { seen: seen.collect(), more: declared.more.clone() })
    }
}

/// The files that a path means, of which the last name may be a pattern.
fn beside(pattern: &Path) -> Read<Vec<(PathBuf, Vec<u8>)>> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let paths = if is_pattern(name) {
        named(pattern.parent().unwrap_or(Path::new("")), name)?
    } else {
        vec![pattern.to_owned()]
    };
    let mut files = Vec::new();
    for path in paths {
        if let Some(bytes) = Disk.read(&path)? {
            files.push((path, bytes));
        }
    }
    Ok(files)
}

/// Entries of a directory whose names match.
fn named(directory: &Path, pattern: &str) -> Read<Vec<PathBuf>> {
    let (glob, mut paths) = (Glob::new(pattern)?, Vec::new());
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(paths),
        Err(error) => return Err(Reason::new(format!("{}: {error}", directory.display()))),
    };
    for entry in entries {
        let path = entry.map_err(|error| Reason::new(format!("{}: {error}", directory.display())))?.path();
        if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| glob.matches(name)) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether a container has a name that the glob matches.
pub fn is_called(container: &Container, wanted: &Glob) -> bool {
    let names = [Some(&container.name), Some(&container.title), container.alias.as_ref()];
    names.into_iter().flatten().any(|name| wanted.matches(name))
}

fn read(source: &Source) -> Read<Declared> {
    match source {
        Source::Compose(request) => {
            let compose::Project { containers, more } = compose::read(&Disk, request)?;
            Ok(Declared { containers, objects: None, cron_jobs: Vec::new(), more })
        }
        Source::Kubernetes(files) => {
            let kubernetes::Manifests { containers, objects, cron_jobs, more } = kubernetes::read(&Disk, files)?;
            Ok(Declared { containers, objects: Some(objects), cron_jobs, more })
        }
    }
}

/// Secrets are not cloned by accident; here they are handed on to whoever asked.
fn copy(environment: &Environment) -> Environment {
    let variable = |one: &Variable| Variable {
        name: one.name.clone(),
        value: one.value.as_ref().map(|value| SecretString::from(value.expose_secret())).map_err(Clone::clone),
        origin: one.origin.clone(),
    };
    Environment {
        owner: environment.owner.clone(),
        origin: environment.origin.clone(),
        basis: environment.basis,
        variables: match &environment.variables {
            Ok(variables) => Ok(variables.iter().map(variable).collect()),
            Err(reason) => Err(reason.clone()),
        },
        unseen: environment
            .unseen
            .iter()
            .map(|one| Unseen { name: one.name.clone(), reason: one.reason.clone() })
            .collect(),
    }
}

/// The manifests in a directory, not in those below it, as `kubectl apply -f` takes them.
pub fn manifest_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let known = path.extension().and_then(|extension| extension.to_str());
        if matches!(known, Some("yaml" | "yml" | "json")) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The files that a directory's project is made of, in the order and by the names that Compose looks for.
pub fn compose_files(directory: &Path) -> Vec<PathBuf> {
    const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
    const OVERRIDES: [&str; 4] = [
        "compose.override.yml",
        "compose.override.yaml",
        "docker-compose.override.yml",
        "docker-compose.override.yaml",
    ];
    let first_of = |names: [&str; 4]| names.iter().map(|name| directory.join(name)).find(|path| path.is_file());
    match first_of(NAMES) {
        Some(main) => std::iter::once(main).chain(first_of(OVERRIDES)).collect(),
        None => Vec::new(),
    }
}
