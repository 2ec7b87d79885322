//! From the string to what the client will really use: service file, environment, defaults, password file, in the
//! client's own order of precedence.
//!
//! `conninfo_add_defaults` and `pqConnectOptions2` in `fe-connect.c`; lib/pq `connector.go` (`newConfig`); pgx
//! `pgconn/config.go` (`ParseConfigWithOptions`); bun `driver/pgdriver/config.go` (`newDefaultConfig`); pgjdbc
//! `Driver.parseURL`.

use super::client::Client;
use super::conninfo::Conninfo;
use super::effective::Transport;
use super::error::Problem;
use super::hosts::{self, Host, Lists};
use super::keyword::{self, KEYWORDS, Keyword, LATEST};
use super::resolved::{Origin, Resolved};
use super::surroundings::{Surroundings, home};
use super::{passfile, service};

/// Adds to a string what `client` adds to it.
pub fn resolve(conninfo: &Conninfo, around: &dyn Surroundings, client: Client) -> Resolved {
    let mut resolved = Resolved {
        client,
        conninfo: conninfo.clone(),
        params: Vec::new(),
        hosts: Vec::new(),
        incomplete: None,
        errors: Vec::new(),
        notes: Vec::new(),
    };
    for (name, value) in conninfo.params() {
        resolved.set(name, value.expose(), Origin::String);
    }
    note_repeated(&mut resolved);
    apply_service(&mut resolved, around);
    apply_environment(&mut resolved, around);
    apply_defaults(&mut resolved, around);
    let lists = Lists {
        host: resolved.get("host").unwrap_or_default(),
        hostaddr: resolved.get("hostaddr").unwrap_or_default(),
        port: resolved.get("port").unwrap_or_default(),
    };
    let (hosts, problems) = hosts::split(&lists, client, around);
    resolved.hosts = hosts;
    resolved.errors.extend(problems);
    apply_passfile(&mut resolved, around);
    resolved.params.sort_by_key(|param| keyword::rank(param.name));
    resolved
}

fn note_repeated(resolved: &mut Resolved) {
    let which = match resolved.client {
        Client::LibPq | Client::Pgx if resolved.conninfo.form() == super::Form::Uri => "first",
        _ => "last",
    };
    let notes: Vec<String> = resolved
        .conninfo
        .repeated()
        .map(|name| format!("{name} is given more than once; the {which} one counts"))
        .collect();
    resolved.notes.extend(notes);
}

fn apply_service(resolved: &mut Resolved, around: &dyn Surroundings) {
    let from_env = around.env("PGSERVICE");
    let client = resolved.client;
    let name = match client {
        Client::Libpq => resolved.get("service").map(str::to_owned).or(from_env),
        Client::Pgx | Client::LibPq => {
            resolved.filled("service").map(str::to_owned).or(from_env.filter(|name| !name.is_empty()))
        }
        Client::Jdbc => resolved.get("service").map(str::to_owned),
        Client::Bun => None,
    };
    let Some(name) = name else { return };
    let lookup = match client {
        Client::LibPq => service::Lookup::Unknown(
            "lib/pq reads service files since 1.12 only, and lets them override the string".to_owned(),
        ),
        Client::Pgx => {
            let own = resolved.conninfo.other("servicefile").map(str::to_owned);
            let path = own.or_else(|| around.env("PGSERVICEFILE").filter(|path| !path.is_empty()));
            let path = path.or_else(|| home(around).map(|home| format!("{home}/.pg_service.conf")));
            service::look_up_in(&path.unwrap_or_default(), &name, around)
        }
        Client::Libpq | Client::Jdbc | Client::Bun => service::look_up(&name, around),
    };
    match lookup {
        service::Lookup::Found(pairs, path) => apply_pairs(resolved, pairs, &path),
        service::Lookup::Refused(problem) => {
            resolved.incomplete = Some(problem.message.clone());
            resolved.errors.push(problem);
        }
        service::Lookup::Unknown(reason) => resolved.incomplete = Some(reason),
    }
}

/// The first line of a section counts, and none overrides the string.
fn apply_pairs(resolved: &mut Resolved, pairs: Vec<(String, String)>, path: &str) {
    for (name, text) in pairs {
        resolved.default(&name, &text, Origin::Service(path.to_owned()));
    }
}

/// libpq's keywords, for libpq itself without those of later versions.
fn known_keywords(client: Client, around: &dyn Surroundings) -> impl Iterator<Item = &'static Keyword> {
    let version = if client == Client::Libpq { around.libpq_version() } else { LATEST };
    KEYWORDS.iter().filter(move |keyword| keyword.since <= version)
}

