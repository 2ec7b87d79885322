//! All that a client looks at besides the string itself. One narrow trait, so that resolving is pure: the program gives
//! it the real process, another process's environment, or a file-system root; a test gives it a table.

use std::io;

/// What `stat(2)` says of a file, as far as libpq asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Whether it is a regular file.
    pub regular: bool,
    /// Permission bits, `0o777` and below counted.
    pub mode: u32,
}

/// The environment and files as the client that uses the string would see them.
pub trait Surroundings {
    /// An environment variable; `Some("")` when set and empty, which libpq treats as set.
    fn env(&self, name: &str) -> Option<String>;
    /// The bytes of a file.
    ///
    /// # Errors
    /// As the file system says: `NotFound` and `NotADirectory` mean absent, all else means unknown.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// Kind and mode of a file, links followed.
    ///
    /// # Errors
    /// As for [`Self::read`].
    fn stat(&self, path: &str) -> io::Result<Stat>;
    /// The user's home directory by the user database; `HOME` goes before it.
    fn home(&self) -> Option<String>;
    /// The name of the user that the client runs as.
    fn user(&self) -> Option<String>;
    /// The working directory of the client. A relative path cannot be judged without it.
    fn cwd(&self) -> Option<String> {
        None
    }
    /// The major version of the libpq in use, when the client is libpq. It matters: before 16, `sslrootcert=system` is
    /// the name of a file, so that a string without `sslmode` verifies nothing. The newest unless overridden.
    fn libpq_version(&self) -> u8 {
        super::LATEST
    }
    /// The directory of the system-wide `pg_service.conf` compiled into libpq; Debian's unless overridden.
    fn sysconfdir(&self) -> String {
        "/etc/postgresql-common".to_owned()
    }
    /// Socket directories that may be compiled into libpq: Debian's and the source's. The first that exists counts.
    fn socket_dirs(&self) -> Vec<String> {
        vec!["/var/run/postgresql".to_owned(), "/tmp".to_owned()]
    }
}

/// Whether a file is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Existence {
    /// It is.
    Present,
    /// It is not.
    Absent,
    /// Nobody can tell, and why.
    Unknown(String),
}

/// The home directory as libpq finds it (`pqGetHomeDirectory`).
pub(super) fn home(around: &dyn Surroundings) -> Option<String> {
    around.env("HOME").filter(|home| !home.is_empty()).or_else(|| around.home())
}

/// The path as the client would open it: a relative one from its working directory, if that is known.
pub(super) fn absolute(path: &str, around: &dyn Surroundings) -> Option<String> {
    if path.starts_with('/') {
        return Some(path.to_owned());
    }
    around.cwd().map(|cwd| format!("{}/{path}", cwd.trim_end_matches('/')))
}

/// Whether the client finds a file at `path`.
pub(super) fn existence(path: &str, around: &dyn Surroundings) -> Existence {
    let Some(absolute) = absolute(path, around) else {
        return Existence::Unknown(format!(
            "{path} is a relative path and the client's working directory is not known"
        ));
    };
    match around.stat(&absolute) {
        Ok(_) => Existence::Present,
        Err(error) if is_absent(&error) => Existence::Absent,
        Err(error) => Existence::Unknown(format!("{absolute}: {error}")),
    }
}

/// Whether an error means that the file is not there.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
pub(super) mod fake {
    use super::{Stat, Surroundings};
    use std::collections::BTreeMap;
    use std::io;

    /// A table of variables and files.
    #[derive(Default)]
    pub(crate) struct Fake {
        pub env: BTreeMap<String, String>,
        pub files: BTreeMap<String, (u32, String)>,
        pub denied: Vec<String>,
        pub cwd: Option<String>,
        pub version: Option<u8>,
    }

    impl Fake {
        pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
            self.env.insert(name.into(), value.into());
            self
        }
        pub(crate) fn file(self, path: &str, text: &str) -> Self {
            self.mode(path, 0o600, text)
        }
        pub(crate) fn mode(mut self, path: &str, mode: u32, text: &str) -> Self {
            self.files.insert(path.into(), (mode, text.into()));
            self
        }
        pub(crate) fn denied(mut self, path: &str) -> Self {
            self.denied.push(path.into());
            self
        }
        pub(crate) fn cwd(mut self, path: &str) -> Self {
            self.cwd = Some(path.into());
            self
        }
        pub(crate) fn version(mut self, major: u8) -> Self {
            self.version = Some(major);
            self
        }
        fn get(&self, path: &str) -> io::Result<&(u32, String)> {
            if self.denied.iter().any(|denied| denied == path) {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "permission denied"));
            }
            self.files.get(path).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "not found"))
        }
    }

    impl Surroundings for Fake {
        fn env(&self, name: &str) -> Option<String> {
            self.env.get(name).cloned()
        }
        fn read(&self, path: &str) -> io::Result<Vec<u8>> {
            self.get(path).map(|(_, text)| text.clone().into_bytes())
        }
        fn stat(&self, path: &str) -> io::Result<Stat> {
            self.get(path).map(|(mode, _)| Stat { regular: true, mode: *mode })
        }
        fn home(&self) -> Option<String> {
            Some("/home/op".into())
        }
        fn user(&self) -> Option<String> {
            Some("op".into())
        }
        fn libpq_version(&self) -> u8 {
            self.version.unwrap_or(crate::dsn::LATEST)
        }
        fn cwd(&self) -> Option<String> {
            self.cwd.clone()
        }
    }
}
