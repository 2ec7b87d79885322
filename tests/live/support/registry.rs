//! A registry of images that a private daemon can pull from, so that there are images which were not built here: with a
//! digest that a registry gave them, a date and a name that moves.
//!
//! It answers as much of the OCI distribution specification as `docker pull` asks for, on port 5000 of the loopback
//! interface in the daemon's own network namespace, where the daemon wants no TLS.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::{Value, json};

use super::docker::Dockerd;
use super::tools;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// The containers that run [`Registry::images`], in their order.
pub(crate) const PULLED: [&str; 5] = ["by-version", "by-latest", "by-digest", "by-old-version", "by-other-registry"];

/// Serves until dropped.
pub(crate) struct Registry {
    digest: String,
    over: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

/// What is served, by the end of its path, with its kind and digest.
type Content = BTreeMap<String, (&'static str, String, Vec<u8>)>;

impl Registry {
    pub(crate) fn start(daemon: &Dockerd) -> Registry {
        let layer = daemon.dir().join("layer.tar");
        let root = daemon.dir().join("rootfs");
        tools::run(Command::new(tools::find("tar")).arg("-C").arg(root).arg("-cf").arg(&layer).arg("."));
        let layer = fs::read(layer).expect("read what tar wrote");
        let mut content = Content::new();
        let recent = add(&mut content, &layer, &rfc3339_now(), &["1.2.3", "latest"]);
        add(&mut content, &layer, "2019-05-04T03:02:01Z", &["0.9"]);
        let over = Arc::new(AtomicBool::new(false));
        let serving = serve(daemon.process(), content, Arc::clone(&over));
        Registry { digest: recent, over, serving: Some(serving) }
    }

    /// By version, by a moving tag, by digest; an old one; and one from a registry with another name.
    pub(crate) fn images(&self) -> [String; PULLED.len()] {
        [
            "localhost:5000/app:1.2.3".to_owned(),
            "localhost:5000/app:latest".to_owned(),
            format!("localhost:5000/app@{}", self.digest),
            "localhost:5000/app:0.9".to_owned(),
            "127.0.0.1:5000/app:1.2.3".to_owned(),
        ]
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.serving.take() {
            let _ = thread.join();
        }
    }
}

/// Adds an image of one layer under some tags, and gives its digest.
fn add(content: &mut Content, layer: &[u8], created: &str, tags: &[&str]) -> String {
    let config = json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "created": created,
        "config": { "Cmd": ["sleep", "86400"], "User": "1000", "Env": ["PATH=/bin"] },
        "rootfs": { "type": "layers", "diff_ids": [digest(layer)] },
        "history": [{ "created": created, "created_by": "a test" }],
    });
    let config = config.to_string().into_bytes();
    let part = |kind: &str, bytes: &[u8]| -> Value {
        json!({ "mediaType": format!("application/vnd.docker.{kind}"), "size": bytes.len(), "digest": digest(bytes) })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": part("container.image.v1+json", &config),
        "layers": [part("image.rootfs.diff.tar.gzip", layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let name = digest(&manifest);
    for tag in tags.iter().copied().chain([name.as_str()]) {
        content.insert(format!("manifests/{tag}"), (MANIFEST, name.clone(), manifest.clone()));
    }
    for blob in [config, layer.to_vec()] {
        content.insert(format!("blobs/{}", digest(&blob)), ("application/octet-stream", digest(&blob), blob));
    }
    name
}

fn digest(bytes: &[u8]) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    hash.as_ref().iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn rfc3339_now() -> String {
    tools::run(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]))
}

/// A thread belongs to one network namespace, and its sockets to the one that it was in when it made them.
fn serve(daemon: u32, content: Content, over: Arc<AtomicBool>) -> JoinHandle<()> {
    let (ready, bound) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let namespace = File::open(format!("/proc/{daemon}/ns/net")).expect("the daemon runs");
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).expect("enter its namespace");
        let listener = TcpListener::bind("127.0.0.1:5000").expect("bind the registry's port");
        listener.set_nonblocking(true).expect("ask without waiting");
        ready.send(()).expect("somebody waits");
        while !over.load(Ordering::Relaxed) {
            match listener.accept() {
                // A client that goes away harms nobody.
                Ok((client, _)) => drop(answer(client, &content)),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    });
    bound.recv().expect("the registry listens");
    thread
}

/// One request, one answer, the end.
fn answer(mut client: TcpStream, content: &Content) -> std::io::Result<()> {
    client.set_nonblocking(false)?;
    client.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut words = request.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if path == "/v2/" {
        return client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    }
    match content.get(path.trim_start_matches("/v2/app/")) {
        Some((kind, digest, bytes)) => {
            let header = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nDocker-Content-Digest: {digest}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                bytes.len()
            );
            client.write_all(header.as_bytes())?;
            if method == "HEAD" { Ok(()) } else { client.write_all(bytes) }
        }
        None => client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    }
}
