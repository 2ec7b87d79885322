//! libpq. `initialize_SSL` in `fe-secure-openssl.c`: a root certificate file that exists is used by every mode, so that
//! `require` verifies the chain; `verify-*` without one is refused; `sslrootcert=system` (since 16) insists on
//! `verify-full`. `pqConnectOptions2` in `fe-connect.c`: the values that are refused.

use super::{
    CaSource, Existence, Problem, Resolved, SslMode, Surroundings, Tls, Transport, Verified, default_root, existence,
    is_inline, missing, parse_mode, verified_by, without_certificate,
};
use crate::dsn::{Fact, Origin};

/// Keywords whose values libpq checks before it connects.
const CHECKED: &[(&str, &[&str])] = &[
    ("channel_binding", &["disable", "prefer", "require"]),
    ("sslnegotiation", &["postgres", "direct"]),
    ("sslcertmode", &["disable", "allow", "require"]),
    ("gssencmode", &["disable", "prefer", "require"]),
    ("target_session_attrs", &["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]),
    ("load_balance_hosts", &["disable", "random"]),
];

pub(super) fn tls(resolved: &Resolved, around: &dyn Surroundings) -> Tls {
    let mut tls = match parse_mode(resolved.get("sslmode").unwrap_or("prefer"), resolved.client) {
        Ok(mode) if too_weak_for_system(resolved, mode, around) => Tls::refused(
            Some(mode),
            Problem::hinted(format!("sslmode={mode} is too weak for sslrootcert=system"), "write sslmode=verify-full"),
        ),
        Ok(mode) if resolved.transport() == Transport::Unix => Tls::nothing(mode),
        Ok(mode) => roots(resolved, mode, around),
        Err(problem) => Tls::refused(None, problem),
    };
    tls.errors.extend(refused_values(resolved, around));
    if resolved.get("gssencmode") == Some("require") && resolved.transport() == Transport::Unix {
        tls.errors.push(Problem::new("gssencmode=require is refused on a unix socket"));
    } else if resolved.get("gssencmode") == Some("require") {
        tls.notes.push("gssencmode=require: the connection is encrypted by GSSAPI, not by TLS".to_owned());
    }
    tls
}

fn roots(resolved: &Resolved, mode: SslMode, around: &dyn Surroundings) -> Tls {
    if let Some(problem) = nameless(resolved, mode) {
        return Tls::refused(Some(mode), problem);
    }
    match resolved.filled("sslrootcert") {
        Some("system") if around.libpq_version() >= 16 => system(resolved, mode),
        Some(inline) if is_inline(inline) => Tls {
            ca_source: Fact::Known(CaSource::Inline),
            ..Tls::refused(
                Some(mode),
                Problem::hinted("sslrootcert holds a certificate", "write it to a file and name the file"),
            )
        },
        _ if mode == SslMode::Disable => Tls::nothing(mode),
        Some(path) => file(path, mode, around),
        None => match default_root(around) {
            Some(path) => file(&path, mode, around),
            None if mode >= SslMode::VerifyCa => Tls::refused(
                Some(mode),
                Problem::new(format!("sslmode={mode} needs sslrootcert, as there is no home directory")),
            ),
            None => Tls::nothing(mode),
        },
    }
}

/// Without `sslmode` in sight the answer hangs on libpq's version, and a reader should know.
fn system(resolved: &Resolved, mode: SslMode) -> Tls {
    let tls = Tls::new(mode, Verified::ChainAndHost, CaSource::System);
    let implied = resolved.param("sslmode").is_some_and(|param| param.origin == Origin::Default);
    if implied {
        tls.note("sslrootcert=system implies verify-full since libpq 16 only; libpq 15 and before would verify nothing: write sslmode=verify-full")
    } else {
        tls
    }
}

fn file(path: &str, mode: SslMode, around: &dyn Surroundings) -> Tls {
    match existence(path, around) {
        Existence::Present if mode < SslMode::Require => Tls::nothing(mode)
            .note(format!("sslmode={mode} may go on without TLS, so that verifying against {path} protects nothing")),
        Existence::Present => {
            let tls = Tls::new(mode, verified_by(mode), CaSource::File(path.to_owned()))
                .error(without_certificate(path, around));
            if mode == SslMode::Require {
                tls.note(format!("require acts as verify-ca because {path} exists"))
            } else {
                tls
            }
        }
        Existence::Absent if mode >= SslMode::VerifyCa => {
            Tls::refused(Some(mode), missing(path, &format!("sslmode={mode} verifies the server's certificate")))
        }
        Existence::Absent if mode == SslMode::Require => {
            Tls::nothing(mode).note(format!("the certificate is not verified: {path} does not exist"))
        }
        Existence::Absent => Tls::nothing(mode),
        Existence::Unknown(reason) if mode >= SslMode::VerifyCa => {
            Tls::new(mode, verified_by(mode), CaSource::File(path.to_owned()))
                .note(format!("whether libpq finds its root certificate file is unknown: {reason}"))
        }
        Existence::Unknown(reason) if mode == SslMode::Require => Tls::unclear(mode, &reason),
        Existence::Unknown(_) => Tls::nothing(mode),
    }
}

/// Refused on unix sockets too, where it does not matter.
fn too_weak_for_system(resolved: &Resolved, mode: SslMode, around: &dyn Surroundings) -> bool {
    around.libpq_version() >= 16 && resolved.get("sslrootcert") == Some("system") && mode != SslMode::VerifyFull
}

/// With `hostaddr` alone there is no name to verify.
fn nameless(resolved: &Resolved, mode: SslMode) -> Option<Problem> {
    let nameless = resolved.hosts.iter().any(|host| host.transport == Transport::Tcp && host.host.is_none());
    (mode == SslMode::VerifyFull && nameless)
        .then(|| Problem::hinted("sslmode=verify-full with hostaddr and without a host name", "add host=NAME"))
}

fn refused_values(resolved: &Resolved, around: &dyn Surroundings) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, allowed) in CHECKED {
        if resolved.get(name).is_some_and(|value| !allowed.contains(&value)) {
            problems.push(Problem::new(format!("libpq does not know this value of {name} ({})", allowed.join(", "))));
        }
    }
    problems.extend(tls_versions(resolved));
    problems.extend(resolved.filled("require_auth").and_then(|list| require_auth(list, around.libpq_version())));
    let weak = resolved.get("sslmode").and_then(SslMode::parse).filter(|mode| *mode < SslMode::Require);
    if let (Some("direct"), Some(mode)) = (resolved.get("sslnegotiation"), weak) {
        problems.push(Problem::hinted(
            format!("sslmode={mode} is too weak for sslnegotiation=direct"),
            "write require, verify-ca or verify-full",
        ));
    }
    problems
}

