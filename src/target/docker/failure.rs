//! Why the daemon did not answer, kept apart as far as it makes a difference to the person who reads it.

use std::fmt;
use std::io::{self, ErrorKind};

use crate::target::http1::{self, Cause};
use crate::value::Reason;

/// Lets a process talk to the daemon.
const GRANT: &str = "run as root or as a member of the group docker; that group equals root";

/// Why a request has no answer. Cheap to copy, as each is shown by every query that asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// There is no socket of that name.
    Missing,
    /// Nobody listens there.
    Refused,
    /// The socket may not be opened.
    Denied,
    /// Not in time.
    TimedOut,
    /// The connection broke or could not be made.
    Broken(String),
    /// TLS failed: a certificate that does not verify, a client certificate that is wanted.
    Tls(String),
    /// An HTTP status other than 200, with the daemon's message.
    Status(u16, String),
    /// More bytes than any real answer has.
    TooLarge,
    /// Not JSON, or not HTTP.
    Garbage(String),
}

impl Failure {
    pub(super) fn from_io(error: &io::Error) -> Self {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Failure::Tls(tls.to_string());
        }
        let kind = error.kind();
        // A path through something that is no directory does not exist either.
        if matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory) {
            Failure::Missing
        } else if kind == ErrorKind::ConnectionRefused {
            Failure::Refused
        } else if kind == ErrorKind::PermissionDenied {
            Failure::Denied
        } else if kind == ErrorKind::TimedOut {
            Failure::TimedOut
        } else {
            Failure::Broken(error.to_string())
        }
    }

    pub(super) fn from_hyper(error: &hyper::Error) -> Self {
        match http1::cause(error) {
            Cause::Io(io) => Failure::from_io(io),
            Cause::NotHttp(how) => Failure::Garbage(format!("not HTTP ({how})")),
            Cause::Other(what) => Failure::Broken(what),
        }
    }

    /// Whether a second attempt on a fresh connection may fare better: an idle one may have been closed by the other side.
    pub(super) fn is_stale_connection(&self) -> bool {
        matches!(self, Failure::Broken(_))
    }

    /// Whether the daemon answered that it has no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Failure::Status(404, _))
    }

    /// The reason, with what would help.
    pub fn reason(&self) -> Reason {
        let reason = Reason::new(self.to_string());
        match self {
            Failure::Denied => reason.with_grant(GRANT),
            Failure::Status(401 | 403, _) => {
                reason.with_grant("let the daemon's authorization plugin or proxy allow GET requests")
            }
            Failure::Missing
            | Failure::Refused
            | Failure::TimedOut
            | Failure::Broken(_)
            | Failure::Tls(_)
            | Failure::Status(..)
            | Failure::TooLarge
            | Failure::Garbage(_) => reason,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Missing => f.write_str("there is no such socket"),
            Failure::Refused => f.write_str("connection refused: no daemon listens there"),
            Failure::Denied => f.write_str("permission denied on the daemon's socket"),
            Failure::TimedOut => f.write_str("the daemon did not answer in time"),
            Failure::Broken(what) => write!(f, "the connection failed: {what}"),
            Failure::Tls(what) => write!(f, "TLS failed: {what}"),
            Failure::Status(403, message) => write!(f, "the daemon forbids it (HTTP 403{message})"),
            Failure::Status(status, message) => write!(f, "the daemon answered HTTP {status}{message}"),
            Failure::TooLarge => f.write_str("the daemon's answer exceeds 32MiB"),
            Failure::Garbage(what) => write!(f, "what answers is no Docker daemon: {what}"),
        }
    }
}
