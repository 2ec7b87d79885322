//! What else a server's answers tell, once it is known what it speaks.

use super::probe::{Prober, Verdict, newest_clear};
use super::session;
use super::versions::Spoken;
use crate::tls::{Flight, GROUPS, Hello, KeyExchange, SCHEMES, Version, Wanted, suite};
use crate::value::Reason;

const INAPPROPRIATE_FALLBACK: u8 = 86;
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// A list, and why there may be more.
#[derive(Debug, Default)]
pub(super) struct Found<T> {
    pub(super) items: Vec<T>,
    pub(super) more: Option<Reason>,
}

/// Why a list that nothing was found for is not known to be empty.
fn contradiction(items: &[u16]) -> Option<Reason> {
    items.is_empty().then(|| Reason::new("the server refused what it had accepted before"))
}

/// What a question tells: a value, nothing because it does not apply, or why it is not known.
pub(super) type Told<T> = Result<Option<T>, Reason>;

/// Asks about what was found to be spoken.
pub(super) struct Details<'d> {
    pub(super) prober: &'d Prober<'d>,
    pub(super) spoken: &'d [Spoken],
}

impl<'d> Details<'d> {
    fn accepted(&self) -> impl Iterator<Item = &'d Spoken> + use<'d> {
        self.spoken.iter().filter(|spoken| spoken.is_accepted())
    }

