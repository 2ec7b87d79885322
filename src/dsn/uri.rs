//! The URI form, part by part as `conninfo_uri_parse_options` and `conninfo_uri_parse_params` in `fe-connect.c` read
//! it. It is not RFC 3986: user and password end at the first `:` and the first `@`, hosts may be many, and `ssl=true`
//! stands for `sslmode=require`.

use super::builder::Builder;
use super::client::uri_prefix;
use super::error::{DsnError, DsnErrorKind};
use super::percent::decode;

/// Text and where it begins in the whole string.
#[derive(Clone, Copy)]
struct Part<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Part<'a> {
    /// The part before the first of `stops`, that character, and the part behind it.
    fn cut(self, stops: &[char]) -> (Self, Option<char>, Self) {
        let at = self.text.find(stops).unwrap_or(self.text.len());
        let (head, tail) = self.text.split_at_checked(at).unwrap_or((self.text, ""));
        let mut rest = tail.chars();
        let stop = rest.next();
        let skipped = stop.map_or(0, char::len_utf8);
        (
            Part { text: head, offset: self.offset },
            stop,
            Part { text: rest.as_str(), offset: self.offset + at + skipped },
        )
    }
}

/// Reads a URI into `builder`.
pub(super) fn parse(text: &str, builder: &mut Builder) -> Result<(), DsnError> {
    let prefix = uri_prefix(text).unwrap_or_default();
    let rest = Part { text: text.get(prefix.len()..).unwrap_or_default(), offset: prefix.len() };
    if spills(rest.text) {
        builder.suspect();
    }
    let rest = userinfo(rest, builder)?;
    let (stop, rest) = hosts(rest, builder)?;
    let (stop, rest) = match stop {
        None | Some('?') => (stop, rest),
        Some(_) => {
            let (dbname, stop, rest) = rest.cut(&['?']);
            store(builder, "dbname", dbname)?;
            (stop, rest)
        }
    };
    if stop.is_some() { query(rest, builder) } else { Ok(()) }
}

/// Whether an unencoded `@`, `/` or `?` seems to have cut a password short, so that the rest of it stands in host,
/// port, database or query: a second `@` behind the user information, or an `@` behind a `host:port` that no user
/// information precedes. Such a string may be valid, but nothing of it is fit to be shown. `rest` is what follows the
/// scheme.
pub(super) fn spills(rest: &str) -> bool {
    let at = rest.find(['@', '/']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
    match behind.strip_prefix('@') {
        Some(behind) => behind.contains('@'),
        None => authority.contains(':') && behind.contains('@'),
    }
}

fn userinfo<'a>(rest: Part<'a>, builder: &mut Builder) -> Result<Part<'a>, DsnError> {
    let (info, stop, behind) = rest.cut(&['@', '/']);
    if stop != Some('@') {
        return Ok(rest);
    }
    let (user, colon, password) = info.cut(&[':']);
    store(builder, "user", user)?;
    if colon.is_some() {
        store(builder, "password", password)?;
    }
    Ok(behind)
}

/// Reads `host[:port],…`; answers what ended it and what is behind that.
fn hosts<'a>(mut rest: Part<'a>, builder: &mut Builder) -> Result<(Option<char>, Part<'a>), DsnError> {
    let (mut hosts, mut ports) = (String::new(), String::new());
    let offset = rest.offset;
    loop {
        let (host, mut stop, mut behind) = match rest.text.strip_prefix('[') {
            Some(inner) => bracketed(Part { text: inner, offset: rest.offset + 1 })?,
            None => rest.cut(&[':', '/', '?', ',']),
        };
        hosts.push_str(host.text);
        if stop == Some(':') {
            let (port, port_stop, port_behind) = behind.cut(&['/', '?', ',']);
            ports.push_str(port.text);
            (stop, behind) = (port_stop, port_behind);
        }
        rest = behind;
        if stop != Some(',') {
            store(builder, "host", Part { text: &hosts, offset })?;
            store(builder, "port", Part { text: &ports, offset })?;
            return Ok((stop, rest));
        }
        hosts.push(',');
        ports.push(',');
    }
}

/// An IPv6 address, from behind its `[`.
fn bracketed(rest: Part<'_>) -> Result<(Part<'_>, Option<char>, Part<'_>), DsnError> {
    let (host, close, behind) = rest.cut(&[']']);
    if close.is_none() {
        return Err(DsnError::new(DsnErrorKind::BracketUnclosed, rest.offset.saturating_sub(1)));
    }
    if host.text.is_empty() {
        return Err(DsnError::new(DsnErrorKind::BracketEmpty, rest.offset));
    }
    let (between, stop, behind) = behind.cut(&[':', '/', '?', ',']);
    if between.text.is_empty() {
        Ok((host, stop, behind))
    } else {
        Err(DsnError::new(DsnErrorKind::AfterBracket, between.offset))
    }
}

/// Takes a part of the authority; an empty one counts as not written, so that the environment may fill it.
fn store(builder: &mut Builder, keyword: &str, part: Part<'_>) -> Result<(), DsnError> {
    if part.text.is_empty() {
        return Ok(());
    }
    let value = decode(part.text, part.offset, builder.version)?;
    builder.push(keyword, value, part.offset)
}

