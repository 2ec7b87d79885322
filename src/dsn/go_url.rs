//! URLs as Go's `net/url` reads them, which is how lib/pq, pgx (up to 5.10) and bun read theirs: a raw `#` ends the
//! URL, the *last* `@` ends the user information, `+` is a blank in the query, query parameters that do not decode are
//! dropped in silence, and `%2F` in a host is refused.
//!
//! Go `src/net/url/url.go` (`parseAuthority`, `validUserinfo`, `validOptionalPort`, `parseQuery`); lib/pq
//! `connector.go` (`convertURL`), pgx `pgconn/config.go` (`parseURLSettings`), bun `driver/pgdriver/config.go`
//! (`parseDSN`).

use super::builder::Builder;
use super::client::{Client, uri_prefix};
use super::error::{DsnError, DsnErrorKind};
use super::percent::digit;

/// Reads a URL into `builder`.
pub(super) fn parse(text: &str, client: Client, builder: &mut Builder) -> Result<(), DsnError> {
    if let Some(offset) = text.bytes().position(|byte| byte < b' ' || byte == 0x7f) {
        return Err(refused("a control character", offset));
    }
    let prefix = uri_prefix(text).unwrap_or("unix://");
    if let Some(offset) = text.find('#') {
        return Err(DsnError::hinted(
            DsnErrorKind::InvalidUrl("a raw \"#\" begins a fragment, which is thrown away"),
            offset,
            "write %23",
        ));
    }
    let rest = text.get(prefix.len()..).unwrap_or_default();
    let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = before_query.split_once('/').unwrap_or((before_query, ""));
    // Go ends the authority at a raw "?" too, which then cuts a password short.
    let cut_short = authority.contains(':') && !authority.contains('@') && rest.contains('@');
    if cut_short || super::uri::spills(rest) {
        builder.suspect();
    }
    let host = userinfo(authority, prefix.len(), builder)?;
    if prefix == "unix://" {
        return unix(host, before_query, query, builder);
    }
    hosts(host, text.len() - rest.len(), client, builder)?;
    let dbname = unescape(path, false).ok_or_else(|| refused("a bad escape in the path", prefix.len()))?;
    if !dbname.is_empty() {
        builder.push_taken("dbname", dbname, false);
    }
    self::query(query, client, builder)
}

/// Takes user and password; answers the rest of the authority.
fn userinfo<'a>(authority: &'a str, offset: usize, builder: &mut Builder) -> Result<&'a str, DsnError> {
    let Some((info, host)) = authority.rsplit_once('@') else {
        return Ok(authority);
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !info.bytes().all(allowed) {
        return Err(DsnError::hinted(
            DsnErrorKind::InvalidUrl("a character in user or password that must be percent-encoded"),
            offset,
            "percent-encode all but letters, digits and -._~",
        ));
    }
    let (user, password) = match info.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (info, None),
    };
    let decode = |part| unescape(part, false).ok_or_else(|| refused("a bad escape in user or password", offset));
    let user = decode(user)?;
    if !user.is_empty() {
        builder.push_taken("user", user, false);
    }
    match password.map(decode).transpose()? {
        Some(password) if !password.is_empty() => builder.push_taken("password", password, true),
        _ => {}
    }
    Ok(host)
}

/// Takes hosts and ports: pgx splits at commas, lib/pq knows one port, bun one host.
fn hosts(host: &str, offset: usize, client: Client, builder: &mut Builder) -> Result<(), DsnError> {
    if host.contains('%') && !host.contains("%25") {
        return Err(DsnError::hinted(
            DsnErrorKind::InvalidUrl("a percent-encoded host"),
            offset,
            "name a socket directory as ?host=/directory",
        ));
    }
    let last_port = match host.rsplit_once(':') {
        Some((before, port)) if !before.ends_with(']') && before.contains(']') || port.contains(']') => {
            return if host.starts_with('[') {
                hosts_split(host, client, builder)
            } else {
                Err(refused("a bad host", offset))
            };
        }
        Some((_, port)) => port,
        None => "",
    };
    if !last_port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused("a port that is not a number", offset));
    }
    hosts_split(host, client, builder)?;
    let colons = host.matches(':').count();
    match client {
        Client::LibPq if colons > 1 && !host.starts_with('[') => {
            Err(DsnError::hinted(DsnErrorKind::InvalidUrl("more than one port"), offset, "write ?port=1,2 instead"))
        }
        Client::Bun if host.contains(',') => Err(refused("more than one host", offset)),
        _ => Ok(()),
    }
}

fn hosts_split(list: &str, client: Client, builder: &mut Builder) -> Result<(), DsnError> {
    if list.is_empty() {
        return Ok(());
    }
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for item in list.split(',') {
        let (host, port) = match item.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (item, ""),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        hosts.push(host.replace("%25", "%"));
        ports.push(port);
    }
    builder.push_taken("host", hosts.join(","), false);
    let any_port = ports.iter().any(|port| !port.is_empty());
    match client {
        Client::LibPq if any_port => {
            builder.push_taken("port", ports.concat(), false);
        }
        // pgx up to 5.10 drops empty ports, so that one port serves every host.
        Client::Pgx if any_port => {
            ports.retain(|port| !port.is_empty());
            builder.push_taken("port", ports.join(","), false);
        }
        _ if any_port => builder.push_taken("port", ports.join(","), false),
        _ => {}
    }
    Ok(())
}

