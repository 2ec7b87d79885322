//! Getting in: the servers of the list one after another, encrypted or not in the order that `sslmode` says, each attempt
//! under a time limit.
//!
//! `PQconnectPoll` in `fe-connect.c`; manual, "Specifying Multiple Hosts" and "SSL Session Encryption".

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslMode as Require, SslNegotiation};

use super::dial::{self, Address, Wire};
use super::failure::{self, Failure, FailureKind};
use super::guard::{Guard, Policy};
use super::local;
use super::secured::{Line, Settled};
use super::session::Session;
use super::tls::{Tls, Wishes, end_point};
use crate::dsn::{Host, Resolved, SslMode, Transport};
use crate::value::Reason;

/// All servers of a list together.
const ALL: Duration = Duration::from_secs(8);
/// One server at least.
const ONE: Duration = Duration::from_secs(2);
/// SSLRequest (manual, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Tries the servers of the list.
pub(super) async fn log_in(resolved: &Resolved, wishes: &Wishes) -> Result<Session, Failure> {
    if let Some(problem) = resolved.errors.first() {
        return Err(Failure::new(FailureKind::Configuration, &problem.message));
    }
    let deadline = tokio::time::Instant::now() + ALL;
    let each = each_limit(resolved);
    let mut failed: Vec<Failure> = Vec::new();
    for (at, host) in resolved.hosts.iter().enumerate() {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let found = timeout(each.min(left), dial::addresses(host)).await;
        let addresses = found
            .unwrap_or_else(|_| Err(Failure::new(FailureKind::TimedOut, "the host name was not resolved in time")));
        let addresses = match addresses {
            Ok(addresses) => addresses,
            Err(failure) => {
                failed.push(failure);
                continue;
            }
        };
        for address in addresses {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            let limit = each.min(left);
            let login = Login { resolved, wishes, host, at, address: &address };
            match timeout(limit, login.attempt()).await {
                Ok(Ok(session)) => match unwanted(&session, resolved.get("target_session_attrs")).await {
                    None => return Ok(session),
                    Some(failure) => failed.push(failure.reworded(|text| format!("{address}: {text}"))),
                },
                Ok(Err(failure)) => failed.push(failure.reworded(|text| format!("{address}: {text}"))),
                Err(_) => failed.push(Failure::new(
                    FailureKind::TimedOut,
                    format!("{address}: no answer within {} s", limit.as_secs_f32().ceil()),
                )),
            }
            if failed.last().is_some_and(Failure::is_final) {
                return Err(together(failed));
            }
        }
    }
    Err(together(failed))
}

/// Why the server is not of the kind that `target_session_attrs` asks for. `prefer-standby` takes any: the list is gone
/// through once.
async fn unwanted(session: &Session, wanted: Option<&str>) -> Option<Failure> {
    let wanted = wanted.filter(|wanted| ["read-write", "read-only", "primary", "standby"].contains(wanted))?;
    let sql = "SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') = 'on' AS fixed";
    let rows = match session.rows(sql).await {
        Ok(rows) => rows,
        Err(failure) => return Some(failure),
    };
    let is = |column| rows.first().and_then(|row| row.bool(column)).unwrap_or_default();
    let (standby, read_only) = (is("standby"), is("standby") || is("fixed"));
    let suits = match wanted {
        "read-write" => !read_only,
        "read-only" => read_only,
        "primary" => !standby,
        _ => standby,
    };
    let text = format!("the server is not what target_session_attrs={wanted} asks for");
    (!suits).then(|| Failure::new(FailureKind::Unavailable, text))
}

/// `connect_timeout` (seconds; at least 2, as libpq), within a fair part of the whole limit.
fn each_limit(resolved: &Resolved) -> Duration {
    let fair = ALL / u32::try_from(resolved.hosts.len().max(1)).unwrap_or(u32::MAX);
    let wanted =
        resolved.get("connect_timeout").and_then(|text| text.trim().parse::<u64>().ok()).filter(|seconds| *seconds > 0);
    let wanted = wanted.map_or(ALL, |seconds| Duration::from_secs(seconds.max(2)));
    wanted.min(fair.max(ONE)).min(ALL)
}

