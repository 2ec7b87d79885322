//! Ofelia's settings and jobs as its daemon works them out: the INI files that it loads, the flags and variables that it
//! is started with, and the labels of containers (netresearch/ofelia 0.29). Opens no file itself.
//!
//! Its layers are none of those that other programs have: a flag or variable that equals the default counts as not
//! given, a boolean is on when either layer says so, and keys that it does not know are dropped.

pub mod arguments;
pub mod daemon;
pub mod expand;
pub mod ini;
pub mod jobs;
pub mod keys;
pub mod secrets;
pub mod settings;

/// The default of `--config`, and what the image's own command says.
pub const CONFIG: &str = "/etc/ofelia/config.ini";

/// The name as the daemon compares it: letters of either case, `-` and `_` do not count.
pub fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// What Go's strconv.ParseBool takes the text for.
pub fn go_bool(text: &str) -> Option<bool> {
    crate::value::types::Dialect::Go.read(text)
}
