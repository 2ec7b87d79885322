//! The byte streams under HTTP: a unix socket, TCP, or TLS on TCP, as one type that hyper can drive.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::address::{Endpoint, TlsFiles};
use super::failure::Failure;
use crate::value::Reason;

trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Bytes for S {}

/// An open stream.
pub(super) struct Stream(Box<dyn Bytes>);

/// Dials the daemon.
pub(super) async fn open(endpoint: &Endpoint, tls: Option<&Arc<rustls::ClientConfig>>) -> Result<Stream, Failure> {
    let failed = |error: io::Error| Failure::from_io(&error);
    let (host, port) = match endpoint {
        Endpoint::Unix(path) => return Ok(Stream(Box::new(UnixStream::connect(path).await.map_err(failed)?))),
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
    let Some(config) = tls else { return Ok(Stream(Box::new(socket))) };
    let name = ServerName::try_from(host.clone()).map_err(|error| Failure::Tls(error.to_string()))?;
    let secured = TlsConnector::from(config.clone()).connect(name, socket).await;
    Ok(Stream(Box::new(secured.map_err(failed)?)))
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

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // Through a buffer of our own: filling hyper's in place takes `unsafe`, and the copy costs nothing measurable.
        let mut bytes = [0; 16 * 1024];
        let room = into.remaining().min(bytes.len());
        let mut buffer = ReadBuf::new(bytes.get_mut(..room).unwrap_or_default());
        let polled = Pin::new(&mut self.0).poll_read(context, &mut buffer);
        polled.map_ok(|()| into.put_slice(buffer.filled()))
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
