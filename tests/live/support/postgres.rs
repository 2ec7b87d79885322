//! A private PostgreSQL server: its own data directory, loopback port and unix socket, certificates and roles.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::pki::Pki;
use super::psql::{self, psql};
use super::session::{component, session};
use super::sweep::sweep;
use super::{tools, wire};

/// A role that may log in and nothing else.
pub(crate) const PLAIN: &str = "app";
/// A member of `pg_monitor`.
pub(crate) const MONITOR: &str = "monitor";
/// A role that sees what an audit needs, and is no superuser.
pub(crate) const AUDIT: &str = "harden_audit";
/// A role whose client certificate is issued under [`Options::client_ca`].
pub(crate) const CERTIFICATE: &str = "certificate_user";
/// The superuser that `initdb` makes.
pub(crate) const SUPERUSER: &str = "postgres";

/// In force while the server starts: the superuser may come in by the socket.
const FIRST_HBA: &str = "local all postgres trust\n";

/// What to start. The default is a plain server of the newest installed version.
#[derive(Default)]
pub(crate) struct Options {
    /// The folder of `initdb` and `postgres`; else the newest below `/usr/lib/postgresql`.
    pub(crate) bin: Option<PathBuf>,
    /// Serve TLS with a certificate of the instance's own CA.
    pub(crate) tls: bool,
    /// Ask clients for certificates of that CA, and issue one to [`CERTIFICATE`].
    pub(crate) client_ca: bool,
    /// The whole `pg_hba.conf`; else [`default_hba`].
    pub(crate) hba: Option<String>,
    /// More lines for `postgresql.conf`; these win.
    pub(crate) conf: Vec<(String, String)>,
    /// More arguments for `initdb`.
    pub(crate) initdb: &'static [&'static str],
}

/// A running server; stopped when dropped.
pub(crate) struct Postgres {
    dir: PathBuf,
    bin: PathBuf,
    port: u16,
    pki: Pki,
    owner: Option<(u32, u32)>,
    server: Child,
    admin: Option<Mutex<psql::Session>>,
}

/// The password of a role made by the harness.
pub(crate) fn password(role: &str) -> String {
    format!("{role}-secret")
}

/// Superuser by socket; everybody else by password (over the socket too); [`CERTIFICATE`] by its certificate.
pub(crate) fn default_hba(options: &Options) -> String {
    let certificate = format!("hostssl all {CERTIFICATE} 127.0.0.0/8 cert\n");
    let host = "host all all 127.0.0.0/8 scram-sha-256\nhost all all ::1/128 scram-sha-256\n";
    format!(
        "local all {SUPERUSER} trust\nlocal all all scram-sha-256\n{}{host}",
        if options.client_ca { &certificate } else { "" }
    )
}

