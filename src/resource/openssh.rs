//! What the resources about OpenSSH share: the files, and the release that reads them.

use std::path::Path;

pub(super) mod setting;

use crate::facts::Listing;
use crate::openssh::criteria::Connection;
use crate::openssh::server::DIRECTORY;
use crate::openssh::source::{self, Config, Main, Side};
use crate::openssh::version::{Build, Version};
use crate::resource::{With, files, text};
use crate::target::host::{Host, Trouble};
use crate::value::{Observed, Reason, Value};

/// Bytes of a configuration file.
const MAX_CONFIG: u64 = 4 << 20;
/// Bytes of a program; sshd has about one million.
const MAX_PROGRAM: u64 = 32 << 20;

/// SUSE keeps what the package brings apart from what the administrator wrote.
const SERVER_PATHS: [&str; 2] = ["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"];
const SERVER_PROGRAMS: [&str; 4] = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd", "/usr/lib/ssh/sshd"];

const CLIENT_PATHS: [&str; 2] = ["/etc/ssh/ssh_config", "/usr/etc/ssh/ssh_config"];
const CLIENT_PROGRAMS: [&str; 2] = ["/usr/bin/ssh", "/usr/local/bin/ssh"];

/// A configuration with the release that reads it.
pub(super) struct Installation {
    pub(super) path: String,
    pub(super) config: Config,
    build: Build,
    /// Why it could not be told which release it is.
    unseen: Option<Reason>,
}

impl Installation {
    pub(super) fn build(&self) -> &Build {
        &self.build
    }

    pub(super) fn version_value(&self) -> Observed {
        match (&self.build.version, &self.unseen) {
            (Some(version), _) => {
                let number = format!("{}.{}", version.major, version.minor);
                let parsed = crate::value::Version::parse(&number);
                parsed.map_or_else(|| Value::Invalid(number.into()), Value::Version).into()
            }
            (None, Some(reason)) => Observed::Unknown(reason.clone()),
            (None, None) => Observed::Absent,
        }
    }

    /// Where a default comes from.
    pub(super) fn default_origin(&self) -> String {
        let version = self.build.version.as_ref().map(|version| format!(" {}", version.text));
        format!("default of OpenSSH{}", version.unwrap_or_default())
    }
}

/// The server's. Without a file and without the program there is no server.
pub(super) fn server(host: &Host, with: &With) -> Result<Installation, Listing> {
    let (build, unseen) = match build(host, text(with, "version"), &SERVER_PROGRAMS) {
        Ok(build) => (build, None),
        Err(reason) => (Build::default(), Some(reason)),
    };
    let given = Some(text(with, "path")).filter(|path| !path.is_empty());
    let paths = given.as_ref().map_or(SERVER_PATHS.as_slice(), std::slice::from_ref);
    let (path, bytes) = match files::first_of(host, paths) {
        Ok(Some((path, bytes))) => (files::show(&path), bytes),
        Ok(None) => return Err(Listing::absent(format!("{} does not exist", paths.first().unwrap_or(&"sshd_config")))),
        Err(reason) => return Err(Listing::failed(reason)),
    };
    let config = source::read(Side::Server, &path, &bytes, DIRECTORY, &files::Included(host));
    Ok(Installation { path, config, build, unseen })
}

/// The client's program and the system's file for it, which both can be missing.
pub(super) struct Client {
    build: Build,
    unseen: Option<Reason>,
    path: String,
    system: Option<Vec<u8>>,
}

/// Without a file and without the program there is no client, and no answer.
pub(super) fn client(host: &Host, with: &With) -> Result<Option<Client>, Reason> {
    let (build, unseen) = match build(host, text(with, "version"), &CLIENT_PROGRAMS) {
        Ok(build) => (build, None),
        Err(reason) => (Build::default(), Some(reason)),
    };
    let given = Some(text(with, "path")).filter(|path| !path.is_empty());
    let paths = given.as_ref().map_or(CLIENT_PATHS.as_slice(), std::slice::from_ref);
    let default = (*paths.first().unwrap_or(&"")).to_owned();
    let found = files::first_of(host, paths)?;
    let nothing = found.is_none() && build.version.is_none() && unseen.is_none();
    let (path, system) = found.map_or((default, None), |(path, bytes)| (files::show(&path), Some(bytes)));
    Ok((!nothing).then_some(Client { build, unseen, path, system }))
}

impl Client {
    /// What counts for somebody with a file of his own (its path and content, and his home), or for all others.
    pub(super) fn installation(&self, host: &Host, own: Option<(&str, &[u8], &str)>) -> Installation {
        let directory = own.map(|(_, _, home)| format!("{home}/.ssh")).unwrap_or_default();
        let users = own.map(|(path, bytes, home)| Main { path, bytes, directory: &directory, home: Some(home) });
        let system = self.system.as_deref();
        let system = system.map(|bytes| Main { path: &self.path, bytes, directory: DIRECTORY, home: None });
        let mains: Vec<Main> = users.into_iter().chain(system).collect();
        let config = source::read_all(Side::Client, &mains, &files::Included(host));
        let path = own.map_or(self.path.as_str(), |(path, ..)| path).to_owned();
        Installation { path, config, build: self.build.clone(), unseen: self.unseen.clone() }
    }
}

/// The release: as given, else as the first program there says.
fn build(host: &Host, given: &str, programs: &[&str]) -> Result<Build, Reason> {
    if !given.is_empty() {
        let version = Version::parse(given).ok_or_else(|| Reason::new(format!("`{given}` is no release of OpenSSH")));
        return version.map(Build::of_release);
    }
    for program in programs {
        match host.read(Path::new(program), MAX_PROGRAM) {
            Ok(bytes) => return Ok(Build::of_program(&bytes)),
            Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => return Err(reason),
        }
    }
    Ok(Build::default())
}

/// The connection that the parameters give; `None` when they give none.
pub(super) fn connection(with: &With) -> Option<Connection> {
    let given = |name: &str| Some(text(with, name)).filter(|value| !value.is_empty()).map(str::to_owned);
    let connection = Connection {
        user: given("user"),
        host: given("host"),
        address: given("address"),
        laddress: given("laddress"),
        lport: given("lport"),
        ..Connection::default()
    };
    (connection != Connection::default()).then_some(connection)
}

/// Users with root's number, root first.
pub(super) fn root_users(host: &Host) -> Vec<String> {
    let mut users = vec!["root".to_owned()];
    if let Ok(bytes) = host.read(Path::new("/etc/passwd"), MAX_CONFIG) {
        let text = String::from_utf8_lossy(&bytes);
        let others = text.lines().filter_map(|line| {
            let mut parts = line.split(':');
            let (name, number) = (parts.next()?, parts.nth(1)?);
            (number == "0" && name != "root").then(|| name.to_owned())
        });
        users.extend(others.take(20));
    }
    users
}