fn query(mut rest: Part<'_>, builder: &mut Builder) -> Result<(), DsnError> {
    while !rest.text.is_empty() {
        let (pair, _, behind) = rest.cut(&['&']);
        let (name, equals, value) = pair.cut(&['=']);
        if equals.is_none() {
            return Err(DsnError::new(DsnErrorKind::QueryMissingEquals, pair.offset));
        }
        if let Some(at) = value.text.find('=') {
            return Err(DsnError::new(DsnErrorKind::QueryExtraEquals, value.offset + at));
        }
        let name = decode(name.text, name.offset, builder.version)?;
        let value = decode(value.text, value.offset, builder.version)?;
        match (name.as_str(), value.as_str()) {
            ("ssl", "true") => builder.push("sslmode", "require".to_owned(), pair.offset)?,
            _ => builder.push(&name, value, pair.offset)?,
        }
        rest = behind;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::dsn::{Conninfo, DsnErrorKind, redacted};

    fn params(text: &str) -> Vec<(String, String)> {
        let conninfo = Conninfo::parse(text);
        let Ok(conninfo) = conninfo else {
            return vec![("error".into(), conninfo.err().map(|e| e.to_string()).unwrap_or_default())];
        };
        conninfo.params().into_iter().map(|(k, v)| (k.to_owned(), v.expose().to_owned())).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn parts() {
        for (text, expected) in [
            ("postgres://", &[][..]),
            ("postgresql://h", &[("host", "h")]),
            (
                "postgres://u:p@h:1/d?sslmode=allow",
                &[
                    ("user", "u"),
                    ("password", "p"),
                    ("dbname", "d"),
                    ("host", "h"),
                    ("port", "1"),
                    ("sslmode", "allow"),
                ],
            ),
            ("postgres://u:@h", &[("user", "u"), ("host", "h")]),
            ("postgres://:p@h", &[("password", "p"), ("host", "h")]),
            ("postgres://@h", &[("host", "h")]),
            ("postgres://h1:1,h2/d", &[("dbname", "d"), ("host", "h1,h2"), ("port", "1,")]),
            ("postgres://h1,h2:2", &[("host", "h1,h2"), ("port", ",2")]),
            ("postgres://,", &[("host", ","), ("port", ",")]),
            ("postgres://[::1]:5,[fe80::1%25eth0]", &[("host", "::1,fe80::1%eth0"), ("port", "5,")]),
            ("postgres://%2Fvar%2Frun/d", &[("dbname", "d"), ("host", "/var/run")]),
            ("postgres:///d?host=/tmp", &[("dbname", "d"), ("host", "/tmp")]),
            ("postgres://h?dbname=x&dbname=y", &[("dbname", "y"), ("host", "h")]),
            ("postgres://h/a/b", &[("dbname", "a/b"), ("host", "h")]),
            ("postgres://u:p@x@h/d", &[("user", "u"), ("password", "p"), ("dbname", "d"), ("host", "x@h")]),
            ("postgres://u:p:q@h", &[("user", "u"), ("password", "p:q"), ("host", "h")]),
            ("postgres://h?ssl=true", &[("host", "h"), ("sslmode", "require")]),
            ("postgres://h?requiressl=1", &[("host", "h"), ("sslmode", "require")]),
            ("postgres://h?sslmode=", &[("host", "h"), ("sslmode", "")]),
            ("postgres://h?port=1&", &[("host", "h"), ("port", "1")]),
        ] {
            assert_eq!(params(text), pairs(expected), "{text}");
        }
    }

    #[test]
    fn refusals() {
        use DsnErrorKind::{AfterBracket, BracketEmpty, BracketUnclosed, QueryExtraEquals, QueryMissingEquals};
        for (text, kind, offset) in [
            ("postgres://[::1", BracketUnclosed, 11),
            ("postgres://[]", BracketEmpty, 12),
            ("postgres://[::1]x", AfterBracket, 16),
            ("postgres://h?port", QueryMissingEquals, 13),
            ("postgres://h?&", QueryMissingEquals, 13),
            ("postgres://h?port=1=2", QueryExtraEquals, 19),
        ] {
            assert_eq!(Conninfo::parse(text).err().map(|e| (e.kind, e.offset)), Some((kind, offset)), "{text}");
        }
        for text in
            ["postgres://h?ssl=1", "postgres://h?ssl=false", "postgres://h?ssl=TRUE", "postgres://h?sslMode=require"]
        {
            let error = Conninfo::parse(text).err();
            assert!(error.is_some_and(|e| e.hint.is_some_and(|h| h.contains("sslmode"))), "{text}");
        }
    }

    #[test]
    fn redacted_forms() {
        for (text, shown) in [
            (
                "postgres://agent:s3cr%2Ft@db:5432/app?sslmode=verify-full",
                "postgres://agent:***@db:5432/app?sslmode=verify-full",
            ),
            ("host=db password='a b' user=u sslpassword=x", "postgres://u:***@db?sslpassword=***"),
            ("host=/tmp", "postgres://%2Ftmp"),
            ("host=::1,b port=1,2", "postgres://[::1]:1,b:2"),
            ("host=a,b port=1", "postgres://a,b?port=1"),
            ("host=a password=x y", "***"),
            ("postgres://u:p w@h", "postgres://***"),
            // An unencoded @, / or : of a password spills into host, port or database.
            ("postgres://u:pa@ss@h/d", "postgres://***"),
            ("postgres://u:pa/ss@h/d", "postgres://***"),
            ("postgres://u:1/ss@h/d", "postgres://***"),
            ("postgres://u:pa/ss", "postgres://***"),
            ("postgres://u:@/ss@h/d", "postgres://***"),
            ("postgres://u:@?dbname=ss@h", "postgres://***"),
        ] {
            assert_eq!(redacted(text), shown, "{text}");
        }
    }
}