fn apply_environment(resolved: &mut Resolved, around: &dyn Surroundings) {
    let client = resolved.client;
    for keyword in known_keywords(client, around) {
        let Some(variable) = keyword.env.filter(|_| reads_variable(client, keyword.name)) else {
            continue;
        };
        // libpq and lib/pq take an empty variable for a value; pgx and bun for none.
        let text =
            around.env(variable).filter(|text| matches!(client, Client::Libpq | Client::LibPq) || !text.is_empty());
        if let Some(text) = text {
            resolved.default(keyword.name, &text, Origin::Environment(variable.to_owned()));
        }
    }
    if client == Client::Libpq && around.env("PGREQUIRESSL").is_some_and(|text| text.starts_with('1')) {
        resolved.default("sslmode", "require", Origin::Environment("PGREQUIRESSL".to_owned()));
    }
    if client == Client::LibPq {
        refuse_variables(resolved, around);
    }
}

/// lib/pq refuses to start with variables that it does not know how to honour.
fn refuse_variables(resolved: &mut Resolved, around: &dyn Surroundings) {
    for variable in ["PGREQUIRESSL", "PGSSLCRL", "PGREQUIREPEER", "PGGSSLIB", "PGREALM", "PGSSLCOMPRESSION"] {
        if around.env(variable).is_some() {
            resolved.errors.push(Problem::new(format!("lib/pq refuses the environment variable {variable}")));
        }
    }
}

fn reads_variable(client: Client, keyword: &str) -> bool {
    match client {
        Client::Libpq => true,
        Client::LibPq | Client::Pgx => client.takes(keyword),
        Client::Bun => matches!(keyword, "host" | "port" | "user" | "dbname"),
        Client::Jdbc => false,
    }
}

fn apply_defaults(resolved: &mut Resolved, around: &dyn Surroundings) {
    let client = resolved.client;
    if client == Client::Libpq {
        let sslmode_given = resolved.has("sslmode");
        for keyword in known_keywords(client, around) {
            if let Some(text) = keyword.compiled {
                resolved.default(keyword.name, text, Origin::Default);
            }
        }
        if !sslmode_given && around.libpq_version() >= 16 && resolved.get("sslrootcert") == Some("system") {
            resolved.set("sslmode", "verify-full", Origin::Default);
        }
    }
    if resolved.filled("user").is_none() {
        match (client, around.user()) {
            (Client::Bun, _) => resolved.set("user", "postgres", Origin::Default),
            (_, Some(user)) => resolved.set("user", &user, Origin::User),
            (_, None) => resolved.notes.push("the user name is the operating system's, which is not known".to_owned()),
        }
    }
    if resolved.filled("dbname").is_none() {
        let dbname = if client == Client::Bun { Some("postgres") } else { resolved.get("user") };
        if let Some(dbname) = dbname.map(str::to_owned) {
            resolved.set("dbname", &dbname, Origin::Default);
        }
    }
}

fn apply_passfile(resolved: &mut Resolved, around: &dyn Surroundings) {
    let client = resolved.client;
    let given = resolved.param("password").is_some_and(|param| !param.value.expose().is_empty());
    if given || client == Client::Bun {
        return;
    }
    let named = match client {
        Client::Jdbc => around.env("PGPASSFILE"),
        _ => resolved.filled("passfile").map(str::to_owned),
    };
    let Some(path) = named.or_else(|| home(around).map(|home| format!("{home}/.pgpass"))) else {
        return;
    };
    let path = super::surroundings::absolute(&path, around).unwrap_or(path);
    let default_dir = hosts::default_socket_dir(around);
    let (user, dbname) = (resolved.get("user").unwrap_or_default(), resolved.get("dbname").unwrap_or_default());
    let check_mode = matches!(client, Client::Libpq | Client::LibPq);
    let mut found = Vec::new();
    let mut notes = Vec::new();
    for host in &resolved.hosts {
        let port = host.port.unwrap_or(5432).to_string();
        let key = passfile::Key { host: passfile_host(host, client, &default_dir), port: &port, dbname, user };
        match passfile::look_up(&path, &key, check_mode, around) {
            passfile::Lookup::Found(password) => found.push(Some(password)),
            passfile::Lookup::NotThere => found.push(None),
            passfile::Lookup::Note(note) => {
                found.push(None);
                notes.push(note);
            }
        }
    }
    for (host, password) in resolved.hosts.iter_mut().zip(found) {
        host.passfile_password = password;
    }
    notes.dedup();
    resolved.notes.extend(notes);
}

