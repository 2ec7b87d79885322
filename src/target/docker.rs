//! A Docker daemon, or Podman's service for Docker's API, asked by GET only.
//!
//! Answers are kept as JSON values: an unknown state, a new field or a changed type then touches the one field that it
//! belongs to. Paths carry no API version, so the daemon answers in its own. Every path is asked once in a run and its
//! answer shared by the resources that need it.

mod address;
mod client;
mod failure;
#[cfg(test)]
pub(crate) mod fake;
mod process;
mod stream;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value as Json;
use tokio::sync::OnceCell;

pub use address::{AddressError, DockerAddress, Endpoint, TlsFiles, from_environment};
pub use failure::Failure;
pub use process::{HostView, Process};

use super::host::Host;
use super::{Environment, Variable};
use crate::facts::Basis;
use crate::glob::Alternatives;
use crate::value::Reason;
use crate::value::secret::Salt;

/// How long an end that the kernel knows of may take to reach the daemon, asked after each of these.
/// Milliseconds.
const PATIENCE: [u64; 6] = [10, 40, 100, 250, 500, 1000];

/// What the daemon said to a request, or why it said nothing.
pub type Answer = Result<Arc<Json>, Failure>;

/// An open door to a daemon. Nothing is dialled before something is asked.
pub struct Docker {
    address: DockerAddress,
    client: client::Client,
    salt: Arc<Salt>,
    answers: Mutex<BTreeMap<String, Arc<OnceCell<Answer>>>>,
    views: Mutex<BTreeMap<String, Arc<OnceCell<HostView>>>>,
    /// The host that it runs on, where it is this machine and the run looks at it.
    host: Option<Host>,
}

impl fmt::Debug for Docker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Docker({})", self.address)
    }
}

/// Whether a daemon can be audited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// It answers.
    Ok,
    /// No socket, or nobody behind it: where it was merely looked for, there is no Docker.
    Absent(Reason),
    /// It is there and may not be asked.
    Denied(Reason),
    /// It is there, or should be, and gives no usable answer: too slow, not TLS, not Docker.
    Unreachable(Reason),
}

/// One container as the daemon lists it, and its inspection.
#[derive(Debug, Clone)]
pub struct Container {
    pub id: String,
    /// Without the leading slash; the id's first digits when it has no name.
    pub name: String,
    /// The reference that it was made from, as given.
    pub image: String,
    pub inspected: Answer,
}

impl Docker {
    /// A door to the daemon at this address. Fingerprints of secrets that come through it are keyed with `salt`.
    ///
    /// # Errors
    /// TLS files that cannot be read or used.
    pub fn connect(address: DockerAddress, salt: Arc<Salt>) -> Result<Self, Reason> {
        let tls = address.tls.as_ref().map(stream::tls_config).transpose()?;
        let client = client::Client::new(address.endpoint.clone(), tls);
        Ok(Docker { address, client, salt, answers: Mutex::default(), views: Mutex::default(), host: None })
    }

    pub fn address(&self) -> &DockerAddress {
        &self.address
    }

    /// Names the host whose files containers are given, if it is the one that the daemon runs on.
    pub fn set_host(&mut self, host: Host) {
        self.host = Some(host).filter(|host| self.is_local() && host.is_live());
    }

    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    pub fn salt(&self) -> &Salt {
        &self.salt
    }

    /// Whether nobody can read on the way what is said to the daemon: on a unix socket, or by TLS.
    pub fn is_encrypted(&self) -> bool {
        self.address.tls.is_some() || self.is_local()
    }

    /// Whether the daemon is on this machine, so that its containers' processes may be seen in /proc.
    pub fn is_local(&self) -> bool {
        matches!(self.address.endpoint, Endpoint::Unix(_))
    }

    /// Asks the daemon who it is.
    pub async fn reach(&self) -> Reach {
        let failure = match self.version().await {
            Ok(version) if version.get("ApiVersion").is_some_and(Json::is_string) => return Reach::Ok,
            Ok(_) => Failure::Garbage("its version has no ApiVersion".to_owned()),
            Err(failure) => failure,
        };
        let reason = failure.reason();
        match failure {
            Failure::Missing | Failure::Refused => Reach::Absent(reason),
            Failure::Denied | Failure::Status(401 | 403, _) => Reach::Denied(reason),
            Failure::TimedOut
            | Failure::Broken(_)
            | Failure::Tls(_)
            | Failure::Status(..)
            | Failure::TooLarge
            | Failure::Garbage(_) => Reach::Unreachable(reason),
        }
    }

