//! The rules of access of a running server: its lines, its roles and databases, and how far they are what it runs on.
//! Shared by `pg_hba`, `pg_access` and the command that answers one question.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use crate::facts::Basis;
use crate::hba::{self, Catalog, Context, Hba, Interface, Role, ViewRow, from_view, parse};
use crate::resource::pg::files::Files;
use crate::target::Door;
use crate::target::host::{Host, Trouble};
use crate::target::postgres::Postgres;
use crate::value::{Observed, Reason};

/// Rounds of reading what a file includes.
const MAX_ROUNDS: usize = 12;

/// Everything that decides who can connect.
pub(crate) struct Rules {
    pub(crate) hba: Hba,
    pub(crate) catalog: Catalog,
    pub(crate) interfaces: Option<Vec<Interface>>,
    /// Live when the server is known to run on this file.
    pub(crate) basis: Basis,
    /// Set when the file was changed after the server read it: it runs on something else.
    pub(crate) stale: Option<Reason>,
    /// Whether the server has read the file since it was last changed; absent without a server.
    pub(crate) loaded: Observed,
}

impl Rules {
    pub(crate) async fn read(server: &Postgres) -> Result<Self, Reason> {
        let (hba, catalog) = (hba(server).await?, catalog(server).await?);
        let loaded = loaded(server).await;
        let (basis, stale) = match loaded {
            Some(true) => (Basis::Live, None),
            Some(false) => {
                let reason =
                    Reason::new("the file was changed after the server last read it; what it runs on was not seen");
                (Basis::Declared, Some(reason.with_grant("reload the server (pg_ctl reload)")))
            }
            None => (Basis::Declared, None),
        };
        let interfaces = if server.local_files().await.is_ok() { interfaces() } else { None };
        let loaded = loaded.map_or_else(
            || {
                let reason = Reason::new("when the file was last changed could not be seen");
                Observed::Unknown(reason.with_grant(server.read_file_grant()))
            },
            Observed::from,
        );
        Ok(Rules { hba, catalog, interfaces, basis, stale, loaded })
    }

    /// The rules of a running server, or those of files.
    pub(crate) async fn of(door: &Door) -> Result<Self, Reason> {
        match door {
            Door::Postgres(server) => Self::read(server).await,
            Door::PostgresFiles(files) => {
                let config = files.config.clone();
                files.host.run(move |host| Self::of_files(host, &config)).await?
            }
            _ => Err(Reason::new("who may connect is asked of a server or its files")),
        }
    }

    fn of_files(host: &Host, config: &str) -> Result<Self, Reason> {
        let files = Files::read(host, config).map_err(|trouble| match trouble {
            Trouble::Absent => Reason::new(format!("{config} does not exist")),
            Trouble::Unseen(reason) => reason,
        })?;
        Ok(Rules {
            hba: files.hba(host)?,
            catalog: Catalog::unknown(),
            interfaces: None,
            basis: Basis::Declared,
            stale: None,
            loaded: Observed::Absent,
        })
    }

    pub(crate) fn context(&self) -> Context<'_> {
        let live = self.loaded != Observed::Absent;
        Context { catalog: &self.catalog, interfaces: self.interfaces.as_deref(), resolver: None, live }
    }
}

/// The file itself where the server lets it be read, since the view drops quotes; the view's word on errors counts.
async fn hba(server: &Postgres) -> Result<Hba, Reason> {
    let version = server.major().await.map_err(|failure| failure.reason)?;
    let path = server.settings().await.ok().and_then(|settings| settings.value("hba_file").map(str::to_owned));
    let view = server.hba_rows().await.map(|rows| {
        let rows = rows.iter().map(|row| ViewRow {
            file_name: row.file.clone(),
            line_number: i32::try_from(row.line).unwrap_or(i32::MAX),
            conn_type: row.kind.clone(),
            database: Some(row.databases.clone()).filter(|names| !names.is_empty()),
            user_name: Some(row.users.clone()).filter(|names| !names.is_empty()),
            address: row.address.clone(),
            netmask: row.netmask.clone(),
            auth_method: row.method.clone(),
            options: Some(row.options.clone()).filter(|options| !options.is_empty()),
            error: row.error.clone(),
        });
        from_view(rows.collect(), path.as_deref().unwrap_or("pg_hba.conf"), version)
    });
    match (from_file(server, version).await, view) {
        (Some(file), Ok(view)) if same_lines(&file, &view) => Ok(Hba { errors: view.errors, ..file }),
        (_, Ok(view)) => Ok(view),
        (Some(file), Err(_)) => Ok(file),
        (None, Err(reason)) => Err(reason),
    }
}

