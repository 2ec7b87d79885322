//! TLS as bytes: ClientHellos that a library would not send, and what a server says to them in the clear.
//!
//! A library offers what it can speak. Whether a server still accepts SSL 3 or an anonymous suite is found out only by offering
//! it, so the hellos are made by hand, and nothing behind the server's first words is needed: no key is agreed on. Pure:
//! bytes in, bytes out; the probes that use it are the `tls` resource's.

mod cursor;
mod flight;
mod groups;
mod hello;
mod schemes;
mod ssl2;
mod suites;
mod version;
mod words;

pub use flight::{Flight, KeyExchange, Progress, ServerHello, Wanted};
pub use groups::{GROUPS, group_name};
pub use hello::{FALLBACK, Hello};
pub use schemes::{SCHEMES, scheme_name};
pub use ssl2::{SSL2_HELLO, Ssl2Answer, ssl2_answer};
pub use suites::{Suite, offered, suite};
pub use version::Version;
pub use words::is_word;
