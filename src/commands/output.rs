//! Where a result goes: standard output, or one file that is replaced as a whole.

use std::io::Write;
use std::path::Path;

use crate::error::Error;

/// Writes to `path`, or to `out` when there is none. A file appears complete or not at all.
pub fn deliver(text: &str, path: Option<&Path>, out: &mut dyn Write) -> Result<(), Error> {
    match path {
        Some(path) => replace(path, text).map_err(Error::io(format!("write {}", path.display()))),
        None => out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::io("write the output")),
    }
}

/// Through a temporary file beside it, since a rename is atomic only within a file system. A path that is no regular
/// file (`/dev/stdout`, a pipe) is written to as it is.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return std::fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
