//! HTTP requests to an endpoint: safe methods only, to the host that was named and to no other, with bounds on time and
//! size.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Empty;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Version};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error as TlsError};
use secrecy::ExposeSecret as _;
use tokio_rustls::TlsConnector;

use super::{Endpoint, Failure, FailureKind};
use crate::http::Headers;
use crate::http::location::Url;
use crate::target::http1::{self, Cause, Connection, End};
use crate::target::verifier::{Check, Verifier};
use crate::value::Reason;

/// For one handshake, and for one request, unless the query has even less.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a body that are read; what comes after them is not asked for.
const MAX_BODY: usize = 1 << 20;

/// What is asked. The methods are those that change nothing (RFC 9110, section 9.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    Head,
    Options,
    Trace,
}

impl Verb {
    /// The words for them.
    pub const WORDS: &'static [&'static str] = &["GET", "HEAD", "OPTIONS", "TRACE"];

    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "GET" => Verb::Get,
            "HEAD" => Verb::Head,
            "OPTIONS" => Verb::Options,
            "TRACE" => Verb::Trace,
            _ => return None,
        })
    }

    fn method(self) -> Method {
        match self {
            Verb::Get => Method::GET,
            Verb::Head => Method::HEAD,
            Verb::Options => Method::OPTIONS,
            Verb::Trace => Method::TRACE,
        }
    }
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    pub verb: Verb,
    pub url: &'q Url,
    /// Header fields for this question alone.
    pub headers: &'q [(&'q str, &'q str)],
    /// Whether the endpoint's own header fields go along. They never do to another port, since they may be secrets.
    pub credentials: bool,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// `HTTP/1.1`.
    pub version: &'static str,
    pub headers: Headers,
    /// The first bytes of the body, or why they did not come.
    pub body: Result<Vec<u8>, Reason>,
    /// Whether there is more body than was read.
    pub cut: bool,
    /// From the request to the last header field, on a connection that was open.
    pub elapsed: Duration,
    /// The clock when the answer came, in seconds since the epoch.
    pub at: i64,
}

/// Asks an endpoint, one question after the other, on one connection as long as the server keeps it.
#[derive(Debug)]
pub struct Client<'e> {
    endpoint: &'e Endpoint,
    until: Instant,
    open: Option<Open>,
    tls: Option<Arc<ClientConfig>>,
}

struct Open {
    https: bool,
    port: u16,
    connection: Connection,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("https", &self.https).field("port", &self.port).finish_non_exhaustive()
    }
}

impl<'e> Client<'e> {
    /// A client for the questions of one query, which all together have a little less time than the query.
    pub fn new(endpoint: &'e Endpoint) -> Self {
        let limit = endpoint.limit();
        Client { endpoint, until: Instant::now() + limit - limit / 10, open: None, tls: None }
    }

    /// The URL of the endpoint itself, with another path where one is given.
    pub fn url(&self, path: Option<&str>) -> Url {
        let address = self.endpoint.address();
        Url {
            https: address.scheme == super::Scheme::Https,
            host: address.host.trim_end_matches('.').to_owned(),
            port: address.port,
            target: path.map_or_else(|| address.target(), str::to_owned),
        }
    }

