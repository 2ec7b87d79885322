//! From the words of a connection string to a TLS configuration, and the handshake.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::parse_x509_certificate;

use super::failure::{self, Failure, FailureKind};
use super::files;
use super::verifier::{Roots, check};
use crate::dsn::{Resolved, SslMode};
use crate::target::verifier::{Check, Verifier};

/// The protocol's name in direct negotiation (manual, "SSL Session Encryption").
const ALPN: &[u8] = b"postgresql";

/// What the connection string says about TLS.
#[derive(Debug, Clone)]
pub(super) struct Wishes {
    pub(super) mode: SslMode,
    /// TLS without asking first.
    pub(super) direct: bool,
    /// `None` when neither a path nor a home directory is known.
    root: Option<String>,
    crl: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    sni: bool,
    oldest: String,
    newest: String,
}

impl Wishes {
    /// `home` is the directory below which libpq looks for `.postgresql`.
    pub(super) fn new(resolved: &Resolved, home: Option<&str>) -> Result<Self, Failure> {
        let unusable = |text: String| Failure::new(FailureKind::Configuration, text);
        let word = resolved.get("sslmode").unwrap_or("prefer");
        let mode =
            SslMode::parse(word).ok_or_else(|| unusable("sslmode has a value that libpq does not know".into()))?;
        let get = |name: &str| resolved.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let or_home = |name: &str, file: &str| get(name).or_else(|| Some(format!("{}/.postgresql/{file}", home?)));
        let direct = get("sslnegotiation").as_deref() == Some("direct");
        if direct && mode < SslMode::Require {
            return Err(unusable(format!("sslmode={mode} is too weak for sslnegotiation=direct")));
        }
        if get("gssencmode").as_deref() == Some("require") {
            return Err(unusable("gssencmode=require: harden does not speak GSSAPI".into()));
        }
        let no_certificate = get("sslcertmode").as_deref() == Some("disable");
        Ok(Wishes {
            mode,
            direct,
            root: or_home("sslrootcert", "root.crt"),
            crl: or_home("sslcrl", "root.crl"),
            certificate: or_home("sslcert", "postgresql.crt").filter(|_| !no_certificate),
            key: or_home("sslkey", "postgresql.key"),
            sni: get("sslsni").as_deref() != Some("0"),
            oldest: get("ssl_min_protocol_version").unwrap_or_default(),
            newest: get("ssl_max_protocol_version").unwrap_or_default(),
        })
    }

    /// Reads the files and builds the configuration. Blocking.
    pub(super) fn load(&self) -> Result<Tls, Failure> {
        let unusable = |text: String| Failure::new(FailureKind::Configuration, text);
        let roots = match self.root.as_deref() {
            Some("system") => Roots::System,
            Some(path) if files::exists(path) => Roots::File(path.to_owned()),
            path => Roots::Missing(path.unwrap_or("~/.postgresql/root.crt").to_owned()),
        };
        let check = check(self.mode, &roots).map_err(unusable)?;
        let (anchors, crls) = match &roots {
            Roots::Missing(_) => (Vec::new(), Vec::new()),
            Roots::System => (files::system_roots()?, Vec::new()),
            Roots::File(path) => {
                let crls = self.crl.as_deref().map(files::revocations).transpose()?;
                (files::certificates(path)?, crls.unwrap_or_default())
            }
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::new(check, anchors, crls, provider.clone()).map_err(unusable)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions()?)
            .map_err(|error| unusable(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let identity = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => files::identity(certificate, key)?,
            _ => None,
        };
        let mut config = match identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
                unusable(format!("the client's certificate and key cannot be used together: {error}"))
            })?,
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = self.sni;
        if self.direct {
            config.alpn_protocols = vec![ALPN.to_vec()];
        }
        // Nothing of this connection is to be taken up again by another.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Tls { config: Arc::new(config), check, direct: self.direct })
    }

    /// libpq's bounds, within what rustls speaks.
    fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, Failure> {
        let rank = |text: &str, otherwise: usize| match text.to_ascii_lowercase().as_str() {
            "tlsv1" => 0,
            "tlsv1.1" => 1,
            "tlsv1.2" => 2,
            "tlsv1.3" => 3,
            _ => otherwise,
        };
        let (oldest, newest) = (rank(&self.oldest, 2), rank(&self.newest, 3));
        let within = [(2, &TLS12), (3, &TLS13)].into_iter().filter(|(rank, _)| (oldest..=newest).contains(rank));
        let versions: Vec<_> = within.map(|(_, version)| version).collect();
        if versions.is_empty() {
            let text = "ssl_max_protocol_version allows neither TLS 1.2 nor 1.3, and harden speaks no older version";
            return Err(Failure::new(FailureKind::Configuration, text));
        }
        Ok(versions)
    }
}

/// A TLS configuration.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    check: Check,
    direct: bool,
}

impl Tls {
    /// Encrypts `stream` to the server that the connection string calls `name`.
    pub(super) async fn handshake<S>(&self, stream: S, name: &str) -> Result<TlsStream<S>, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let server = match ServerName::try_from(name.to_owned()) {
            Ok(server) => server,
            Err(_) if self.check == Check::ChainAndHost => {
                let text = format!("no certificate can be for {name}, which is neither a host name nor an address");
                return Err(Failure::new(FailureKind::Configuration, text));
            }
            // The name is not verified, and an address is not sent to the server either.
            Err(_) => ServerName::IpAddress(std::net::IpAddr::from([0, 0, 0, 0]).into()),
        };
        let connector = TlsConnector::from(self.config.clone());
        let stream = connector.connect(server, stream).await.map_err(|error| failure::of_handshake(&error, name))?;
        // Without it this may be a server of another protocol that was led to believe otherwise (libpq insists too).
        if self.direct && stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(Failure::new(
                FailureKind::Tls,
                "the server did not agree to speak PostgreSQL's protocol inside TLS (ALPN)",
            ));
        }
        Ok(stream)
    }
}

/// The `tls-server-end-point` channel binding (RFC 5929, section 4.1): the certificate's digest by the hash of its own
/// signature, SHA-256 in place of weaker ones. `None` for signatures without a hash of their own.
pub(super) fn end_point<S>(stream: &TlsStream<S>) -> Option<Vec<u8>> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    let digest = match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        // md5, sha1 and sha256 WithRSAEncryption; ecdsa-with-SHA1 and -SHA256.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => &ring::digest::SHA256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => &ring::digest::SHA384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => &ring::digest::SHA512,
        _ => return None,
    };
    Some(ring::digest::digest(digest, certificate).as_ref().to_vec())
}
