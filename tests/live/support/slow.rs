//! Servers that answer badly: never, with nonsense, without end, or a byte at a time.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::session::session;

/// What a client gets once it is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing, and the connection stays open.
    Silence,
    /// Bytes of no protocol, then the end.
    Garbage,
    /// A valid HTTP header and then a JSON list that never ends.
    Endless,
    /// The same at ten bytes a second: something always arrives, and it is never enough.
    Drip,
    /// The end, at once.
    Close,
}

const HEADER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nApi-Version: 1.41\r\n\r\n[";

/// A listener that gives every client the same answer; closed when dropped.
pub(crate) struct BadServer {
    address: Address,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Clone)]
enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Default)]
struct State {
    over: AtomicBool,
    clients: AtomicUsize,
    sent: AtomicU64,
}

/// What a connection must offer, over either kind of socket.
trait Connection: Read + Write + Send + 'static {
    fn limit(&self, time: Duration);
    fn end(&self);
}

impl Connection for TcpStream {
    fn limit(&self, time: Duration) {
        let _ = (self.set_read_timeout(Some(time)), self.set_write_timeout(Some(time)));
    }
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Connection for UnixStream {
    fn limit(&self, time: Duration) {
        let _ = (self.set_read_timeout(Some(time)), self.set_write_timeout(Some(time)));
    }
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl BadServer {
    /// On a free port of 127.0.0.1.
    pub(crate) fn tcp(answer: Answer) -> BadServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
        let address = Address::Tcp(listener.local_addr().expect("a bound socket has an address"));
        BadServer::serve(address, answer, move || listener.accept().map(|(stream, _)| stream))
    }

    /// On a unix socket named `name` in a folder of its own.
    pub(crate) fn unix(name: &str, answer: Answer) -> BadServer {
        let path = session().instance("bad").join(name);
        let listener = UnixListener::bind(&path).expect("bind a unix socket");
        BadServer::serve(Address::Unix(path), answer, move || listener.accept().map(|(stream, _)| stream))
    }

    /// The TCP port.
    pub(crate) fn port(&self) -> u16 {
        match &self.address {
            Address::Tcp(address) => address.port(),
            Address::Unix(path) => panic!("{} has no port", path.display()),
        }
    }

    /// The unix socket's path.
    pub(crate) fn path(&self) -> &Path {
        match &self.address {
            Address::Unix(path) => path,
            Address::Tcp(address) => panic!("{address} has no path"),
        }
    }

    /// How many clients have come.
    pub(crate) fn clients(&self) -> usize {
        self.state.clients.load(Ordering::Relaxed)
    }

    /// How many bytes they have been sent.
    pub(crate) fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::Relaxed)
    }

    fn serve<C: Connection>(
        address: Address,
        answer: Answer,
        accept: impl Fn() -> std::io::Result<C> + Send + 'static,
    ) -> BadServer {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let accepting = thread::spawn(move || {
            while let Ok(client) = accept() {
                if shared.over.load(Ordering::Relaxed) {
                    break;
                }
                shared.clients.fetch_add(1, Ordering::Relaxed);
                let state = Arc::clone(&shared);
                thread::spawn(move || converse(client, answer, &state));
            }
        });
        BadServer { address, state, accepting: Some(accepting) }
    }
}

impl Drop for BadServer {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Relaxed);
        // Accepting ends only with a client.
        let woken = match &self.address {
            Address::Tcp(address) => TcpStream::connect(address).is_ok(),
            Address::Unix(path) => UnixStream::connect(path).is_ok(),
        };
        if let Some(thread) = self.accepting.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn converse(mut client: impl Connection, answer: Answer, state: &State) {
    client.limit(Duration::from_millis(100));
    match answer {
        Answer::Silence => while listens(&mut client, state) {},
        Answer::Garbage => {
            listens(&mut client, state);
            say(&mut client, &[0x5a, 0xff, 0x00, 0x1b, b'\r', b'\n', 0x80].repeat(64), state);
        }
        Answer::Endless => {
            listens(&mut client, state);
            say(&mut client, HEADER, state);
            while say(&mut client, &b"{\"Id\":\"x\"},".repeat(4096), state) {}
        }
        Answer::Drip => {
            listens(&mut client, state);
            say(&mut client, HEADER, state);
            while say(&mut client, b" ", state) {
                thread::sleep(Duration::from_millis(100));
            }
        }
        Answer::Close => {}
    }
    client.end();
}

/// Reads what the client says, for a moment; false when it has gone or the server is over.
fn listens(client: &mut impl Connection, state: &State) -> bool {
    let mut heard = [0; 4096];
    match client.read(&mut heard) {
        Ok(0) => false,
        Ok(_) => !state.over.load(Ordering::Relaxed),
        Err(error) => is_timeout(&error) && !state.over.load(Ordering::Relaxed),
    }
}

/// Sends all of `text`, however long the client takes; false when it has gone or the server is over.
fn say(client: &mut impl Connection, text: &[u8], state: &State) -> bool {
    let mut left = text;
    while !left.is_empty() && !state.over.load(Ordering::Relaxed) {
        match client.write(left) {
            Ok(count) => {
                state.sent.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
                left = left.get(count..).unwrap_or_default();
            }
            Err(error) if is_timeout(&error) => {}
            Err(_) => return false,
        }
    }
    left.is_empty()
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