/// The last failure, with the texts of all.
fn together(mut failed: Vec<Failure>) -> Failure {
    let Some(last) = failed.pop() else {
        return Failure::new(FailureKind::Configuration, "the connection string names no server");
    };
    let texts: Vec<String> = failed.iter().map(|failure| failure.reason.text.to_string()).collect();
    last.reworded(|text| texts.into_iter().chain([text.to_owned()]).collect::<Vec<_>>().join("; "))
}

/// Encrypted or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    Tls,
}

/// The ways to try, in order; there is no TLS on a unix socket.
fn ways(mode: SslMode, transport: Transport) -> &'static [Way] {
    match mode {
        _ if transport == Transport::Unix => &[Way::Plain],
        SslMode::Disable => &[Way::Plain],
        SslMode::Allow => &[Way::Plain, Way::Tls],
        SslMode::Prefer => &[Way::Tls, Way::Plain],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Way::Tls],
    }
}

/// Whether libpq tries the other way after this: the server refused, or TLS itself failed.
fn worth_another_way(way: Way, failure: &Failure) -> bool {
    let refused = failure.code.is_some() || failure.kind == FailureKind::Method;
    let no_tls = matches!(
        failure.kind,
        FailureKind::NoTls | FailureKind::Tls | FailureKind::Certificate | FailureKind::Configuration
    );
    refused || (way == Way::Tls && no_tls)
}

/// One server at one address.
struct Login<'a> {
    resolved: &'a Resolved,
    wishes: &'a Wishes,
    host: &'a Host,
    at: usize,
    address: &'a Address,
}

impl Login<'_> {
    async fn attempt(&self) -> Result<Session, Failure> {
        let ways = ways(self.wishes.mode, self.host.transport);
        let mut before: Option<(Way, Failure)> = None;
        for (tried, way) in ways.iter().enumerate() {
            let last = tried + 1 == ways.len();
            match self.by(*way).await {
                Ok(session) => return Ok(session),
                Err(failure) if !last && worth_another_way(*way, &failure) => before = Some((*way, failure)),
                Err(failure) => return Err(merge(before, failure)),
            }
        }
        Err(Failure::new(FailureKind::Configuration, "nothing to try"))
    }

    async fn by(&self, way: Way) -> Result<Session, Failure> {
        let tls = match way {
            Way::Plain => None,
            Way::Tls => Some(self.load().await?),
        };
        let mut wire = dial::connect(self.address).await?;
        let peer = local::peer(&wire);
        if let Some(user) = self.resolved.get("requirepeer").filter(|user| !user.is_empty()) {
            local::require_peer(&wire, user).map_err(|text| Failure::new(FailureKind::Configuration, text))?;
        }
        let line = match tls {
            None => Line::Plain(wire),
            Some(tls) => {
                if !self.wishes.direct {
                    ask_for_tls(&mut wire).await?;
                }
                Line::Tls(Box::new(tls.handshake(wire, self.name()).await?))
            }
        };
        self.enter(line, peer).await
    }

    /// Reads certificates and keys anew for each attempt: a fraction of a millisecond, off the runtime's thread.
    async fn load(&self) -> Result<Tls, Failure> {
        let wishes = self.wishes.clone();
        let loaded = tokio::task::spawn_blocking(move || wishes.load()).await;
        loaded.unwrap_or_else(|_| Err(Failure::new(FailureKind::Configuration, "the certificates could not be read")))
    }

    /// What the server's certificate has to name.
    fn name(&self) -> &str {
        self.host.host.as_deref().or(self.host.hostaddr.as_deref()).unwrap_or_default()
    }

    async fn enter(&self, line: Line, peer: Result<i32, Reason>) -> Result<Session, Failure> {
        let encrypted = matches!(line, Line::Tls(_));
        let safe = encrypted || self.host.transport == Transport::Unix;
        let policy = Policy::new(safe, self.resolved.get("require_auth").unwrap_or_default())?;
        let binding = match &line {
            Line::Tls(stream) => end_point(stream),
            Line::Plain(_) => None,
        };
        let config = self.config()?;
        let (client, connection) = config
            .connect_raw(Guard::new(line, policy), Settled(binding))
            .await
            .map_err(|error| self.without_password(failure::of_protocol(&error)))?;
        let mut session = Session::begin(client, connection, self.address.to_string(), encrypted);
        session.local = match peer {
            Ok(peer) => local::is_server(peer, session.backend().await?),
            Err(reason) => Err(reason),
        };
        Ok(session)
    }

    fn config(&self) -> Result<Config, Failure> {
        let mut config = Config::new();
        config.application_name("harden").ssl_mode(Require::Require).ssl_negotiation(SslNegotiation::Direct);
        let user = self.resolved.get("user").filter(|user| !user.is_empty());
        config.user(user.ok_or_else(|| {
            Failure::new(FailureKind::Configuration, "no user name is given, and the operating system's is not known")
        })?);
        if let Some(dbname) = self.resolved.get("dbname").filter(|name| !name.is_empty()) {
            config.dbname(dbname);
        }
        if let Some(options) = self.resolved.get("options").filter(|options| !options.is_empty()) {
            config.options(options);
        }
        if let Some(password) = self.resolved.password(self.at) {
            config.password(password.expose_secret());
        }
        config.channel_binding(match self.resolved.get("channel_binding") {
            Some("require") => ChannelBinding::Require,
            Some("disable") => ChannelBinding::Disable,
            _ => ChannelBinding::Prefer,
        });
        Ok(config)
    }

    /// A server that was sent the password could repeat it.
    fn without_password(&self, failure: Failure) -> Failure {
        match self.resolved.password(self.at) {
            Some(password) if !password.expose_secret().is_empty() => {
                failure.reworded(|text| text.replace(password.expose_secret(), "***"))
            }
            _ => failure,
        }
    }
}

