//! The whole of a configuration from its main file.

use super::entry;
use super::source::{Source, Trouble};
use super::types::{Cut, Files, Hba, HbaError, Server};

/// Parses a configuration for a Linux distribution's build of a major version (13 to 18).
pub fn parse(main_path: &str, files: &dyn Files, version: u32) -> Hba {
    parse_for(main_path, files, &Server::new(version))
}

/// Parses a configuration for a particular build.
///
/// A line with an error is in `errors`, all others are in `entries`, whatever the server would do
/// with the whole. What could not be read ends certain knowledge at `cut`.
pub fn parse_for(main_path: &str, files: &dyn Files, server: &Server) -> Hba {
    let mut hba = Hba { entries: Vec::new(), errors: Vec::new(), cut: None, quoting_known: true };
    for line in Source::new(files, server.version).main(main_path) {
        let result = match &line.trouble {
            Some(Trouble::Unknown(reason)) => {
                let reason = reason.clone();
                let before = hba.entries.len();
                hba.cut.get_or_insert(Cut { before, file: line.file, line: line.number, reason });
                continue;
            }
            Some(Trouble::Error(message)) => Err(message.clone()),
            None => entry::parse(&line, server),
        };
        match result {
            Ok(entry) => hba.entries.push(entry),
            Err(message) => hba.errors.push(HbaError { file: line.file, line: line.number, message }),
        }
    }
    hba
}
