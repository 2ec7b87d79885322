//! The byte streams under HTTP: a unix socket, TCP, or TLS on TCP, with HTTP on them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::address::{Endpoint, TlsFiles};
use super::failure::Failure;
use crate::target::http1::Connection;
use crate::value::Reason;

/// Dials the daemon.
pub(super) async fn open(endpoint: &Endpoint, tls: Option<&Arc<rustls::ClientConfig>>) -> Result<Connection, Failure> {
    let failed = |error: io::Error| Failure::from_io(&error);
    let broken = |error: hyper::Error| Failure::from_hyper(&error);
    let (host, port) = match endpoint {
        Endpoint::Unix(path) => {
            let socket = UnixStream::connect(path).await.map_err(failed)?;
            return Connection::new(socket).await.map_err(broken);
        }
        Endpoint::Tcp { host, port } => (host, *port),
    };
    let connected = TcpStream::connect((host.as_str(), port)).await;
    // On TCP "not found" can only be the name.
    let unresolved = |error: io::Error| match error.kind() == io::ErrorKind::NotFound {
        true => Failure::Broken(error.to_string()),
        false => Failure::from_io(&error),
    };
    let socket = connected.map_err(unresolved)?;
    // Requests are single small segments: waiting to fill one costs 40 ms each.
    socket.set_nodelay(true).map_err(failed)?;
    let Some(config) = tls else { return Connection::new(socket).await.map_err(broken) };
    let name = ServerName::try_from(host.clone()).map_err(|error| Failure::Tls(error.to_string()))?;
    let secured = TlsConnector::from(config.clone()).connect(name, socket).await.map_err(failed)?;
    Connection::new(secured).await.map_err(broken)
}

/// The client's side of TLS: verified against the CA file alone, with the client certificate when there is one.
///
/// # Errors
/// Files that cannot be read or hold something else.
pub(super) fn tls_config(files: &TlsFiles) -> Result<Arc<rustls::ClientConfig>, Reason> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(&files.ca)? {
        roots.add(certificate).map_err(|error| unusable(&files.ca, &error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Reason::new(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots);
    // As in the docker command, a pair that is not there is not needed: not every daemon asks for it.
    let config = if files.certificate.exists() || files.key.exists() {
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable(&files.key, &error))?;
        builder
            .with_client_auth_cert(certificates(&files.certificate)?, key)
            .map_err(|error| unusable(&files.certificate, &error))?
    } else {
        builder.with_no_client_auth()
    };
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Reason> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unusable(path, &error))?;
    if certificates.is_empty() {
        return Err(unusable(path, &"no certificate in it"));
    }
    Ok(certificates)
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Reason {
    Reason::new(format!("{} cannot be used: {error}", path.display()))
}
