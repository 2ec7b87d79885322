//! One question to a server: a connection, a ClientHello, and what is said to it.
//!
//! The answers are kept apart: an alert refuses, a ServerHello accepts, silence says nothing. A server that hangs up without a
//! word refuses only if it does so twice and still answers a hello that it had accepted before.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use ring::rand::SecureRandom as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::target::endpoint::{Connection, Endpoint, Failure, FailureKind, Scheme, Upgrade};
use crate::tls::{Flight, Hello, Progress, SSL2_HELLO, Ssl2Answer, Version, Wanted, ssl2_answer};
use crate::value::Reason;

/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(4);
/// Questions to one server.
const MAX_QUESTIONS: u32 = 900;
/// MySQL and MariaDB lock a host out after a hundred connections that came to nothing (`max_connect_errors`).
const MAX_QUESTIONS_MYSQL: u32 = 75;
/// Hang-ups that were looked into, after which they are taken as refusals.
const ENOUGH_HANG_UPS: u32 = 3;

/// Alerts that refuse what was offered (RFC 8446, 6.2; RFC 7507): unexpected_message (Java, of groups), handshake_failure,
/// illegal_parameter, protocol_version, insufficient_security, internal_error, inappropriate_fallback, missing_extension,
/// no_application_protocol.
const REFUSALS: [u8; 9] = [10, 40, 47, 70, 71, 80, 86, 109, 120];
const PROTOCOL_VERSION: u8 = 70;
const UNRECOGNIZED_NAME: u8 = 112;

/// What a server said to a ClientHello.
#[derive(Debug)]
pub(super) enum Answer {
    Said(Box<Flight>),
    Alert(u8),
    HungUp,
    /// It does no TLS, by its own word.
    NotOffered(String),
    /// Why there is no answer.
    None(Failure),
}

/// Whether a server accepts what was offered.
#[derive(Debug)]
pub(super) enum Verdict {
    Yes(Box<Flight>),
    No {
        /// The alert that said so.
        alert: Option<u8>,
        /// Whether it is the version that was refused, whatever the suites.
        version: bool,
    },
    Unknown(Reason),
}

/// Asks one server.
pub(super) struct Prober<'e> {
    pub(super) endpoint: &'e Endpoint,
    deadline: Instant,
    left: Cell<u32>,
    /// A hello that was accepted.
    good: RefCell<Option<Vec<u8>>>,
    hang_ups: Cell<u32>,
}

impl<'e> Prober<'e> {
    /// Asks within most of the time that a query has, so that what was seen by then is kept.
    pub(super) fn new(endpoint: &'e Endpoint) -> Self {
        let most = if endpoint.address().scheme == Scheme::Mysql { MAX_QUESTIONS_MYSQL } else { MAX_QUESTIONS };
        Prober {
            endpoint,
            deadline: Instant::now() + endpoint.limit().mul_f64(0.9),
            left: Cell::new(most),
            good: RefCell::new(None),
            hang_ups: Cell::new(0),
        }
    }

    /// Whether many questions would do harm.
    pub(super) fn is_sparing(&self) -> bool {
        self.endpoint.address().scheme == Scheme::Mysql
    }

    /// A connection that is ready for TLS, with the time that a talk on it may take.
    pub(super) async fn connect(&self) -> Result<(Connection, Duration), Answer> {
        let late = || {
            let text = format!("the questions to it were not through within {} s", self.endpoint.limit().as_secs());
            Answer::None(Failure {
                kind: FailureKind::TimedOut,
                reason: Reason::new(text).with_grant("raise --timeout"),
            })
        };
        let Some(left) = self.left.get().checked_sub(1) else {
            let text = "harden asks no more of this server: each question is a connection that comes to nothing";
            return Err(Answer::None(Failure::new(FailureKind::Unreachable, text)));
        };
        self.left.set(left);
        let mut connection = match tokio::time::timeout_at(self.deadline, self.endpoint.connect()).await {
            Ok(connected) => connected.map_err(Answer::None)?,
            Err(_) => return Err(late()),
        };
        let limit = LIMIT.min(self.deadline.saturating_duration_since(Instant::now()));
        let started = Instant::now();
        match tokio::time::timeout(limit, self.endpoint.upgrade(&mut connection)).await {
            Ok(Ok(Upgrade::Ready)) => Ok((connection, limit.saturating_sub(started.elapsed()))),
            Ok(Ok(Upgrade::Refused(how))) => Err(Answer::NotOffered(how)),
            Ok(Err(failure)) => Err(Answer::None(failure)),
            Err(_) if limit < LIMIT => Err(late()),
            Err(_) => Err(Answer::None(Failure::late("the request to change to TLS", limit))),
        }
    }

