//! The program: everything is in the library.

use std::io::{Write as _, stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    // The message of a panic may quote what was being read; the place alone is enough to report it.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(stderr(), "harden: a fault in harden itself at {place}; please report it");
    }));
    harden::run(std::env::args_os(), &mut stdout().lock(), &mut stderr())
}