    /// The answer to `GET path`, asked at most once. A request whose asker gave up is asked again by the next.
    async fn get(&self, path: &str) -> Answer {
        let cell = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.entry(path.to_owned()).or_default().clone()
        };
        cell.get_or_init(async || self.client.get(path).await.map(Arc::new)).await.clone()
    }

    /// `GET /version`.
    pub async fn version(&self) -> Answer {
        self.get("/version").await
    }

    /// `GET /info`.
    pub async fn info(&self) -> Answer {
        self.get("/info").await
    }

    /// The network that containers are put on unless told otherwise.
    pub async fn default_bridge(&self) -> Answer {
        self.get("/networks/bridge").await
    }

    /// `GET /volumes`.
    pub async fn volumes(&self) -> Answer {
        self.get("/volumes").await
    }

    /// `GET /images/json`: every image that has a name or is the base of none.
    pub async fn images(&self) -> Answer {
        self.get("/images/json").await
    }

    /// `GET /images/{name}/json`.
    pub async fn image(&self, name: &str) -> Answer {
        self.get(&format!("/images/{}/json", percent_encode(name))).await
    }

    /// Every container, stopped ones included, inspected and sorted by name. One that is gone between the list and its
    /// inspection is left out.
    ///
    /// # Errors
    /// The list could not be read or is none.
    pub async fn containers(&self) -> Result<Vec<Container>, Reason> {
        let list = self.get("/containers/json?all=1").await.map_err(|failure| failure.reason())?;
        let entries = list.as_array().ok_or_else(|| Reason::new("the daemon's list of containers is no list"))?;
        let listed = entries.iter().map(Listed::read).collect::<Result<Vec<_>, _>>()?;
        let inspected = all(listed.into_iter().map(|entry| self.inspect(entry))).await;
        let mut containers: Vec<Container> = inspected.into_iter().flatten().collect();
        containers.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(containers)
    }

    async fn inspect(&self, Listed { id, name, image }: Listed) -> Option<Container> {
        let inspected = self.get(&inspection(&id)).await;
        match inspected {
            Err(failure) if failure.is_not_found() => None,
            inspected => Some(Container { id, name, image, inspected }),
        }
    }

    /// What this machine shows of a container: its first process and where its mounts lead. Read once.
    pub async fn host_view(&self, container: &Container) -> HostView {
        let cell = {
            let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
            views.entry(container.id.clone()).or_default().clone()
        };
        cell.get_or_init(async || self.look(container).await).await.clone()
    }

    async fn look(&self, container: &Container) -> HostView {
        let Ok(inspected) = container.inspected.clone() else { return HostView::default() };
        if !self.is_local() {
            return HostView::remote();
        }
        let id = container.id.clone();
        let looked = tokio::task::spawn_blocking(move || HostView::read(&id, &inspected)).await;
        looked.unwrap_or_default()
    }

    /// A container and what this machine shows of it, for one whose process was not where its inspection had it: it may
    /// have ended or been started anew in between. A daemon notices an end a moment after the kernel, so it is asked until
    /// the two agree, within [`PATIENCE`]. `None` when the container is gone.
    pub async fn look_again(&self, container: &Container) -> Option<(Container, HostView)> {
        let mut pauses = PATIENCE.into_iter();
        loop {
            let answer = self.client.get(&inspection(&container.id)).await.map(Arc::new);
            if answer.as_ref().is_err_and(Failure::is_not_found) {
                return None;
            }
            let now = match answer {
                Ok(inspected) => Container { inspected: Ok(inspected), ..container.clone() },
                Err(_) => container.clone(),
            };
            let view = self.look(&now).await;
            match pauses.next() {
                Some(pause) if view.may_have_ended => tokio::time::sleep(Duration::from_millis(pause)).await,
                _ => return Some((now, view)),
            }
        }
    }

    /// The variables of each container whose name matches the glob (every one for an empty glob), the image's own
    /// included; of a repeated name the last counts.
    ///
    /// # Errors
    /// The glob does not parse, or the containers cannot be listed.
    pub async fn environments(&self, glob: &str) -> Result<Vec<Environment>, Reason> {
        let wanted = Glob::new(glob)?;
        let containers = self.containers().await?;
        Ok(containers.iter().filter(|container| wanted.matches(&container.name)).map(environment).collect())
    }
}

