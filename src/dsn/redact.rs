//! The form in which a connection string may be shown: a URI without its secrets, or nothing of it at all.

use super::client::{Client, Form, detect};
use super::conninfo::Conninfo;
use std::fmt::{self, Write as _};

/// The redacted URI: `postgres://agent:***@db:5432/app?sslmode=verify-full`.
impl fmt::Display for Conninfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jdbc = self.form == Form::Jdbc;
        f.write_str(if jdbc { "jdbc:postgresql://" } else { "postgres://" })?;
        if self.suspect {
            return f.write_str("***");
        }
        if !jdbc {
            self.write_userinfo(f)?;
        }
        let port_in_query = self.write_hosts(f)?;
        if let Some(dbname) = self.get("dbname") {
            write!(f, "/{}", encode(dbname))?;
        }
        let mut separator = '?';
        for (name, value) in self.params() {
            let done = match name {
                "user" | "password" => !jdbc,
                "host" | "dbname" => true,
                "port" => !port_in_query,
                _ => false,
            };
            if !done {
                let hidden = value.is_secret() || holds_secret_setting(name, value.expose());
                let value = if hidden { "***".to_owned() } else { encode(value.expose()) };
                write!(f, "{separator}{name}={value}")?;
                separator = '&';
            }
        }
        Ok(())
    }
}

impl Conninfo {
    fn write_userinfo(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.get("user");
        let password = self.value("password");
        if user.is_none() && password.is_none() {
            return Ok(());
        }
        f.write_str(&encode(user.unwrap_or_default()))?;
        if password.is_some() {
            f.write_str(":***")?;
        }
        f.write_char('@')
    }

    /// Writes `host:port,…`; answers whether the ports did not fit the hosts and belong in the query.
    fn write_hosts(&self, f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
        let hosts: Vec<&str> = self.get("host").unwrap_or_default().split(',').collect();
        let ports: Vec<&str> = self.get("port").unwrap_or_default().split(',').collect();
        let fits = ports.len() == hosts.len();
        for (at, host) in hosts.iter().enumerate() {
            if at > 0 {
                f.write_char(',')?;
            }
            if host.contains(':') && !host.starts_with('[') {
                write!(f, "[{}]", encode(host).replace("%3A", ":"))?;
            } else {
                f.write_str(&encode(host))?;
            }
            match ports.get(at) {
                Some(port) if fits && !port.is_empty() => write!(f, ":{}", encode(port))?,
                _ => {}
            }
        }
        Ok(!fits)
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters, and `,`.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The form in which a string may be shown, whether or not it parses: nothing of one that does not parse is repeated.
pub fn redacted(text: &str) -> String {
    let form = detect(text);
    let parsed = match form {
        Form::Jdbc => Conninfo::parse_for(text, Client::Jdbc),
        Form::BunUnix => Conninfo::parse_for(text, Client::Bun),
        Form::Uri | Form::KeywordValue => Conninfo::parse(text),
    };
    match (parsed, form) {
        (Ok(conninfo), _) => conninfo.to_string(),
        (Err(_), Form::Uri) => "postgres://***".to_owned(),
        (Err(_), Form::Jdbc) => "jdbc:postgresql://***".to_owned(),
        (Err(_), Form::BunUnix) => "unix://***".to_owned(),
        (Err(_), Form::KeywordValue) => "***".to_owned(),
    }
}

/// Whether server settings given in the string (`options=-c app.jwt_secret=…`) may hold a secret, by their names.
pub(super) fn holds_secret_setting(keyword: &str, value: &str) -> bool {
    const SECRET: [&str; 7] = ["password", "passwd", "secret", "token", "credential", "private", "_key"];
    let value = value.to_ascii_lowercase();
    keyword == "options" && SECRET.iter().any(|word| value.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_settings_in_options_are_not_shown() {
        let text = "postgres://a@h/d?options=-c%20app.jwt_secret%3Dhunter2&sslmode=require";
        let conninfo = Conninfo::parse(text).unwrap();
        let shown = format!("{conninfo} {conninfo:?} {:?}", conninfo.params_redacted());
        assert!(!shown.contains("hunter2") && shown.contains("sslmode"), "{shown}");
        let harmless = Conninfo::parse("postgres://a@h/d?options=-c%20geqo%3Doff").unwrap();
        assert!(harmless.to_string().contains("geqo"));
    }
}
