//! The certificates that a server shows: it may have one for each kind of key, and shows the one that fits the suites.

use super::probe::{Answer, Prober, Verdict};
use super::session::{self, Session};
use crate::tls::{Flight, Hello, Version, Wanted, offered, suite};
use crate::value::Reason;

/// What a server shows.
#[derive(Debug, Default)]
pub(super) struct Chains {
    /// Each with another certificate of its own.
    pub(super) shown: Vec<Session>,
    /// Why there may be more.
    pub(super) more: Option<Reason>,
}

impl Chains {
    fn add(&mut self, session: Session) {
        let leaf = session.chain.first();
        if leaf.is_some() && self.shown.iter().all(|shown| shown.chain.first() != leaf) {
            self.shown.push(session);
        }
    }
}

/// Every chain that a server shows to clients who ask for this name.
pub(super) async fn chains(prober: &Prober<'_>, name: Option<&str>) -> Chains {
    let mut found = Chains::default();
    let all = offered(Version::Tls12);
    let of = |kind: fn(&str) -> bool| -> Vec<u16> {
        let certified = |code: &u16| {
            let suite = suite(*code);
            !suite.is_anonymous() && kind(&suite.auth)
        };
        all.iter().copied().filter(certified).take(64).collect()
    };
    let kinds = [of(|auth| auth == "RSA"), of(|auth| auth == "ECDSA"), of(|auth| ["DSS", "GOST"].contains(&auth))];
    let asked = kinds.iter().map(|suites| clear(prober, suites, name));
    for answer in futures_util::future::join_all(asked).await {
        match answer {
            Ok(Some(session)) => found.add(session),
            Ok(None) => {}
            Err(reason) => found.more = Some(reason),
        }
    }
    if found.shown.is_empty() {
        match session::shake(prober, name, None).await {
            Ok(session) => found.add(session),
            // A server that speaks no TLS 1.3 and showed none either has none.
            Err(reason) if found.more.is_none() && speaks_tls13(prober, name).await => found.more = Some(reason),
            Err(_) => {}
        }
    }
    found
}

async fn speaks_tls13(prober: &Prober<'_>, name: Option<&str>) -> bool {
    let suites = offered(Version::Tls13);
    let verdict = prober.verdict(&Hello::new(Version::Tls13, &suites, name), Wanted::Hello).await;
    !matches!(verdict, Verdict::No { .. })
}

/// The chain behind some suites, below TLS 1.3. `None` when the server has none of them.
async fn clear(prober: &Prober<'_>, suites: &[u16], name: Option<&str>) -> Result<Option<Session>, Reason> {
    let hello = Hello { or_older: true, ..Hello::new(Version::Tls12, suites, name) };
    match prober.verdict(&hello, Wanted::All).await {
        Verdict::Yes(flight) => shown(*flight).map(Some),
        Verdict::No { .. } => match ssl3(prober, suites).await {
            Some(flight) => shown(flight).map(Some),
            None => Ok(None),
        },
        Verdict::Unknown(reason) => Err(reason),
    }
}

/// Servers that speak nothing newer refuse hellos of a newer version, or hang up on them.
async fn ssl3(prober: &Prober<'_>, suites: &[u16]) -> Option<Flight> {
    match prober.ask(&Hello::new(Version::Ssl3, suites, None), Wanted::All).await {
        Answer::Said(flight) => Some(*flight),
        Answer::Alert(_) | Answer::HungUp | Answer::NotOffered(_) | Answer::None(_) => None,
    }
}

fn shown(flight: Flight) -> Result<Session, Reason> {
    let unfinished = || Reason::new("the server's answer ends before its certificate");
    Ok(Session {
        chain: flight.certificates.ok_or_else(unfinished)?,
        stapled: flight.stapled,
        certificate_requested: flight.certificate_requested,
        alpn: None,
    })
}