/// bun's `unix://user:password@database/path`.
fn unix(database: &str, before_query: &str, query: &str, builder: &mut Builder) -> Result<(), DsnError> {
    let path = before_query.find('/').and_then(|at| before_query.get(at..)).unwrap_or_default();
    if path.is_empty() {
        return Err(refused("a unix:// URL without a path", 0));
    }
    if !database.is_empty() {
        builder.push_taken("dbname", database.to_owned(), false);
    }
    builder.push_taken("host", path.to_owned(), false);
    self::query(query, Client::Bun, builder)
}

/// `net/url` drops a pair that holds `;` or a bad escape, without a word.
fn query(query: &str, client: Client, builder: &mut Builder) -> Result<(), DsnError> {
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (unescape(name, true), unescape(value, true)) else {
            continue;
        };
        // Of a repeated parameter lib/pq and pgx take the first, bun the last.
        if seen.contains(&name) {
            builder.repeated(&name);
            if client != Client::Bun {
                continue;
            }
        }
        seen.push(name.clone());
        // lib/pq and bun skip empty values; pgx keeps them and means "absent" by them.
        if value.is_empty() && client != Client::Pgx && super::keyword::find(&name).is_some() {
            continue;
        }
        builder.push(&name, value, 0)?;
    }
    Ok(())
}

fn unescape(text: &str, plus_is_blank: bool) -> Option<String> {
    let mut bytes = text.bytes().enumerate();
    let mut out = Vec::with_capacity(text.len());
    while let Some((_, byte)) = bytes.next() {
        out.push(match byte {
            b'%' => digit(bytes.next())? * 16 + digit(bytes.next())?,
            b'+' if plus_is_blank => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

fn refused(why: &'static str, offset: usize) -> DsnError {
    DsnError::new(DsnErrorKind::InvalidUrl(why), offset)
}

#[cfg(test)]
mod tests {
    use crate::dsn::{Client, Conninfo};

    fn get(text: &str, client: Client, keyword: &str) -> Option<String> {
        Conninfo::parse_for(text, client).ok()?.value(keyword).map(|v| v.expose().to_owned())
    }

    #[test]
    fn parts() {
        let text = "postgres://u:p%40w@h:6432/d?sslmode=require&search_path=a";
        for (keyword, value) in [
            ("user", "u"),
            ("password", "p@w"),
            ("host", "h"),
            ("port", "6432"),
            ("dbname", "d"),
            ("sslmode", "require"),
        ] {
            for client in [Client::LibPq, Client::Pgx, Client::Bun] {
                assert_eq!(get(text, client, keyword).as_deref(), Some(value), "{client} {keyword}");
            }
        }
        assert_eq!(get("postgres://u:p@w@h/d", Client::Pgx, "password").as_deref(), Some("p@w"));
        assert_eq!(get("postgres://[::1]:5/d", Client::Pgx, "host").as_deref(), Some("::1"));
        assert_eq!(get("postgres://[::1]/d", Client::Bun, "host").as_deref(), Some("::1"));
        assert_eq!(get("postgres://a,b:2/d", Client::Pgx, "port").as_deref(), Some("2"));
        assert_eq!(get("postgres://a:1,b:2/d", Client::Pgx, "port").as_deref(), Some("1,2"));
        assert_eq!(get("unix://u:p@db/tmp/.s.PGSQL.5432", Client::Bun, "host").as_deref(), Some("/tmp/.s.PGSQL.5432"));
        assert_eq!(get("postgres://h?sslrootcert=a+b", Client::Pgx, "sslrootcert").as_deref(), Some("a b"));
    }

    #[test]
    fn refusals() {
        for (text, client) in [
            ("postgres://u:p#w@h/d", Client::Pgx),
            ("postgres://%2Ftmp/d", Client::LibPq),
            ("postgres://h:x/d", Client::Bun),
            ("postgres://u:p w@h/d", Client::Pgx),
            ("postgres://u:%zz@h/d", Client::Pgx),
            ("postgres://a:1,b:2/d", Client::LibPq),
            ("postgres://a,b/d", Client::Bun),
            ("host=h", Client::Bun),
            ("unix://db", Client::Bun),
            ("postgres://h", Client::Jdbc),
        ] {
            assert!(Conninfo::parse_for(text, client).is_err(), "{client} {text}");
        }
    }

    #[test]
    fn a_pair_that_does_not_decode_is_dropped() {
        assert_eq!(get("postgres://h?sslmode=verify-full;a=b", Client::Pgx, "sslmode"), None);
        assert_eq!(get("postgres://h?sslmode=%zz", Client::Bun, "sslmode"), None);
    }
}