impl Postgres {
    /// Initialises, starts and prepares a server; about a second.
    pub(crate) fn start(options: &Options) -> Postgres {
        let dir = session().instance("pg");
        let pki = Pki::create(&dir.join("pki"), "postgres test CA");
        let owner = tools::is_root().then(|| tools::user(&["postgres", "nobody"]));
        let bin = options.bin.clone().unwrap_or_else(newest_bin);
        let port = tools::free_port();
        for folder in ["data", "s"] {
            tools::make_dir(&dir.join(folder), if folder == "data" { 0o700 } else { 0o755 });
            give(&dir.join(folder), owner);
        }
        let data = dir.join("data");
        tools::run(
            as_owner(&bin.join("initdb"), &dir, owner)
                .arg("-D")
                .arg(&data)
                .args(["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
                .args(options.initdb),
        );
        configure(&dir, port, &pki, options, owner);
        tools::write_file(&data.join("pg_hba.conf"), FIRST_HBA, 0o600);
        give(&data.join("pg_hba.conf"), owner);
        let server = launch(&bin, &dir, owner);
        let mut postgres = Postgres { dir, bin, port, pki, owner, server, admin: None };
        postgres.await_ready();
        postgres.admin = Some(Mutex::new(psql::Session::open(&postgres.dir, &postgres.socket_dsn(SUPERUSER))));
        postgres.create_roles();
        postgres.write_hba(&options.hba.clone().unwrap_or_else(|| default_hba(options)));
        postgres.reload();
        postgres
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(crate) fn socket_dir(&self) -> PathBuf {
        self.dir.join("s")
    }

    /// The CA that issued the server's and the clients' certificates, and their files.
    pub(crate) fn pki(&self) -> &Pki {
        &self.pki
    }

    /// A URI over 127.0.0.1, with the role's password and without a word on TLS.
    pub(crate) fn dsn(&self, role: &str) -> String {
        format!("postgresql://{role}:{}@127.0.0.1:{}/postgres", password(role), self.port)
    }

    /// The same by host name, with `sslmode` and the CA as the trusted root.
    pub(crate) fn tls_dsn(&self, role: &str, sslmode: &str) -> String {
        let dsn = self.dsn(role).replace("@127.0.0.1:", "@localhost:");
        format!("{dsn}?sslmode={sslmode}&sslrootcert={}", self.pki.ca().display())
    }

    /// [`Postgres::tls_dsn`] for [`CERTIFICATE`], with its certificate and key instead of a password.
    pub(crate) fn certificate_dsn(&self, sslmode: &str) -> String {
        format!(
            "postgresql://{CERTIFICATE}@localhost:{}/postgres?sslmode={sslmode}&sslrootcert={}&sslcert={}&sslkey={}",
            self.port,
            self.pki.ca().display(),
            self.pki.certificate(CERTIFICATE).display(),
            self.pki.key(CERTIFICATE).display(),
        )
    }

    /// A keyword connection string over the unix socket, with the role's password.
    pub(crate) fn socket_dsn(&self, role: &str) -> String {
        let host = self.socket_dir();
        format!("host={} port={} user={role} password={} dbname=postgres", host.display(), self.port, password(role))
    }

    /// The rows that the superuser gets, one a line, columns divided by `|`.
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.try_psql(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// # Errors
    /// What the server said.
    pub(crate) fn try_psql(&self, sql: &str) -> Result<String, String> {
        let admin = self.admin.as_ref().expect("set before a test sees the server");
        admin.lock().unwrap_or_else(std::sync::PoisonError::into_inner).ask(sql)
    }

    /// A new connection by libpq with `dsn`, as a user's program makes it.
    ///
    /// # Errors
    /// What libpq or the server said.
    pub(crate) fn psql_as(&self, dsn: &str, sql: &str) -> Result<String, String> {
        tools::try_run(psql(&self.dir, dsn).args(["-v", "ON_ERROR_STOP=1", "-c", sql]))
    }

    /// Writes a file of the data directory, owned by the server's user.
    pub(crate) fn write_data_file(&self, name: &str, content: &str) {
        let file = self.data_dir().join(name);
        tools::write_file(&file, content, 0o600);
        give(&file, self.owner);
    }

    /// Writes `pg_hba.conf`, which [`Postgres::reload`] puts in force.
    pub(crate) fn write_hba(&self, content: &str) {
        self.write_data_file("pg_hba.conf", content);
    }

    /// Reloads the configuration; when this returns, new connections are judged by it. The postmaster tells its children
    /// before it reads `pg_hba.conf` itself, and takes connections after that: a child's new load time and an answer to a
    /// new connection together are proof.
    /// A `pg_hba.conf` with an error is not put in force: PostgreSQL keeps the rules that it had.
    pub(crate) fn reload(&self) {
        let before = self.psql("SELECT pg_conf_load_time()");
        self.psql("SELECT pg_reload_conf()");
        let reloaded = || self.psql("SELECT pg_conf_load_time()") != before;
        tools::wait_until("the reloaded configuration", Duration::from_secs(10), reloaded, || self.log());
        wire::await_answer(self);
    }

    /// Stops the server and starts it again. By then the superuser must be let in over the unix socket.
    pub(crate) fn restart(&mut self) {
        self.admin = None;
        self.signal(Signal::INT);
        let _ = self.server.wait();
        self.server = launch(&self.bin, &self.dir, self.owner);
        self.await_ready();
        self.admin = Some(Mutex::new(psql::Session::open(&self.dir, &self.socket_dsn(SUPERUSER))));
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// The end of the server's log.
    pub(crate) fn log(&self) -> String {
        tools::tail(&self.dir.join("log"))
    }

    fn await_ready(&mut self) {
        let log = self.dir.join("log");
        let (dir, dsn, server) = (&self.dir, self.socket_dsn(SUPERUSER), &mut self.server);
        let ready = || {
            let ended = server.try_wait().expect("wait for postgres");
            assert!(ended.is_none(), "postgres has ended:\n{}", tools::tail(&log));
            tools::try_run(psql(dir, &dsn).args(["-c", "SELECT 1"])).is_ok()
        };
        tools::wait_until("PostgreSQL", Duration::from_secs(30), ready, || tools::tail(&log));
    }

    fn create_roles(&self) {
        // The default before version 14 is MD5, which a `scram-sha-256` line does not take.
        self.psql("SET password_encryption = 'scram-sha-256'");
        self.psql(&format!("ALTER ROLE {SUPERUSER} PASSWORD '{}'", password(SUPERUSER)));
        for (role, more) in
            [(PLAIN, ""), (CERTIFICATE, ""), (MONITOR, "IN ROLE pg_monitor"), (AUDIT, "IN ROLE pg_read_all_settings")]
        {
            self.psql(&format!("CREATE ROLE {role} LOGIN PASSWORD '{}' {more}", password(role)));
        }
        for statement in audit_grants(self.psql("SHOW server_version_num").parse().expect("a number")) {
            self.psql(&statement);
        }
    }
}

/// What [`AUDIT`] needs besides `pg_read_all_settings`. The views need their functions too; `pg_ident_file_mappings` is
/// of version 15.
pub(crate) fn audit_grants(server_version: u32) -> Vec<String> {
    let mut views =
        vec![("pg_hba_file_rules", "pg_hba_file_rules()"), ("pg_file_settings", "pg_show_all_file_settings()")];
    if server_version >= 150_000 {
        views.push(("pg_ident_file_mappings", "pg_ident_file_mappings()"));
    }
    let columns = format!("GRANT SELECT (rolname, rolpassword, rolvaliduntil) ON pg_authid TO {AUDIT}");
    views
        .into_iter()
        .flat_map(|(view, function)| {
            [format!("GRANT SELECT ON {view} TO {AUDIT}"), format!("GRANT EXECUTE ON FUNCTION {function} TO {AUDIT}")]
        })
        .chain([columns])
        .collect()
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.admin = None;
        // The "immediate" stop: the postmaster ends its children itself.
        self.signal(Signal::QUIT);
        let _ = self.server.wait();
        if let Err(left) = sweep(&self.dir) {
            eprintln!("PostgreSQL left behind: {left}");
        }
    }
}

/// The folder of the newest PostgreSQL that Debian's packages have installed.
pub(crate) fn newest_bin() -> PathBuf {
    let folders = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    folders
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, bin)| tools::is_executable(&bin.join("initdb")))
        .max()
        .map(|(_, bin)| bin)
        .expect("PostgreSQL is missing; run scripts/install-components as root")
}

/// PostgreSQL refuses to run as root, so its commands run as `owner` then.
fn as_owner(program: &Path, dir: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = match owner {
        None => component(program, dir),
        Some((uid, gid)) => {
            let mut command = component(tools::find("setpriv"), dir);
            command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups").arg(program);
            command
        }
    };
    let libraries = program.with_file_name("../lib");
    if !program.starts_with("/usr") && libraries.is_dir() {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    // A home or working directory that only root can enter makes it complain.
    command.current_dir("/").env("HOME", dir).env("LC_ALL", "C");
    command
}

fn configure(dir: &Path, port: u16, pki: &Pki, options: &Options, owner: Option<(u32, u32)>) {
    let data = dir.join("data");
    let mut lines = vec![
        ("listen_addresses".to_owned(), "127.0.0.1".to_owned()),
        ("port".to_owned(), port.to_string()),
        ("unix_socket_directories".to_owned(), dir.join("s").display().to_string()),
    ];
    if options.tls {
        pki.issue_server("server");
        for (from, name) in [(pki.certificate("server"), "server.crt"), (pki.key("server"), "server.key")] {
            tools::write_file(&data.join(name), fs::read(from).expect("read what openssl wrote"), 0o600);
            give(&data.join(name), owner);
        }
        lines.push(("ssl".to_owned(), "on".to_owned()));
    }
    if options.client_ca {
        pki.issue_client(CERTIFICATE);
        tools::write_file(&data.join("root.crt"), fs::read(pki.ca()).expect("read what openssl wrote"), 0o644);
        give(&data.join("root.crt"), owner);
        lines.push(("ssl_ca_file".to_owned(), "root.crt".to_owned()));
    }
    let file = data.join("postgresql.conf");
    let mut text = fs::read_to_string(&file).expect("initdb writes postgresql.conf");
    for (name, value) in lines.iter().chain(&options.conf) {
        text.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
    }
    fs::write(&file, text).expect("write postgresql.conf");
}

fn launch(bin: &Path, dir: &Path, owner: Option<(u32, u32)>) -> Child {
    let log = fs::File::create(dir.join("log")).expect("create the server's log");
    let errors = log.try_clone().expect("duplicate the server's log");
    as_owner(&bin.join("postgres"), dir, owner)
        .arg("-D")
        .arg(dir.join("data"))
        .stdout(log)
        .stderr(errors)
        .spawn()
        .expect("start postgres")
}

fn give(path: &Path, owner: Option<(u32, u32)>) {
    if let Some((uid, gid)) = owner {
        chown(path, Some(uid), Some(gid)).unwrap_or_else(|error| panic!("chown {}: {error}", path.display()));
    }
}
