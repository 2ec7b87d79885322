//! `pg_hba.conf` as the server shows it: line by line, or whole.

use super::failure::{Failure, FailureKind};
use super::literal;
use super::session::Session;

/// A line of `pg_hba_file_rules` (manual, section of that name). A line with an error has nothing but its number and it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HbaRow {
    /// The place in the order of decision, from 1; absent on servers before 16 and for lines with an error.
    pub rule: Option<i64>,
    /// The file of the line; absent on servers before 16, which have one file.
    pub file: Option<String>,
    pub line: i64,
    /// `local`, `host`, `hostssl` …
    pub kind: Option<String>,
    /// Names and keywords; the view does not say which of them were quoted.
    pub databases: Vec<String>,
    pub users: Vec<String>,
    /// An address, a host name, or `all`, `samehost`, `samenet`; absent for `local`.
    pub address: Option<String>,
    pub netmask: Option<String>,
    pub method: Option<String>,
    /// `name=value`.
    pub options: Vec<String>,
    pub error: Option<String>,
}

/// A file and where the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HbaFile {
    pub path: String,
    pub content: Vec<u8>,
}

pub(super) async fn rows(session: &Session) -> Result<Vec<HbaRow>, Failure> {
    if !session.is_since("10") {
        return Err(Failure::new(FailureKind::Server, "servers before version 10 have no pg_hba_file_rules"));
    }
    let (more, order) =
        if session.is_since("16") { ("rule_number, file_name, ", "rule_number NULLS LAST, ") } else { ("", "") };
    let sql = format!(
        "SELECT {more}line_number, type, to_json(database) AS database, to_json(user_name) AS user_name, address, netmask, \
         auth_method, to_json(options) AS options, error FROM pg_hba_file_rules ORDER BY {order}line_number"
    );
    let rows = session.rows(&sql).await?;
    let read = |row: &super::Row| HbaRow {
        rule: row.int("rule_number"),
        file: row.string("file_name"),
        line: row.int("line_number").unwrap_or_default(),
        kind: row.string("type"),
        databases: row.texts("database"),
        users: row.texts("user_name"),
        address: row.string("address"),
        netmask: row.string("netmask"),
        method: row.string("auth_method"),
        options: row.texts("options"),
        error: row.string("error"),
    };
    Ok(rows.iter().map(read).collect())
}

pub(super) async fn file(session: &Session) -> Result<HbaFile, Failure> {
    let sql = "SELECT current_setting('hba_file') AS path, \
               encode(pg_read_binary_file(current_setting('hba_file')), 'hex') AS content";
    let rows = session.rows(sql).await?;
    let row = rows.first().ok_or_else(no_answer)?;
    let content = row.text("content").and_then(unhex).ok_or_else(no_answer)?;
    Ok(HbaFile { path: row.string("path").unwrap_or_default(), content })
}

pub(super) async fn server_file(session: &Session, path: &str) -> Result<Vec<u8>, Failure> {
    let rows =
        session.rows(&format!("SELECT encode(pg_read_binary_file({}), 'hex') AS content", literal(path))).await?;
    rows.first().and_then(|row| row.text("content").and_then(unhex)).ok_or_else(no_answer)
}

fn no_answer() -> Failure {
    Failure::new(FailureKind::Server, "the server gave no content")
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex() {
        assert_eq!(unhex("6127ff").as_deref(), Some(&b"a'\xff"[..]));
        assert_eq!(unhex(""), Some(vec![]));
        assert_eq!(unhex("6"), None);
        assert_eq!(unhex("é"), None);
    }
}
