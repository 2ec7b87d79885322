//! Which targets a run has: those that were named, and those that are found by looking where they usually are.

mod endpoints;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::cli;
use crate::config::{Compose, Config};
use crate::dsn::{Client, Conninfo, KEYWORDS, resolve};
use crate::error::Error;
use crate::facts::{Access, Facts, Target};
use crate::manifest::compose;
use crate::observe::{Limits, observe};
use crate::rule::Rule;
use crate::target::docker::{Docker, DockerAddress, Reach, from_environment};
use crate::target::host::Host;
use crate::target::manifest::{Manifest, Source, compose_files, manifest_files};
use crate::target::postgres::Postgres;
use crate::target::postgres_files::{PostgresFiles, USUAL};
use crate::target::process::Process;
use crate::target::{Door, Kind};
use crate::value::Reason;
use crate::value::secret::Salt;

/// Seconds that one query may take unless told otherwise.
const TIMEOUT: u64 = 10;
/// Seconds for all queries together.
const TOTAL_TIMEOUT: u64 = 300;
/// Where a local server's socket usually is.
const POSTGRES_SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
/// Why nothing else is looked at where manifests are named.
const ONLY_MANIFESTS: &str = "only manifests were named";
/// Variables that say that a PostgreSQL server is meant.
const POSTGRES_VARIABLES: [&str; 4] = ["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"];

/// What a run looks at, and with what.
struct Look<'a> {
    args: &'a cli::Targets,
    config: &'a Config,
    limit: Duration,
    total: Duration,
    salt: Arc<Salt>,
}

/// Targets with their doors.
#[derive(Default)]
struct Opened {
    targets: Vec<Target>,
    doors: BTreeMap<String, Door>,
}

/// Looks at every target for what the rules ask.
pub fn collect(
    rules: &[Rule],
    args: &cli::Targets,
    config: &Config,
    now: i64,
    err: &mut dyn Write,
) -> Result<Facts, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build();
    let runtime = runtime.map_err(Error::io("start"))?;
    let look = Look {
        args,
        config,
        limit: Duration::from_secs(args.timeout.or(config.timeout).unwrap_or(TIMEOUT)),
        total: Duration::from_secs(args.total_timeout.or(config.total_timeout).unwrap_or(TOTAL_TIMEOUT)),
        salt: Arc::new(Salt::random().ok_or_else(|| Error::usage("the system has no randomness"))?),
    };
    let facts = runtime.block_on(async {
        tokio::select! {
            facts = look.run(rules, now, err) => facts,
            () = interrupted() => Err(Error::Interrupted),
        }
    });
    // A read that hangs in the kernel must not keep the process.
    runtime.shutdown_background();
    facts
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