    /// Whether a redirect may be followed: on the host that was named, to its own port or those of HTTP.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may_ask(&self, url: &Url) -> Result<(), &'static str> {
        let own = self.url(None);
        if url.host != own.host {
            return Err("it leads to a host that was not named");
        }
        if is_at(url, &own) {
            return Ok(());
        }
        if !self.endpoint.has_other_ports() {
            return Err("it leads to another port than `connect` names");
        }
        if [own.port, 80, 443].contains(&url.port) { Ok(()) } else { Err("it leads to a port that was not named") }
    }

    /// Asks.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(&mut self, question: Question<'_>) -> Result<Answer, Failure> {
        let left = self.until.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, self.try_ask(question)).await {
            Ok(answer) => answer,
            Err(_) => {
                self.open = None;
                Err(Failure::late("the requests of this query", self.endpoint.limit()))
            }
        }
    }

    async fn try_ask(&mut self, question: Question<'_>) -> Result<Answer, Failure> {
        let fits = |open: &Open| open.https == question.url.https && open.port == question.url.port;
        if let Some(open) = self.open.take().filter(|open| fits(open) && !open.connection.is_closed()) {
            match self.exchange(open.connection, question).await {
                // A server may close a connection that it kept at any moment; what was asked changes nothing.
                Err(failure) if matches!(failure.kind, FailureKind::Closed | FailureKind::Reset) => {}
                answer => return answer,
            }
        }
        let connection = self.connect(question.url).await?;
        self.exchange(connection, question).await
    }

    async fn exchange(&mut self, mut connection: Connection, question: Question<'_>) -> Result<Answer, Failure> {
        let request = self.request(question)?;
        let (started, deadline) = (Instant::now(), Instant::now() + PATIENCE);
        let sent = tokio::time::timeout_at(deadline.into(), connection.send(request)).await;
        let response = match sent {
            Ok(response) => response.map_err(|error| failure(&error))?,
            Err(_) => return Err(Failure::late("an HTTP request", PATIENCE)),
        };
        let (https, port) = (question.url.https, question.url.port);
        self.open = Some(Open { https, port, connection });
        let mut answer = self.read(response, started.elapsed(), deadline).await;
        if question.verb == Verb::Head {
            answer.body = Err(Reason::new("HEAD is answered without the body"));
        }
        Ok(answer)
    }

    fn request(&self, question: Question<'_>) -> Result<Request<Empty<hyper::body::Bytes>>, Failure> {
        let mut request = Request::new(Empty::new());
        *request.method_mut() = question.verb.method();
        let unusable = |what: &str| Failure::new(FailureKind::Protocol, format!("{what} cannot be sent in a request"));
        *request.uri_mut() = question.url.target.parse().map_err(|_| unusable("this path"))?;
        let mut add = |name: &str, value: &str, secret: bool| {
            let (Ok(header), Ok(mut text)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
                return Err(unusable(&format!("the value of the header {name}")));
            };
            text.set_sensitive(secret);
            request.headers_mut().append(header, text);
            Ok(())
        };
        add("host", &question.url.authority(), false)?;
        add("user-agent", concat!("harden/", env!("CARGO_PKG_VERSION")), false)?;
        add("accept", "*/*", false)?;
        for (name, value) in question.headers {
            add(name, value, false)?;
        }
        if question.credentials && is_at(question.url, &self.url(None)) {
            for (name, value) in self.endpoint.headers() {
                add(name, value.expose_secret(), true)?;
            }
        }
        Ok(request)
    }

    /// A connection, as soon as the server has a place for it.
    async fn connect(&mut self, url: &Url) -> Result<Connection, Failure> {
        let stream = match is_at(url, &self.url(None)) {
            true => self.endpoint.connect().await?,
            false => self.endpoint.connect_port(url.port).await?,
        };
        if !url.https {
            return Connection::new(stream).await.map_err(|error| failure(&error));
        }
        let config = match &self.tls {
            Some(config) => config.clone(),
            None => {
                let config = config(self.endpoint).await;
                let config = config.map_err(|reason| Failure { kind: FailureKind::Untrusted, reason })?;
                self.tls.insert(config).clone()
            }
        };
        let expected = self.endpoint.expected_name().to_owned();
        let name = ServerName::try_from(expected)
            .map_err(|_| Failure::new(FailureKind::Protocol, "its name is none that a certificate can have"))?;
        let handshake = tokio::time::timeout(PATIENCE, TlsConnector::from(config).connect(name, stream)).await;
        let secured = match handshake {
            Ok(secured) => secured.map_err(|error| of_stream(&error))?,
            Err(_) => return Err(Failure::late("a TLS handshake", PATIENCE)),
        };
        Connection::new(secured).await.map_err(|error| failure(&error))
    }

    /// Reads the body as far as it is wanted. What was answered in its head stands, whatever becomes of the body.
    async fn read(
        &mut self,
        response: Response<hyper::body::Incoming>,
        elapsed: Duration,
        deadline: Instant,
    ) -> Answer {
        let mut headers = Headers::default();
        for (name, value) in response.headers() {
            headers.push(name.as_str(), value.as_bytes());
        }
        let mut answer = Answer {
            status: response.status().as_u16(),
            version: if response.version() == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" },
            headers,
            body: Ok(Vec::new()),
            cut: false,
            elapsed,
            at: crate::value::time::now(),
        };
        let read = http1::read_body(response.into_body(), MAX_BODY);
        match tokio::time::timeout_at(deadline.into(), read).await {
            Ok(body) => match body.end {
                End::Whole => {
                    answer.body = Ok(body.bytes);
                    return answer;
                }
                End::Cut => (answer.body, answer.cut) = (Ok(body.bytes), true),
                End::Broken(error) => answer.body = Err(failure(&error).reason),
            },
            Err(_) => answer.body = Err(Failure::late("the rest of a body", PATIENCE).reason),
        }
        self.open = None;
        answer
    }
}

