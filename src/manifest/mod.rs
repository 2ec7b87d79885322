//! What Compose files and Kubernetes manifests declare: containers and their variables, read as the programs read them
//! that run them. Pure apart from [`Files`], through which the files come in.
//!
//! Nothing is assumed. What a manifest leaves to the image, to the engine or to the surroundings in which it will be
//! applied is unknown, with a reason that says who decides it.

pub mod compose;
mod container;
pub mod kubernetes;
mod options;
mod tree;

use std::path::Path;

pub use container::{Command, Container, Device, HostPath, Items, Mount, Port, Read, Ulimit};
pub use options::SECCOMP;

use crate::value::Reason;

/// Where the files come from.
pub trait Files {
    /// The bytes of a regular file, within a bound. `Ok(None)` when there is no such file.
    ///
    /// # Errors
    /// It could not be read.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Reason>;
}