/// Asks whether the server speaks TLS. Only one byte is read: what a man in the middle sends after it in clear text
/// reaches the TLS handshake and fails there (CVE-2021-23222).
async fn ask_for_tls(wire: &mut Wire) -> Result<(), Failure> {
    let broken = |error: std::io::Error| {
        Failure::new(FailureKind::Closed, format!("the server closed the connection ({})", error.kind()))
    };
    wire.write_all(&SSL_REQUEST).await.map_err(broken)?;
    match wire.read_u8().await.map_err(broken)? {
        b'S' => Ok(()),
        b'N' => Err(Failure::new(FailureKind::NoTls, "the server does not offer TLS")),
        b'E' => Err(Failure::new(FailureKind::NoTls, "the server answers the request for TLS with an error")),
        _ => Err(Failure::new(FailureKind::NotPostgres, "the answer is not PostgreSQL's protocol")),
    }
}

/// What both ways came to. The way with TLS says more about what is wrong.
fn merge(before: Option<(Way, Failure)>, failure: Failure) -> Failure {
    let Some((way, first)) = before else { return failure };
    if matches!(first.kind, FailureKind::NoTls) {
        return failure;
    }
    let (encrypted, plain) = match way {
        Way::Tls => (first, failure),
        Way::Plain => (failure, first),
    };
    let also = plain.reason.text;
    encrypted.reworded(|text| format!("with TLS: {text}; without TLS: {also}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_ways_is_libpqs() {
        let tcp = |mode| ways(mode, Transport::Tcp);
        assert_eq!(tcp(SslMode::Disable), [Way::Plain]);
        assert_eq!(tcp(SslMode::Allow), [Way::Plain, Way::Tls]);
        assert_eq!(tcp(SslMode::Prefer), [Way::Tls, Way::Plain]);
        for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
            assert_eq!(tcp(mode), [Way::Tls]);
            assert_eq!(ways(mode, Transport::Unix), [Way::Plain]);
        }
    }

    #[test]
    fn only_a_refusal_is_worth_another_way() {
        let failure = |kind| Failure::new(kind, "");
        assert!(worth_another_way(Way::Tls, &failure(FailureKind::NoTls)));
        assert!(worth_another_way(Way::Tls, &failure(FailureKind::Certificate)));
        assert!(!worth_another_way(Way::Plain, &failure(FailureKind::Certificate)));
        assert!(!worth_another_way(Way::Tls, &failure(FailureKind::TimedOut)));
        assert!(!worth_another_way(Way::Plain, &failure(FailureKind::PasswordMissing)));
        let refused = Failure { code: Some("28000".into()), ..failure(FailureKind::NoHbaEntry) };
        assert!(worth_another_way(Way::Plain, &refused));
    }
}
