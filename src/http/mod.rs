//! What HTTP servers answer, as a browser understands it: the header fields that protect a visitor, cookies, and who
//! may read an answer from another origin. Every reader follows the algorithm of its standard for invalid input too,
//! because a header that a browser ignores protects nobody. Nothing here opens a socket.

pub mod cache;
pub mod content_security;
pub mod cookie;
pub mod cors;
pub mod date;
pub mod disclosure;
pub mod framing;
pub mod headers;
pub mod location;
pub mod origin;
pub mod page;
pub mod permissions;
pub mod referrer;
pub mod structured;
pub mod transport_security;

pub use headers::Headers;
