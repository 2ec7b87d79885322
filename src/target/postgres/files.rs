//! The certificates and keys that a connection string names, read as libpq reads them. Blocking: called off the runtime.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::failure::{Failure, FailureKind};

/// A client's certificate chain and its key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A PEM file of this size holds thousands of certificates.
const MAX_FILE: u64 = 16 << 20;

fn unusable(text: impl AsRef<str>) -> Failure {
    Failure::new(FailureKind::Configuration, text)
}

/// The content of a file; `None` when there is none, as libpq understands it.
fn read(path: &str) -> Result<Option<Vec<u8>>, Failure> {
    let metadata = match fs::metadata(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        other => other.map_err(|error| unreadable(path, &error))?,
    };
    if !metadata.is_file() || metadata.len() > MAX_FILE {
        return Err(unusable(format!("{path} is no regular file of a certificate's size")));
    }
    fs::read(path).map(Some).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &str, error: &io::Error) -> Failure {
    let failure = unusable(format!("cannot read {path}: {}", error.kind()));
    match error.kind() {
        io::ErrorKind::PermissionDenied => failure.with_grant(format!("run as a user who may read {path}")),
        _ => failure,
    }
}

/// Whether there is a file: one that cannot be looked at is taken for one, so that reading it says why.
pub(super) fn exists(path: &str) -> bool {
    !matches!(fs::metadata(path), Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
}

/// All certificates of a PEM file.
pub(super) fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let text = read(path)?.ok_or_else(|| unusable(format!("{path} does not exist")))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(unusable(format!("{path} holds no certificate"))),
        Err(_) => Err(unusable(format!("{path} is not valid PEM"))),
    }
}

/// The revocation lists of a PEM file; none when there is no file.
pub(super) fn revocations(path: &str) -> Result<Vec<CertificateRevocationListDer<'static>>, Failure> {
    let Some(text) = read(path)? else { return Ok(Vec::new()) };
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&text).collect();
    lists.map_err(|_| unusable(format!("{path} is not valid PEM")))
}

/// The operating system's authorities.
pub(super) fn system_roots() -> Result<Vec<CertificateDer<'static>>, Failure> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err(unusable("the operating system's root certificates were not found"));
    }
    Ok(found.certs)
}

/// The client's certificate and key; `None` when the certificate's file does not exist, as libpq goes on without one.
pub(super) fn identity(certificate: &str, key: &str) -> Result<Option<Identity>, Failure> {
    if !exists(certificate) {
        return Ok(None);
    }
    let chain = certificates(certificate)?;
    if key.contains(':') && !key.starts_with('/') {
        return Err(unusable("sslkey names a key of an OpenSSL engine, which harden does not load"));
    }
    check_mode(key)?;
    let text = read(key)?.ok_or_else(|| unusable(format!("{certificate} exists, but its key {key} does not")))?;
    if contains(&text, b"ENCRYPTED") {
        return Err(unusable(format!("{key} is encrypted; harden reads unencrypted keys only")));
    }
    let key = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| unusable(format!("{key} holds no key in PEM (PKCS#8, PKCS#1 or SEC1)")))?;
    Ok(Some((chain, key)))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// libpq refuses a key that others can read: at most 0600, or 0640 when root owns it (`initialize_SSL`).
fn check_mode(path: &str) -> Result<(), Failure> {
    let metadata = match fs::metadata(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
        other => other.map_err(|error| unreadable(path, &error))?,
    };
    let too_open = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & too_open != 0 {
        let text = format!(
            "{path} has mode {:04o}: others can read or change it, so that libpq refuses it",
            metadata.mode() & 0o7777
        );
        return Err(unusable(text).with_grant(format!("chmod 0600 {path}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_no_key_is_said_clearly() {
        let dir = std::env::temp_dir().join(format!("harden-files-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = |name: &str| dir.join(name).display().to_string();
        let write = |name: &str, text: &str, mode: u32| {
            fs::write(path(name), text).unwrap();
            fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        write("crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o644);
        write("open", "", 0o644);
        write("encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", 0o600);
        write("junk", "nothing", 0o600);
        let text = |key: &str| identity(&path("crt"), &path(key)).unwrap_err().reason.text.to_string();
        assert!(text("open").contains("0644"));
        assert!(text("encrypted").contains("is encrypted"));
        assert!(text("junk").contains("holds no key"));
        assert!(text("nowhere").contains("does not"));
        assert!(identity(&path("nowhere"), &path("junk")).unwrap().is_none());
        assert!(certificates(&path("junk")).unwrap_err().reason.text.contains("holds no certificate"));
        assert!(revocations(&path("nowhere")).unwrap().is_empty());
        fs::remove_dir_all(&dir).unwrap();
    }
}
