//! One connection that is in use: questions, answers, and its end.
//!
//! Every question is one message that holds a whole transaction: `SET TRANSACTION READ ONLY`, limits by `SET LOCAL`, and
//! the question. The server runs such a message as one implicit transaction, so that an error or a caller that stops
//! waiting leaves nothing open, and no setting outlives it: behind a pooler the next user of the server's connection
//! finds it as it was. For the same reason, and because they would hide the server's own values from `pg_settings`, the
//! limits are no start-up options.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, Connection, SimpleQueryMessage, SimpleQueryRow};

use super::failure::{self, Failure, FailureKind};
use super::guard::Guard;
use super::secured::{Line, Secured};
use crate::value::{Reason, Version};

/// Longer than the server's own limit, for a server that does not keep it.
const QUESTION: Duration = Duration::from_secs(7);
const GOODBYE: Duration = Duration::from_secs(1);
/// Rows of one answer.
const MAX_ROWS: usize = 200_000;

const LIMITS: &str = "SET TRANSACTION READ ONLY; SET LOCAL search_path = pg_catalog; SET LOCAL statement_timeout = '5s'; \
                      SET LOCAL lock_timeout = '1s'; SET LOCAL standard_conforming_strings = on; ";
/// The server looks after its client while it works, so that a question whose asker is gone ends (since 14).
const LOOK_AFTER: &str = "SET LOCAL client_connection_check_interval = '500ms'; ";
/// An owner could put a view in the place of a table, whose functions then run with harden's rights (CVE-2024-7348).
const TABLES_ONLY: &str = "SET LOCAL restrict_nonsystem_relation_kind = 'view, foreign-table'; ";
const HAS_TABLES_ONLY: &str =
    "SELECT count(*) > 0 AS has FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'";

/// A logged-in connection. Dropping it closes the socket.
pub struct Session {
    client: Option<Client>,
    task: JoinHandle<()>,
    /// The address that answered.
    pub address: String,
    pub encrypted: bool,
    /// Whether the server's files are this host's.
    pub local: Result<(), Reason>,
    /// `server_version`: `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("address", &self.address)
            .field("encrypted", &self.encrypted)
            .finish_non_exhaustive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Session {
    pub(super) fn begin(
        client: Client,
        connection: Connection<Guard<Line>, Secured>,
        address: String,
        encrypted: bool,
    ) -> Self {
        let version = connection.parameter("server_version").unwrap_or_default().to_owned();
        // How the connection ends is seen by whoever waits for an answer.
        let task = tokio::spawn(async move { drop(connection.await) });
        let local = Err(Reason::new("not read"));
        Session { client: Some(client), task, address, encrypted, local, version }
    }

    /// The major version; 0 when the server does not say.
    pub fn major(&self) -> u32 {
        let digits: String = self.version.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    }

    /// Whether the server is at least of that version (`9.5`, `14`).
    pub fn is_since(&self, version: &str) -> bool {
        let (ours, theirs) = (Version::parse(&self.version), Version::parse(version));
        ours.is_some() && ours.partial_cmp(&theirs).is_some_and(std::cmp::Ordering::is_ge)
    }

    /// The server's process for this connection.
    pub(super) async fn backend(&self) -> Result<i64, Failure> {
        let rows = self.rows("SELECT pg_backend_pid() AS pid").await?;
        Ok(rows.first().and_then(|row| row.int("pid")).unwrap_or_default())
    }

    /// The rows that a SELECT gives, in a read-only transaction.
    pub async fn rows(&self, sql: &str) -> Result<Vec<Row>, Failure> {
        self.within_time("", sql).await
    }

    /// The same, refusing views and foreign tables where the server knows how to (since the minor releases of August 2024).
    pub async fn rows_of_table(&self, sql: &str) -> Result<Vec<Row>, Failure> {
        let has = self.rows(HAS_TABLES_ONLY).await?;
        let guarded = has.first().and_then(|row| row.bool("has")) == Some(true);
        self.within_time(if guarded { TABLES_ONLY } else { "" }, sql).await
    }

    async fn within_time(&self, limits: &str, sql: &str) -> Result<Vec<Row>, Failure> {
        let asked = timeout(QUESTION, self.ask(limits, sql)).await;
        asked.unwrap_or_else(|_| {
            Err(Failure::new(FailureKind::TimedOut, "the server did not answer a question in time"))
        })
    }

    async fn ask(&self, limits: &str, sql: &str) -> Result<Vec<Row>, Failure> {
        let client =
            self.client.as_ref().ok_or_else(|| Failure::new(FailureKind::Closed, "the connection is closed"))?;
        // A second statement could end the transaction, and with it its being read-only.
        if sql.contains(';') {
            return Err(Failure::new(FailureKind::Configuration, "a question is one statement"));
        }
        let look_after = if self.is_since("14") { LOOK_AFTER } else { "" };
        let question = format!("{LIMITS}{look_after}{limits}{sql}");
        let answers = client.simple_query_raw(&question).await.map_err(|error| failure::of_protocol(&error))?;
        let mut answers = pin!(answers);
        let mut rows = Vec::new();
        while let Some(answer) = answers.try_next().await.map_err(|error| failure::of_protocol(&error))? {
            if let SimpleQueryMessage::Row(row) = answer {
                rows.push(Row(row));
            }
            if rows.len() > MAX_ROWS {
                return Err(Failure::new(FailureKind::Server, format!("the answer has more than {MAX_ROWS} rows")));
            }
        }
        Ok(rows)
    }

    /// Says goodbye, so that the server does not have to find out.
    pub async fn close(mut self) {
        drop(self.client.take());
        // Whatever is left is cut off when this is dropped.
        let _ = timeout(GOODBYE, &mut self.task).await;
    }
}

/// A row, every column as the server's text.
#[derive(Debug)]
pub struct Row(SimpleQueryRow);

impl Row {
    /// `None` for NULL.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.0.try_get(column).ok().flatten()
    }

    pub fn string(&self, column: &str) -> Option<String> {
        self.text(column).map(str::to_owned)
    }

    pub fn bool(&self, column: &str) -> Option<bool> {
        self.text(column).map(|text| text == "t")
    }

    pub fn int(&self, column: &str) -> Option<i64> {
        self.text(column)?.parse().ok()
    }

    /// A column made by `to_json` of an array of texts; empty for NULL.
    pub fn texts(&self, column: &str) -> Vec<String> {
        let parsed: Option<Vec<Option<String>>> = self.text(column).and_then(|text| serde_json::from_str(text).ok());
        parsed.into_iter().flatten().flatten().collect()
    }
}