fn inspection(id: &str) -> String {
    format!("/containers/{}/json", percent_encode(id))
}

/// An entry of the list of containers.
struct Listed {
    id: String,
    name: String,
    image: String,
}

impl Listed {
    fn read(entry: &Json) -> Result<Self, Reason> {
        let text = |key: &str| entry.get(key).and_then(Json::as_str);
        let id = text("Id").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Reason::new("an entry of the daemon's list of containers has no Id"))?;
        // Names of links, `/other/alias`, come besides the container's own.
        let mut names = entry.get("Names").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        let own = names.find(|name| !name.trim_start_matches('/').contains('/'));
        let name = own.map(|name| name.trim_start_matches('/')).filter(|name| !name.is_empty());
        let short = id.chars().take(12).collect::<String>();
        Ok(Listed {
            id: id.to_owned(),
            name: name.map_or(short, str::to_owned),
            image: text("Image").unwrap_or_default().to_owned(),
        })
    }
}

fn environment(container: &Container) -> Environment {
    let variables = match &container.inspected {
        Ok(inspected) => variables(inspected),
        Err(failure) => Err(failure.reason()),
    };
    Environment {
        owner: format!("container {}", container.name),
        origin: format!("container {} Config.Env", container.name),
        basis: Basis::Live,
        variables,
        unseen: Vec::new(),
    }
}

fn variables(inspected: &Json) -> Result<Vec<Variable>, Reason> {
    let strange = || Reason::new("unexpected shape of Config.Env");
    let entries = match inspected.get("Config").and_then(|config| config.get("Env")) {
        Some(Json::Null) => return Ok(Vec::new()),
        Some(entries) => entries.as_array().ok_or_else(strange)?,
        None => return Err(Reason::new("Config.Env is not in the daemon's answer")),
    };
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    for entry in entries {
        let entry = entry.as_str().ok_or_else(strange)?;
        // A name alone is how an inherited variable is unset.
        match entry.split_once('=') {
            Some((name, value)) => last.insert(name, value),
            None => last.remove(entry),
        };
    }
    let variable = |(name, value): (&str, &str)| Variable {
        name: name.to_owned(),
        value: Ok(SecretString::from(value)),
        origin: None,
    };
    Ok(last.into_iter().map(variable).collect())
}

/// A pattern for names: `*`, `?`, `[a-z]`, `{a,b}`; `*` crosses slashes, as references of images have them.
#[derive(Debug)]
pub struct Glob(Option<Alternatives>);

impl Glob {
    /// An empty pattern matches everything.
    ///
    /// # Errors
    /// The pattern does not parse.
    pub fn new(pattern: &str) -> Result<Self, Reason> {
        if pattern.is_empty() {
            return Ok(Glob(None));
        }
        let glob = Alternatives::new(pattern);
        glob.map(Some).map(Glob).map_err(|error| Reason::new(format!("this is no pattern for names: {error}")))
    }

    pub fn matches(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|glob| glob.matches(name))
    }
}

/// Keeps what a path segment may hold (RFC 3986, unreserved and `:`), and the slashes of image names.
fn percent_encode(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// How many futures [`all`] drives at once; requests beyond the client's connections would only wait.
const AT_ONCE: usize = 8;

/// Runs futures on this task, a few at a time, and gives their results in order.
pub(crate) async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let waiting = RefCell::new(futures.enumerate());
    let done = RefCell::new(BTreeMap::new());
    let worker = async || {
        loop {
            // Its own statement: the borrow must end before the await.
            let next = waiting.borrow_mut().next();
            let Some((place, future)) = next else { return };
            let output = future.await;
            done.borrow_mut().insert(place, output);
        }
    };
    let mut workers: Vec<_> = (0..AT_ONCE).map(|_| Box::pin(worker())).collect();
    poll_fn(|context| {
        workers.retain_mut(|worker| worker.as_mut().poll(context).is_pending());
        if workers.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    drop(workers);
    done.into_inner().into_values().collect()
}

#[cfg(test)]
mod tests;
