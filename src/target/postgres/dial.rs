//! Opening a socket to one of the servers of a connection string.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::failure::{self, Failure, FailureKind};
use crate::dsn::{Host, Transport};

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// The path of a socket; a leading NUL for an abstract one.
    Unix(String),
    Tcp(SocketAddr),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Unix(path) => f.write_str(&path.replace('\0', "@")),
            Address::Tcp(address) => address.fmt(f),
        }
    }
}

/// An open socket.
#[derive(Debug)]
pub(super) enum Wire {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// The path of a server's socket (`UNIXSOCK_PATH` in `pqcomm.h`).
fn socket_path(host: &str, port: u16) -> String {
    let path = format!("{host}/.s.PGSQL.{port}");
    match path.strip_prefix('@') {
        Some(name) => format!("\0{name}"),
        None => path,
    }
}

/// The addresses of a server, in the resolver's order.
pub(super) async fn addresses(host: &Host) -> Result<Vec<Address>, Failure> {
    let configuration = |text: &str| Failure::new(FailureKind::Configuration, text);
    let port = host.port.ok_or_else(|| configuration("the port is not a number between 1 and 65535"))?;
    let name = host.hostaddr.as_deref().or(host.host.as_deref()).unwrap_or_default();
    if host.transport == Transport::Unix {
        return Ok(vec![Address::Unix(socket_path(name, port))]);
    }
    if host.hostaddr.is_some() {
        let address = name.parse().map_err(|_| configuration("hostaddr is not a numeric address"))?;
        return Ok(vec![Address::Tcp(SocketAddr::new(address, port))]);
    }
    // What follows an `@` that was not written as %40 is part of a password, which neither a name server nor a report
    // should get.
    if name.contains('@') {
        let text = "the host name (not shown: it may be part of a password) holds an @";
        return Err(configuration(text).with_grant("write %40 for each @ of the password"));
    }
    let found = tokio::net::lookup_host((name, port)).await;
    let found: Vec<Address> = found.map(|all| all.map(Address::Tcp).collect()).unwrap_or_default();
    if found.is_empty() {
        return Err(Failure::new(FailureKind::Unresolved, format!("the host name {name} has no address")));
    }
    Ok(found)
}

/// Connects. The caller sets the time limit.
pub(super) async fn connect(address: &Address) -> Result<Wire, Failure> {
    match address {
        Address::Unix(path) => {
            UnixStream::connect(path).await.map(Wire::Unix).map_err(|error| failure::of_connecting(&error, true))
        }
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await.map_err(|error| failure::of_connecting(&error, false))?;
            // Only a matter of speed.
            let _ = stream.set_nodelay(true);
            Ok(Wire::Tcp(stream))
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tcp(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_named_as_the_server_names_them() {
        assert_eq!(socket_path("/run/postgresql", 5432), "/run/postgresql/.s.PGSQL.5432");
        assert_eq!(socket_path("@pg", 1), "\0pg/.s.PGSQL.1");
        assert_eq!(Address::Unix(socket_path("@pg", 1)).to_string(), "@pg/.s.PGSQL.1");
    }
}