    fn at(&self, version: Version) -> Option<&'d Spoken> {
        self.accepted().find(|spoken| spoken.version == version)
    }

    /// The newest version before TLS 1.3.
    fn clear(&self) -> Option<&'d Spoken> {
        self.at(newest_clear(self.accepted().map(|spoken| spoken.version))?)
    }

    fn name(&self) -> Option<&'d str> {
        self.prober.endpoint.sni()
    }

    async fn flight(&self, hello: &Hello<'_>, wanted: Wanted) -> Result<Flight, Reason> {
        match self.prober.verdict(hello, wanted).await {
            Verdict::Yes(flight) => Ok(*flight),
            Verdict::No { .. } => Err(Reason::new("the server refused what it had accepted before")),
            Verdict::Unknown(reason) => Err(reason),
        }
    }

    /// The groups of TLS 1.3, and of the newest version before it.
    pub(super) async fn groups(&self) -> Found<u16> {
        let (new, old) = tokio::join!(self.groups_of_tls13(), self.groups_before());
        let mut all = new;
        for group in old.items {
            if !all.items.contains(&group) {
                all.items.push(group);
            }
        }
        all.more = all.more.or(old.more);
        all
    }

    async fn groups_of_tls13(&self) -> Found<u16> {
        let mut found = Found::default();
        let Some(spoken) = self.at(Version::Tls13) else { return found };
        let mut left: Vec<u16> = GROUPS.iter().map(|(group, _)| *group).collect();
        while !left.is_empty() {
            let hello = Hello { groups: &left, ..Hello::new(Version::Tls13, &spoken.suites, self.name()) };
            let chosen = match self.prober.verdict(&hello, Wanted::Hello).await {
                Verdict::Yes(flight) => flight.hello.and_then(|hello| hello.group),
                Verdict::No { .. } => {
                    found.more = contradiction(&found.items);
                    break;
                }
                Verdict::Unknown(reason) => {
                    found.more = Some(reason);
                    break;
                }
            };
            match chosen.filter(|group| left.contains(group)) {
                Some(group) => {
                    found.items.push(group);
                    left.retain(|other| *other != group);
                }
                None => {
                    found.more = Some(Reason::new("the server asks for a group that was not offered"));
                    break;
                }
            }
        }
        found
    }

    async fn groups_before(&self) -> Found<u16> {
        let mut found = Found::default();
        let elliptic = |spoken: &&Spoken| spoken.suites.iter().any(|code| suite(*code).kex.starts_with("ECDHE"));
        let older = self.accepted().filter(|spoken| spoken.version < Version::Tls13).filter(elliptic);
        let Some(spoken) = older.max_by_key(|spoken| spoken.version) else { return found };
        let suites: Vec<u16> =
            spoken.suites.iter().copied().filter(|code| suite(*code).kex.starts_with("ECDHE")).collect();
        // With a certificate on a curve that curve has to be offered too, so other keys are asked for where there are any.
        let free = suites.iter().copied().filter(|code| suite(*code).auth != "ECDSA").collect::<Vec<_>>();
        let bound = free.is_empty();
        let suites = if bound { suites } else { free };
        let mut left: Vec<u16> = GROUPS.iter().map(|(group, _)| *group).collect();
        while !left.is_empty() {
            let hello = Hello { groups: &left, ..Hello::new(spoken.version, &suites, self.name()) };
            let flight = match self.prober.verdict(&hello, Wanted::KeyExchange).await {
                Verdict::Yes(flight) => flight,
                Verdict::No { .. } => {
                    found.more = contradiction(&found.items);
                    break;
                }
                Verdict::Unknown(reason) => {
                    found.more = Some(reason);
                    break;
                }
            };
            match flight.key_exchange.and_then(|exchange| exchange.group).filter(|group| left.contains(group)) {
                Some(group) => {
                    found.items.push(group);
                    left.retain(|other| *other != group);
                }
                // It chooses what was not offered: there is nothing to take away from it.
                None => break,
            }
        }
        let elsewhere = self.at(Version::Tls13).is_some();
        if bound && !elsewhere && found.more.is_none() {
            let text =
                "with an ECDSA certificate alone a server shows no group once the certificate's own is not offered";
            found.more = Some(Reason::new(text));
        }
        found
    }

    /// How the server signs its key exchange at TLS 1.2. `None` when it signs none there.
    pub(super) async fn schemes(&self) -> Option<Found<u16>> {
        let spoken = self.at(Version::Tls12)?;
        let signed = |code: &u16| {
            let suite = suite(*code);
            suite.forward_secrecy && ["RSA", "ECDSA", "DSS"].contains(&suite.auth.as_str())
        };
        let suites: Vec<u16> = spoken.suites.iter().copied().filter(signed).collect();
        if suites.is_empty() {
            return None;
        }
        let mut found = Found::default();
        let mut left: Vec<u16> = SCHEMES.iter().map(|(scheme, _)| *scheme).collect();
        while !left.is_empty() {
            let hello = Hello { schemes: &left, ..Hello::new(Version::Tls12, &suites, self.name()) };
            match self.prober.verdict(&hello, Wanted::KeyExchange).await {
                Verdict::Yes(flight) => match flight.key_exchange.and_then(|exchange| exchange.scheme) {
                    Some(scheme) if left.contains(&scheme) => {
                        found.items.push(scheme);
                        left.retain(|other| *other != scheme);
                    }
                    // It signs as it always does, whatever is offered.
                    Some(scheme) => {
                        found.items.push(scheme);
                        break;
                    }
                    None => {
                        found.more = Some(Reason::new("the server's key exchange could not be read"));
                        break;
                    }
                },
                Verdict::No { .. } => {
                    found.more = contradiction(&found.items);
                    break;
                }
                Verdict::Unknown(reason) => {
                    found.more = Some(reason);
                    break;
                }
            }
        }
        found.items.dedup();
        Some(found)
    }

    /// Bits of the smallest prime of DHE. `None` without DHE.
    pub(super) async fn prime_bits(&self) -> Told<u32> {
        let mut smallest: Option<u32> = None;
        for export in [false, true] {
            for spoken in self.accepted().filter(|spoken| spoken.version < Version::Tls13) {
                let finite = |code: &u16| {
                    let suite = suite(*code);
                    suite.kex.starts_with("DHE") && suite.export == export
                };
                let suites: Vec<u16> = spoken.suites.iter().copied().filter(finite).collect();
                if suites.is_empty() {
                    continue;
                }
                let hello = Hello::new(spoken.version, &suites, self.name());
                let exchange = self.flight(&hello, Wanted::KeyExchange).await?.key_exchange;
                let unread = || Reason::new("the server's key exchange could not be read");
                let bits = exchange.and_then(|KeyExchange { prime_bits, .. }| prime_bits).ok_or_else(unread)?;
                smallest = Some(smallest.map_or(bits, |other| other.min(bits)));
            }
        }
        Ok(smallest)
    }

    /// Whether the server chooses among suites by its own order, before TLS 1.3. `None` when it has no choice.
    pub(super) async fn preference(&self) -> Told<bool> {
        let Some(spoken) = self.accepted().filter(|spoken| spoken.version < Version::Tls13).max_by_key(|s| s.version)
        else {
            return Ok(None);
        };
        // ChaCha20 in front is what some servers follow a client in, and in nothing else.
        let choices = spoken.suites.iter().copied().filter(|code| suite(*code).cipher != "CHACHA20");
        let (first, last) = (choices.clone().next(), choices.clone().next_back());
        let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
        if first == last {
            return Ok(None);
        }
        let mut chosen = Vec::new();
        for order in [[first, last], [last, first]] {
            let hello = Hello::new(spoken.version, &order, self.name());
            chosen.push(self.flight(&hello, Wanted::Hello).await?.hello.map(|hello| hello.suite));
        }
        Ok(Some(chosen.first() == chosen.last()))
    }

    /// A hello below TLS 1.3 that offers compression, for what its answer tells.
    pub(super) async fn extensions(&self) -> Told<Flight> {
        let Some(spoken) = self.clear() else { return Ok(None) };
        let hello = Hello { compression: true, ..Hello::new(spoken.version, &spoken.suites, self.name()) };
        self.flight(&hello, Wanted::Hello).await.map(Some)
    }

    /// Whether the server notices that somebody made a client fall back (RFC 7507). `None` where there is nothing to fall
    /// back to.
    pub(super) async fn fallback(&self) -> Told<bool> {
        let mut versions: Vec<&Spoken> = self.accepted().collect();
        versions.sort_by_key(|spoken| spoken.version);
        let Some(lower) = versions.iter().rev().nth(1) else { return Ok(None) };
        let hello = Hello { fallback: true, ..Hello::new(lower.version, &lower.suites, self.name()) };
        match self.prober.verdict(&hello, Wanted::Hello).await {
            Verdict::Yes(_) => Ok(Some(false)),
            Verdict::No { alert: Some(INAPPROPRIATE_FALLBACK), .. } => Ok(Some(true)),
            Verdict::No { .. } => Err(Reason::new("the server refused the hello for another reason")),
            Verdict::Unknown(reason) => Err(reason),
        }
    }

    /// Which of these protocols the server agrees on (RFC 7301).
    pub(super) async fn alpn(&self, protocols: &[&'static str]) -> Found<&'static str> {
        let mut found = Found::default();
        if self.accepted().all(|spoken| spoken.version <= Version::Ssl3) {
            return found;
        }
        for protocol in protocols {
            match self.agrees(protocol).await {
                Ok(true) => found.items.push(*protocol),
                Ok(false) => {}
                Err(reason) => found.more = Some(reason),
            }
        }
        found
    }

    async fn agrees(&self, protocol: &'static str) -> Result<bool, Reason> {
        let Some(spoken) = self.clear().filter(|spoken| spoken.version > Version::Ssl3) else {
            return match session::shake(self.prober, self.name(), Some(protocol)).await {
                Ok(session) => Ok(session.alpn.as_deref() == Some(protocol.as_bytes())),
                // It may as well have refused for another reason: without the protocol it has to agree.
                Err(reason) => match session::shake(self.prober, self.name(), None).await {
                    Ok(_) => Ok(false),
                    Err(_) => Err(reason),
                },
            };
        };
        let hello = Hello { alpn: Some(protocol), ..Hello::new(spoken.version, &spoken.suites, self.name()) };
        match self.prober.verdict(&hello, Wanted::Hello).await {
            Verdict::Yes(flight) => {
                Ok(flight.hello.and_then(|hello| hello.alpn).as_deref() == Some(protocol.as_bytes()))
            }
            Verdict::No { alert: Some(NO_APPLICATION_PROTOCOL), .. } => Ok(false),
            Verdict::No { .. } => Err(Reason::new("the server refused what it had accepted before")),
            Verdict::Unknown(reason) => Err(reason),
        }
    }
}
