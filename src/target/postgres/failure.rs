//! Why a server could not be reached or asked, told apart by what an operator would do about it, and never with a
//! password in it.

use std::error::Error as _;
use std::fmt;
use std::io;

use rustls::CertificateError;
use tokio_postgres::error::{DbError, SqlState};

use crate::value::Reason;

/// What kind of trouble it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The connection string or a file that it names cannot be used.
    Configuration,
    /// The unix socket does not exist: no server runs there.
    NoSocket,
    /// Nobody listens at the address.
    Refused,
    /// The host name has no address.
    Unresolved,
    /// The address or socket cannot be reached: no route, no permission.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// Something answered that does not speak PostgreSQL's protocol.
    NotPostgres,
    /// The server offers no TLS, and `sslmode` insists on it.
    NoTls,
    /// The TLS handshake failed for another reason than the server's certificate.
    Tls,
    /// The server's certificate does not verify.
    Certificate,
    /// No line of pg_hba.conf lets this connection in.
    NoHbaEntry,
    /// The server asks for a password, and there is none.
    PasswordMissing,
    /// The password, certificate or user name was not accepted.
    Authentication,
    /// The server asks for something that harden does not do, or will not do.
    Method,
    /// The server is starting, stopping or full.
    Unavailable,
    /// The server refused for another reason.
    Server,
    /// The connection ended.
    Closed,
}

/// Why a server could not be reached or asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    pub reason: Reason,
    /// The server's SQLSTATE, when it was the server that refused.
    pub code: Option<String>,
}

impl Failure {
    pub fn new(kind: FailureKind, text: impl AsRef<str>) -> Self {
        Failure { kind, reason: Reason::new(text), code: None }
    }

    #[must_use]
    pub(super) fn with_grant(self, grant: impl AsRef<str>) -> Self {
        Failure { reason: self.reason.with_grant(grant), ..self }
    }

    /// The same with another text around it.
    #[must_use]
    pub(super) fn reworded(self, text: impl FnOnce(&str) -> String) -> Self {
        let text = text(&self.reason.text).as_str().into();
        Failure { reason: Reason { text, ..self.reason }, ..self }
    }

    /// Whether the role was denied this, so that a grant would help.
    pub fn is_denied(&self) -> bool {
        self.code.as_deref() == Some("42501")
    }

    /// Whether libpq leaves the other hosts of its list alone after this: a server was reached and did not let us in.
    pub(super) fn is_final(&self) -> bool {
        match self.kind {
            FailureKind::Configuration
            | FailureKind::NoHbaEntry
            | FailureKind::PasswordMissing
            | FailureKind::Authentication
            | FailureKind::Method
            | FailureKind::Server => true,
            FailureKind::NoSocket
            | FailureKind::Refused
            | FailureKind::Unresolved
            | FailureKind::Unreachable
            | FailureKind::TimedOut
            | FailureKind::NotPostgres
            | FailureKind::NoTls
            | FailureKind::Tls
            | FailureKind::Certificate
            | FailureKind::Unavailable
            | FailureKind::Closed => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

/// What the guard of the stream refuses, carried through tokio-postgres inside an [`io::Error`].
#[derive(Debug)]
pub(super) struct Guarded(pub(super) Failure);

impl fmt::Display for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Guarded {}

/// An error of a socket that was being opened.
pub(super) fn of_connecting(error: &io::Error, unix: bool) -> Failure {
    use io::ErrorKind as Io;
    let (kind, text) = match error.kind() {
        Io::NotFound if unix => (FailureKind::NoSocket, "the socket does not exist".to_owned()),
        Io::ConnectionRefused if unix => (FailureKind::Refused, "nobody listens on the socket".to_owned()),
        Io::ConnectionRefused => (FailureKind::Refused, "connection refused".to_owned()),
        Io::PermissionDenied if unix => {
            let failure = Failure::new(FailureKind::Unreachable, "permission denied to the socket");
            return failure.with_grant("run as a user who may write to it, or as root");
        }
        Io::TimedOut => (FailureKind::TimedOut, "no answer in time".to_owned()),
        _ => (FailureKind::Unreachable, plain(error)),
    };
    Failure::new(kind, text)
}

/// An error of the TLS handshake. `name` is the server's name as the connection string gives it.
pub(super) fn of_handshake(error: &io::Error, name: &str) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => of_certificate(why, name),
        Some(rustls::Error::InvalidMessage(_)) => {
            Failure::new(FailureKind::NotPostgres, "the answer to the TLS handshake is no TLS")
        }
        Some(rustls::Error::AlertReceived(alert)) => {
            Failure::new(FailureKind::Tls, format!("the server ended the TLS handshake: {alert:?}"))
        }
        Some(rustls::Error::PeerIncompatible(why)) => Failure::new(
            FailureKind::Tls,
            format!(
                "the server and harden have no TLS version or cipher in common ({why:?}); harden speaks TLS 1.2 and 1.3"
            ),
        ),
        Some(other) => Failure::new(FailureKind::Tls, format!("the TLS handshake failed: {other}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Failure::new(FailureKind::Tls, "the server closed the connection during the TLS handshake")
        }
        None => Failure::new(FailureKind::Tls, format!("the TLS handshake failed: {}", plain(error))),
    }
}

fn of_certificate(why: &CertificateError, name: &str) -> Failure {
    let text = match why {
        CertificateError::UnknownIssuer => "is not signed by a trusted authority".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet".to_owned(),
        CertificateError::Revoked => "is revoked".to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            format!("is not for {name}, but for {}", presented.join(", "))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
            "does not name {name} in its subjectAltName (a common name is not looked at, unlike by libpq when there is no \
             subjectAltName)"
        ),
        CertificateError::BadEncoding => "cannot be read".to_owned(),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed by an algorithm that harden's TLS does not support (SHA-1, P-521 …)".to_owned()
        }
        CertificateError::Other(other) if format!("{other:?}").contains("UnsupportedCertVersion") => {
            "is of X.509 version 1 or 2, which harden's TLS does not support".to_owned()
        }
        other => format!("does not verify: {other}"),
    };
    Failure::new(FailureKind::Certificate, format!("the server's certificate {text}"))
}

