//! A server on the network, by the URL that an operator named. The door connects to nothing else.
//!
//! It opens connections within a time limit, a few at once per server, always to the same of the host's addresses, and says
//! why where it cannot. What is spoken on a connection is the resources' own.

mod address;
mod connection;
mod failure;
pub mod http;
mod starttls;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::SecretString;
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::value::Reason;
use crate::value::secret::Salt;
pub use address::{Address, Scheme, Start};
pub use connection::Connection;
pub use failure::{Failure, FailureKind};
pub use starttls::Upgrade;

/// Connections to one server at once.
pub const MAX_CONNECTIONS: usize = 5;
/// How long a connection may take to open, unless a query may take even less.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of a file of trusted certificates.
const MAX_CA_BYTES: usize = 16 << 20;

/// What an operator says of an endpoint beside its URL.
#[derive(Debug, Default)]
pub struct Options {
    /// Where to connect instead of the host of the URL: a host or an address, and a port where it is another one.
    pub connect: Option<Via>,
    /// A PEM file of trusted certificates instead of the system's.
    pub ca: Option<PathBuf>,
    /// The name to ask for and to expect in the certificate, instead of the host of the URL.
    pub server_name: Option<String>,
    /// Origins that its CORS policy is meant to admit.
    pub origins: Vec<String>,
    /// Headers to send with HTTP requests.
    pub headers: Vec<(String, SecretString)>,
    /// Whether HTTP is spoken with whoever answers, whatever certificate is shown.
    pub insecure: bool,
    /// Whether it is meant to take connections from where harden runs; `None` when nobody said so.
    pub admitted: Option<bool>,
    /// A server that takes connections from everywhere, with its port.
    pub control: Option<Via>,
}

/// Where to connect instead of the host that a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    pub host: String,
    pub port: Option<u16>,
}

impl Via {
    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = match text.parse::<std::net::Ipv6Addr>() {
            Ok(_) => (text, None),
            Err(_) => address::split_port(text)?,
        };
        Ok(Via { host: address::check_host(host)?, port })
    }
}

/// The name of a server, as `server_name` may give it: in lower case, no address.
pub fn check_server_name(text: &str) -> Result<String, String> {
    let name = address::check_host(text)?;
    match name.parse::<std::net::IpAddr>() {
        Ok(_) => Err("an address, which no server name can be".to_owned()),
        Err(_) => Ok(name.trim_end_matches('.').to_owned()),
    }
}

/// A server that was named.
pub struct Endpoint {
    name: String,
    address: Address,
    options: Options,
    limit: Duration,
    salt: Arc<Salt>,
    places: Arc<Semaphore>,
    peer: OnceCell<SocketAddr>,
    roots: OnceCell<Result<Vec<CertificateDer<'static>>, Reason>>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("name", &self.name).field("address", &self.address).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// An endpoint; nothing is opened yet. `limit` is how long a query on it may take. Endpoints on the same server share
    /// its `places`.
    pub fn new(
        name: impl Into<String>,
        address: Address,
        options: Options,
        limit: Duration,
        salt: Arc<Salt>,
        places: Arc<Semaphore>,
    ) -> Self {
        let (peer, roots) = (OnceCell::new(), OnceCell::new());
        Endpoint { name: name.into(), address, options, limit, salt, places, peer, roots }
    }

    /// The target's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Keys the fingerprints of secrets.
    pub fn salt(&self) -> &Salt {
        &self.salt
    }

    /// How long a query may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The name or address that the server's certificate has to be valid for: `server_name`, else the host of the URL.
    pub fn expected_name(&self) -> &str {
        self.options.server_name.as_deref().unwrap_or_else(|| self.address.host.trim_end_matches('.'))
    }

    /// The name for the server name extension, which takes no addresses (RFC 6066, 3).
    pub fn sni(&self) -> Option<&str> {
        Some(self.expected_name()).filter(|name| name.parse::<std::net::IpAddr>().is_err())
    }

    /// Origins that its CORS policy is meant to admit.
    pub fn origins(&self) -> &[String] {
        &self.options.origins
    }

    /// Headers to send with HTTP requests.
    pub fn headers(&self) -> &[(String, SecretString)] {
        &self.options.headers
    }

