//! The rows of `pg_hba_file_rules` to the same [`Hba`] as the file.
//!
//! The view shows the file on disk, not what the server runs on, and it drops quotes: a database
//! called `all` and the keyword look alike. Words that can be keywords are taken for keywords and
//! [`Hba::quoting_known`] is false. Who may read the file (`pg_read_file`) should parse it instead.

use std::sync::Arc;

use super::cidr::{self, Net, Numeric};
use super::pattern::Pattern;
use super::redact;
use super::types::{Address, ClientCert, ConnType, DbToken, Entry, Hba, HbaError, Method, RoleToken};

/// One row; columns that a version lacks are `None`.
#[derive(Clone, Default)]
pub struct ViewRow {
    /// `file_name` (16 and later).
    pub file_name: Option<String>,
    /// `line_number`.
    pub line_number: i32,
    /// `type`.
    pub conn_type: Option<String>,
    /// `database`.
    pub database: Option<Vec<String>>,
    /// `user_name`.
    pub user_name: Option<Vec<String>>,
    /// `address`.
    pub address: Option<String>,
    /// `netmask`.
    pub netmask: Option<String>,
    /// `auth_method`.
    pub auth_method: Option<String>,
    /// `options`; can hold secrets, which is why a row does not print itself.
    pub options: Option<Vec<String>>,
    /// `error`.
    pub error: Option<String>,
}

/// Builds the configuration from the view's rows in the view's order.
///
/// `main_path` names the file where rows do not (before 16; `current_setting('hba_file')`).
/// A row with both a type and an error is an entry that cannot match on that server (`hostssl`
/// without `ssl`), as the server sees it; a row with neither is an error that the server does not
/// explain.
pub fn from_view(rows: Vec<ViewRow>, main_path: &str, version: u32) -> Hba {
    let mut hba = Hba { entries: Vec::new(), errors: Vec::new(), cut: None, quoting_known: false };
    let main: Arc<str> = main_path.into();
    for row in rows {
        let file = row.file_name.as_deref().map_or(main.clone(), Arc::from);
        let line = u32::try_from(row.line_number).unwrap_or(0);
        match entry(&row, file.clone(), line, version) {
            Ok(entry) => hba.entries.push(entry),
            Err(message) => hba.errors.push(HbaError { file, line, message: message.to_owned() }),
        }
    }
    hba
}

const REFUSED: &str = "refused by the server";

fn entry(row: &ViewRow, file: Arc<str>, line: u32, version: u32) -> Result<Entry, &'static str> {
    let conn = row.conn_type.as_deref().and_then(ConnType::from_word).ok_or(REFUSED)?;
    let method = row.auth_method.as_deref().and_then(Method::from_word).ok_or("unknown authentication method")?;
    let databases = row.database.iter().flatten().map(|w| database(w, version)).collect();
    let roles = row.user_name.iter().flatten().map(|w| role(w, version)).collect();
    let options: Vec<(String, String)> = row.options.iter().flatten().filter_map(|o| option(o)).collect();
    let cert = options.iter().find(|(n, _)| n == "clientcert").map(|(_, v)| v.as_str());
    let client_cert = match cert {
        Some("verify-full") => ClientCert::VerifyFull,
        Some(_) => ClientCert::VerifyCa,
        None => ClientCert::None,
    };
    let address = address(row, conn)?;
    let text = text(row, &options).into();
    Ok(Entry { file, line, text, conn, databases, roles, address, method, client_cert, options })
}

fn regex(word: &str, version: u32) -> Option<Arc<Pattern>> {
    let text = word.strip_prefix('/').filter(|_| version >= 16)?;
    Pattern::new(text.as_bytes()).ok().map(Arc::new)
}

fn database(word: &str, version: u32) -> DbToken {
    match word {
        "all" => DbToken::All,
        "sameuser" => DbToken::SameUser,
        "samerole" | "samegroup" => DbToken::SameRole,
        "replication" => DbToken::Replication,
        _ => regex(word, version).map_or_else(|| DbToken::Name(word.into()), DbToken::Regex),
    }
}

fn role(word: &str, version: u32) -> RoleToken {
    match word.strip_prefix('+') {
        Some(group) => RoleToken::Group(group.into()),
        None if word == "all" => RoleToken::All,
        None => regex(word, version).map_or_else(|| RoleToken::Name(word.into()), RoleToken::Regex),
    }
}

fn option(option: &str) -> Option<(String, String)> {
    let (name, value) = option.split_once('=')?;
    Some((name.to_owned(), redact::value(name, value).into_owned()))
}

fn address(row: &ViewRow, conn: ConnType) -> Result<Address, &'static str> {
    let word = match (&row.address, conn) {
        (_, ConnType::Local) => return Ok(Address::None),
        (Some(word), _) => word.as_str(),
        (None, _) => return Err("the row has no address"),
    };
    match (&row.netmask, word) {
        (Some(mask), _) => match (cidr::numeric(word), cidr::numeric(mask)) {
            (Numeric::Is(ip), Numeric::Is(mask)) => {
                Net::new(ip, mask).map(Address::Net).ok_or("address and netmask differ")
            }
            _ => Ok(Address::Undetermined),
        },
        (None, "all") => Ok(Address::All),
        (None, "samehost") => Ok(Address::SameHost),
        (None, "samenet") => Ok(Address::SameNet),
        (None, name) => Ok(Address::Host(name.into())),
    }
}

fn text(row: &ViewRow, options: &[(String, String)]) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(row.conn_type.clone());
    words.extend(row.database.as_ref().map(|d| d.join(",")));
    words.extend(row.user_name.as_ref().map(|u| u.join(",")));
    words.extend(row.address.clone());
    words.extend(row.netmask.clone());
    words.extend(row.auth_method.clone());
    words.extend(options.iter().map(|(n, v)| format!("{n}={v}")));
    words.join(" ")
}
