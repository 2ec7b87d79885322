//! Go pgx. Close to libpq, but: `sslrootcert=system` forces `verify-full` whatever `sslmode` says; a root certificate
//! file that is named must be readable in every mode; `verify-*` without one uses the system's authorities;
//! `sslnegotiation=direct` turns `prefer` into `require`; `sslcert` and `sslkey` only together.
//!
//! pgx `pgconn/config.go` (`configTLS`), `pgconn/defaults.go` (`defaultSettings`).

use super::{
    CaSource, Existence, Problem, Resolved, SslMode, Surroundings, Tls, Transport, Verified, default_root, existence,
    missing, parse_mode, verified_by, without_certificate,
};
use crate::dsn::{Fact, Form};

pub(super) fn tls(resolved: &Resolved, around: &dyn Surroundings) -> Tls {
    let mode = match parse_mode(resolved.filled("sslmode").unwrap_or("prefer"), resolved.client) {
        Ok(mode) => mode,
        Err(problem) if resolved.transport() == Transport::Unix => {
            return Tls { errors: Vec::new(), ..Tls::refused(None, problem) }
                .note("sslmode is not looked at on unix sockets");
        }
        Err(problem) => return Tls::refused(None, problem),
    };
    if resolved.transport() == Transport::Unix {
        return Tls::nothing(mode);
    }
    let mode = match (resolved.get("sslnegotiation"), mode) {
        (Some("direct"), SslMode::Prefer) => SslMode::Require,
        _ => mode,
    };
    if repeated(resolved) {
        let reason = "sslmode or sslrootcert is given twice: pgx up to 5.10 takes the first, later releases the last";
        return Tls { sslmode: Fact::unknown(reason), ..Tls::unclear(mode, reason) };
    }
    roots(resolved, mode, around).error(half_a_pair(resolved))
}

fn roots(resolved: &Resolved, mode: SslMode, around: &dyn Surroundings) -> Tls {
    match resolved.filled("sslrootcert") {
        Some("system") => {
            let tls = Tls::new(SslMode::VerifyFull, Verified::ChainAndHost, CaSource::System);
            if mode == SslMode::VerifyFull {
                tls
            } else {
                tls.note(format!("sslrootcert=system overrides sslmode={mode}"))
            }
        }
        Some(path) => named(path, mode, around),
        None => match default_root(around) {
            Some(path) => default_file(&path, mode, around),
            None => without_file(mode),
        },
    }
}

fn named(path: &str, mode: SslMode, around: &dyn Surroundings) -> Tls {
    match existence(path, around) {
        Existence::Absent => Tls::refused(Some(mode), missing(path, "pgx reads sslrootcert in every mode")),
        Existence::Present => with_file(path, mode).error(without_certificate(path, around)),
        Existence::Unknown(reason) => {
            with_file(path, mode).note(format!("whether pgx finds its root certificate file is unknown: {reason}"))
        }
    }
}

fn default_file(path: &str, mode: SslMode, around: &dyn Surroundings) -> Tls {
    match existence(path, around) {
        Existence::Present => with_file(path, mode).error(without_certificate(path, around)),
        Existence::Absent => without_file(mode),
        Existence::Unknown(reason) => match mode {
            SslMode::Disable | SslMode::Allow | SslMode::Prefer => Tls::nothing(mode),
            SslMode::Require => Tls::unclear(mode, &reason),
            SslMode::VerifyCa | SslMode::VerifyFull => {
                Tls { ca_source: Fact::unknown(reason), ..Tls::new(mode, verified_by(mode), CaSource::None) }
            }
        },
    }
}

fn with_file(path: &str, mode: SslMode) -> Tls {
    match mode {
        SslMode::Disable | SslMode::Allow | SslMode::Prefer => Tls::nothing(mode),
        SslMode::Require => Tls::new(mode, Verified::Chain, CaSource::File(path.to_owned()))
            .note(format!("require acts as verify-ca because of {path}")),
        SslMode::VerifyCa | SslMode::VerifyFull => Tls::new(mode, verified_by(mode), CaSource::File(path.to_owned())),
    }
}

fn without_file(mode: SslMode) -> Tls {
    match mode {
        SslMode::VerifyCa | SslMode::VerifyFull => Tls::new(mode, verified_by(mode), CaSource::System),
        _ => Tls::nothing(mode),
    }
}

fn half_a_pair(resolved: &Resolved) -> Option<Problem> {
    let (cert, key) = (resolved.filled("sslcert"), resolved.filled("sslkey"));
    (cert.is_some() != key.is_some()).then(|| Problem::new("pgx needs sslcert and sslkey together"))
}

/// Whether what a repeated parameter of a URL means hangs on pgx's version.
fn repeated(resolved: &Resolved) -> bool {
    let decides = |name: &str| matches!(name, "sslmode" | "sslrootcert");
    resolved.conninfo.form() == Form::Uri && resolved.conninfo.repeated().any(decides)
}
