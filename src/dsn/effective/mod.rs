//! What a connection string *means*: the mode that counts, what of the server's certificate is verified, and against
//! which authorities. Every client answers differently, so each has a file of its own.
//!
//! PostgreSQL manual, "SSL Support" of libpq; `initialize_SSL` in `fe-secure-openssl.c`.

mod bun;
mod jdbc;
mod lib_pq;
mod libpq;
mod pgx;
#[cfg(test)]
mod tests;

use super::client::Client;
use super::error::Problem;
use super::fact::Fact;
use super::keyword;
use super::resolved::Resolved;
use super::sslmode::SslMode;
use super::surroundings::{Existence, Surroundings, absolute, existence, home};
use serde::Serialize;

/// What of the server's certificate the client verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verified {
    /// Nothing: whoever answers is believed, and there may be no TLS at all.
    Nothing,
    /// That it chains to a trusted authority; any host's certificate will do.
    Chain,
    /// That it chains to a trusted authority and names the host.
    ChainAndHost,
    /// There is no TLS on a unix socket, and no need of it.
    NotApplicable,
}

/// Where the trusted authorities come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaSource {
    /// None are used.
    None,
    /// This file.
    File(String),
    /// Those of the operating system, or of the Java runtime.
    System,
    /// The string holds the certificate itself.
    Inline,
}

/// How the servers are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Over TCP.
    Tcp,
    /// Over unix sockets.
    Unix,
    /// Some over TCP, some over unix sockets; all that is said of TLS is about those over TCP.
    Mixed,
}

/// The meaning of a string for one client.
///
/// A non-empty `errors` means that the client refuses to connect; what the other fields then say would hold if it did
/// not, and is unknown where nobody can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The client.
    pub client: Client,
    /// The mode that counts, in libpq's words, whatever the client calls it.
    pub sslmode: Fact<SslMode>,
    /// What is verified.
    pub verified: Fact<Verified>,
    /// Against which authorities.
    pub ca_source: Fact<CaSource>,
    /// TCP, unix socket, or both.
    pub transport: Transport,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    /// Why the client would refuse.
    pub errors: Vec<Problem>,
}

/// What a client's file answers.
struct Tls {
    sslmode: Fact<SslMode>,
    verified: Fact<Verified>,
    ca_source: Fact<CaSource>,
    notes: Vec<String>,
    errors: Vec<Problem>,
}

impl Tls {
    fn new(sslmode: SslMode, verified: Verified, ca_source: CaSource) -> Self {
        Self {
            sslmode: Fact::Known(sslmode),
            verified: Fact::Known(verified),
            ca_source: Fact::Known(ca_source),
            notes: Vec::new(),
            errors: Vec::new(),
        }
    }

    fn nothing(sslmode: SslMode) -> Self {
        Self::new(sslmode, Verified::Nothing, CaSource::None)
    }

    /// TLS with nothing to say for sure about verification.
    fn unclear(sslmode: SslMode, reason: &str) -> Self {
        Self { verified: Fact::unknown(reason), ca_source: Fact::unknown(reason), ..Self::nothing(sslmode) }
    }