    /// Puts a ClientHello.
    pub(super) async fn ask(&self, hello: &Hello<'_>, wanted: Wanted) -> Answer {
        match self.random() {
            Some(random) => self.put(&hello.bytes(&random), wanted).await,
            None => Answer::None(Failure::new(FailureKind::Unreachable, "the system has no randomness")),
        }
    }

    async fn put(&self, hello: &[u8], wanted: Wanted) -> Answer {
        let (mut connection, limit) = match self.connect().await {
            Ok(ready) => ready,
            Err(answer) => return answer,
        };
        let answer = tokio::time::timeout(limit, listen(&mut connection, hello, wanted)).await;
        answer.unwrap_or_else(|_| Answer::None(Failure::late("a ClientHello", limit)))
    }

    /// Whether the server speaks at this hello's version with one of its suites.
    pub(super) async fn verdict(&self, hello: &Hello<'_>, wanted: Wanted) -> Verdict {
        let mut answer = self.ask(hello, wanted).await;
        if matches!(answer, Answer::HungUp) && self.hang_ups.get() < ENOUGH_HANG_UPS {
            answer = self.ask(hello, wanted).await;
            if matches!(answer, Answer::HungUp) {
                if !self.still_answers().await {
                    return Verdict::Unknown(Reason::new("the server hung up on a ClientHello without a word"));
                }
                self.hang_ups.set(self.hang_ups.get() + 1);
            }
        }
        match answer {
            Answer::Said(flight) => self.judge(hello, flight),
            Answer::Alert(alert) => alerted(hello, alert, alert == PROTOCOL_VERSION),
            Answer::HungUp => Verdict::No { alert: None, version: false },
            Answer::NotOffered(how) => Verdict::Unknown(Reason::new(how)),
            Answer::None(failure) => Verdict::Unknown(failure.reason),
        }
    }

    fn judge(&self, hello: &Hello<'_>, flight: Box<Flight>) -> Verdict {
        let Some(chosen) = &flight.hello else {
            return Verdict::Unknown(Reason::new("the server's answer ends before its hello"));
        };
        if chosen.version != hello.version && !(hello.or_older && chosen.version < hello.version) {
            return match chosen.version < hello.version {
                true => Verdict::No { alert: None, version: true },
                false => Verdict::Unknown(Reason::new("the server chose a version that was not offered")),
            };
        }
        if !hello.suites.contains(&chosen.suite) {
            return Verdict::Unknown(Reason::new("the server chose a cipher suite that was not offered"));
        }
        // Some servers choose before they find out that they cannot.
        match flight.alert {
            Some(alert) => alerted(hello, alert, false),
            None => Verdict::Yes(flight),
        }
    }

    /// Remembers a hello that was accepted, to tell a server that refuses from one that is gone.
    pub(super) fn remember(&self, hello: &Hello<'_>) {
        if self.good.borrow().is_none() {
            *self.good.borrow_mut() = self.random().map(|random| hello.bytes(&random));
        }
    }

    /// Whether hang-ups that were taken for refusals still are to be: a server that keeps harden out by now hangs up too.
    pub(super) async fn is_steady(&self) -> bool {
        self.hang_ups.get() < ENOUGH_HANG_UPS || self.still_answers().await
    }

    async fn still_answers(&self) -> bool {
        let good = self.good.borrow().clone();
        match good {
            Some(good) => matches!(self.put(&good, Wanted::Hello).await, Answer::Said(_)),
            None => false,
        }
    }

