//! HTTP/1.1 on an open stream, for every door that asks over it: one connection, the driver that moves its bytes, and bodies
//! that are read no further than they are wanted.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinHandle;

/// Bytes of a status line and header fields; browsers take 256 KiB.
const MAX_HEAD: usize = 256 << 10;
/// Header fields of an answer.
const MAX_HEADERS: usize = 512;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// An open connection, and the task that moves its bytes; it ends with this.
pub(super) struct Connection {
    requests: SendRequest<Empty<Bytes>>,
    driver: JoinHandle<hyper::Result<()>>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// HTTP on a stream that is open already.
    pub(super) async fn new(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, hyper::Error> {
        let stream = Stream(Box::new(stream));
        let handshake = Builder::new().max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS).handshake(stream).await?;
        let (requests, driver) = handshake;
        Ok(Connection { requests, driver: tokio::spawn(driver) })
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(&mut self, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>, hyper::Error> {
        let sent = match self.requests.ready().await {
            Ok(()) => self.requests.send_request(request).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(response) => Ok(response),
            Err(error) => Err(self.cause(error).await),
        }
    }

    /// Why a request came to nothing. The request itself often learns only that it was given up; what ended the
    /// connection, such as a TLS alert that arrives after the handshake, is with its driver.
    async fn cause(&mut self, error: hyper::Error) -> hyper::Error {
        if error.is_canceled() || error.is_closed() {
            let ended = tokio::time::timeout(Duration::from_millis(100), &mut self.driver).await;
            if let Ok(Ok(Err(cause))) = ended {
                return cause;
            }
        }
        error
    }

    /// Whether it takes no more requests.
    pub(super) fn is_closed(&self) -> bool {
        self.requests.is_closed() || self.driver.is_finished()
    }
}

/// What is behind an error of HTTP.
pub(super) enum Cause<'e> {
    /// The stream under it.
    Io(&'e io::Error),
    /// What came is no HTTP/1.1.
    NotHttp(String),
    /// Neither: the connection ended in the middle of an answer, for one.
    Other(String),
}

/// Looks behind an error. A request that was still waiting when the connection ended has the cause inside it.
pub(super) fn cause(error: &hyper::Error) -> Cause<'_> {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |cause| cause.source());
    for cause in causes {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return Cause::Io(io);
        }
        if let Some(parse) = cause.downcast_ref::<hyper::Error>().filter(|cause| cause.is_parse()) {
            return Cause::NotHttp(parse.to_string());
        }
    }
    Cause::Other(error.to_string())
}

/// A body as far as it was read.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) end: End,
}

/// Where reading a body ended.
pub(super) enum End {
    /// At its end, so that the connection may serve again.
    Whole,
    /// There is more than was wanted.
    Cut,
    Broken(hyper::Error),
}

/// Reads a body up to so many bytes.
pub(super) async fn read_body(mut body: Incoming, most: usize) -> Body {
    let mut bytes = Vec::new();
    let end = loop {
        match body.frame().await {
            None => break End::Whole,
            Some(Err(error)) => break End::Broken(error),
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                let room = most.saturating_sub(bytes.len());
                bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
                if data.len() > room {
                    break End::Cut;
                }
            }
        }
    };
    Body { bytes, end }
}

/// A byte stream as hyper drives it.
struct Stream(Box<dyn Duplex>);

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // Through a buffer of our own: filling hyper's in place takes `unsafe`, and the copy costs nothing measurable.
        let mut bytes = [0; 16 * 1024];
        let room = into.remaining().min(bytes.len());
        let mut buffer = ReadBuf::new(bytes.get_mut(..room).unwrap_or_default());
        let polled = Pin::new(&mut self.0).poll_read(context, &mut buffer);
        polled.map_ok(|()| into.put_slice(buffer.filled()))
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
