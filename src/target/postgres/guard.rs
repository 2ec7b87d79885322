//! A watch on what the server sends, below the protocol library: that it is PostgreSQL's protocol at all, that no message
//! is absurdly long, and that the server does not ask for more of the password than the operator agreed to give.

use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::failure::{Failure, FailureKind, Guarded};

/// The longest message accepted: a row with the text of a very long file.
const MAX_MESSAGE: u32 = 64 << 20;
/// The longest message accepted before the server has let us in.
const MAX_FIRST: u32 = 64 << 10;

/// What the server may ask for to let us in.
#[derive(Debug, Clone, Default)]
pub(super) struct Policy {
    /// Whether a password may be sent as it is: on unix sockets and inside TLS.
    pub(super) cleartext: bool,
    /// libpq's `require_auth`: the methods accepted; every one when absent.
    pub(super) methods: Option<BTreeSet<&'static str>>,
}

/// libpq's words for `require_auth` (manual, "Parameter Key Words").
const METHODS: [&str; 6] = ["password", "md5", "gss", "sspi", "scram-sha-256", "none"];

impl Policy {
    /// Reads `require_auth`: a list of methods, or of methods with `!`.
    pub(super) fn new(cleartext: bool, require_auth: &str) -> Result<Self, Failure> {
        if require_auth.is_empty() {
            return Ok(Policy { cleartext, methods: None });
        }
        let words: Vec<&str> = require_auth.split(',').map(str::trim).collect();
        let negated = words.iter().all(|word| word.starts_with('!'));
        if !negated && words.iter().any(|word| word.starts_with('!')) {
            return Err(Failure::new(FailureKind::Configuration, "require_auth mixes methods with and without `!`"));
        }
        let mut named = BTreeSet::new();
        for word in words {
            let bare = word.trim_start_matches('!');
            let known = METHODS.iter().find(|method| **method == bare);
            let unknown =
                || Failure::new(FailureKind::Configuration, "require_auth names a method that harden does not know");
            named.insert(*known.ok_or_else(unknown)?);
        }
        let methods = METHODS.into_iter().filter(|method| named.contains(method) != negated).collect();
        Ok(Policy { cleartext, methods: Some(methods) })
    }

    /// Judges the server's AuthenticationRequest (manual, "Message Formats").
    fn judge(&self, request: u32) -> Result<(), Failure> {
        let method = match request {
            0 => "none",
            3 => "password",
            5 => "md5",
            7 | 8 => "gss",
            9 => "sspi",
            10 => "scram-sha-256",
            _ => return Ok(()),
        };
        if self.methods.as_ref().is_some_and(|methods| !methods.contains(method)) {
            let text = format!("the server asks for the authentication method {method}, which require_auth rules out");
            return Err(Failure::new(FailureKind::Method, text));
        }
        if request == 3 && !self.cleartext {
            let text = "the server asks for the password in clear text over an unencrypted connection; harden does not send it";
            return Err(Failure::new(FailureKind::Method, text).with_grant("connect with sslmode=verify-full"));
        }
        Ok(())
    }
}

/// Follows the frames of the stream: a type byte, a length that counts itself, and that many bytes less four.
#[derive(Debug, Default)]
struct Frames {
    /// The bytes of the current message seen so far, its first nine at most.
    head: Vec<u8>,
    /// Bytes of the current message still to come, once its length is known.
    left: u32,
    messages: u64,
    /// Whether the server has let us in (AuthenticationOk).
    inside: bool,
}

impl Frames {
    fn watch(&mut self, mut bytes: &[u8], policy: &Policy) -> Result<(), Failure> {
        while let Some((byte, rest)) = bytes.split_first() {
            if self.left > 0 && !self.wants_request() {
                let skipped = (self.left as usize).min(bytes.len());
                self.left -= u32::try_from(skipped).unwrap_or(self.left);
                bytes = bytes.get(skipped..).unwrap_or_default();
                self.end_of_message();
                continue;
            }
            bytes = rest;
            self.head.push(*byte);
            self.left = self.left.saturating_sub(1);
            match self.head.len() {
                5 => self.left = self.length()?,
                9 if self.head.first() == Some(&b'R') => self.request(policy)?,
                _ => {}
            }
            if self.head.len() >= 5 {
                self.end_of_message();
            }
        }
        Ok(())
    }

    /// Whether the number of an AuthenticationRequest has not been read yet.
    fn wants_request(&self) -> bool {
        !self.inside && self.head.first() == Some(&b'R') && self.head.len() < 9
    }

    fn number(&self, at: usize) -> u32 {
        let bytes = self.head.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        bytes.map_or(0, u32::from_be_bytes)
    }