    /// The cipher kinds of SSL 2 that the server offers; `None` when it does not speak it.
    pub(super) async fn ssl2(&self) -> Result<Option<Vec<&'static str>>, Reason> {
        match self.ask_ssl2().await {
            Ok(Some(Ssl2Answer::Accepted(kinds))) => Ok(Some(kinds)),
            Ok(Some(Ssl2Answer::Other | Ssl2Answer::More)) => Ok(None),
            Ok(None) if self.still_answers().await => Ok(None),
            Ok(None) => Err(Reason::new("the server hung up on a hello of SSL 2 without a word")),
            Err(Answer::None(failure)) => Err(failure.reason),
            Err(_) => Err(Reason::new("the server changed its mind about TLS")),
        }
    }

    /// `Ok(None)` when it hung up.
    async fn ask_ssl2(&self) -> Result<Option<Ssl2Answer>, Answer> {
        let (mut connection, limit) = self.connect().await?;
        let talk = async {
            let mut heard = Vec::new();
            let mut buffer = [0; 4096];
            if connection.write_all(&SSL2_HELLO).await.is_err() {
                return None;
            }
            loop {
                match connection.read(&mut buffer).await {
                    Ok(0) | Err(_) => return (!heard.is_empty()).then_some(Ssl2Answer::Other),
                    Ok(count) => heard.extend(buffer.iter().take(count)),
                }
                // A record of SSL 2 has 32 KiB at most, so that this ends.
                match ssl2_answer(&heard) {
                    Ssl2Answer::More => {}
                    answer => return Some(answer),
                }
            }
        };
        let heard = tokio::time::timeout(limit, talk).await;
        heard.map_err(|_| Answer::None(Failure::late("a hello of SSL 2", limit)))
    }

    fn random(&self) -> Option<[u8; 96]> {
        let mut random = [0; 96];
        ring::rand::SystemRandom::new().fill(&mut random).ok().map(|()| random)
    }
}

fn alerted(hello: &Hello<'_>, alert: u8, version: bool) -> Verdict {
    match (alert, hello.server_name) {
        // Who asks for no name is refused for that; who asks for one should have asked for another.
        (UNRECOGNIZED_NAME, None) => Verdict::No { alert: Some(alert), version },
        (UNRECOGNIZED_NAME, Some(name)) => {
            let reason = Reason::new(format!("the server does not know the name {name}"));
            Verdict::Unknown(reason.with_grant("name another one with `server_name` in harden.toml"))
        }
        _ if REFUSALS.contains(&alert) => Verdict::No { alert: Some(alert), version },
        _ => Verdict::Unknown(Reason::new(format!("the server answered with alert {alert}"))),
    }
}

async fn listen(connection: &mut Connection, hello: &[u8], wanted: Wanted) -> Answer {
    let mut flight = Flight::default();
    let mut buffer = vec![0; 16 << 10];
    // A server that has closed its side may still have said why.
    let _ = connection.write_all(hello).await;
    loop {
        let count = match connection.read(&mut buffer).await {
            Ok(0) | Err(_) if flight.hello.is_some() => return Answer::Said(Box::new(flight)),
            Ok(0) => return Answer::HungUp,
            Err(error) => {
                let failure = Failure::of(&error);
                return if failure.kind == FailureKind::Reset { Answer::HungUp } else { Answer::None(failure) };
            }
            Ok(count) => count,
        };
        match flight.push(buffer.get(..count).unwrap_or_default(), wanted) {
            Progress::More => {}
            Progress::Enough => {
                return match flight.alert {
                    Some(alert) if flight.hello.is_none() => Answer::Alert(alert),
                    _ => Answer::Said(Box::new(flight)),
                };
            }
            Progress::Garbage => {
                return Answer::None(Failure::new(FailureKind::Protocol, "what answered does not speak TLS"));
            }
        }
    }
}

/// The highest of some versions that is older than TLS 1.3, whose flights are in the clear.
pub(super) fn newest_clear(versions: impl IntoIterator<Item = Version>) -> Option<Version> {
    versions.into_iter().filter(|version| (Version::Ssl3..Version::Tls13).contains(version)).max()
}
