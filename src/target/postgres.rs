//! A PostgreSQL server, asked in read-only transactions.
//!
//! The door connects when it is first asked, once; what many rules ask about (settings, roles) is read once and shared.
//! Nothing here writes: see [`session`] for how a question is put, and [`login`] for how a connection is made.

mod dial;
mod failure;
mod files;
mod guard;
mod hba;
mod local;
mod login;
mod roles;
mod secured;
mod session;
mod settings;
mod tls;
mod verifier;

use std::fmt;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::dsn::{Resolved, Surroundings};
use crate::value::Reason;
use crate::value::secret::Salt;
pub use failure::{Failure, FailureKind};
pub use hba::{HbaFile, HbaRow};
pub use roles::{Catalog, DatabaseRow, RoleRow};
pub use session::{Row, Session};
pub use settings::{FileError, OverrideRow, SettingRow, Settings};
use tls::Wishes;

/// A server, connected to or not yet.
pub struct Postgres {
    name: String,
    resolved: Resolved,
    wishes: Result<Wishes, Failure>,
    salt: Arc<Salt>,
    session: OnceCell<Result<Session, Failure>>,
    settings: OnceCell<Result<Settings, Failure>>,
    overrides: OnceCell<Result<Vec<OverrideRow>, Failure>>,
    file_errors: OnceCell<Result<Vec<FileError>, Failure>>,
    catalog: OnceCell<Result<Catalog, Failure>>,
    hba: OnceCell<Result<Vec<HbaRow>, Failure>>,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("name", &self.name).field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Postgres {
    /// A server by its connection string, with all that libpq adds to it. Nothing is opened yet.
    pub fn new(name: impl Into<String>, resolved: Resolved, around: &dyn Surroundings, salt: Arc<Salt>) -> Self {
        let home = around.env("HOME").filter(|home| !home.is_empty()).or_else(|| around.home());
        Postgres {
            name: name.into(),
            wishes: Wishes::new(&resolved, home.as_deref()),
            resolved,
            salt,
            session: OnceCell::new(),
            settings: OnceCell::new(),
            overrides: OnceCell::new(),
            file_errors: OnceCell::new(),
            catalog: OnceCell::new(),
            hba: OnceCell::new(),
        }
    }

    /// The target's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the server is reached, without secrets: the connection string, or the first server when there is none.
    pub fn address(&self) -> String {
        let written = self.resolved.conninfo.to_string();
        let Some(host) = self.resolved.hosts.first().filter(|_| written.is_empty()) else { return written };
        let name = host.host.as_deref().or(host.hostaddr.as_deref()).unwrap_or_default();
        format!("host={name} port={}", host.port.unwrap_or(5432))
    }

    /// Keys the fingerprints of secrets.
    pub fn salt(&self) -> &Salt {
        &self.salt
    }

    /// The role that harden logs in as.
    pub fn user(&self) -> &str {
        self.resolved.get("user").unwrap_or_default()
    }

    /// That role, as it is written in a GRANT.
    pub fn grantee(&self) -> String {
        identifier(self.user())
    }

    /// Connects, if that has not been done, and says whether it worked.
    pub async fn reach(&self) -> Result<(), Failure> {
        self.session().await.map(drop)
    }

    /// The connection; opened once, so that a server that cannot be reached is waited for once.
    pub async fn session(&self) -> Result<&Session, Failure> {
        let open = async {
            match &self.wishes {
                Ok(wishes) => login::log_in(&self.resolved, wishes).await,
                Err(failure) => Err(failure.clone()),
            }
        };
        self.session.get_or_init(|| open).await.as_ref().map_err(Clone::clone)
    }

    /// The rows of a SELECT, in a read-only transaction with `search_path = pg_catalog` and time limits.
    pub async fn rows(&self, sql: &str) -> Result<Vec<Row>, Failure> {
        self.session().await?.rows(sql).await
    }

    /// The server's major version.
    pub async fn major(&self) -> Result<u32, Failure> {
        Ok(self.session().await?.major())
    }

    /// `Ok` when the server's files are known to be this host's; else why that is not known.
    pub async fn local_files(&self) -> Result<(), Reason> {
        self.session().await.map_err(|failure| failure.reason)?.local.clone()
    }

    /// Ends the connection politely. Dropping the door cuts it off instead.
    pub async fn close(self) {
        if let Some(Ok(session)) = self.session.into_inner() {
            session.close().await;
        }
    }

    /// Every setting that the role may see.
    pub async fn settings(&self) -> Result<&Settings, Failure> {
        once(&self.settings, async { settings::read(self.session().await?).await }).await
    }

    /// What ALTER ROLE and ALTER DATABASE … SET say.
    pub async fn overrides(&self) -> Result<&Vec<OverrideRow>, Failure> {
        once(&self.overrides, async { settings::overrides(self.session().await?).await }).await
    }

    /// The errors in the configuration files as they are now. Denied without [`Postgres::file_settings_grant`].
    pub async fn file_errors(&self) -> Result<&Vec<FileError>, Failure> {
        once(&self.file_errors, async { settings::file_errors(self.session().await?).await }).await
    }

    /// The roles, who is a member of what, and the databases.
    pub async fn catalog(&self) -> Result<&Catalog, Failure> {
        once(&self.catalog, async { roles::read(self.session().await?).await }).await
    }

    /// The lines of `pg_hba_file_rules`: the file as it is on disk. Denied without [`Postgres::hba_grant`]; the reason
    /// names it.
    pub async fn hba_rows(&self) -> Result<&Vec<HbaRow>, Reason> {
        let rows = once(&self.hba, async { hba::rows(self.session().await?).await }).await;
        rows.map_err(|failure| self.denied(&failure, self.hba_grant()))
    }

    /// `pg_hba.conf` itself, read by the server.
    pub async fn hba_file_contents(&self) -> Result<HbaFile, Reason> {
        let file = async { hba::file(self.session().await?).await }.await;
        file.map_err(|failure| self.denied(&failure, self.read_file_grant()))
    }

    /// Another file of the server, read by the server; for the files that `pg_hba.conf` includes.
    pub async fn server_file(&self, path: &str) -> Result<Vec<u8>, Reason> {
        let file = async { hba::server_file(self.session().await?, path).await }.await;
        file.map_err(|failure| self.denied(&failure, self.read_file_grant()))
    }

    /// When the server last read its configuration files: seconds since the epoch.
    pub async fn loaded_since(&self) -> Result<i64, Failure> {
        let rows = self.rows("SELECT floor(extract(epoch FROM pg_conf_load_time()))::bigint AS at").await?;
        rows.first()
            .and_then(|row| row.int("at"))
            .ok_or_else(|| Failure::new(FailureKind::Server, "the server does not say when it read its configuration"))
    }

    /// A failure as a reason; with `grant` when it was the role that was denied.
    pub fn denied(&self, failure: &Failure, grant: impl AsRef<str>) -> Reason {
        if failure.is_denied() { failure.reason.clone().with_grant(grant) } else { failure.reason.clone() }
    }

    pub fn settings_grant(&self) -> String {
        format!("GRANT pg_read_all_settings TO {}", self.grantee())
    }

    pub fn file_settings_grant(&self) -> String {
        let role = self.grantee();
        format!(
            "GRANT SELECT ON pg_file_settings TO {role}; GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO {role}"
        )
    }

    pub fn hba_grant(&self) -> String {
        let role = self.grantee();
        format!("GRANT SELECT ON pg_hba_file_rules TO {role}; GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO {role}")
    }

    pub fn passwords_grant(&self) -> String {
        format!("GRANT SELECT (rolname, rolpassword, rolvaliduntil) ON pg_authid TO {}", self.grantee())
    }

    pub fn read_file_grant(&self) -> String {
        let role = self.grantee();
        format!(
            "GRANT pg_read_all_settings, pg_read_server_files TO {role}; \
             GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO {role}"
        )
    }
}

/// Reads once. A reading that was cut short by its caller is begun again by the next.
async fn once<T>(
    cell: &OnceCell<Result<T, Failure>>,
    read: impl Future<Output = Result<T, Failure>>,
) -> Result<&T, Failure> {
    cell.get_or_init(|| read).await.as_ref().map_err(Clone::clone)
}

/// A name as SQL writes it (manual, "Identifiers and Key Words").
fn identifier(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if plain && starts { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A text for SQL in a form in which no character can end it.
pub(crate) fn literal(text: &str) -> String {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("convert_from(decode('{hex}', 'hex'), 'UTF8')")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must() {
        assert_eq!(identifier("harden_audit"), "harden_audit");
        assert_eq!(identifier("Audit"), "\"Audit\"");
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(identifier(""), "\"\"");
        assert_eq!(literal("a'"), "convert_from(decode('6127', 'hex'), 'UTF8')");
    }
}