    /// Whether the certificate of an HTTP server is not verified, because the operator said so.
    pub fn is_insecure(&self) -> bool {
        self.options.insecure
    }

    /// Whether its host answers on other ports too: not where a single one stands in for it.
    pub fn has_other_ports(&self) -> bool {
        self.options.connect.as_ref().is_none_or(|via| via.port.is_none())
    }

    /// What a person calls it, with the address that was connected to where that is known.
    pub fn origin(&self) -> String {
        match self.peer.get() {
            Some(peer) if Some(peer.ip()) != self.address.ip() => format!("{} ({peer})", self.address),
            _ => self.address.to_string(),
        }
    }

    /// The trusted certificates: those of `ca`, else the system's. Read once.
    pub async fn roots(&self) -> Result<&[CertificateDer<'static>], Reason> {
        let read = || async {
            let ca = self.options.ca.clone();
            let read = tokio::task::spawn_blocking(move || ca.map_or_else(system_roots, |path| file_roots(&path)));
            read.await.unwrap_or_else(|_| Err(Reason::new("the trusted certificates could not be read")))
        };
        self.roots.get_or_init(read).await.as_deref().map_err(Clone::clone)
    }

    /// Whether it is meant to take connections from where harden runs.
    pub fn admitted(&self) -> Option<bool> {
        self.options.admitted
    }

    /// Whether the server that is named as `control` takes a connection; `None` when none is.
    pub async fn reach_control(&self) -> Option<Result<(), Failure>> {
        let control = self.options.control.as_ref()?;
        let limit = CONNECT_LIMIT.min(self.limit);
        let server = (control.host.as_str(), control.port.unwrap_or_default());
        Some(within(limit, TcpStream::connect(server)).await.map(drop))
    }

    /// Connects and hangs up.
    pub async fn reach(&self) -> Result<(), Failure> {
        self.connect().await.map(drop)
    }

    /// A connection to the port of the URL, as soon as the server has a place for it.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        let place = self.place().await?;
        let limit = CONNECT_LIMIT.min(self.limit);
        let stream = match self.peer.get() {
            Some(peer) => within(limit, TcpStream::connect(*peer)).await?,
            None => {
                let stream = self.connect_first(limit).await?;
                if let Ok(peer) = stream.peer_addr() {
                    // Whichever was first to connect decides; another one has the same right to.
                    let _ = self.peer.set(peer);
                }
                stream
            }
        };
        Ok(Connection::new(stream, place))
    }

    /// Has a connection made ready for a ClientHello, in the protocol of the URL. The caller sets the time limit.
    pub async fn upgrade(&self, connection: &mut Connection) -> Result<Upgrade, Failure> {
        starttls::upgrade(connection, self.address.scheme).await
    }

    /// A connection to another port of the same server.
    pub async fn connect_port(&self, port: u16) -> Result<Connection, Failure> {
        let place = self.place().await?;
        let limit = CONNECT_LIMIT.min(self.limit);
        let peers = match self.peer.get() {
            Some(peer) => vec![*peer],
            None => self.resolve(limit).await?,
        };
        let peers = peers.into_iter().map(|peer| SocketAddr::new(peer.ip(), port));
        Ok(Connection::new(first(peers, limit).await?, place))
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        place.map_err(|_| Failure::new(FailureKind::Unreachable, "the run is over"))
    }

    async fn connect_first(&self, limit: Duration) -> Result<TcpStream, Failure> {
        first(self.resolve(limit).await?.into_iter(), limit).await
    }

    /// The addresses of the host, in the resolver's order.
    async fn resolve(&self, limit: Duration) -> Result<Vec<SocketAddr>, Failure> {
        let via = self.options.connect.as_ref();
        let host = via.map_or(self.address.host.as_str(), |via| via.host.as_str());
        let port = via.and_then(|via| via.port).unwrap_or(self.address.port);
        let found = match tokio::time::timeout(limit, tokio::net::lookup_host((host, port))).await {
            Ok(found) => found.map(Iterator::collect::<Vec<_>>).unwrap_or_default(),
            Err(_) => return Err(Failure::late("the question for the host's address", limit)),
        };
        if found.is_empty() {
            return Err(Failure::new(FailureKind::Unresolved, format!("the host name {host} has no address")));
        }
        Ok(found)
    }
}

