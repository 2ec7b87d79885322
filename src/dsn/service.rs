//! The connection service file: `[service]` sections of `keyword=value` lines.
//!
//! `parseServiceInfo` and `parseServiceFile` in `fe-connect.c`; PostgreSQL manual, "The Connection Service File". The
//! `ldap://` lines of a libpq built with LDAP are not followed: they make the answer unknown.

use super::error::Problem;
use super::keyword;
use super::surroundings::{Surroundings, home, is_absent};

/// libpq's line buffer: a line of that many bytes or more is refused.
const LINE_LIMIT: usize = 1023;

/// What became of looking a service up.
#[derive(Debug)]
pub(super) enum Lookup {
    /// Found: its pairs in order, and the file.
    Found(Vec<(String, String)>, String),
    /// The client refuses.
    Refused(Problem),
    /// A file could not be read by harden, though the client might.
    Unknown(String),
}

/// What one file said.
enum InFile {
    Found(Vec<(String, String)>),
    NotThere,
    Refused(Problem),
    Unknown(String),
}

/// Looks `service` up as libpq does: the user's file, then the system's.
pub(super) fn look_up(service: &str, around: &dyn Surroundings) -> Lookup {
    let user_file = match around.env("PGSERVICEFILE") {
        Some(path) => Some((path, true)),
        None => home(around).map(|home| (format!("{home}/.pg_service.conf"), false)),
    };
    let system_dir = around.env("PGSYSCONFDIR").unwrap_or_else(|| around.sysconfdir());
    let system_file = (format!("{system_dir}/pg_service.conf"), false);
    for (path, must_exist) in user_file.into_iter().chain([system_file]) {
        match in_file(&path, service, must_exist, around) {
            InFile::Found(pairs) => return Lookup::Found(pairs, path),
            InFile::NotThere => {}
            InFile::Refused(problem) => return Lookup::Refused(problem),
            InFile::Unknown(reason) => return Lookup::Unknown(reason),
        }
    }
    Lookup::Refused(Problem::new("the definition of the service is not found"))
}

/// Looks `service` up in one file only, which must exist, as pgx does.
pub(super) fn look_up_in(path: &str, service: &str, around: &dyn Surroundings) -> Lookup {
    match in_file(path, service, true, around) {
        InFile::Found(pairs) => Lookup::Found(pairs, path.to_owned()),
        InFile::NotThere => Lookup::Refused(Problem::new("the definition of the service is not found")),
        InFile::Refused(problem) => Lookup::Refused(problem),
        InFile::Unknown(reason) => Lookup::Unknown(reason),
    }
}

fn in_file(path: &str, service: &str, must_exist: bool, around: &dyn Surroundings) -> InFile {
    match around.read(path) {
        Ok(bytes) => parse(&String::from_utf8_lossy(&bytes), path, service),
        Err(error) if is_absent(&error) && must_exist => {
            InFile::Refused(Problem::new(format!("the service file {path} is not found")))
        }
        Err(error) if is_absent(&error) => InFile::NotThere,
        Err(error) => InFile::Unknown(format!("the service file {path}: {error}")),
    }
}

fn parse(text: &str, path: &str, service: &str) -> InFile {
    let mut pairs: Option<Vec<(String, String)>> = None;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let refused =
            |what: &str| InFile::Refused(Problem::new(format!("{what} in the service file {path}, line {}", at + 1)));
        if line.len() >= LINE_LIMIT {
            return refused("a line is too long");
        }
        let line = line.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if pairs.is_some() {
                break;
            }
            if header.strip_prefix(service).is_some_and(|rest| rest.starts_with(']')) {
                pairs = Some(Vec::new());
            }
            continue;
        }
        let Some(pairs) = pairs.as_mut() else {
            continue;
        };
        if line.starts_with("ldap") {
            return InFile::Unknown(format!("the service file {path}, line {}, asks an LDAP server", at + 1));
        }
        match line.split_once('=') {
            Some(("service", _)) => return refused("a nested service"),
            Some((name, value)) if keyword::find(name).is_some() => pairs.push((name.to_owned(), value.to_owned())),
            _ => return refused("a syntax error or an unknown keyword"),
        }
    }
    pairs.map_or(InFile::NotThere, InFile::Found)
}

#[cfg(test)]
mod tests {
    use super::{Lookup, look_up};
    use crate::dsn::surroundings::fake::Fake;

    fn found(around: &Fake, service: &str) -> Result<Vec<(String, String)>, String> {
        match look_up(service, around) {
            Lookup::Found(pairs, _) => Ok(pairs),
            Lookup::Refused(problem) => Err(problem.message),
            Lookup::Unknown(reason) => Err(format!("unknown: {reason}")),
        }
    }

    const USER: &str = "/home/op/.pg_service.conf";

    #[test]
    fn section_by_name() {
        let text = "# c\n[other]\nhost=no\n\n [app] trailing\n host=db \nsslmode=verify-full\n[app]\nhost=late\n";
        let around = Fake::default().file(USER, text);
        let pairs = found(&around, "app").unwrap();
        assert_eq!(pairs, [("host".into(), "db".into()), ("sslmode".into(), "verify-full".into())]);
        assert!(found(&around, "ap").unwrap_err().contains("not found"));
    }

    #[test]
    fn files_in_order() {
        let around =
            Fake::default().file(USER, "[a]\n").file("/etc/postgresql-common/pg_service.conf", "[b]\nport=1\n");
        assert_eq!(found(&around, "b").unwrap().len(), 1);
        let around = around.env("PGSERVICEFILE", "/nowhere");
        assert!(found(&around, "b").unwrap_err().contains("/nowhere"));
        let around = Fake::default().file("/c/pg_service.conf", "[b]\n").env("PGSYSCONFDIR", "/c");
        assert!(found(&around, "b").is_ok());
        let around = Fake::default().denied(USER);
        assert!(found(&around, "b").unwrap_err().starts_with("unknown: "));
    }

    #[test]
    fn errors_name_the_line_only() {
        for (text, what) in [
            ("[a]\nservice=b\n", "nested"),
            ("[a]\nsecret word\n", "syntax"),
            ("[a]\nhunter2=x\n", "syntax"),
            ("[a]\nldap://h/\n", "LDAP"),
        ] {
            let error = found(&Fake::default().file(USER, text), "a").unwrap_err();
            assert!(error.contains(what) && error.contains("line 2"), "{error}");
            assert!(!error.contains("hunter2") && !error.contains("secret"), "{error}");
        }
        let long = format!("[a]\nhost={}\n", "x".repeat(1100));
        assert!(found(&Fake::default().file(USER, &long), "a").unwrap_err().contains("too long"));
    }
}
