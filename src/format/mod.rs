//! Readers of the files that other programs are configured by. Each takes text and gives what it says, with lines;
//! none touches the file system: what a file includes is handed to it (`source`).

pub mod accounts;
pub mod calendar;
pub mod commands;
pub mod cron;
pub mod debian;
pub mod dotenv;
mod hcl;
pub mod inside;
mod keyed;
pub mod lookup;
mod mysql;
pub mod nginx;
pub mod node;
mod postgresql;
pub mod reference;
pub mod shell;
pub mod source;
pub mod sysctl;
mod tree;
pub mod typed;
pub mod unit;

use std::sync::Arc;

use node::Place;

/// A file's text, with where each of its lines starts.
struct Text<'t> {
    body: &'t str,
    file: Arc<str>,
    /// Bytes at which lines end, in order.
    breaks: Vec<usize>,
}

impl<'t> Text<'t> {
    fn new(file: &str, body: &'t str) -> Self {
        let body = body.strip_prefix('\u{feff}').unwrap_or(body);
        let breaks = body.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
        Text { body, file: file.into(), breaks }
    }

    /// The place of a byte.
    fn at(&self, byte: usize) -> Place {
        self.line(1 + self.breaks.partition_point(|end| *end < byte))
    }

    /// A line's place.
    fn line(&self, line: usize) -> Place {
        Place { file: Arc::clone(&self.file), line }
    }
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().get(..at).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
}
