//! What nginx's own program file says about it: `nginx -V` prints two texts that the compiler put there.

use std::path::Path;

use crate::target::host::{Host, Trouble};
use crate::value::{Reason, Version};

/// Where the program is, by distributions and by its own Makefile.
const PLACES: [&str; 6] = [
    "/usr/sbin/nginx",
    "/usr/local/sbin/nginx",
    "/usr/local/nginx/sbin/nginx",
    "/usr/local/openresty/nginx/sbin/nginx",
    "/usr/bin/nginx",
    "/opt/nginx/sbin/nginx",
];
/// Bytes of it; statically linked ones have some twenty million.
const MAX_BYTES: u64 = 64 << 20;
/// Bytes of one text in it.
const MAX_TEXT: usize = 64 << 10;

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) version: Result<Version, Reason>,
    /// The arguments of `configure`, without compiler and linker options.
    pub(super) arguments: Result<Vec<String>, Reason>,
}

impl Program {
    /// Reads the program, by its path or in the usual places.
    pub(super) fn find(host: &Host, path: Option<&str>) -> Self {
        let places = path.map_or(PLACES.to_vec(), |path| vec![path]);
        for place in &places {
            match host.read(Path::new(place), MAX_BYTES) {
                Ok(bytes) => return Program::read(&bytes, place),
                Err(Trouble::Absent) => {}
                Err(Trouble::Unseen(reason)) => return Program::unknown(&reason),
            }
        }
        Program::unknown(&Reason::new(format!("nginx's program is not at {}", places.join(", "))))
    }

    pub(super) fn unknown(reason: &Reason) -> Self {
        Program { version: Err(reason.clone()), arguments: Err(reason.clone()) }
    }

    fn read(bytes: &[u8], place: &str) -> Self {
        let missing = |what: &str| Reason::new(format!("{place} holds no text with its {what}"));
        // `nginx/1.22.1`, or `openresty/1.21.4.1` with nginx's own version in the first three numbers.
        let version = text(bytes, b"nginx version: ").and_then(|text| {
            let number = text.split_once('/')?.1;
            let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
            Version::parse(&number.get(..end)?.split('.').take(3).collect::<Vec<_>>().join("."))
        });
        let arguments = text(bytes, b"configure arguments:").map(|text| arguments(&text));
        Program {
            version: version.ok_or_else(|| missing("version")),
            arguments: arguments.ok_or_else(|| missing("build options")),
        }
    }

    /// The value of `--name=…`.
    pub(super) fn argument(&self, name: &str) -> Option<&str> {
        let arguments = self.arguments.as_ref().ok()?;
        arguments.iter().find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether its version is at least this one; the error says why that is not known.
    pub(super) fn is_at_least(&self, version: &str) -> Result<bool, Reason> {
        let wanted = Version::parse(version);
        self.version.clone().map(|own| wanted.is_some_and(|wanted| own >= wanted))
    }
}

/// What follows `start` up to the byte that ends a text of C, or a line.
fn text(bytes: &[u8], start: &[u8]) -> Option<String> {
    let at = bytes.windows(start.len()).position(|window| window == start)? + start.len();
    let rest = bytes.get(at..)?;
    let end = rest.iter().take(MAX_TEXT).position(|byte| matches!(byte, 0 | b'\n'))?;
    Some(String::from_utf8_lossy(rest.get(..end)?).into_owned())
}

/// Blank-separated arguments with their quotes removed. How the compiler was called is left out.
fn arguments(text: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut current = String::new();
    let mut quoted = false;
    for c in text.chars().chain([' ']) {
        match c {
            '\'' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => arguments.push(std::mem::take(&mut current)),
            c => current.push(c),
        }
    }
    let compiler = ["--with-cc-opt", "--with-ld-opt", "--with-cpp", "--with-cc="];
    arguments.retain(|one| one.starts_with("--") && !compiler.iter().any(|start| one.starts_with(start)));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_a_program_are_found() {
        let bytes = b"\x7fELF\0nginx version: nginx/1.22.1 (build)\0x\0configure arguments: --with-cc-opt='-g -O2' --prefix=/usr/share/nginx --with-http_dav_module\0";
        let program = Program::read(bytes, "/x");
        assert_eq!(program.version.as_ref().unwrap().to_string(), "1.22.1");
        assert_eq!(program.arguments.as_ref().unwrap(), &["--prefix=/usr/share/nginx", "--with-http_dav_module"]);
        assert_eq!(program.argument("--prefix"), Some("/usr/share/nginx"));
        assert_eq!((program.is_at_least("1.9"), program.is_at_least("1.27.3")), (Ok(true), Ok(false)));
        let resty = Program::read(b"nginx version: openresty/1.25.3.1\n", "/x");
        assert_eq!(resty.version.unwrap().to_string(), "1.25.3");
        assert!(Program::read(b"nginx version: ", "/x").version.is_err());
    }
}
