//! What of the server's certificate is verified: nothing, its chain, or its chain and the host's name. That the server
//! holds the certificate's key is always verified.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::parse_x509_certificate;

/// What is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Check {
    Nothing,
    Chain,
    ChainAndHost,
}

/// The verifier of one connection.
#[derive(Debug)]
pub(super) struct Verifier {
    check: Check,
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates of the root file. One that says that it is an authority and is the server's own too is refused by
    /// webpki as a server's, while OpenSSL takes it: it is trusted by name, so to speak.
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    pub(super) fn new(
        check: Check,
        roots: Vec<CertificateDer<'static>>,
        crls: Vec<CertificateRevocationListDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let chain = match check {
            Check::Nothing => None,
            Check::Chain | Check::ChainAndHost => {
                let mut store = RootCertStore::empty();
                let (added, _) = store.add_parsable_certificates(roots.iter().cloned());
                if added == 0 {
                    return Err("no root certificate can be read".into());
                }
                let builder = WebPkiServerVerifier::builder_with_provider(store.into(), provider.clone());
                let builder =
                    if crls.is_empty() { builder } else { builder.with_crls(crls).enforce_revocation_expiration() };
                Some(builder.build().map_err(|error| format!("the certificates cannot be used: {error}"))?)
            }
        };
        Ok(Verifier { check, chain, pinned: roots, provider })
    }

    fn verify_pinned(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let not_read = || Error::InvalidCertificate(CertificateError::BadEncoding);
        let (_, parsed) = parse_x509_certificate(certificate).map_err(|_| not_read())?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now > parsed.validity().not_after.timestamp() {
            return Err(CertificateError::Expired.into());
        }
        if now < parsed.validity().not_before.timestamp() {
            return Err(CertificateError::NotValidYet.into());
        }
        match self.check {
            Check::ChainAndHost => verify_server_name(&ParsedCertificate::try_from(certificate)?, name),
            Check::Chain | Check::Nothing => Ok(()),
        }
    }
}

fn public_key<'c>(certificate: &'c CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'c>> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    Some(SubjectPublicKeyInfoDer::from(parsed.tbs_certificate.subject_pki.raw))
}

/// The name is looked at after the chain, so this error says that the chain is good.
fn is_only_the_name(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
    )
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        let verdict = chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            Err(error) if is_only_the_name(&error) && self.check == Check::Chain => Ok(ServerCertVerified::assertion()),
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if self.pinned.iter().any(|pinned| pinned.as_ref() == end_entity.as_ref()) =>
            {
                self.verify_pinned(end_entity, server_name, now).map(|()| ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        // webpki reads version 3 only, and the certificate of the manual's own example ("Creating Certificates") is of
        // version 1. Where its chain is not verified, its key is all that is needed.
        match public_key(cert) {
            Some(key) if self.check == Check::Nothing => {
                verify_tls13_signature_with_raw_key(message, &key, dss, algorithms)
            }
            _ => verify_tls13_signature(message, cert, dss, algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