impl Look<'_> {
    async fn run(&self, rules: &[Rule], now: i64, err: &mut dyn Write) -> Result<Facts, Error> {
        let mut opened = Opened::default();
        self.manifests(&mut opened)?;
        self.host(&mut opened)?;
        self.docker(&mut opened).await?;
        self.postgres(&mut opened, err).await?;
        self.postgres_files(&mut opened)?;
        self.endpoints(&mut opened).await?;
        opened.introduce_host();
        let mut facts = Facts { started: now, targets: opened.targets, ..Facts::default() };
        let limits = Limits { query: self.limit, total: self.total };
        observe(rules, &opened.doors, &mut facts, now, limits).await;
        for door in opened.doors.into_values() {
            if let Door::Postgres(server) = door {
                server.close().await;
            }
        }
        Ok(facts)
    }

    fn root(&self) -> Option<&PathBuf> {
        self.args.root.as_ref().or(self.config.root.as_ref()).filter(|root| root.as_path() != Path::new("/"))
    }

    /// Whether manifests are named, so that nothing is merely looked for.
    fn only_manifests(&self) -> bool {
        let named = [&self.args.compose, &self.args.manifest].iter().any(|files| !files.is_empty());
        named || !self.config.compose.is_empty() || !self.config.manifests.is_empty()
    }

    /// Opens what is named, that of the command line in place of the configuration's.
    fn manifests(&self, opened: &mut Opened) -> Result<(), Error> {
        let project = Compose {
            files: self.args.compose.clone(),
            env_files: self.args.compose_env.clone(),
            profiles: self.args.compose_profile.clone(),
            own_env: self.args.compose_own_env,
            name: None,
        };
        let named = if self.args.compose.is_empty() { self.config.compose.as_slice() } else { &[project] };
        for project in named {
            let name = project.name.clone().unwrap_or_else(|| opened.free_name("compose"));
            let files = project_files(&project.files)?;
            let shown: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
            let variables = if project.own_env { std::env::vars().collect() } else { BTreeMap::new() };
            let (env_files, profiles) = (project.env_files.clone(), project.profiles.clone());
            let parent = files.first().and_then(|file| Some(file.canonicalize().ok()?.parent()?.to_owned()));
            let directory = parent.unwrap_or_default();
            let source = Source::Compose(compose::Request { files, env_files, variables, profiles, directory });
            let door = Door::Manifest(Box::new(Manifest::new(source, Arc::clone(&self.salt))));
            opened.refuse_twin(&name, "`name = …` under `[[targets.compose]]`")?;
            opened.add(&name, Kind::Manifest, shown.join(", "), Access::Audited, Some(door));
        }
        let set = [(None, self.args.manifest.clone())];
        let named = if self.args.manifest.is_empty() { self.config.manifests.as_slice() } else { &set };
        for (name, paths) in named {
            let name = name.clone().unwrap_or_else(|| opened.free_name("manifests"));
            let shown: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            let source = Source::Kubernetes(manifest_paths(paths)?);
            let door = Door::Manifest(Box::new(Manifest::new(source, Arc::clone(&self.salt))));
            opened.refuse_twin(&name, "`name = …` under `[[targets.manifests]]`")?;
            opened.add(&name, Kind::Manifest, shown.join(", "), Access::Audited, Some(door));
        }
        Ok(())
    }

    fn host(&self, opened: &mut Opened) -> Result<(), Error> {
        if self.only_manifests() && self.args.root.is_none() && self.config.root.is_none() {
            opened.absent(Kind::Host, ONLY_MANIFESTS);
            return Ok(());
        }
        let root = self.root().map_or(Path::new("/"), PathBuf::as_path);
        let host = Host::open(root, Arc::clone(&self.salt))
            .map_err(|error| Error::usage(format!("{} cannot be audited as a root: {error}", root.display())))?;
        let address = self.root().map_or_else(|| "this machine".to_owned(), |root| root.display().to_string());
        opened.add("host", Kind::Host, address, Access::Audited, Some(Door::Host(host)));
        Ok(())
    }

    async fn docker(&self, opened: &mut Opened) -> Result<(), Error> {
        let named = self.args.docker.as_deref().or(self.config.docker.as_deref());
        let certificates = self.args.docker_cert_path.as_ref().map(|path| path.display().to_string());
        let variable = |name: &str| match (&certificates, name) {
            (Some(path), "DOCKER_CERT_PATH") => Some(path.clone()),
            (Some(_), "DOCKER_TLS_VERIFY") => Some("1".to_owned()),
            _ => std::env::var(name).ok(),
        };
        if named.is_none() && self.only_manifests() {
            opened.absent(Kind::Docker, ONLY_MANIFESTS);
            return Ok(());
        }
        let asked_for = named.is_some() || variable("DOCKER_HOST").is_some_and(|value| !value.is_empty());
        if !asked_for && self.root().is_some() {
            opened.absent(Kind::Docker, "only files are audited with --root");
            return Ok(());
        }
        let address = match from_environment(variable, named) {
            Ok(address) => address,
            Err(error) if named.is_some() => return Err(Error::usage(format!("`--docker`: {error}"))),
            Err(error) => {
                opened.add(
                    "docker",
                    Kind::Docker,
                    "by its variables".to_owned(),
                    Access::Unreachable(error.to_string()),
                    None,
                );
                return Ok(());
            }
        };
        let shown = address.to_string();
        let (access, door) = self.reach_docker(address, asked_for).await;
        opened.add("docker", Kind::Docker, shown, access, door);
        Ok(())
    }

    async fn reach_docker(&self, address: DockerAddress, asked_for: bool) -> (Access, Option<Door>) {
        let docker = match Docker::connect(address, Arc::clone(&self.salt)) {
            Ok(docker) => docker,
            Err(reason) => return (Access::Unreachable(reason.to_string()), None),
        };
        match tokio::time::timeout(self.limit, docker.reach()).await {
            Ok(Reach::Ok) => (Access::Audited, Some(Door::Docker(Box::new(docker)))),
            Ok(Reach::Absent(reason) | Reach::Denied(reason) | Reach::Unreachable(reason)) => {
                (missing(asked_for, &reason), None)
            }
            Err(_) => (missing(asked_for, &self.too_slow()), None),
        }
    }

    fn too_slow(&self) -> Reason {
        Reason::new(format!("no answer within {} s", self.limit.as_secs()))
    }

    async fn postgres(&self, opened: &mut Opened, err: &mut dyn Write) -> Result<(), Error> {
        let mut named = Vec::new();
        for text in &self.args.postgres {
            let (name, dsn) = split_name(text);
            note_password(dsn, err);
            named.push((name.map(str::to_owned), dsn.to_owned()));
        }
        if named.is_empty() {
            named.clone_from(&self.config.postgres);
        }
        if named.is_empty() && self.only_manifests() {
            opened.absent(Kind::Postgres, ONLY_MANIFESTS);
            return Ok(());
        }
        if named.is_empty() {
            return self.look_for_postgres(opened).await;
        }
        for (i, (name, dsn)) in named.into_iter().enumerate() {
            let number = if i == 0 { String::new() } else { format!("-{}", i + 1) };
            let name = name.unwrap_or_else(|| format!("postgres{number}"));
            opened.refuse_twin(&name, "--postgres NAME=DSN")?;
            self.open_postgres(opened, &name, &dsn, true).await?;
        }
        Ok(())
    }

    /// The configurations that were named, or that a root directory has in their usual places.
    fn postgres_files(&self, opened: &mut Opened) -> Result<(), Error> {
        let named =
            [&self.args.postgres_files, &self.config.postgres_files].into_iter().find(|files| !files.is_empty());
        let root = self.root().map_or(Path::new("/"), PathBuf::as_path);
        let open = || {
            Host::open(root, Arc::clone(&self.salt))
                .map_err(|error| Error::usage(format!("{} cannot be audited as a root: {error}", root.display())))
        };
        let files = match named {
            Some(named) => named.clone(),
            None if self.root().is_some() && opened.asks_no_server() => {
                let host = open()?;
                let found = USUAL.iter().filter_map(|pattern| host.find(pattern).ok()).flat_map(|found| found.paths);
                found.map(|path| path.display().to_string()).collect()
            }
            None => Vec::new(),
        };
        for config in files {
            if !config.starts_with('/') {
                let error = Error::usage(format!("`{config}` is not an absolute path"));
                return Err(error.help("name it from the root on: /etc/postgresql/15/main/postgresql.conf"));
            }
            let name = opened.free_name("postgres-files");
            let door = PostgresFiles { name: name.clone(), host: open()?, config: config.clone() };
            let door = Door::PostgresFiles(Box::new(door));
            opened.add(&name, Kind::PostgresFiles, config, Access::Audited, Some(door));
        }
        Ok(())
    }

    /// What the environment says, else a socket in its usual place.
    async fn look_for_postgres(&self, opened: &mut Opened) -> Result<(), Error> {
        let set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        if self.root().is_some() {
            opened.absent(Kind::Postgres, "only files are audited with --root");
            return Ok(());
        }
        if std::env::var("DATABASE_URL")
            .is_ok_and(|url| url.starts_with("postgres://") || url.starts_with("postgresql://"))
        {
            return self.open_database_url(opened).await;
        }
        if POSTGRES_VARIABLES.iter().any(|name| set(name)) {
            return self.open_postgres(opened, "postgres", "dbname=postgres", true).await;
        }
        let port = std::env::var("PGPORT").ok().and_then(|port| port.parse::<u16>().ok()).unwrap_or(5432);
        let socket = POSTGRES_SOCKETS.iter().find(|folder| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists());
        match socket {
            Some(folder) => {
                self.open_postgres(opened, "postgres", &format!("host={folder} port={port} dbname=postgres"), false)
                    .await
            }
            None => {
                opened.absent(Kind::Postgres, "no DATABASE_URL, no PG* variable and no local socket");
                Ok(())
            }
        }
    }

    /// Nobody named this server, and other clients take what libpq refuses (`?schema=public`): the run goes on without it.
    async fn open_database_url(&self, opened: &mut Opened) -> Result<(), Error> {
        match self.open_postgres(opened, "postgres", "env:DATABASE_URL", true).await {
            Err(Error::Usage { message, .. }) => {
                let why = format!("DATABASE_URL: {message}; name the server with --postgres");
                opened.add("postgres", Kind::Postgres, "env:DATABASE_URL".to_owned(), Access::Unreachable(why), None);
                Ok(())
            }
            other => other,
        }
    }

    async fn open_postgres(&self, opened: &mut Opened, name: &str, dsn: &str, asked_for: bool) -> Result<(), Error> {
        let text = super::dsn::read(dsn).map_err(|error| match error {
            Error::Usage { message, help } => Error::Usage { message: format!("the target `{name}`: {message}"), help },
            other => other,
        })?;
        let conninfo = Conninfo::parse(&text)
            .map_err(|error| Error::usage(format!("the connection string of `{name}` is refused: {error}")))?;
        let resolved = resolve(&conninfo, &Process, Client::Libpq);
        let server = Postgres::new(name, resolved, &Process, Arc::clone(&self.salt));
        let address = server.address();
        let (access, door) = match tokio::time::timeout(self.limit, server.reach()).await {
            Ok(Ok(())) => (Access::Audited, Some(Door::Postgres(Box::new(server)))),
            Ok(Err(failure)) => (missing(asked_for, &failure.reason), None),
            Err(_) => (missing(asked_for, &self.too_slow()), None),
        };
        opened.add(name, Kind::Postgres, address, access, door);
        Ok(())
    }
}