/// Whether both say the same lines are valid; a server built otherwise than assumed would differ.
fn same_lines(file: &Hba, view: &Hba) -> bool {
    let lines = |hba: &Hba| hba.entries.iter().map(|entry| entry.line).collect::<Vec<_>>();
    lines(file) == lines(view)
}

/// Files as far as the server has shown them; what was asked for beyond is noted.
#[derive(Default)]
struct Shown {
    files: BTreeMap<String, Vec<u8>>,
    wanted: RefCell<BTreeSet<String>>,
}

impl hba::Files for Shown {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| {
            self.wanted.borrow_mut().insert(path.to_owned());
            io::ErrorKind::PermissionDenied.into()
        })
    }

    fn list_dir(&self, _path: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// The file with what it includes, all of it read by the server; nothing unless all of it could be.
async fn from_file(server: &Postgres, version: u32) -> Option<Hba> {
    let main = server.hba_file_contents().await.ok()?;
    let mut shown = Shown::default();
    shown.files.insert(main.path.clone(), main.content);
    for _ in 0..MAX_ROUNDS {
        let hba = parse(&main.path, &shown, version);
        let wanted = shown.wanted.take();
        if wanted.is_empty() {
            return hba.cut.is_none().then_some(hba);
        }
        for path in wanted {
            let content = server.server_file(&path).await.ok()?;
            shown.files.insert(path, content);
        }
    }
    None
}

async fn catalog(server: &Postgres) -> Result<Catalog, Reason> {
    let seen = server.catalog().await.map_err(|failure| failure.reason)?;
    let roles = seen.roles.values().map(|role| Role {
        name: role.name.as_str().into(),
        superuser: role.superuser,
        login: role.can_login,
        member_of: seen.memberships.get(&role.name).into_iter().flatten().map(|name| name.as_str().into()).collect(),
    });
    let databases = seen.databases.values().filter(|database| database.allow_connections);
    let databases: Vec<Arc<str>> = databases.map(|database| database.name.as_str().into()).collect();
    Ok(Catalog::new(Some(roles.collect()), Some(databases)))
}

/// Whether the server has read the file since it was last changed or put in its place (hence the inode's time of change:
/// a file that is moved here may be older than it looks); `None` when neither this role nor harden itself may look.
async fn loaded(server: &Postgres) -> Option<bool> {
    let sql = match changed_here(server).await {
        Some(microseconds) => format!(
            "SELECT {microseconds} <= floor(extract(epoch FROM pg_conf_load_time()) * 1000000)::bigint AS loaded"
        ),
        // In whole seconds, so that a change within the second of the reload cannot be told from one before it.
        None => {
            "SELECT greatest(file.modification, file.change) < date_trunc('second', pg_conf_load_time()) AS loaded \
                 FROM pg_stat_file(current_setting('hba_file')) AS file"
                .to_owned()
        }
    };
    server.rows(&sql).await.ok()?.first()?.bool("loaded")
}

/// When the file was last changed, in microseconds since the epoch, if it is a file of this machine.
async fn changed_here(server: &Postgres) -> Option<i64> {
    use std::os::unix::fs::MetadataExt as _;
    server.local_files().await.ok()?;
    let path = server.settings().await.ok()?.value("hba_file")?.to_owned();
    let looked_at = tokio::task::spawn_blocking(move || std::fs::metadata(path)).await.ok()?.ok()?;
    let time = |seconds: i64, nanoseconds: i64| seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1_000);
    let modified = time(looked_at.mtime(), looked_at.mtime_nsec());
    Some(modified.max(time(looked_at.ctime(), looked_at.ctime_nsec())))
}

/// The addresses of this machine, for `samehost` and `samenet` of a server that runs on it.
fn interfaces() -> Option<Vec<Interface>> {
    let ip = |address: &nix::sys::socket::SockaddrStorage| {
        let v4 = address.as_sockaddr_in().map(|v4| v4.ip().into());
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| v6.ip().into()))
    };
    let found = nix::ifaddrs::getifaddrs().ok()?;
    let interface = |entry: nix::ifaddrs::InterfaceAddress| {
        Some(Interface { address: ip(&entry.address?)?, netmask: ip(&entry.netmask?)? })
    };
    Some(found.filter_map(interface).collect())
}
