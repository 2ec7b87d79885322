//! A whole handshake at TLS 1.3, where the certificate is encrypted: the only thing that is left to a library.
//!
//! Nothing is verified here and nothing is sent afterwards: the certificate is a fact, which rules judge.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::probe::{Answer, Prober};
use crate::value::Reason;

/// What a server shows in a handshake.
#[derive(Debug, Default, Clone)]
pub(super) struct Session {
    /// DER, the server's own first.
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) stapled: bool,
    pub(super) certificate_requested: bool,
    pub(super) alpn: Option<Vec<u8>>,
}

/// Shakes hands, with the server's name or without, offering these protocols.
pub(super) async fn shake(prober: &Prober<'_>, name: Option<&str>, alpn: Option<&str>) -> Result<Session, Reason> {
    let broken = |error: &dyn std::fmt::Display| Reason::new(format!("the TLS 1.3 handshake failed: {error}"));
    let witness = Arc::new(Witness::default());
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| broken(&error))?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<dyn ServerCertVerifier>)
        .with_client_cert_resolver(Arc::clone(&witness) as Arc<dyn ResolvesClientCert>);
    config.enable_sni = name.is_some();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config.resumption = rustls::client::Resumption::disabled();
    // Without a name any will do: it is neither sent nor compared.
    let server = ServerName::try_from(name.unwrap_or("server.invalid").to_owned()).map_err(|error| broken(&error))?;
    let (connection, limit) = prober.connect().await.map_err(|answer| match answer {
        Answer::None(failure) => failure.reason,
        _ => Reason::new("the server changed its mind about TLS"),
    })?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(server, connection);
    let connected = tokio::time::timeout(limit, connecting).await;
    let mut seen = witness.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    seen.certificate_requested = witness.asked.load(Ordering::Relaxed);
    match connected {
        Ok(Ok(stream)) => {
            seen.alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            Ok(seen)
        }
        Ok(Err(error)) => Err(broken(&error)),
        Err(_) => Err(Reason::new(format!("no answer to the TLS 1.3 handshake within {} s", limit.as_secs()))),
    }
}

/// Believes everything and remembers it.
#[derive(Debug, Default)]
struct Witness {
    seen: Mutex<Session>,
    asked: AtomicBool,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.chain = std::iter::once(leaf).chain(others).map(|certificate| certificate.to_vec()).collect();
        seen.stapled = !ocsp.is_empty();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        crate::tls::SCHEMES.iter().map(|(number, _)| SignatureScheme::from(*number)).collect()
    }
}

impl ResolvesClientCert for Witness {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}
