//! `pg_settings` and what stands beside it, each read once.

use super::failure::{Failure, FailureKind};
use super::session::{Row, Session};

/// A row of `pg_settings` (manual, section of that name).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingRow {
    pub name: String,
    /// The value in force outside this session, in `unit`; absent when this session's own connection hides it.
    pub value: Option<String>,
    pub unit: Option<String>,
    /// `bool`, `integer`, `real`, `enum` or `string`.
    pub vartype: String,
    pub context: String,
    /// Where the value comes from; absent when this session's own hides it.
    pub source: Option<String>,
    pub source_file: Option<String>,
    pub source_line: Option<i64>,
    pub boot_value: Option<String>,
    pub pending_restart: Option<bool>,
}

/// Every setting that the role may see.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    rows: Vec<SettingRow>,
}

/// A value that ALTER ROLE or ALTER DATABASE … SET gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideRow {
    pub name: String,
    pub value: String,
    /// `None` for every database.
    pub database: Option<String>,
    /// `None` for every role.
    pub role: Option<String>,
}

/// An error in the configuration files as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// `None` for a line that could not be read at all.
    pub name: Option<String>,
    pub file: String,
    pub line: i64,
    pub error: String,
}

impl Settings {
    /// The setting of that name, in any case, as the server looks it up.
    pub fn get(&self, name: &str) -> Option<&SettingRow> {
        self.rows.iter().find(|row| row.name.eq_ignore_ascii_case(name))
    }

    /// The value of a setting that the role may see.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name)?.value.as_deref()
    }
}

pub(super) async fn read(session: &Session) -> Result<Settings, Failure> {
    let sql = "SELECT name, setting, unit, vartype, context, source, sourcefile, sourceline, boot_val, reset_val, \
               pending_restart FROM pg_settings";
    let rows: Vec<SettingRow> = session.rows(sql).await?.iter().map(setting).collect();
    if rows.is_empty() {
        return Err(Failure::new(FailureKind::Server, "the server shows no settings"));
    }
    Ok(Settings { rows })
}

/// The values that the question itself set (`session`) stand aside for those that return after it; the values that the
/// connection was begun with (`client`) have replaced the server's for good.
fn setting(row: &Row) -> SettingRow {
    let source = row.string("source");
    let (value, source) = match source.as_deref() {
        Some("session") => (row.string("reset_val"), None),
        Some("client") => (None, None),
        _ => (row.string("setting"), source),
    };
    SettingRow {
        name: row.string("name").unwrap_or_default(),
        value,
        unit: row.string("unit"),
        vartype: row.string("vartype").unwrap_or_default(),
        context: row.string("context").unwrap_or_default(),
        source,
        source_file: row.string("sourcefile"),
        source_line: row.int("sourceline"),
        boot_value: row.string("boot_val"),
        pending_restart: row.bool("pending_restart"),
    }
}

pub(super) async fn overrides(session: &Session) -> Result<Vec<OverrideRow>, Failure> {
    let sql = "SELECT split_part(line, '=', 1) AS name, substr(line, strpos(line, '=') + 1) AS value, d.datname, r.rolname \
               FROM pg_db_role_setting AS s CROSS JOIN LATERAL unnest(s.setconfig) AS line \
               LEFT JOIN pg_database AS d ON d.oid = s.setdatabase LEFT JOIN pg_roles AS r ON r.oid = s.setrole \
               ORDER BY 1, 3, 4";
    let rows = session.rows(sql).await?;
    let read = |row: &Row| OverrideRow {
        name: row.string("name").unwrap_or_default(),
        value: row.string("value").unwrap_or_default(),
        database: row.string("datname"),
        role: row.string("rolname"),
    };
    Ok(rows.iter().map(read).collect())
}

pub(super) async fn file_errors(session: &Session) -> Result<Vec<FileError>, Failure> {
    let sql = "SELECT name, sourcefile, sourceline, error FROM pg_file_settings WHERE error IS NOT NULL ORDER BY seqno";
    let rows = session.rows(sql).await?;
    let read = |row: &Row| FileError {
        name: row.string("name"),
        file: row.string("sourcefile").unwrap_or_default(),
        line: row.int("sourceline").unwrap_or_default(),
        error: row.string("error").unwrap_or_default(),
    };
    Ok(rows.iter().map(read).collect())
}
