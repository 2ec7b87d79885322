//! A small HTTP server that answers with whatever bytes a test wants, right or wrong, and remembers what it was asked.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered; the connection ends after it.
pub(crate) enum Reply {
    Bytes(Vec<u8>),
    /// These bytes, and then others again and again as long as anybody reads them.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, and then nothing, with the connection open.
    Stall(Vec<u8>),
    /// The connection is reset.
    Reset,
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// The server; it ends when it is dropped.
pub(crate) struct WebServer {
    port: u16,
    over: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<Request>>>,
    accepting: Option<JoinHandle<()>>,
}

impl WebServer {
    /// Listens on a port of 127.0.0.1.
    pub(crate) fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> WebServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stop, log) = (over.clone(), asked.clone());
        let handler: Arc<Handler> = Arc::new(handler);
        let accepting = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (handler, log, stop) = (handler.clone(), log.clone(), stop.clone());
                thread::spawn(move || serve(stream, &*handler, &log, &stop));
            }
        });
        WebServer { port, over, asked, accepting: Some(accepting) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().expect("no panic while holding the log").clone()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

fn serve(mut stream: TcpStream, handler: &Handler, log: &Mutex<Vec<Request>>, stop: &AtomicBool) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let _ = stream.set_write_timeout(Some(Duration::from_secs(20)));
    let Some(request) = read(&mut stream) else { return };
    log.lock().expect("no panic while holding the log").push(request.clone());
    match handler(&request) {
        Reply::Bytes(bytes) => drop(stream.write_all(&bytes)),
        Reply::Endless(first, rest) => {
            let mut open = stream.write_all(&first).is_ok();
            while open && !stop.load(Ordering::Relaxed) {
                open = stream.write_all(&rest).is_ok();
            }
        }
        Reply::Stall(bytes) => {
            let _ = stream.write_all(&bytes);
            // Until the other side hangs up.
            let _ = stream.read(&mut [0; 1]);
        }
        Reply::Reset => {
            let socket = socket2::SockRef::from(&stream);
            let _ = socket.set_linger(Some(Duration::ZERO));
            return;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = bytes.split_off(end + 4);
    while body.len() < length.unwrap_or(0) {
        let mut buffer = [0; 65536];
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        body.extend_from_slice(&buffer[..count]);
    }
    Some(Request { method, target, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

/// An answer with these header lines (`Name: value`, parted by line breaks).
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Reply {
    let mut text = format!("HTTP/1.1 {status} Test\r\nConnection: close\r\n");
    if !matches!(status, 100..=199 | 204 | 304) {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    for line in headers.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
        text.push_str(&format!("{line}\r\n"));
    }
    Reply::Bytes(format!("{text}\r\n{body}").into_bytes())
}
