//! Why an endpoint could not be reached, told apart by what an operator would do about it.

use std::fmt;
use std::io;

use crate::value::Reason;

/// What kind of trouble it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The host name has no address.
    Unresolved,
    /// Nobody listens there.
    Refused,
    /// No route, no permission, a network that is down.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The other side cut the connection off.
    Reset,
    /// The other side ended the connection before it had answered.
    Closed,
    /// What answered does not speak the protocol.
    Protocol,
    /// Its certificate is not trusted, so nothing more was said to it.
    Untrusted,
}

/// Why an endpoint could not be reached, or did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    pub reason: Reason,
}

impl Failure {
    pub fn new(kind: FailureKind, text: impl AsRef<str>) -> Self {
        Failure { kind, reason: Reason::new(text) }
    }

    /// A time limit that was passed while `doing` was under way.
    pub fn late(doing: &str, limit: std::time::Duration) -> Self {
        let seconds = limit.as_secs_f64();
        Failure::new(FailureKind::TimedOut, format!("no answer to {doing} within {seconds:.0} s"))
    }

    /// An error of a socket.
    pub fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Io;
        let (kind, text) = match error.kind() {
            Io::ConnectionRefused => (FailureKind::Refused, "connection refused".to_owned()),
            Io::TimedOut => (FailureKind::TimedOut, "no answer in time".to_owned()),
            Io::ConnectionReset | Io::BrokenPipe | Io::ConnectionAborted => {
                (FailureKind::Reset, "the connection was reset".to_owned())
            }
            Io::UnexpectedEof => (FailureKind::Closed, "the connection was closed without an answer".to_owned()),
            _ => (FailureKind::Unreachable, plain(error)),
        };
        Failure::new(kind, text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for Failure {}

/// The system's words without its number, as a fragment.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_fragments() {
        let of = |raw| Failure::of(&io::Error::from_raw_os_error(raw));
        assert_eq!(of(111).kind, FailureKind::Refused);
        assert_eq!(of(104).to_string(), "the connection was reset");
        assert_eq!(of(113).to_string(), "no route to host");
        assert_eq!(of(110).kind, FailureKind::TimedOut);
    }
}
