//! What this process itself lives in: its environment, its user, its files. The surroundings in which harden's own
//! connection strings are resolved.

use std::os::unix::fs::PermissionsExt as _;

use crate::dsn::{Stat, Surroundings};

/// Files that surround a connection string are small.
const MAX_BYTES: u64 = 1 << 20;

/// This process.
#[derive(Debug, Clone, Copy)]
pub struct Process;

impl Surroundings for Process {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &str) -> std::io::Result<Vec<u8>> {
        use std::io::Read as _;
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(std::io::Error::other("no regular file"));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn stat(&self, path: &str) -> std::io::Result<Stat> {
        let metadata = std::fs::metadata(path)?;
        Ok(Stat { regular: metadata.is_file(), mode: metadata.permissions().mode() & 0o777 })
    }

    fn home(&self) -> Option<String> {
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten()?;
        Some(user.dir.display().to_string())
    }

    fn user(&self) -> Option<String> {
        nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.name)
    }

    fn cwd(&self) -> Option<String> {
        std::env::current_dir().ok().map(|path| path.display().to_string())
    }
}
