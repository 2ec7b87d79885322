//! A stand-in for a daemon: an HTTP server on a unix socket that replays stored answers, good and bad.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Docker, DockerAddress, Endpoint};
use crate::value::secret::Salt;

/// What is said to a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Status(u16, String),
    /// These bytes and the end of the connection.
    Raw(Vec<u8>),
    /// A body that goes on as long as anybody reads it.
    Endless,
    /// Nothing, with the connection open.
    Hang,
}

/// The server; it ends with the test.
pub(crate) struct Fake {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Answers these paths, and every other with 404.
    pub(crate) fn of(replies: impl IntoIterator<Item = (String, Reply)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("d.sock")).unwrap();
        let replies: Arc<BTreeMap<String, Reply>> = Arc::new(replies.into_iter().collect());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (replies, log) = (replies.clone(), log.clone());
                std::thread::spawn(move || drop(serve(&stream, &replies, &log)));
            }
        });
        Fake { folder, asked }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("d.sock")
    }

    /// A door to it. Must be asked within one runtime.
    pub(crate) fn docker(&self) -> Docker {
        let address = DockerAddress { endpoint: Endpoint::Unix(self.socket()), tls: None };
        Docker::connect(address, Arc::new(Salt::random().unwrap())).unwrap()
    }

    /// The first lines of all requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: &UnixStream, replies: &BTreeMap<String, Reply>, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let mut out = stream;
    while let Some(request) = lines.next() {
        let request = request?;
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        log.lock().unwrap().push(request.clone());
        let path = request.split(' ').nth(1).unwrap_or_default();
        let missing = Reply::Status(404, r#"{"message":"page not found"}"#.to_owned());
        match replies.get(path).unwrap_or(&missing) {
            Reply::Status(status, body) => {
                write!(out, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
            }
            Reply::Raw(bytes) => return out.write_all(bytes),
            Reply::Endless => {
                write!(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
                while out.write_all(chunk.as_bytes()).is_ok() {}
                return Ok(());
            }
            Reply::Hang => std::thread::sleep(Duration::from_secs(30)),
        }
    }
    Ok(())
}

/// The answers of a real daemon, stored under `fixtures/docker/<name>.json` as an object of paths.
pub(crate) fn world(name: &str) -> Vec<(String, Reply)> {
    let file = format!("{}/fixtures/docker/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let answers: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    answers.into_iter().map(|(path, answer)| (path, Reply::Status(200, answer.to_string()))).collect()
}
