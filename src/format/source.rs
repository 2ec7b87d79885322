//! Where the readers get files that a configuration includes. They themselves open none.

/// Files by their names. A name that does not begin with `/` is looked up beside the file that names it.
pub trait Files {
    /// # Errors
    /// Why there is no content.
    fn read(&self, path: &str) -> Result<Vec<u8>, Miss>;

    /// The names that a pattern matches, sorted, and why there may be more.
    fn find(&self, pattern: &str) -> (Vec<String>, Option<String>);
}

/// Why a file has no content for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    Absent,
    /// It could not be seen; a reason.
    Unseen(String),
}

/// No files: what is included stays unread.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<Vec<u8>, Miss> {
        Err(Miss::Unseen("included files are not followed here".to_owned()))
    }

    fn find(&self, _: &str) -> (Vec<String>, Option<String>) {
        (Vec::new(), Some("included files are not followed here".to_owned()))
    }
}

/// The directory of a file, with its slash.
pub fn directory(path: &str) -> &str {
    path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("")
}

/// `name` as it is understood in the file `from`.
pub fn beside(from: &str, name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("{}{name}", directory(from)) }
}
