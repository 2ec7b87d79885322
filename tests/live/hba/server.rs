//! A private PostgreSQL for a test: its own data directory, socket and port, stopped by pid.
//!
//! `HARDEN_PG_BIN` names the directory of `postgres` and `initdb` (default: the newest installed), and
//! `HARDEN_PG_LIB` a library path for builds that need one. As root the server runs as `postgres`.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::postgres::newest_bin;
use crate::support::session::session;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

pub(crate) struct Server {
    child: Child,
    dir: PathBuf,
    pub(crate) port: u16,
    pub(crate) version: u32,
    tls: Arc<rustls::ClientConfig>,
}

const BASE: &str = "local all postgres trust\n";

impl Server {
    pub(crate) fn start() -> Self {
        let bin = std::env::var("HARDEN_PG_BIN").map_or_else(|_| newest_bin(), PathBuf::from);
        let dir = session().instance("hba");
        let path = dir.clone();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&path));
        }
        let data = path.join("data");
        run(as_server(&bin.join("initdb"))
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        certificate(&data);
        write(&data.join("pg_hba.conf"), BASE.as_bytes());
        let settings = format!(
            "listen_addresses='127.0.0.1,::1'\nport={port}\nunix_socket_directories='{}'\nssl=on\nfsync=off\nmax_connections=50\n",
            path.display()
        );
        let mut conf = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        conf.write_all(settings.as_bytes()).unwrap();
        let log = fs::File::create(path.join("log")).unwrap();
        let child =
            as_server(&bin.join("postgres")).arg("-D").arg(&data).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let version =
            Command::new(bin.join("postgres")).arg("-V").env("LD_LIBRARY_PATH", lib()).output().unwrap().stdout;
        let version = String::from_utf8(version).unwrap();
        let version = version.split_whitespace().nth(2).unwrap().split('.').next().unwrap().parse().unwrap();
        let server = Self { child, dir, port, version, tls: tls_config() };
        let deadline = Instant::now() + Duration::from_secs(20);
        while server.try_sql("select 1").is_err() {
            assert!(Instant::now() < deadline, "{}", fs::read_to_string(server.dir.join("log")).unwrap());
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Writes a file of the data directory, readable for the server.
    pub(crate) fn write(&self, name: &str, contents: &[u8]) {
        write(&self.data().join(name), contents);
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        self.try_sql(sql).unwrap()
    }

    fn try_sql(&self, sql: &str) -> Result<String, String> {
        let mut psql = Command::new("psql");
        psql.args([
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            "postgres",
            "-p",
            &self.port.to_string(),
            "-h",
        ]);
        let out = psql.arg(&self.dir).arg("-c").arg(sql).env_remove("LD_LIBRARY_PATH").output().unwrap();
        match out.status.success() {
            true => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
        }
    }

    /// Makes the server run on these rules; `mark` is a database name not used otherwise.
    pub(crate) fn load(&self, rules: &str, mark: &str) {
        self.write("pg_hba.conf", format!("{BASE}local {mark} marker trust\n{rules}").as_bytes());
        run(Command::new("kill").args(["-HUP", &self.child.id().to_string()]));
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.ask(None, false, &startup("marker", mark, false)) != Answer::Trust {
            assert!(
                Instant::now() < deadline,
                "rules not loaded:\n{rules}\n{}",
                fs::read_to_string(self.dir.join("log")).unwrap()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks to connect from an address (or the socket) and reads the first answer.
    pub(crate) fn ask(&self, from: Option<IpAddr>, tls: bool, startup: &[u8]) -> Answer {
        let Some(from) = from else {
            let path = self.dir.join(format!(".s.PGSQL.{}", self.port));
            return exchange(&mut UnixStream::connect(path).unwrap(), startup);
        };
        let mut tcp = connect(from, self.port);
        if !tls {
            return exchange(&mut tcp, startup);
        }
        tcp.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
        let mut reply = [0];
        tcp.read_exact(&mut reply).unwrap();
        assert_eq!(reply, *b"S");
        let name = ServerName::try_from("localhost").unwrap();
        let session = rustls::ClientConnection::new(self.tls.clone(), name).unwrap();
        exchange(&mut rustls::StreamOwned::new(session, tcp), startup)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// What a server first says to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    Trust,
    Password,
    Md5,
    Sasl,
    Rejected,
    NoEntry,
    Other,
}

pub(crate) fn startup(role: &str, database: &str, replication: bool) -> Vec<u8> {
    let mut body = vec![0, 3, 0, 0];
    let mut pairs = vec![("user", role), ("database", database)];
    if replication {
        pairs.push(("replication", "true"));
    }
    for (name, value) in pairs {
        body.extend_from_slice(name.as_bytes());
        body.push(0);
        body.extend_from_slice(value.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&length[..], &body].concat()
}

fn exchange(stream: &mut (impl Read + Write), startup: &[u8]) -> Answer {
    stream.write_all(startup).unwrap();
    stream.flush().unwrap();
    let mut head = [0u8; 5];
    stream.read_exact(&mut head).unwrap();
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let text = String::from_utf8_lossy(&body);
    match (head[0], body.get(3)) {
        (b'R', Some(0)) => Answer::Trust,
        (b'R', Some(3)) => Answer::Password,
        (b'R', Some(5)) => Answer::Md5,
        (b'R', Some(10)) => Answer::Sasl,
        (b'E', _) if text.contains("no pg_hba.conf entry") => Answer::NoEntry,
        (b'E', _) if text.contains("pg_hba.conf rejects") => Answer::Rejected,
        _ => Answer::Other,
    }
}

fn connect(from: IpAddr, port: u16) -> TcpStream {
    let domain = if from.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
    let to: IpAddr = if from.is_ipv4() { [127, 0, 0, 1].into() } else { "::1".parse().unwrap() };
    socket.connect(&SocketAddr::new(to, port).into()).unwrap();
    socket.into()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

fn lib() -> String {
    std::env::var("HARDEN_PG_LIB").unwrap_or_default()
}

fn as_server(program: &Path) -> Command {
    let mut command = match is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            command
        }
        false => Command::new(program),
    };
    command.env("LD_LIBRARY_PATH", lib()).current_dir("/tmp");
    command
}

fn run(command: &mut Command) {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&out.stderr));
}

fn write(path: &Path, contents: &[u8]) {
    fs::write(path, contents).unwrap();
    run(Command::new("chmod").arg("0644").arg(path));
}

fn certificate(data: &Path) {
    let (key, crt) = (data.join("server.key"), data.join("server.crt"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout"]);
    run(openssl.arg(&key).arg("-out").arg(&crt));
    run(Command::new("chmod").arg("0600").arg(&key));
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(&key).arg(&crt));
    }
}

/// Accepts any certificate: only what pg_hba says is looked at.
#[derive(Debug)]
struct AnyCertificate(rustls::crypto::CryptoProvider);

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn tls_config() -> Arc<rustls::ClientConfig> {
    let provider = rustls::crypto::ring::default_provider();
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(provider.clone()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().dangerous();
    let config = builder.with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)));
    Arc::new(config.with_no_client_auth())
}