/// The first of the addresses that accepts a connection, all of them within the limit; else why the last one did not.
async fn first(peers: impl ExactSizeIterator<Item = SocketAddr>, limit: Duration) -> Result<TcpStream, Failure> {
    let share = limit / u32::try_from(peers.len()).unwrap_or(u32::MAX).max(1);
    let mut failure = Failure::new(FailureKind::Unresolved, "the host name has no address");
    for peer in peers {
        match within(share, TcpStream::connect(peer)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn within(
    limit: Duration,
    connecting: impl Future<Output = std::io::Result<TcpStream>>,
) -> Result<TcpStream, Failure> {
    match tokio::time::timeout(limit, connecting).await {
        Ok(connected) => connected.map_err(|error| Failure::of(&error)),
        Err(_) => Err(Failure::late("the connection", limit)),
    }
}

fn system_roots() -> Result<Vec<CertificateDer<'static>>, Reason> {
    let found = rustls_native_certs::load_native_certs();
    match found.certs.is_empty() {
        true => Err(Reason::new("this system has no trusted certificates").with_grant("name a file of them with `ca`")),
        false => Ok(found.certs),
    }
}

fn file_roots(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, Reason> {
    let shown = path.display();
    let unreadable = |error: &dyn fmt::Display| Reason::new(format!("the trusted certificates of {shown}: {error}"));
    let bytes = crate::rule::pack::read_regular(path, MAX_CA_BYTES + 1).map_err(|error| unreadable(&error))?;
    if bytes.len() > MAX_CA_BYTES {
        return Err(unreadable(&format!("it is larger than {MAX_CA_BYTES} bytes")));
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) => Err(unreadable(&"no PEM certificate in it")),
        Err(_) => Err(unreadable(&"a certificate in it is damaged")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str, connect: Option<&str>) -> Endpoint {
        let options = Options { connect: connect.map(|text| Via::parse(text).unwrap()), ..Options::default() };
        let salt = Arc::new(Salt::random().unwrap());
        let places = Arc::new(Semaphore::new(1));
        Endpoint::new("e", Address::parse(url).unwrap(), options, Duration::from_secs(2), salt, places)
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn it_connects_where_it_is_told_and_one_at_a_time() {
        run(async {
            let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let there = server.local_addr().unwrap().to_string();
            let endpoint = endpoint("https://app.invalid/", Some(&there));
            let held = endpoint.connect().await.unwrap();
            assert_eq!(endpoint.origin(), format!("https://app.invalid/ ({there})"));
            let second = tokio::time::timeout(Duration::from_millis(50), endpoint.connect()).await;
            assert!(second.is_err(), "there is one place");
            drop(held);
            endpoint.reach().await.unwrap();
            endpoint.connect_port(server.local_addr().unwrap().port()).await.unwrap();
        });
    }

    #[test]
    fn failures_are_told_apart() {
        run(async {
            let closed = {
                let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                server.local_addr().unwrap().to_string()
            };
            let refused = endpoint("tls://h:1", Some(&closed)).reach().await.unwrap_err();
            assert_eq!(refused.kind, FailureKind::Refused);
            let unresolved = endpoint("https://no-such-host.invalid/", None).reach().await.unwrap_err();
            assert_eq!(unresolved.kind, FailureKind::Unresolved);
            assert!(unresolved.to_string().contains("no-such-host.invalid"));
        });
    }

    #[test]
    fn names_and_where_to_connect() {
        assert_eq!(Via::parse("::1"), Ok(Via { host: "::1".into(), port: None }));
        assert_eq!(Via::parse("[::1]:8443"), Ok(Via { host: "::1".into(), port: Some(8443) }));
        assert_eq!(Via::parse("Proxy:8443"), Ok(Via { host: "proxy".into(), port: Some(8443) }));
        assert!(Via::parse("a b").is_err() && Via::parse("h:x").is_err());
        assert!(check_server_name("127.0.0.1").is_err());
        assert_eq!(check_server_name("App.example.").unwrap(), "app.example");
        assert_eq!(endpoint("https://127.0.0.1/", None).sni(), None);
        assert_eq!(endpoint("https://app.example./", None).sni(), Some("app.example"));
    }
}
