//! Where a Docker daemon is: what `DOCKER_HOST` and its companions say, read as the `docker` command reads them.

use std::fmt;
use std::path::PathBuf;

/// Where the daemon listens unless something else is said.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// How the daemon is dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Unix(PathBuf),
    Tcp { host: String, port: u16 },
}

/// The files of a TLS connection. The server is always verified; a client certificate is shown when it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub ca: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl TlsFiles {
    /// `ca.pem`, `cert.pem` and `key.pem` of a directory, as `DOCKER_CERT_PATH` means it.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        TlsFiles {
            ca: directory.join("ca.pem"),
            certificate: directory.join("cert.pem"),
            key: directory.join("key.pem"),
        }
    }
}

/// A daemon's address, and the TLS files where it is reached by TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerAddress {
    pub endpoint: Endpoint,
    pub tls: Option<TlsFiles>,
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressError {
    /// The scheme is one that the docker command knows and harden does not speak.
    Unsupported(String),
    /// What was written is no address.
    Malformed(String),
    /// A context is selected; contexts live in the command's own files, which harden does not read.
    Context(String),
    /// TLS is asked for and there is no directory to take the certificates from.
    NoCertificates,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressError::Unsupported(scheme) => write!(
                f,
                "{scheme}:// addresses are not supported: run harden on that machine, or forward its socket and name \
                 it as unix://PATH"
            ),
            AddressError::Malformed(address) => {
                write!(f, "`{address}` is no Docker address: write unix:///PATH, tcp://HOST:PORT or https://HOST:PORT")
            }
            AddressError::Context(name) => write!(
                f,
                "DOCKER_CONTEXT selects `{name}`, and contexts are not read: name the daemon's address instead"
            ),
            AddressError::NoCertificates => {
                f.write_str("TLS needs ca.pem: set DOCKER_CERT_PATH to the directory that has it")
            }
        }
    }
}

impl std::error::Error for AddressError {}

/// The daemon that `named` (an argument) or else the environment points to.
///
/// As in the docker command: a variable that is set and empty counts as unset; any other value of `DOCKER_TLS_VERIFY` or
/// `DOCKER_TLS`, `0` included, asks for TLS on a TCP address. Unlike there, the server is verified for both.
///
/// # Errors
/// An address that cannot be parsed or that harden does not speak; a selected context.
pub fn from_environment(
    get: impl Fn(&str) -> Option<String>,
    named: Option<&str>,
) -> Result<DockerAddress, AddressError> {
    let get = |name: &str| get(name).filter(|value| !value.is_empty());
    let address = match named.map(str::to_owned).or_else(|| get("DOCKER_HOST")) {
        Some(address) => address,
        None => match get("DOCKER_CONTEXT").filter(|name| name != "default") {
            Some(context) => return Err(AddressError::Context(context)),
            None => format!("unix://{DEFAULT_SOCKET}"),
        },
    };
    let certificates = || {
        let directory = get("DOCKER_CERT_PATH").or_else(|| get("DOCKER_CONFIG"));
        let home = || get("HOME").map(|home| PathBuf::from(home).join(".docker"));
        directory.map(PathBuf::from).or_else(home).map(TlsFiles::in_directory).ok_or(AddressError::NoCertificates)
    };
    let wanted = get("DOCKER_TLS_VERIFY").is_some() || get("DOCKER_TLS").is_some();
    let (scheme, rest) = address.split_once("://").ok_or_else(|| AddressError::Malformed(shown(&address)))?;
    let tcp = |default_port, tls: bool| {
        let tls = if tls { Some(certificates()?) } else { None };
        let endpoint = tcp(rest, default_port).ok_or_else(|| AddressError::Malformed(shown(&address)))?;
        Ok(DockerAddress { endpoint, tls })
    };
    match scheme {
        "unix" if rest.starts_with('/') => Ok(DockerAddress { endpoint: Endpoint::Unix(rest.into()), tls: None }),
        "unix" if rest.is_empty() => Ok(DockerAddress { endpoint: Endpoint::Unix(DEFAULT_SOCKET.into()), tls: None }),
        "tcp" => tcp(if wanted { 2376 } else { 2375 }, wanted),
        "http" => tcp(80, wanted),
        "https" => tcp(443, true),
        "ssh" | "npipe" | "fd" => Err(AddressError::Unsupported(scheme.to_owned())),
        _ => Err(AddressError::Malformed(shown(&address))),
    }
}

/// An address on its way into a message.
fn shown(address: &str) -> String {
    crate::value::types::redact_userinfo(address)
}