/// What stands in the first field for a server: for libpq `localhost` means the default socket directory only.
fn passfile_host<'a>(host: &'a Host, client: Client, default_dir: &str) -> &'a str {
    let name = host.host.as_deref().or(host.hostaddr.as_deref()).unwrap_or("localhost");
    let is_default = host.transport == Transport::Unix && (client != Client::Libpq || name == default_dir);
    if is_default { "localhost" } else { name }
}

#[cfg(test)]
mod tests {
    use super::{Origin, Resolved, resolve};
    use crate::dsn::surroundings::fake::Fake;
    use crate::dsn::{Client, Conninfo};
    use secrecy::ExposeSecret;

    fn libpq(text: &str, around: &Fake) -> Resolved {
        resolve(&Conninfo::parse(text).unwrap(), around, Client::Libpq)
    }

    fn password(resolved: &Resolved, host: usize) -> Option<String> {
        resolved.password(host).map(|p| p.expose_secret().to_owned())
    }

    #[test]
    fn precedence_is_string_service_environment_default() {
        let around = Fake::default()
            .file("/home/op/.pg_service.conf", "[s]\nhost=from-service\nport=1\nport=2\ndbname=d\n")
            .env("PGHOST", "from-env")
            .env("PGUSER", "env-user")
            .env("PGSERVICE", "s");
        let resolved = libpq("dbname=x", &around);
        assert_eq!(resolved.get("dbname"), Some("x"));
        assert_eq!(resolved.get("host"), Some("from-service"));
        assert_eq!(resolved.get("port"), Some("1"));
        assert_eq!(resolved.get("user"), Some("env-user"));
        assert_eq!(resolved.param("sslmode").map(|p| &p.origin), Some(&Origin::Default));
        let missing = libpq("service=nope", &around);
        assert!(missing.errors.first().is_some_and(|e| e.message.contains("not found")));
        assert!(missing.incomplete.is_some());
    }

    #[test]
    fn sslmode_defaults() {
        let get = |text: &str, around: &Fake| libpq(text, around).get("sslmode").map(str::to_owned);
        assert_eq!(get("", &Fake::default()).as_deref(), Some("prefer"));
        assert_eq!(get("", &Fake::default().env("PGREQUIRESSL", "1")).as_deref(), Some("require"));
        let both = Fake::default().env("PGREQUIRESSL", "1").env("PGSSLMODE", "allow");
        assert_eq!(get("", &both).as_deref(), Some("allow"));
        assert_eq!(get("sslrootcert=system", &Fake::default()).as_deref(), Some("verify-full"));
        assert_eq!(get("sslrootcert=system sslmode=require", &Fake::default()).as_deref(), Some("require"));
    }

    #[test]
    fn names_default_to_the_user() {
        let resolved = libpq("user='' dbname=''", &Fake::default());
        assert_eq!((resolved.get("user"), resolved.get("dbname")), (Some("op"), Some("op")));
        let bun = Conninfo::parse_for("postgres://h", Client::Bun).unwrap();
        let bun = resolve(&bun, &Fake::default().env("PGPASSWORD", "x").env("PGSSLMODE", "disable"), Client::Bun);
        assert_eq!(
            (bun.get("user"), bun.get("dbname"), bun.get("sslmode")),
            (Some("postgres"), Some("postgres"), None)
        );
        assert!(bun.password(0).is_none());
    }

    #[test]
    fn passwords_come_from_the_file_last() {
        let around = Fake::default().file("/home/op/.pgpass", "a:5432:*:*:for-a\nlocalhost:*:*:*:for-socket\n");
        let resolved = libpq("host=a,b,/var/run/postgresql,/other", &around);
        let all: Vec<_> = (0..4).map(|host| password(&resolved, host)).collect();
        assert_eq!(all, [Some("for-a".into()), None, Some("for-socket".into()), None]);
        assert_eq!(password(&libpq("host=a password=given", &around), 0).as_deref(), Some("given"));
        let around = around.env("PGPASSWORD", "env");
        assert_eq!(password(&libpq("host=a", &around), 0).as_deref(), Some("env"));
        let open = Fake::default().mode("/p", 0o644, "*:*:*:*:x");
        let resolved = libpq("host=a passfile=/p", &open);
        assert!(password(&resolved, 0).is_none());
        assert!(resolved.notes.iter().any(|note| note.contains("0644")));
    }

    #[test]
    fn debug_is_redacted() {
        let around = Fake::default().file("/home/op/.pgpass", "*:*:*:*:hunter2\n");
        let resolved = libpq("host=a sslpassword=hunter2 user=u", &around);
        assert!(password(&resolved, 0).is_some());
        assert!(!format!("{resolved:?}").contains("hunter2"));
    }
}
