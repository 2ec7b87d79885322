//! From the `host`, `hostaddr` and `port` lists to one record per server, by each client's rules for counts, empty
//! elements and defaults.
//!
//! `pqConnectOptions2` in `fe-connect.c`; pgx `pgconn/config.go`; lib/pq `connector.go`; bun `pgdriver/config.go`.

use super::client::Client;
use super::effective::Transport;
use super::error::Problem;
use super::surroundings::{Existence, Surroundings, existence};
use secrecy::SecretString;

/// One server that the client may try, in its order.
#[derive(Debug, Clone)]
pub struct Host {
    /// Host name, address or socket directory; absent when only `hostaddr` is given.
    pub host: Option<String>,
    /// Numeric address to connect to instead of looking `host` up.
    pub hostaddr: Option<String>,
    /// Port, or the suffix of the socket's name; `None` when what is written is no port.
    pub port: Option<u16>,
    /// TCP or unix socket.
    pub transport: Transport,
    /// The password from the password file, when the string and the environment give none.
    pub passfile_password: Option<SecretString>,
}

/// The three lists as text.
pub(super) struct Lists<'a> {
    pub host: &'a str,
    pub hostaddr: &'a str,
    pub port: &'a str,
}

/// Splits the lists; problems are what the client would refuse.
pub(super) fn split(lists: &Lists<'_>, client: Client, around: &dyn Surroundings) -> (Vec<Host>, Vec<Problem>) {
    let mut problems = Vec::new();
    let hostaddrs: Vec<&str> = list(lists.hostaddr);
    let hosts: Vec<&str> = list(lists.host);
    let count = if hostaddrs.is_empty() { hosts.len().max(1) } else { hostaddrs.len() };
    if !hosts.is_empty() && hosts.len() != count {
        problems.push(Problem::new(format!("{} host names do not match {count} hostaddr values", hosts.len())));
    }
    let ports: Vec<&str> = list(lists.port);
    if ports.len() > 1 && ports.len() != count {
        problems.push(Problem::new(format!("{} port numbers do not match {count} hosts", ports.len())));
    }
    let records = (0..count)
        .map(|at| {
            let port = if ports.len() == 1 { ports.first() } else { ports.get(at) };
            let port = number(port.copied().unwrap_or_default());
            if port.is_none() {
                problems.push(Problem::new("a port is not a number between 1 and 65535"));
            }
            record(filled(hosts.get(at)), filled(hostaddrs.get(at)), port, client, around)
        })
        .collect();
    problems.dedup();
    (records, problems)
}

fn record(
    host: Option<String>,
    hostaddr: Option<String>,
    port: Option<u16>,
    client: Client,
    around: &dyn Surroundings,
) -> Host {
    let host = match (host, &hostaddr) {
        (None, None) => Some(default_host(client, around)),
        (host, _) => host,
    };
    let is_socket = hostaddr.is_none() && host.as_deref().is_some_and(|host| is_socket(host, client));
    let transport = if is_socket { Transport::Unix } else { Transport::Tcp };
    Host { host, hostaddr, port, transport, passfile_password: None }
}

/// Whether a host is a socket directory (`/…`) or, for libpq and lib/pq, an abstract socket (`@…`).
pub(super) fn is_socket(host: &str, client: Client) -> bool {
    match client {
        Client::Libpq | Client::LibPq => host.starts_with(['/', '@']),
        Client::Pgx | Client::Bun => host.starts_with('/'),
        Client::Jdbc => false,
    }
}

/// Where the client connects when no host is written.
fn default_host(client: Client, around: &dyn Surroundings) -> String {
    let present = |dir: &String| existence(dir, around) == Existence::Present;
    match client {
        Client::Libpq => default_socket_dir(around),
        Client::Pgx => {
            let dirs = ["/var/run/postgresql", "/private/tmp", "/tmp"].map(str::to_owned);
            dirs.into_iter().find(present).unwrap_or_else(|| "localhost".to_owned())
        }
        Client::LibPq | Client::Bun | Client::Jdbc => "localhost".to_owned(),
    }
}

/// The socket directory compiled into this host's libpq, as far as it can be told.
pub(super) fn default_socket_dir(around: &dyn Surroundings) -> String {
    let dirs = around.socket_dirs();
    let present = dirs.iter().find(|dir| existence(dir, around) == Existence::Present);
    present.or(dirs.first()).cloned().unwrap_or_else(|| "/tmp".to_owned())
}

fn list(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split(',').collect() }
}

fn filled(element: Option<&&str>) -> Option<String> {
    element.filter(|text| !text.is_empty()).map(|text| (*text).to_owned())
}

/// A port; an empty one is the default. Blanks around it are fine (`pqParseIntParam`).
fn number(text: &str) -> Option<u16> {
    if text.is_empty() {
        return Some(5432);
    }
    text.trim().parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::{Lists, split};
    use crate::dsn::surroundings::fake::Fake;
    use crate::dsn::{Client, Transport};

    fn show(host: &str, hostaddr: &str, port: &str) -> Result<Vec<String>, String> {
        let (hosts, problems) = split(&Lists { host, hostaddr, port }, Client::Libpq, &Fake::default());
        if let Some(problem) = problems.first() {
            return Err(problem.message.clone());
        }
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        Ok(hosts
            .iter()
            .map(|h| format!("{}|{}|{}|{:?}", or(&h.host), or(&h.hostaddr), h.port.unwrap_or(0), h.transport))
            .collect())
    }

    #[test]
    fn counts_and_empty_elements() {
        assert_eq!(show("", "", "").unwrap(), ["/var/run/postgresql|-|5432|Unix"]);
        assert_eq!(show("a,b", "", "1").unwrap(), ["a|-|1|Tcp", "b|-|1|Tcp"]);
        assert_eq!(show("a,,/s", "", "1,,3").unwrap(), ["a|-|1|Tcp", "/var/run/postgresql|-|5432|Unix", "/s|-|3|Unix"]);
        assert_eq!(show("a", "127.0.0.1", "").unwrap(), ["a|127.0.0.1|5432|Tcp"]);
        assert_eq!(show("", "127.0.0.1,::1", "").unwrap(), ["-|127.0.0.1|5432|Tcp", "-|::1|5432|Tcp"]);
        assert_eq!(show("/s,b", ",10.0.0.1", "").unwrap(), ["/s|-|5432|Unix", "b|10.0.0.1|5432|Tcp"]);
        assert_eq!(show("@s", "", "").unwrap(), ["@s|-|5432|Unix"]);
        assert!(show("a,b", "127.0.0.1", "").is_err());
        assert!(show("a,b,c", "", "1,2").is_err());
        assert!(show("a", "", "1,2").is_err());
        for port in ["0", "65536", "x", "-1", "5432x"] {
            assert!(show("a", "", port).is_err(), "{port}");
        }
        assert_eq!(show("a", "", " 7 ").unwrap(), ["a|-|7|Tcp"]);
    }

    #[test]
    fn defaults_of_other_clients() {
        let around = Fake::default().file("/tmp", "");
        let lists = Lists { host: "", hostaddr: "", port: "" };
        let first = |client| split(&lists, client, &around).0.first().map(|h| (h.host.clone(), h.transport));
        assert_eq!(first(Client::Libpq), Some((Some("/tmp".into()), Transport::Unix)));
        assert_eq!(first(Client::Pgx), Some((Some("/tmp".into()), Transport::Unix)));
        assert_eq!(first(Client::LibPq), Some((Some("localhost".into()), Transport::Tcp)));
    }
}