/// What was named and cannot be reached is unknown; what was merely looked for is not there for this run.
fn missing(asked_for: bool, reason: &Reason) -> Access {
    if asked_for { Access::Unreachable(reason.to_string()) } else { Access::Absent(reason.to_string()) }
}

impl Opened {
    fn add(&mut self, name: &str, kind: Kind, address: String, access: Access, door: Option<Door>) {
        if let Some(door) = door {
            self.doors.insert(name.to_owned(), door);
        }
        self.targets.push(Target { name: name.to_owned(), kind, address, access });
    }

    /// Those that tell of containers read the files that containers are given from the host.
    fn introduce_host(&mut self) {
        let host = self.doors.values().find_map(|door| match door {
            Door::Host(host) => Some(host.clone()),
            Door::Docker(_) | Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) | Door::Manifest(_) => {
                None
            }
        });
        let Some(host) = host else { return };
        let mut alone = true;
        for door in self.doors.values_mut() {
            match door {
                Door::Docker(docker) => docker.set_host(host.clone()),
                Door::Manifest(manifest) => manifest.set_host(host.clone()),
                Door::Host(_) | Door::Postgres(_) | Door::PostgresFiles(_) | Door::Endpoint(_) => continue,
            }
            alone = false;
        }
        if alone {
            host.set_alone();
        }
    }

    /// Names tell targets apart.
    fn refuse_twin(&self, name: &str, example: &str) -> Result<(), Error> {
        if self.targets.iter().all(|target| target.name != name) {
            return Ok(());
        }
        Err(Error::usage(format!("two targets are called `{name}`")).help(format!("give each a name: {example}")))
    }

    /// The name, with a number where others have it.
    fn free_name(&self, name: &str) -> String {
        let taken = |name: &str| self.targets.iter().any(|target| target.name == name);
        let numbered = std::iter::once(name.to_owned()).chain((2..).map(|number| format!("{name}-{number}")));
        numbered.into_iter().find(|name| !taken(name)).unwrap_or_else(|| name.to_owned())
    }

    /// Whether no PostgreSQL server was named or found.
    fn asks_no_server(&self) -> bool {
        let servers = self.targets.iter().filter(|target| target.kind == Kind::Postgres);
        servers.into_iter().all(|target| matches!(target.access, Access::Absent(_)))
    }

    fn absent(&mut self, kind: Kind, why: &str) {
        self.add(kind.as_str(), kind, String::new(), Access::Absent(why.to_owned()), None);
    }
}

