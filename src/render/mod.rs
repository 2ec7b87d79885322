//! Reports as a person or a program reads them. Each format is one file and a pure function of the report.

pub mod checklist;
pub mod page;
pub mod table;

use std::io::IsTerminal as _;

/// How text is laid out.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub color: bool,
    /// Columns.
    pub width: usize,
    /// Passes and all evidence too.
    pub verbose: bool,
    /// Only the last line.
    pub quiet: bool,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Decided once, for the stream that is written to: `NO_COLOR` (no-color.org) and pipes mean none.
    pub fn decide(self, to_terminal: bool) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => to_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

/// Columns of the terminal; a pipe gets a width that reads well in a log.
pub fn width() -> usize {
    if !std::io::stdout().is_terminal() {
        return 120;
    }
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    columns
        .or_else(|| terminal_size::terminal_size().map(|(terminal_size::Width(columns), _)| usize::from(columns)))
        .unwrap_or(100)
}