/// An error of the protocol, while logging in or after.
pub(super) fn of_protocol(error: &tokio_postgres::Error) -> Failure {
    if let Some(answer) = error.as_db_error() {
        return of_server(answer);
    }
    if error.is_closed() {
        return Failure::new(FailureKind::Closed, "the server closed the connection");
    }
    if let Some(io) = error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        return of_stream(io);
    }
    let text = chain(error);
    let kind = if text.contains("password missing") {
        return Failure::new(FailureKind::PasswordMissing, "the server asks for a password, and none was given")
            .with_grant("give one by PGPASSWORD or a password file");
    } else if text.contains("unexpected message") || text.contains("parsing response") {
        FailureKind::NotPostgres
    } else if text.contains("unsupported authentication") || text.contains("unsupported SASL") {
        FailureKind::Method
    } else if text.starts_with("authentication error") {
        FailureKind::Authentication
    } else {
        FailureKind::Server
    };
    Failure::new(kind, text)
}

fn of_stream(error: &io::Error) -> Failure {
    let inner = error.get_ref();
    if let Some(Guarded(failure)) = inner.and_then(|inner| inner.downcast_ref::<Guarded>()) {
        return failure.clone();
    }
    // TLS 1.3 refuses a client's certificate after the handshake, at the first read.
    if let Some(rustls::Error::AlertReceived(alert)) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        let text =
            format!("the server ended the TLS connection: {alert:?} (it may ask for another client certificate)");
        return Failure::new(FailureKind::Tls, text);
    }
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            Failure::new(FailureKind::NotPostgres, "the answer is not PostgreSQL's protocol")
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            Failure::new(FailureKind::Closed, "the server closed the connection")
        }
        _ => Failure::new(FailureKind::Closed, format!("the connection failed: {}", plain(error))),
    }
}

fn of_server(answer: &DbError) -> Failure {
    let code = answer.code();
    let message = answer.message();
    let kind = if *code == SqlState::INVALID_PASSWORD {
        FailureKind::Authentication
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        // The code is the only thing that no locale translates, and it is shared with a role that may not log in.
        if message.contains("pg_hba.conf") { FailureKind::NoHbaEntry } else { FailureKind::Authentication }
    } else if *code == SqlState::CANNOT_CONNECT_NOW
        || *code == SqlState::TOO_MANY_CONNECTIONS
        || *code == SqlState::ADMIN_SHUTDOWN
    {
        FailureKind::Unavailable
    } else if *code == SqlState::QUERY_CANCELED {
        FailureKind::TimedOut
    } else {
        FailureKind::Server
    };
    let failure =
        Failure { code: Some(code.code().to_owned()), ..Failure::new(kind, format!("the server says: {message}")) };
    match kind {
        FailureKind::NoHbaEntry => failure.with_grant("add a line to pg_hba.conf for the audit role"),
        _ => failure,
    }
}

/// The error and what caused it: tokio-postgres shows only the first.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Rust's text of an operating system's error ends in its number, which says nothing more.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    let plain = text.get(..end).unwrap_or(&text);
    let mut chars = plain.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(error: rustls::Error) -> Failure {
        of_handshake(&io::Error::new(io::ErrorKind::InvalidData, error), "db.example.org")
    }

    #[test]
    fn certificates_are_told_from_other_tls_trouble() {
        let failure = handshake(CertificateError::UnknownIssuer.into());
        assert_eq!(failure.kind, FailureKind::Certificate);
        assert!(failure.reason.text.contains("trusted authority"));
        let failure = handshake(CertificateError::NotValidForName.into());
        assert!(failure.reason.text.contains("db.example.org") && failure.reason.text.contains("common name"));
        assert_eq!(
            handshake(rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)).kind,
            FailureKind::Tls
        );
        let eof = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert!(of_handshake(&eof, "x").reason.text.contains("closed"));
    }

    #[test]
    fn sockets_are_told_apart() {
        let kind = |raw, unix| of_connecting(&io::Error::from_raw_os_error(raw), unix).kind;
        assert_eq!(kind(2, true), FailureKind::NoSocket);
        assert_eq!(kind(111, true), FailureKind::Refused);
        assert_eq!(kind(111, false), FailureKind::Refused);
        assert_eq!(kind(13, true), FailureKind::Unreachable);
        assert_eq!(kind(110, false), FailureKind::TimedOut);
        assert_eq!(kind(113, false), FailureKind::Unreachable);
        assert!(of_connecting(&io::Error::from_raw_os_error(13), true).reason.grant.is_some());
        assert_eq!(&*of_connecting(&io::Error::from_raw_os_error(113), false).reason.text, "no route to host");
    }

    #[test]
    fn a_login_that_failed_ends_the_list_of_hosts() {
        assert!(Failure::new(FailureKind::Authentication, "").is_final());
        assert!(!Failure::new(FailureKind::Refused, "").is_final());
        assert!(!Failure::new(FailureKind::Unavailable, "").is_final());
    }
}
