//! Go lib/pq. Absent means `require` in every release up to 1.12; `allow` and `prefer` are refused before 1.12; from
//! 1.12 on `~/.postgresql/root.crt` and `sslrootcert=system` are known. A file that `sslrootcert` names and that does
//! not exist is dropped by `require` in silence. Without a file the system's authorities are used.
//!
//! lib/pq `ssl.go`, `connector.go`, `CHANGELOG.md`.

use super::{
    CaSource, Existence, Problem, Resolved, SslMode, Surroundings, Tls, Transport, Verified, default_root, existence,
    missing, parse_mode, verified_by, without_certificate,
};
use crate::dsn::Fact;

pub(super) fn tls(resolved: &Resolved, around: &dyn Surroundings) -> Tls {
    if resolved.transport() == Transport::Unix {
        return Tls::nothing(SslMode::Disable).note("lib/pq uses no TLS on unix sockets");
    }
    let absent = resolved.filled("sslmode").is_none();
    let word = resolved.filled("sslmode").unwrap_or("require");
    if word.starts_with("pqgo-") {
        return Tls {
            sslmode: Fact::unknown("the program registers its own TLS configuration"),
            ..Tls::unclear(SslMode::Disable, "the program registers its own TLS configuration")
        };
    }
    let mode = match parse_mode(word, resolved.client) {
        Ok(mode) => mode,
        Err(problem) => return Tls::refused(None, problem),
    };
    match mode {
        SslMode::Disable => Tls::nothing(mode),
        SslMode::Allow | SslMode::Prefer => Tls::nothing(mode).error(Some(Problem::hinted(
            format!("lib/pq before 1.12 refuses sslmode={mode}"),
            "write require, verify-ca or verify-full",
        ))),
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
            let tls = roots(resolved, mode, absent, around);
            if absent {
                tls.note("sslmode is absent: require up to lib/pq 1.12, prefer in later releases")
            } else {
                tls
            }
        }
    }
}

fn roots(resolved: &Resolved, mode: SslMode, absent: bool, around: &dyn Surroundings) -> Tls {
    if resolved.conninfo.other("sslinline").is_some_and(|value| matches!(value, "true" | "t" | "1" | "yes" | "on")) {
        return match resolved.filled("sslrootcert") {
            Some(_) if mode == SslMode::Require => Tls::unclear(
                mode,
                "sslinline with sslmode=require: lib/pq up to 1.10 looks for a file of that name and then verifies nothing",
            ),
            Some(_) => Tls::new(mode, verified_by(mode), CaSource::Inline),
            None => without_file(mode),
        };
    }
    match resolved.filled("sslrootcert") {
        Some("system") => system(mode, absent),
        Some(path) => file(path, mode, around),
        None => default_file(mode, around),
    }
}

fn system(mode: SslMode, absent: bool) -> Tls {
    let reason = "sslrootcert=system: lib/pq 1.12 means verify-full by it, earlier releases a file of that name";
    match mode {
        SslMode::VerifyFull => Tls::new(mode, Verified::ChainAndHost, CaSource::System)
            .note("sslrootcert=system is known since lib/pq 1.12; before, it is the name of a file"),
        _ if absent => Tls { sslmode: Fact::unknown(reason), ..Tls::unclear(mode, reason) },
        _ => Tls::refused(
            Some(mode),
            Problem::hinted(format!("sslmode={mode} is too weak for sslrootcert=system"), "write sslmode=verify-full"),
        ),
    }
}

fn file(path: &str, mode: SslMode, around: &dyn Surroundings) -> Tls {
    match existence(path, around) {
        Existence::Present => {
            let tls = Tls::new(mode, verified_by(mode), CaSource::File(path.to_owned()))
                .error(without_certificate(path, around));
            if mode == SslMode::Require {
                tls.note(format!("require acts as verify-ca because {path} exists"))
            } else {
                tls
            }
        }
        Existence::Absent if mode == SslMode::Require => Tls::nothing(mode)
            .note(format!("the certificate is not verified: {path} does not exist, and require drops it in silence")),
        Existence::Absent => {
            Tls::refused(Some(mode), missing(path, &format!("sslmode={mode} verifies the server's certificate")))
        }
        Existence::Unknown(reason) if mode == SslMode::Require => Tls::unclear(mode, &reason),
        Existence::Unknown(reason) => Tls::new(mode, verified_by(mode), CaSource::File(path.to_owned()))
            .note(format!("whether lib/pq finds its root certificate file is unknown: {reason}")),
    }
}

/// `~/.postgresql/root.crt`, which only 1.12 and later look at.
fn default_file(mode: SslMode, around: &dyn Surroundings) -> Tls {
    let Some(path) = default_root(around) else {
        return without_file(mode);
    };
    match existence(&path, around) {
        Existence::Absent => without_file(mode),
        Existence::Present | Existence::Unknown(_) => {
            let reason = format!("{path}: used since lib/pq 1.12, ignored before");
            match mode {
                SslMode::VerifyCa | SslMode::VerifyFull => {
                    Tls { ca_source: Fact::unknown(reason), ..Tls::new(mode, verified_by(mode), CaSource::None) }
                }
                _ => Tls::unclear(mode, &reason),
            }
        }
    }
}

fn without_file(mode: SslMode) -> Tls {
    match mode {
        SslMode::VerifyCa | SslMode::VerifyFull => Tls::new(mode, verified_by(mode), CaSource::System),
        _ => Tls::nothing(mode),
    }
}