/// The files that were named; a directory stands for those that Compose finds in it.
fn project_files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let found = compose_files(path);
            if found.is_empty() {
                let error = Error::usage(format!("{} has no Compose file", path.display()));
                return Err(error.help("name the file: --compose FILE"));
            }
            files.extend(found);
        } else if path.exists() {
            files.push(path.clone());
        } else {
            return Err(Error::usage(format!("{} does not exist", path.display())));
        }
    }
    Ok(files)
}

/// The files that were named, and those of the directories that were.
fn manifest_paths(named: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let found = manifest_files(path);
            let found = found.map_err(|error| Error::usage(format!("{} cannot be listed: {error}", path.display())))?;
            if found.is_empty() {
                let error = Error::usage(format!("{} has no manifests", path.display()));
                return Err(error.help("manifests are files that end in .yaml, .yml or .json"));
            }
            files.extend(found);
        } else if path.exists() {
            files.push(path.clone());
        } else {
            return Err(Error::usage(format!("{} does not exist", path.display())));
        }
    }
    Ok(files)
}

/// `NAME=DSN`: the part before the first `=` is a name unless it is one of libpq's keywords.
fn split_name(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((name, dsn)) if is_name(name) && KEYWORDS.iter().all(|keyword| keyword.name != name) => (Some(name), dsn),
        Some(_) | None => (None, text),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Points out a password that stands in the argument itself.
pub(super) fn note_password(dsn: &str, err: &mut dyn Write) {
    if !dsn.starts_with("env:") && !dsn.starts_with("file:") && has_password(dsn) {
        let words =
            "note: a password stands in an argument, where every process can read it; use env:NAME or file:PATH\n";
        // Where nobody reads the note, nobody misses it.
        let _ = err.write_all(words.as_bytes());
    }
}

fn has_password(dsn: &str) -> bool {
    Conninfo::parse(dsn).is_ok_and(|conninfo| conninfo.password().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_before_the_connection_string() {
        assert_eq!(split_name("main=env:DATABASE_URL"), (Some("main"), "env:DATABASE_URL"));
        assert_eq!(split_name("main=host=db user=a"), (Some("main"), "host=db user=a"));
        assert_eq!(split_name("host=db user=a"), (None, "host=db user=a"));
        assert_eq!(split_name("postgres://h/d?sslmode=require"), (None, "postgres://h/d?sslmode=require"));
        assert_eq!(split_name("env:DATABASE_URL"), (None, "env:DATABASE_URL"));
        assert!(has_password("postgres://a:b@h/d") && !has_password("postgres://a@h/d"));
    }
}