/// `host`, `host:port`, `[v6]:port` or `:port` with at most a slash behind.
fn tcp(text: &str, default_port: u16) -> Option<Endpoint> {
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() || text.contains(['/', '?', '#', '@', ' ']) {
        return None;
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok().filter(|port| *port > 0)?,
        Some(_) => return None,
        None => default_port,
    };
    let host = if host.is_empty() { "localhost" } else { host };
    Some(Endpoint::Tcp { host: host.to_owned(), port })
}

impl fmt::Display for DockerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Endpoint::Unix(path) => write!(f, "unix://{}", path.display()),
            Endpoint::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Endpoint::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(named: Option<&str>, variables: &[(&str, &str)]) -> Result<DockerAddress, AddressError> {
        let get = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        from_environment(get, named)
    }

    fn shown(named: Option<&str>, variables: &[(&str, &str)]) -> String {
        let address = read(named, variables).unwrap();
        let tls = address.tls.as_ref().map(|tls| format!(" {}", tls.ca.display())).unwrap_or_default();
        format!("{address}{tls}")
    }

    #[test]
    fn the_environment_is_read_as_docker_reads_it() {
        assert_eq!(shown(None, &[]), "unix:///var/run/docker.sock");
        assert_eq!(shown(None, &[("DOCKER_HOST", "")]), "unix:///var/run/docker.sock");
        assert_eq!(
            shown(None, &[("DOCKER_HOST", "unix:///run/user/1000/docker.sock")]),
            "unix:///run/user/1000/docker.sock"
        );
        assert_eq!(shown(None, &[("DOCKER_HOST", "tcp://h")]), "tcp://h:2375");
        assert_eq!(shown(None, &[("DOCKER_HOST", "tcp://:1")]), "tcp://localhost:1");
        assert_eq!(shown(None, &[("DOCKER_HOST", "tcp://[::1]:2375")]), "tcp://[::1]:2375");
        let verify = ("DOCKER_TLS_VERIFY", "0");
        let home = ("HOME", "/home/a");
        assert_eq!(shown(None, &[("DOCKER_HOST", "tcp://h"), verify, home]), "tcp://h:2376 /home/a/.docker/ca.pem");
        let path = ("DOCKER_CERT_PATH", "/certs");
        assert_eq!(shown(None, &[("DOCKER_HOST", "tcp://h:1"), verify, home, path]), "tcp://h:1 /certs/ca.pem");
        assert_eq!(shown(None, &[("DOCKER_HOST", "tcp://h:1"), ("DOCKER_TLS_VERIFY", ""), path]), "tcp://h:1");
        assert_eq!(shown(None, &[("DOCKER_HOST", "unix:///s"), verify]), "unix:///s", "TLS is for TCP");
        assert_eq!(shown(None, &[("DOCKER_CONTEXT", "default")]), "unix:///var/run/docker.sock");
    }

    #[test]
    fn an_argument_goes_before_the_environment() {
        let variables = [("DOCKER_HOST", "tcp://other:1"), ("DOCKER_CONTEXT", "prod"), ("HOME", "/r")];
        assert_eq!(shown(Some("unix:///x"), &variables), "unix:///x");
        assert_eq!(shown(Some("https://h"), &variables), "tcp://h:443 /r/.docker/ca.pem");
        assert_eq!(shown(Some("http://h:2375/"), &variables), "tcp://h:2375");
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_reason() {
        let says = |named: &str, part: &str| {
            let error = read(Some(named), &[]).unwrap_err().to_string();
            assert!(error.contains(part), "{named}: {error}");
        };
        says("ssh://me@host", "not supported");
        says("npipe:////./pipe/docker", "not supported");
        says("https://h", "DOCKER_CERT_PATH");
        for bad in [
            "",
            "/var/run/docker.sock",
            "unix://relative",
            "tcp://",
            "tcp://h:0",
            "tcp://h:99999",
            "tcp://h:x",
            "tcp://[::1",
            "tcp://[x]:1",
            "tcp://h:1/base",
            "ftp://h",
            "tcp://h:1:2",
        ] {
            says(bad, "no Docker address");
        }
        let error = read(Some("tcp://user:pw@h:1"), &[]).unwrap_err().to_string();
        assert!(!error.contains("pw"), "{error}");
        let error = read(None, &[("DOCKER_CONTEXT", "prod")]).unwrap_err().to_string();
        assert!(error.contains("prod"), "{error}");
        assert!(read(Some("tcp://h:1"), &[("DOCKER_TLS_VERIFY", "1")]).is_err(), "no directory for ca.pem");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*", rest in "\\PC*") {
            let _ = read(Some(&text), &[("DOCKER_TLS_VERIFY", &rest)]);
            let _ = read(Some(&format!("tcp://{text}")), &[("HOME", &rest)]);
        }
    }
}
