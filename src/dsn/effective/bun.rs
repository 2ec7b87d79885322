//! Go bun, pgdriver. TLS is all or nothing: absent, `allow`, `prefer` and `require` all mean TLS that verifies nothing,
//! without a way back to plain; `sslrootcert` alone loads the file and still verifies nothing; the name that
//! `verify-full` verifies is the URL's, even when `?host=` connects elsewhere; a unix socket gets TLS too.
//!
//! bun `driver/pgdriver/config.go` (`newDefaultConfig`, `parseDSN`), `proto.go` (`enableSSL`).

use super::{
    CaSource, Existence, Problem, Resolved, SslMode, Surroundings, Tls, Transport, Verified, existence, missing,
    parse_mode, without_certificate,
};
use crate::dsn::Fact;

pub(super) fn tls(resolved: &Resolved, around: &dyn Surroundings) -> Tls {
    let word = resolved.filled("sslmode");
    let mode = match word.map(|word| parse_mode(word, resolved.client)).transpose() {
        Ok(mode) => mode,
        Err(problem) => return Tls::refused(None, problem),
    };
    if mode == Some(SslMode::Disable) {
        return Tls::nothing(SslMode::Disable);
    }
    if resolved.transport() == Transport::Unix {
        return Tls::nothing(SslMode::Require).error(Some(Problem::hinted(
            "bun asks for TLS on a unix socket too, and the server has none there",
            "write sslmode=disable",
        )));
    }
    match resolved.filled("sslrootcert") {
        Some(path) => with_file(path, mode, around),
        None => without_file(mode),
    }
    .error(elsewhere(resolved, mode))
}

fn without_file(mode: Option<SslMode>) -> Tls {
    match mode {
        Some(SslMode::VerifyFull) => Tls::new(SslMode::VerifyFull, Verified::ChainAndHost, CaSource::System),
        Some(SslMode::VerifyCa) => Tls::new(SslMode::VerifyCa, Verified::Chain, CaSource::System),
        Some(SslMode::Require) => Tls::nothing(SslMode::Require),
        Some(mode) => Tls::nothing(SslMode::Require).note(format!("bun takes {mode} for TLS that verifies nothing")),
        None => Tls::nothing(SslMode::Require).note("sslmode is absent: bun uses TLS that verifies nothing"),
    }
}

fn with_file(path: &str, mode: Option<SslMode>, around: &dyn Surroundings) -> Tls {
    let file = || CaSource::File(path.to_owned());
    let tls = match mode {
        Some(SslMode::VerifyFull) => Tls::new(SslMode::VerifyFull, Verified::ChainAndHost, file()),
        Some(SslMode::VerifyCa) => Tls::new(SslMode::VerifyCa, Verified::Chain, file()),
        Some(SslMode::Require) => Tls::new(SslMode::Require, Verified::Chain, file())
            .note("require acts as verify-ca because sslrootcert is given"),
        _ => Tls { ca_source: Fact::Known(file()), ..Tls::nothing(SslMode::Require) }
            .note("bun loads sslrootcert but verifies nothing without sslmode=require, verify-ca or verify-full"),
    };
    match existence(path, around) {
        Existence::Present => tls.error(without_certificate(path, around)),
        Existence::Absent => tls.error(Some(missing(path, "bun reads sslrootcert"))),
        Existence::Unknown(reason) => {
            tls.note(format!("whether bun finds its root certificate file is unknown: {reason}"))
        }
    }
}

/// `?host=` moves the connection, not the name that is verified.
fn elsewhere(resolved: &Resolved, mode: Option<SslMode>) -> Option<Problem> {
    let mut hosts = resolved.conninfo.occurrences("host");
    let (first, second) = (hosts.next(), hosts.next());
    match (first, second) {
        (Some(_), Some(_)) if mode == Some(SslMode::VerifyFull) => Some(Problem::hinted(
            "?host= connects elsewhere, while the certificate is verified for the URL's own host",
            "name one host only",
        )),
        _ => None,
    }
}
