//! The kinds of things that rules can look at. Each resource is one file: its parameters, its field table and how it is
//! read. The table is the single source for the compiler, the editor schema and the reference pages.

mod accounts;
mod authorized_key;
mod capabilities;
mod certificate;
mod config;
mod container;
mod cors;
mod docker_daemon;
mod docker_engine;
mod docker_json;
mod dsn;
mod env;
mod file;
mod files;
mod firewall;
mod git;
mod git_remote;
mod group;
pub(crate) mod hba_rules;
mod hcloud_firewall;
mod hcloud_server;
mod host;
mod http;
mod image;
mod kubernetes_object;
mod listen;
mod mounted;
mod nginx;
mod ofelia;
mod ofelia_job;
mod openbao;
mod openssh;
mod pg;
mod pg_access;
mod pg_database;
mod pg_hba;
mod pg_privilege;
mod pg_role;
mod pg_row;
mod pg_session;
mod pg_setting;
mod private_key;
mod process;
mod pulumi_resource;
mod pulumi_state;
mod schedule;
mod sensitive;
mod setting;
mod shell_assignment;
mod sqlite;
mod ssh_setting;
mod sshd;
mod sshd_setting;
mod sysctl;
mod tcp;
mod tls;
mod unit;
mod user;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use serde_json::Value as Json;

use crate::facts::Listing;
use crate::target::{Door, Kind};
use crate::value::Type;

/// The parameters of a query, after inputs and references were filled in.
pub type With = BTreeMap<String, Json>;

/// What a loader returns. Loaders run on one thread.
pub type Loading<'a> = Pin<Box<dyn Future<Output = Listing> + 'a>>;

/// A field that rules can judge.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub ty: Type,
    /// Where the observed program keeps it (`HostConfig.Privileged`); appended to the subject's origin as evidence.
    pub source: &'static str,
    /// What it means and in which unit.
    pub about: &'static str,
}

/// A row of a field table.
pub const fn field(name: &'static str, ty: Type, source: &'static str, about: &'static str) -> Field {
    Field { name, ty, source, about }
}

/// What a parameter accepts.
#[derive(Debug, Clone, Copy)]
pub enum Accepts {
    /// Text; a list of texts asks one query for each.
    Text,
    /// A word of [`crate::value::types::AS`]; text when none is given.
    As,
    /// The same with another type when none is given.
    AsElse(Type),
    /// One of these words.
    Words(&'static [&'static str]),
    /// A list of sources, the first that has a value wins.
    Layers,
    /// Several texts that belong to one query. They are kept joined by [`SEPARATOR`].
    Texts,
}

/// What stands between the texts of [`Accepts::Texts`].
pub const SEPARATOR: &str = ", ";

/// A parameter that a check gives under `with:`.
#[derive(Debug)]
pub struct Param {
    pub name: &'static str,
    pub accepts: Accepts,
    pub required: bool,
    pub about: &'static str,
}

/// A kind of thing that can be looked at.
pub struct Resource {
    pub name: &'static str,
    pub about: &'static str,
    /// The least privilege that sees all of it.
    pub privilege: &'static str,
    pub params: &'static [Param],
    pub fields: &'static [Field],
    /// Whether the thing asked for may not exist, so that a rule must say what that means (`absent:`).
    pub can_be_absent: bool,
    /// The kind of target that a query with these parameters is read from.
    pub target: fn(&With) -> Kind,
    pub observe: for<'a> fn(&'a Door, &'a With) -> Loading<'a>,
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every resource, by name.
pub static ALL: &[&Resource] = &[
    &authorized_key::AUTHORIZED_KEY,
    &certificate::CERTIFICATE,
    &config::CONFIG,
    &container::CONTAINER,
    &cors::CORS,
    &docker_daemon::DOCKER_DAEMON,
    &dsn::DSN,
    &env::ENV,
    &file::FILE,
    &firewall::FIREWALL,
    &git::GIT,
    &git_remote::GIT_REMOTE,
    &group::GROUP,
    &hcloud_firewall::HCLOUD_FIREWALL,
    &hcloud_server::HCLOUD_SERVER,
    &host::HOST,
    &http::HTTP,
    &image::IMAGE,
    &kubernetes_object::KUBERNETES_OBJECT,
    &listen::LISTEN,
    &nginx::NGINX,
    &ofelia::OFELIA,
    &ofelia_job::OFELIA_JOB,
    &openbao::OPENBAO,
    &pg_access::PG_ACCESS,
    &pg_database::PG_DATABASE,
    &pg_hba::PG_HBA,
    &pg_privilege::PG_PRIVILEGE,
    &pg_role::PG_ROLE,
    &pg_row::PG_ROW,
    &pg_session::PG_SESSION,
    &pg_setting::PG_SETTING,
    &private_key::PRIVATE_KEY,
    &process::PROCESS,
    &pulumi_resource::PULUMI_RESOURCE,
    &schedule::SCHEDULE,
    &setting::SETTING,
    &shell_assignment::SHELL_ASSIGNMENT,
    &sqlite::SQLITE,
    &ssh_setting::SSH_SETTING,
    &sshd::SSHD,
    &sshd_setting::SSHD_SETTING,
    &sysctl::SYSCTL,
    &tcp::TCP,
    &tls::TLS,
    &unit::UNIT,
    &user::USER,
];

pub fn find(name: &str) -> Option<&'static Resource> {
    ALL.iter().copied().find(|resource| resource.name == name)
}

impl Resource {
    /// The type that a query's fields of type [`Type::As`] have.
    pub fn as_type(&self, with: &With) -> Type {
        let given = with.get("as").and_then(Json::as_str).and_then(crate::value::types::from_as);
        given.unwrap_or_else(|| {
            let default = self.params.iter().find_map(|param| match param.accepts {
                Accepts::AsElse(ty) => Some(ty),
                Accepts::Text | Accepts::As | Accepts::Words(_) | Accepts::Layers | Accepts::Texts => None,
            });
            default.unwrap_or(Type::Text)
        })
    }
}

/// The text of a parameter; empty when it was not given.
pub fn text<'a>(with: &'a With, name: &str) -> &'a str {
    with.get(name).and_then(Json::as_str).unwrap_or_default()
}
