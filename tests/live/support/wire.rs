//! Asks a PostgreSQL server how it would let somebody in, from any loopback address, and leaves before proving anything.
//!
//! The server chooses the line of `pg_hba.conf` when it has the start-up message, and its first answer shows the line's
//! method. So a decision can be seen for every role and address without passwords or the rights to use them. Messages are
//! those of the PostgreSQL manual, "Message Formats"; the server must speak English.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use super::postgres::Postgres;
use super::tools;

/// Way in, as the first word of a line of `pg_hba.conf` tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Local,
    /// Plain TCP from this address, which must lie in 127.0.0.0/8.
    Plain(Ipv4Addr),
    /// TLS from this address, without a client certificate.
    Tls(Ipv4Addr),
}

/// The server's first answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// What it asks for: `password`, `md5`, `scram-sha-256`, `gss`; `trust` for nothing, which `peer`, `ident` and `cert`
    /// look like as well when they have succeeded.
    Method(&'static str),
    /// A line says `reject`.
    Reject,
    /// No line matches.
    NoMatch,
    /// Another error, such as a certificate that is missing: its message.
    Error(String),
}

/// How `postgres` decides about `role` and `database` (`None`: physical replication).
pub(crate) fn ask(postgres: &Postgres, way: Way, role: &str, database: Option<&str>) -> Decision {
    let greeting = start_up(role, database);
    let (kind, body) = match way {
        Way::Local => {
            let mut stream = UnixStream::connect(socket_of(postgres)).expect("connect to the unix socket");
            stream.write_all(&greeting).expect("greet the server");
            first_message(stream)
        }
        Way::Plain(source) => {
            let mut stream = connect_from(source, postgres.port());
            stream.write_all(&greeting).expect("greet the server");
            first_message(stream)
        }
        Way::Tls(source) => over_tls(source, postgres.port(), &greeting),
    };
    decision(kind, &body)
}

/// Returns when the postmaster has taken a new connection (`SSLRequest` has a one-byte answer on any of them).
pub(crate) fn await_answer(postgres: &Postgres) {
    let mut stream = UnixStream::connect(socket_of(postgres)).expect("connect to the unix socket");
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).expect("ask for TLS");
    stream.read_exact(&mut [0]).expect("the server answers");
}

fn socket_of(postgres: &Postgres) -> PathBuf {
    postgres.socket_dir().join(format!(".s.PGSQL.{}", postgres.port()))
}

fn start_up(role: &str, database: Option<&str>) -> Vec<u8> {
    let (name, value) = database.map_or(("replication", "true"), |database| ("database", database));
    let mut body = 0x0003_0000_u32.to_be_bytes().to_vec();
    for word in ["user", role, name, value, ""] {
        body.extend_from_slice(word.as_bytes());
        body.push(0);
    }
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [length.to_be_bytes().to_vec(), body].concat()
}

fn connect_from(source: Ipv4Addr, port: u16) -> TcpStream {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("make a socket");
    bind(&socket, &SocketAddr::V4(SocketAddrV4::new(source, 0))).expect("bind a loopback address");
    connect(&socket, &SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))).expect("connect to the server");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("limit the wait");
    stream
}

/// By `openssl`, which checks nothing about the server's certificate here.
fn over_tls(source: Ipv4Addr, port: u16, greeting: &[u8]) -> (u8, Vec<u8>) {
    let mut client = Command::new(tools::find("openssl"))
        .args(["s_client", "-quiet", "-starttls", "postgres"])
        .args(["-connect", &format!("127.0.0.1:{port}"), "-bind", &format!("{source}:0")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("start openssl");
    client.stdin.as_mut().expect("piped").write_all(greeting).expect("greet the server");
    let message = first_message(client.stdout.take().expect("piped"));
    let _ = client.kill();
    let _ = client.wait();
    message
}

fn first_message(mut from: impl Read) -> (u8, Vec<u8>) {
    let mut head = [0; 5];
    from.read_exact(&mut head).expect("the server answers");
    let [kind, length @ ..] = head;
    let length = usize::try_from(u32::from_be_bytes(length)).expect("a short message");
    let mut body = vec![0; length.saturating_sub(4)];
    from.read_exact(&mut body).expect("the server's answer is whole");
    (kind, body)
}

fn decision(kind: u8, body: &[u8]) -> Decision {
    match (kind, body) {
        (b'R', [0, 0, 0, code, ..]) => Decision::Method(match code {
            0 => "trust",
            3 => "password",
            5 => "md5",
            7 => "gss",
            10 => "scram-sha-256",
            other => panic!("authentication request {other} is unknown"),
        }),
        (b'E', _) => {
            let fields = body.split(|&byte| byte == 0);
            let message = fields.filter_map(|field| field.strip_prefix(b"M")).next().unwrap_or_default();
            let message = String::from_utf8_lossy(message).into_owned();
            match &message {
                text if text.starts_with("pg_hba.conf rejects") => Decision::Reject,
                text if text.starts_with("no pg_hba.conf entry") => Decision::NoMatch,
                _ => Decision::Error(message),
            }
        }
        _ => panic!("message {kind} is none that a server begins with"),
    }
}