    fn length(&self) -> Result<u32, Failure> {
        let not_ours = || Failure::new(FailureKind::NotPostgres, "the answer is not PostgreSQL's protocol");
        let first = self.head.first().copied().unwrap_or_default();
        if self.messages == 0 && !b"RENv".contains(&first) || !first.is_ascii_alphanumeric() {
            return Err(not_ours());
        }
        let limit = if self.inside { MAX_MESSAGE } else { MAX_FIRST };
        match self.number(1) {
            length if length < 4 => Err(not_ours()),
            length if length > limit && self.messages == 0 => Err(not_ours()),
            length if length > limit => Err(Failure::new(
                FailureKind::Server,
                format!("the server sends a message of {length} bytes; harden reads {limit}"),
            )),
            length => Ok(length - 4),
        }
    }

    fn request(&mut self, policy: &Policy) -> Result<(), Failure> {
        if self.inside {
            return Ok(());
        }
        let request = self.number(5);
        if self.messages == 0 || request != 0 {
            policy.judge(request)?;
        }
        self.inside = request == 0;
        Ok(())
    }

    fn end_of_message(&mut self) {
        if self.left == 0 {
            self.head.clear();
            self.messages += 1;
        }
    }
}

/// A stream with the watch on it.
#[derive(Debug)]
pub(super) struct Guard<S> {
    inner: S,
    frames: Frames,
    policy: Policy,
}

impl<S> Guard<S> {
    pub(super) fn new(inner: S, policy: Policy) -> Self {
        Guard { inner, frames: Frames::default(), policy }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let Guard { frames, policy, .. } = &mut *self;
        let seen = frames.watch(buf.filled().get(before..).unwrap_or_default(), policy);
        Poll::Ready(seen.map_err(|failure| io::Error::other(Guarded(failure))))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(code: u32) -> Vec<u8> {
        [&b"R\0\0\0\x08"[..], &code.to_be_bytes()].concat()
    }

    fn watch(bytes: &[u8], policy: &Policy) -> Result<(), FailureKind> {
        let whole = Frames::default().watch(bytes, policy).map_err(|failure| failure.kind);
        let mut frames = Frames::default();
        let single = bytes.iter().try_for_each(|byte| frames.watch(&[*byte], policy)).map_err(|failure| failure.kind);
        assert_eq!(whole, single, "however the bytes arrive");
        whole
    }

    #[test]
    fn a_password_in_clear_text_needs_a_safe_connection() {
        let policy = |cleartext| Policy { cleartext, methods: None };
        assert_eq!(watch(&request(3), &policy(false)), Err(FailureKind::Method));
        assert_eq!(watch(&request(3), &policy(true)), Ok(()));
        assert_eq!(watch(&request(5), &policy(false)), Ok(()));
        assert_eq!(watch(&[request(0), request(3)].concat(), &policy(false)), Ok(()), "no request once we are in");
        assert_eq!(watch(&[request(10), request(3)].concat(), &policy(false)), Err(FailureKind::Method));
    }

    #[test]
    fn require_auth_is_libpqs() {
        let judge = |text: &str, code| Policy::new(true, text).map(|policy| policy.judge(code).is_ok());
        assert_eq!(judge("scram-sha-256", 10), Ok(true));
        assert_eq!(judge("scram-sha-256", 5), Ok(false));
        assert_eq!(judge("scram-sha-256", 0), Ok(false));
        assert_eq!(judge("!password,!md5", 3), Ok(false));
        assert_eq!(judge("!password,!md5", 10), Ok(true));
        assert_eq!(judge("", 3), Ok(true));
        assert!(Policy::new(true, "md5,!password").is_err());
        assert!(Policy::new(true, "magic").is_err());
        let policy = Policy::new(true, "scram-sha-256").unwrap();
        assert_eq!(watch(&[request(10), request(11), request(12), request(0)].concat(), &policy), Ok(()));
    }

    #[test]
    fn other_protocols_are_noticed_at_once() {
        let policy = Policy::default();
        for bytes in
            [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"SSH-2.0-OpenSSH", b"R\xff\xff\xff\xff", b"R\0\0\0\0", b"Zabcd"]
        {
            assert_eq!(watch(bytes, &policy), Err(FailureKind::NotPostgres), "{bytes:?}");
        }
        let long = [request(0), b"D\x7f\xff\xff\xff".to_vec()].concat();
        assert_eq!(watch(&long, &policy), Err(FailureKind::Server));
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = watch(&bytes, &Policy::default());
            let framed = [request(0), bytes].concat();
            let _ = watch(&framed, &Policy::default());
        }
    }
}