    /// The client refuses.
    fn refused(sslmode: Option<SslMode>, problem: Problem) -> Self {
        let reason = "the client refuses to connect";
        Self {
            sslmode: sslmode.map_or_else(|| Fact::unknown(reason), Fact::Known),
            verified: Fact::unknown(reason),
            ca_source: Fact::unknown(reason),
            notes: Vec::new(),
            errors: vec![problem],
        }
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    fn error(mut self, problem: Option<Problem>) -> Self {
        self.errors.extend(problem);
        self
    }
}

/// Says what a resolved string means for its client.
pub fn effective(resolved: &Resolved, around: &dyn Surroundings) -> Effective {
    let transport = resolved.transport();
    let tls = match resolved.client {
        Client::Libpq => libpq::tls(resolved, around),
        Client::LibPq => lib_pq::tls(resolved, around),
        Client::Pgx => pgx::tls(resolved, around),
        Client::Bun => bun::tls(resolved, around),
        Client::Jdbc => jdbc::tls(resolved, around),
    };
    let mut effective = Effective {
        client: resolved.client,
        sslmode: tls.sslmode,
        verified: tls.verified,
        ca_source: tls.ca_source,
        transport,
        notes: resolved.notes.clone(),
        errors: resolved.errors.clone(),
    };
    effective.notes.extend(tls.notes);
    effective.errors.extend(tls.errors);
    unknown_parameters(resolved, &mut effective);
    if transport == Transport::Unix {
        effective.verified = Fact::Known(Verified::NotApplicable);
        effective.ca_source = Fact::Known(CaSource::None);
    }
    doubt_what_is_incomplete(resolved, &mut effective);
    if resolved.conninfo.suspect() {
        effective.notes.push(
            "parts of an unencoded password may stand in host, port or database, which are therefore not shown; percent-encode @ / : in it"
                .to_owned(),
        );
    }
    effective
}

/// When a service file could not be read, only what the string itself says is known.
fn doubt_what_is_incomplete(resolved: &Resolved, effective: &mut Effective) {
    let Some(reason) = &resolved.incomplete else {
        return;
    };
    let in_string = |name: &str| resolved.conninfo.value(name).is_some();
    let overrides = resolved.client == Client::LibPq;
    if overrides || !in_string("sslmode") {
        effective.sslmode = Fact::unknown(reason);
    }
    if overrides || !in_string("sslmode") || !in_string("sslrootcert") || !in_string("host") {
        effective.verified = Fact::unknown(reason);
        effective.ca_source = Fact::unknown(reason);
    }
}

/// Parameters that the client does not act on: a misspelt one is never taken for an absent one.
fn unknown_parameters(resolved: &Resolved, effective: &mut Effective) {
    let client = resolved.client;
    let fate = match client {
        Client::Libpq => return,
        Client::LibPq | Client::Pgx => "is sent to the server as a setting, which refuses the connection",
        Client::Bun => "becomes SET on the server, which refuses the connection",
        Client::Jdbc => "is ignored in silence",
    };
    let mut unnamed = 0_usize;
    for name in resolved.conninfo.unknown_names() {
        if keyword::is_setting(name) && client != Client::Jdbc
            || client == Client::Jdbc && super::jdbc::is_property(name)
        {
            continue;
        }
        match (keyword::showable(name), keyword::suggest(name)) {
            (Some(name), Some(keyword)) if keyword == name => {
                effective.errors.push(Problem::new(format!("{name} is not a parameter of {client}: it {fate}")));
            }
            (Some(name), Some(keyword)) => effective.errors.push(Problem::hinted(
                format!("{name} is not a parameter of {client}: it {fate}"),
                format!("did you mean {keyword}?"),
            )),
            _ => unnamed += 1,
        }
    }
    if unnamed > 0 {
        let each = if client == Client::Jdbc { fate } else { "is passed to the server as a setting" };
        effective.notes.push(format!("{unnamed} parameter(s) unknown to harden; each {each}"));
    }
}

/// Reads a mode as libpq spells it; a wrong word becomes a problem with a hint, and is not repeated.
fn parse_mode(word: &str, client: Client) -> Result<SslMode, Problem> {
    SslMode::parse(word).ok_or_else(|| {
        let message = format!("{client} does not know this value of sslmode");
        match SslMode::suggest(word) {
            Some(mode) => Problem::hinted(message, format!("did you mean {mode}?")),
            None => {
                Problem::hinted(message, "disable, allow, prefer, require, verify-ca or verify-full, in lower case")
            }
        }
    })
}

/// The mode verified by a given mode once authorities are loaded.
fn verified_by(mode: SslMode) -> Verified {
    match mode {
        SslMode::VerifyFull => Verified::ChainAndHost,
        SslMode::VerifyCa | SslMode::Require => Verified::Chain,
        SslMode::Disable | SslMode::Allow | SslMode::Prefer => Verified::Nothing,
    }
}

/// The client's default root certificate file.
fn default_root(around: &dyn Surroundings) -> Option<String> {
    home(around).map(|home| format!("{home}/.postgresql/root.crt"))
}

/// A problem if a root certificate file that can be read holds no certificate.
fn without_certificate(path: &str, around: &dyn Surroundings) -> Option<Problem> {
    let bytes = around.read(&absolute(path, around)?).ok()?;
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let holds_one = has(b"-----BEGIN CERTIFICATE-----")
        || has(b"-----BEGIN TRUSTED CERTIFICATE-----")
        || has(b"-----BEGIN X509 CERTIFICATE-----");
    (!holds_one).then(|| Problem::new(format!("the root certificate file {path} holds no PEM certificate")))
}

/// Why a path that is not there may not be there.
fn missing(path: &str, what: &str) -> Problem {
    let message = format!("{what}, and the root certificate file {path} does not exist");
    if path.starts_with("~/") {
        Problem::hinted(message, "~ is not expanded: write the whole path")
    } else {
        Problem::new(message)
    }
}

/// Whether an `sslrootcert` holds a certificate where a path belongs.
fn is_inline(sslrootcert: &str) -> bool {
    sslrootcert.trim_start().starts_with("-----BEGIN")
}
