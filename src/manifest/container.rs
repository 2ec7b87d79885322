//! A container as a manifest declares it: the common form of Compose services and of the containers of pods.

use crate::target::Environment;
use crate::value::{Observed, Reason};

/// What was read, or why it cannot be told.
pub type Read<T> = Result<T, Reason>;

/// A list of which single items, or how many there are, may not be told.
#[derive(Debug, Clone)]
pub struct Items<T> {
    pub items: Vec<Read<T>>,
    /// Why there may be more.
    pub more: Option<Reason>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Items { items: Vec::new(), more: None }
    }
}

impl<T> Items<T> {
    pub fn unseen(reason: Reason) -> Self {
        Items { items: Vec::new(), more: Some(reason) }
    }

    /// Notes why there may be more; the first reason stays.
    pub fn doubt(&mut self, reason: Reason) {
        self.more.get_or_insert(reason);
    }
}

impl<T> FromIterator<Read<T>> for Items<T> {
    fn from_iter<I: IntoIterator<Item = Read<T>>>(items: I) -> Self {
        Items { items: items.into_iter().collect(), more: None }
    }
}

/// The path of the host that a mount hands out.
#[derive(Debug, Clone, PartialEq)]
pub enum HostPath {
    /// None: a volume, a tmpfs, a file made from the manifest.
    None,
    /// An absolute path.
    Path(String),
    /// Something in the project's own directory, wherever that will lie.
    Project,
    /// It depends on what the manifest does not tell.
    Unsure(Reason),
}

/// One mount.
#[derive(Debug, Clone)]
pub struct Mount {
    /// A word of the field `type`.
    pub kind: &'static str,
    /// As written; an absolute one is normalised when it is shown.
    pub source: Option<String>,
    pub host: HostPath,
    pub destination: String,
    pub rw: Read<bool>,
    pub propagation: Read<Option<String>>,
    /// A named volume's name.
    pub name: Option<String>,
    /// Permission bits of the files that Kubernetes makes of a Secret.
    pub secret_mode: Read<Option<u32>>,
}

/// One published port.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    /// Empty for every address.
    pub host_ip: String,
    /// `None` when the engine picks one.
    pub host_port: Option<u16>,
    pub container_port: u16,
    pub protocol: String,
}

#[derive(Debug, Clone)]
pub struct Ulimit {
    pub name: String,
    pub soft: i64,
    pub hard: i64,
}

#[derive(Debug, Clone)]
pub struct Device {
    pub host_path: String,
    pub container_path: String,
    pub permissions: String,
}

/// What a manifest says of one container.
#[derive(Debug)]
pub struct Container {
    /// The name by which rules ask for it, besides `title`: a service's, a container's.
    pub name: String,
    /// A name that says which one it is in its manifest: `web`, `deployment/web/app`.
    pub title: String,
    /// Another name that it will have: Compose's `container_name`.
    pub alias: Option<String>,
    /// `path:line`.
    pub origin: String,
    /// Fields of the resource `container` whose values need no working out, each once.
    pub fields: Vec<(&'static str, Observed)>,
    /// The reference of its image; `None` when it is built and gets its name from the project.
    pub image: Read<Option<String>>,
    /// Whether the image is built from what the manifest names.
    pub built: bool,
    pub ports: Items<Port>,
    pub mounts: Items<Mount>,
    pub ulimits: Items<Ulimit>,
    pub devices: Items<Device>,
    pub environment: Environment,
    pub command: Command,
}

/// What a container is started with, as far as the manifest says.
#[derive(Debug, Clone)]
pub struct Command {
    /// In place of the image's own; `None` where that counts.
    pub entrypoint: Read<Option<Vec<String>>>,
    /// The words behind it; `None` where the image's own count.
    pub arguments: Read<Option<Vec<String>>>,
}
