//! pgjdbc. `sslmode` in any letter case; absent means `prefer`, but `ssl` or `ssl=true` means `verify-full`; `require`
//! never verifies, whatever files exist; `verify-*` needs `sslrootcert` or `~/.postgresql/root.crt`, and knows no
//! `system`; another `sslfactory` changes everything; property names that nobody knows are ignored in silence.
//!
//! pgjdbc `jdbc/SslMode.java`, `ssl/LibPQFactory.java`, `ssl/MakeSSL.java`, `core/SocketFactoryFactory.java`.

use super::{
    CaSource, Existence, Problem, Resolved, SslMode, Surroundings, Tls, Verified, default_root, existence, is_inline,
    missing, parse_mode, verified_by, without_certificate,
};
use crate::dsn::Fact;

pub(super) fn tls(resolved: &Resolved, around: &dyn Surroundings) -> Tls {
    let mode = match resolved.get("sslmode") {
        Some(word) => match parse_mode(&word.to_ascii_lowercase(), resolved.client) {
            Ok(mode) => mode,
            Err(problem) => return Tls::refused(None, problem),
        },
        None => without_sslmode(resolved),
    };
    if resolved.conninfo.other("socketFactory").is_some() {
        return Tls::unclear(mode, "socketFactory replaces the driver's own connection");
    }
    match resolved.conninfo.other("sslfactory") {
        None | Some("org.postgresql.ssl.LibPQFactory" | "org.postgresql.ssl.jdbc4.LibPQFactory") => {
            named_verifier(resolved, roots(resolved, mode, around))
        }
        Some("org.postgresql.ssl.NonValidatingFactory") => {
            Tls::nothing(mode).note("sslfactory=NonValidatingFactory verifies no certificate, whatever sslmode says")
        }
        Some("org.postgresql.ssl.DefaultJavaSSLFactory") if mode >= SslMode::Require => {
            let verified = if mode == SslMode::VerifyFull { Verified::ChainAndHost } else { Verified::Chain };
            named_verifier(
                resolved,
                Tls::new(mode, verified, CaSource::System).note("the authorities are the Java runtime's"),
            )
        }
        Some(_) if mode >= SslMode::Require => Tls::unclear(mode, "sslfactory names a class that decides by itself"),
        Some(_) => Tls::nothing(mode),
    }
}

fn without_sslmode(resolved: &Resolved) -> SslMode {
    match resolved.conninfo.other("ssl") {
        Some(text) if text.is_empty() || text.eq_ignore_ascii_case("true") => SslMode::VerifyFull,
        _ => SslMode::Prefer,
    }
}

/// `sslhostnameverifier` replaces the check of the host name.
fn named_verifier(resolved: &Resolved, tls: Tls) -> Tls {
    let replaced = resolved.conninfo.other("sslhostnameverifier").is_some();
    if replaced && tls.verified == Fact::Known(Verified::ChainAndHost) {
        let verified = Fact::unknown("sslhostnameverifier names a class that checks the host name by itself");
        return Tls { verified, ..tls };
    }
    tls
}

fn roots(resolved: &Resolved, mode: SslMode, around: &dyn Surroundings) -> Tls {
    let path = resolved.get("sslrootcert").map(str::to_owned);
    match (mode, path) {
        (SslMode::Disable | SslMode::Allow | SslMode::Prefer, _) => Tls::nothing(mode),
        (SslMode::Require, None) => Tls::nothing(mode),
        (SslMode::Require, Some(_)) => {
            Tls::nothing(mode).note("pgjdbc does not verify with require, even though sslrootcert is given")
        }
        (SslMode::VerifyCa | SslMode::VerifyFull, Some(inline)) if is_inline(&inline) => Tls::refused(
            Some(mode),
            Problem::hinted("sslrootcert holds a certificate", "write it to a file and name the file"),
        ),
        (SslMode::VerifyCa | SslMode::VerifyFull, path) => match path.or_else(|| default_root(around)) {
            Some(path) => file(&path, mode, around),
            None => Tls::unclear(mode, "the Java runtime's user.home is not known"),
        },
    }
}

fn file(path: &str, mode: SslMode, around: &dyn Surroundings) -> Tls {
    let tls = || Tls::new(mode, verified_by(mode), CaSource::File(path.to_owned()));
    match existence(path, around) {
        Existence::Present => tls().error(without_certificate(path, around)),
        Existence::Absent => {
            Tls::refused(Some(mode), missing(path, &format!("sslmode={mode} verifies the server's certificate")))
        }
        Existence::Unknown(reason) => {
            tls().note(format!("whether pgjdbc finds its root certificate file is unknown: {reason}"))
        }
    }
}
