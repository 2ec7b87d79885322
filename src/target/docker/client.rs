//! An HTTP/1.1 client that can say GET and nothing else, with bounds on time, size and connections.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Empty;
use hyper::{Method, Request, StatusCode};
use serde_json::Value as Json;
use tokio::sync::Semaphore;

use super::address::Endpoint;
use super::failure::Failure;
use super::stream;
use crate::target::http1::{self, Body, Connection, End};

/// Requests under way at once: the daemon serves them in parallel, and more only queue there.
const CONNECTIONS: usize = 8;
/// Far above any real answer: a container's inspection is some 10 KiB, a list of a thousand some MiB.
const LARGEST_BODY: usize = 32 << 20;
/// For one request, its connection included.
const PATIENCE: Duration = Duration::from_secs(4);
/// Once a request was not answered in time: a daemon that hangs on one container may hang on all of them, and those that
/// it does answer for must be seen before the whole query runs out of time.
const PATIENCE_LEFT: Duration = Duration::from_millis(300);

/// Connections to one daemon, kept for the next request.
pub(super) struct Client {
    endpoint: Endpoint,
    tls: Option<Arc<rustls::ClientConfig>>,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
    was_late: AtomicBool,
}

impl Client {
    pub(super) fn new(endpoint: Endpoint, tls: Option<Arc<rustls::ClientConfig>>) -> Self {
        Client {
            endpoint,
            tls,
            idle: Mutex::default(),
            permits: Semaphore::new(CONNECTIONS),
            was_late: AtomicBool::new(false),
        }
    }

    /// The JSON that the daemon answers to `GET path`.
    pub(super) async fn get(&self, path: &str) -> Result<Json, Failure> {
        // Closed semaphores do not occur: nothing closes this one.
        let _permit = self.permits.acquire().await.map_err(|error| Failure::Broken(error.to_string()))?;
        let patience = if self.was_late.load(Ordering::Relaxed) { PATIENCE_LEFT } else { PATIENCE };
        match tokio::time::timeout(patience, self.ask(path)).await {
            Ok(answer) => answer,
            Err(_) => {
                self.was_late.store(true, Ordering::Relaxed);
                Err(Failure::TimedOut)
            }
        }
    }

    async fn ask(&self, path: &str) -> Result<Json, Failure> {
        if let Some(mut connection) = self.take_idle() {
            let answer = self.exchange(&mut connection, path).await;
            match answer {
                Err(failure) if failure.is_stale_connection() => {}
                answer => return self.keep(connection, answer),
            }
        }
        let mut connection = stream::open(&self.endpoint, self.tls.as_ref()).await?;
        let answer = self.exchange(&mut connection, path).await;
        self.keep(connection, answer)
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// A connection whose answer was read to its end serves again; any other is dropped, which closes it.
    fn keep(&self, connection: Connection, answer: Result<Json, Failure>) -> Result<Json, Failure> {
        if matches!(answer, Ok(_) | Err(Failure::Status(..))) && !connection.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        answer
    }

    async fn exchange(&self, connection: &mut Connection, path: &str) -> Result<Json, Failure> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(path)
            .header("Host", "docker")
            .header("User-Agent", concat!("harden/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(|error| Failure::Broken(error.to_string()))?;
        let response = connection.send(request).await.map_err(|error| Failure::from_hyper(&error))?;
        let status = response.status();
        let body = whole(http1::read_body(response.into_body(), LARGEST_BODY).await)?;
        if status != StatusCode::OK {
            return Err(Failure::Status(status.as_u16(), message(&body)));
        }
        serde_json::from_slice(&body).map_err(|error| {
            // The parser's own text names positions only, never the document's content.
            Failure::Garbage(format!("not JSON (line {}, column {})", error.line(), error.column()))
        })
    }
}

fn whole(body: Body) -> Result<Vec<u8>, Failure> {
    match body.end {
        End::Whole => Ok(body.bytes),
        End::Cut => Err(Failure::TooLarge),
        End::Broken(error) => Err(Failure::from_hyper(&error)),
    }
}

/// The daemon's own words on an error, shortened, in the form in which they follow a status: JSON with a `message`, or the
/// plain line by which a TLS port answers to plain HTTP.
fn message(body: &[u8]) -> String {
    let json: Option<Json> = serde_json::from_slice(body).ok();
    let text = match &json {
        Some(json) => json.get("message").and_then(Json::as_str),
        None => std::str::from_utf8(body).ok().filter(|text| !text.trim_start().starts_with('<')),
    };
    let line = text.unwrap_or_default().trim().lines().next().unwrap_or_default();
    let short: String = line.chars().take(200).collect();
    if short.is_empty() { short } else { format!(": {short}") }
}
