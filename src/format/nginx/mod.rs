//! nginx's configuration files, read as nginx reads them (`ngx_conf_file.c`): words with quotes and escapes, blocks,
//! includes. What a directive means is not known here, only where it stands.

mod script;
mod tree;
mod values;
mod words;

pub use tree::{Block, Body, Directive, Files, Hole, Place, Trouble, Unread, read};
pub use values::{flag, has_variable, seconds, size};

/// Why nginx would refuse a file. The text never quotes what could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub place: Place,
    pub what: &'static str,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

#[cfg(test)]
pub(crate) mod tests;