fn is_at(url: &Url, own: &Url) -> bool {
    url.https == own.https && url.host == own.host && url.port == own.port
}

/// TLS that trusts the endpoint's own certificates, or any where the operator said so.
async fn config(endpoint: &Endpoint) -> Result<Arc<ClientConfig>, Reason> {
    let unusable = |text: String| Reason::new(format!("TLS cannot be set up: {text}"));
    let (check, roots) = match endpoint.is_insecure() {
        true => (Check::Nothing, Vec::new()),
        false => (Check::ChainAndHost, endpoint.roots().await?.to_vec()),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(check, roots, Vec::new(), provider.clone()).map_err(unusable)?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| unusable(error.to_string()))?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn failure(error: &hyper::Error) -> Failure {
    match http1::cause(error) {
        Cause::Io(error) => of_stream(error),
        Cause::NotHttp(how) => Failure::new(FailureKind::Protocol, format!("what answers is no HTTP/1.1 ({how})")),
        Cause::Other(_) if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
            Failure::new(FailureKind::Closed, "the connection was closed in the middle of an answer")
        }
        Cause::Other(what) => Failure::new(FailureKind::Reset, format!("the connection failed: {what}")),
    }
}

fn of_stream(error: &std::io::Error) -> Failure {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    tls.map_or_else(|| Failure::of(error), of_tls)
}

/// A certificate that is not trusted is told apart: the rules on `tls` say what is wrong with it.
fn of_tls(error: &TlsError) -> Failure {
    let text = match error {
        TlsError::InvalidCertificate(why) => {
            let reason = Reason::new(format!("its certificate is not trusted: {}", untrusted(why)));
            let grant =
                "mend the certificate, or name the authority that issued it as `ca` of the endpoint in harden.toml";
            return Failure { kind: FailureKind::Untrusted, reason: reason.with_grant(grant) };
        }
        TlsError::AlertReceived(AlertDescription::CertificateRequired | AlertDescription::BadCertificate) => {
            "it wants a client certificate".to_owned()
        }
        TlsError::InvalidMessage(_) => "what answers does not speak TLS".to_owned(),
        other => format!("TLS failed: {other}"),
    };
    Failure::new(FailureKind::Protocol, text)
}

fn untrusted(why: &CertificateError) -> String {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        CertificateError::UnknownIssuer => "no trusted authority issued it".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another host".to_owned()
        }
        CertificateError::BadEncoding => "it cannot be read".to_owned(),
        other => format!("{other:?}").chars().take(200).collect(),
    }
}
