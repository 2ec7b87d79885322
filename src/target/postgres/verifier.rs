//! What of the server's certificate each `sslmode` verifies.

use crate::dsn::SslMode;
use crate::target::verifier::Check;

/// Where trusted authorities come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The root certificate file does not exist.
    Missing(String),
    File(String),
    /// The operating system's.
    System,
}

/// libpq verifies the chain whenever it finds a root certificate file, in every mode; the stronger modes insist on one
/// (`initialize_SSL` in `fe-secure-openssl.c`). The error fits after "failed to connect: ".
pub(super) fn check(mode: SslMode, roots: &Roots) -> Result<Check, String> {
    match (mode, roots) {
        (SslMode::VerifyFull, Roots::File(_) | Roots::System) => Ok(Check::ChainAndHost),
        (_, Roots::System) => Err(format!("sslmode={mode} is too weak for sslrootcert=system; write verify-full")),
        (SslMode::VerifyFull | SslMode::VerifyCa, Roots::Missing(path)) => {
            Err(format!("sslmode={mode} needs a root certificate file, and {path} does not exist"))
        }
        (_, Roots::Missing(_)) => Ok(Check::Nothing),
        (_, Roots::File(_)) => Ok(Check::Chain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_mode_verifies() {
        let file = Roots::File("/r".into());
        let none = Roots::Missing("/r".into());
        let rows = [
            (SslMode::Allow, Ok(Check::Chain), Ok(Check::Nothing), Err(())),
            (SslMode::Prefer, Ok(Check::Chain), Ok(Check::Nothing), Err(())),
            (SslMode::Require, Ok(Check::Chain), Ok(Check::Nothing), Err(())),
            (SslMode::VerifyCa, Ok(Check::Chain), Err(()), Err(())),
            (SslMode::VerifyFull, Ok(Check::ChainAndHost), Err(()), Ok(Check::ChainAndHost)),
        ];
        for (mode, with_file, without, system) in rows {
            assert_eq!(check(mode, &file).map_err(drop), with_file, "{mode} with a root file");
            assert_eq!(check(mode, &none).map_err(drop), without, "{mode} without one");
            assert_eq!(check(mode, &Roots::System).map_err(drop), system, "{mode} with the system's");
        }
    }
}