fn tls_versions(resolved: &Resolved) -> Vec<Problem> {
    let known = ["tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"];
    let place = |name: &str| {
        let text = resolved.filled(name)?.to_ascii_lowercase();
        Some(known.iter().position(|version| *version == text))
    };
    let (min, max) = (place("ssl_min_protocol_version"), place("ssl_max_protocol_version"));
    let mut problems = Vec::new();
    for (name, place) in [("ssl_min_protocol_version", min), ("ssl_max_protocol_version", max)] {
        if place == Some(None) {
            problems.push(Problem::new(format!("libpq does not know this value of {name} (TLSv1 to TLSv1.3)")));
        }
    }
    if let (Some(Some(min)), Some(Some(max))) = (min, max)
        && min > max
    {
        problems.push(Problem::new("ssl_min_protocol_version is above ssl_max_protocol_version"));
    }
    problems
}

/// The list of authentication methods: known, all or none negated, each once.
fn require_auth(list: &str, version: u8) -> Option<Problem> {
    let known = ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"];
    let mut seen = Vec::new();
    let negated = list.starts_with('!');
    for item in list.split(',') {
        let method = item.strip_prefix('!').unwrap_or(item);
        if !known.contains(&method) || (method == "oauth" && version < 18) {
            return Some(Problem::new(format!("libpq does not know a method of require_auth ({})", known.join(", "))));
        }
        if item.starts_with('!') != negated {
            return Some(Problem::new("require_auth mixes methods with and without \"!\""));
        }
        if seen.contains(&method) {
            return Some(Problem::new("require_auth names a method twice"));
        }
        seen.push(method);
    }
    None
}
