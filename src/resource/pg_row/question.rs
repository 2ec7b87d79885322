//! The one SELECT that a query stands for. Names are those that the catalog has, always in quotes, so that no keyword and
//! no text of a rule is taken for SQL.

use super::table::{self, ColumnKind, Table};
use super::{Asked, Postgres, Reason};
use crate::target::postgres::quoted;

/// Rows of one table.
pub(super) const MAX_ROWS: usize = 10_000;
/// Characters of one value.
pub(super) const MAX_TEXT: usize = 1_024;

/// The question; else why the table cannot be asked.
pub(super) fn build(asked: &Asked, table: &Table, postgres: &Postgres) -> Result<String, Reason> {
    let name = asked.name();
    if !table.is_table {
        return Err(Reason::new(format!(
            "{name} is no table, and reading anything else may run its owner's functions"
        )));
    }
    check_columns(asked, table, postgres)?;
    if table.rows_hidden {
        let grant = format!("ALTER ROLE {} BYPASSRLS, or exempt the role in the table's policies", postgres.grantee());
        return Err(Reason::new(format!("row security may hide rows of {name}")).with_grant(grant));
    }
    select(asked, table)
}

fn check_columns(asked: &Asked, table: &Table, postgres: &Postgres) -> Result<(), Reason> {
    let name = asked.name();
    for wanted in table::needed(asked) {
        let Some(column) = table.columns.get(wanted) else {
            return Err(Reason::new(format!("the table {name} has no column {wanted}")));
        };
        if column.kind.is_none() {
            return Err(Reason::new(format!("the column {wanted} of {name} has a type that harden does not read")));
        }
        if !column.readable || !table.schema_open {
            let reason = Reason::new(format!("the role {} may not read {wanted} of {name}", postgres.user()));
            return Err(reason.with_grant(table::grant(asked, postgres)));
        }
    }
    let of_kind = |column: &String, kind| {
        let is = table.kind(column) == Some(kind);
        is.then_some(())
            .ok_or_else(|| Reason::new(format!("the column {column} of {name} is not in `{}`", kind.field())))
    };
    asked.only.iter().try_for_each(|column| of_kind(column, ColumnKind::Bool))?;
    asked.newest_by.iter().try_for_each(|column| of_kind(column, ColumnKind::Time))?;
    asked.secrets.iter().try_for_each(|column| match table.kind(column) {
        Some(ColumnKind::Enum) | None => of_kind(column, ColumnKind::Text),
        Some(_) => Ok(()),
    })
}

fn select(asked: &Asked, table: &Table) -> Result<String, Reason> {
    let per = names(&asked.per);
    let mut items = Vec::new();
    for (at, column) in asked.key.iter().enumerate() {
        items.push(format!("{} AS k{at}", as_text(column, table)));
    }
    for (at, column) in asked.columns.iter().enumerate() {
        items.push(format!("{} AS v{at}", value(column, table)));
    }
    for (at, column) in asked.secrets.iter().enumerate() {
        let column = quoted(column);
        items.push(format!("{} AS f{at}, octet_length({column}::text) AS l{at}", form(&column)));
    }
    if let Some(column) = &asked.newest_by {
        let seconds = seconds(column);
        let window = if per.is_empty() { String::new() } else { format!("PARTITION BY {per}") };
        items.push(format!("max({seconds}) OVER ({window}) - {seconds} AS behind"));
    }
    let conditions: Vec<String> = asked.only.iter().map(|column| quoted(column)).collect();
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let (distinct, order, limit) = range(asked)?;
    Ok(format!(
        "SELECT {distinct}{} FROM {}.{}{filter} ORDER BY {order} LIMIT {limit}",
        items.join(", "),
        quoted(&asked.schema),
        quoted(&asked.table),
    ))
}

/// What comes before the columns, the order, and the number of rows.
fn range(asked: &Asked) -> Result<(String, String, usize), Reason> {
    let (per, key) = (names(&asked.per), names(&asked.key));
    // One more than is kept shows that there are more.
    let all = MAX_ROWS.saturating_add(1);
    match (&asked.newest_by, asked.newest_alone) {
        (None, true) => Err(Reason::new("the newest rows are asked for, but not by which column (`newest_by`)")),
        (Some(column), true) if per.is_empty() => {
            Ok((String::new(), format!("{} DESC NULLS LAST, {key}", quoted(column)), 1))
        }
        (Some(column), true) => {
            let order = format!("{per}, {} DESC NULLS LAST, {key}", quoted(column));
            Ok((format!("DISTINCT ON ({per}) "), order, all))
        }
        (_, false) => Ok((String::new(), key, all)),
    }
}

fn names(columns: &[String]) -> String {
    columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
}

fn as_text(column: &str, table: &Table) -> String {
    let name = quoted(column);
    match table.kind(column) {
        // The labels of an enumeration are short, and a cast of its type may be its owner's function.
        Some(ColumnKind::Enum) | None => name,
        Some(_) => format!("left({name}::text, {})", MAX_TEXT.saturating_add(1)),
    }
}

fn value(column: &str, table: &Table) -> String {
    let name = quoted(column);
    match table.kind(column) {
        Some(ColumnKind::Bool | ColumnKind::Integer) => name,
        Some(ColumnKind::Time) => {
            format!("CASE WHEN isfinite({name}) THEN {}::text ELSE {name}::text END", seconds(column))
        }
        Some(ColumnKind::Text | ColumnKind::Enum) | None => as_text(column, table),
    }
}

/// Whole seconds since the epoch; NULL for the infinite ones. A time without a zone was written in that of a session, as
/// CURRENT_TIMESTAMP is.
fn seconds(column: &str) -> String {
    let name = quoted(column);
    format!("CASE WHEN isfinite({name}) THEN floor(extract(epoch FROM {name}::timestamptz))::bigint END")
}

/// What a secret looks like. No pattern has a backslash: how these are read depends on the server's settings.
fn form(name: &str) -> String {
    const PATTERNS: [(&str, &str); 9] = [
        ("sha256-hex", "^[0-9a-fA-F]{64}$"),
        ("sha512-hex", "^[0-9a-fA-F]{128}$"),
        ("bcrypt", "^[$]2[abxy]?[$][0-9][0-9][$][./A-Za-z0-9]{53}$"),
        ("argon2", "^[$]argon2(i|d|id)[$]"),
        ("scrypt", "^[$](scrypt|s0|7)[$]"),
        ("pbkdf2", "^[$]?pbkdf2[-_$]"),
        ("jwt", "^eyJ[A-Za-z0-9_-]*[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]*$"),
        ("https-url", "^[hH][tT][tT][pP][sS]://"),
        ("http-url", "^[hH][tT][tT][pP]://"),
    ];
    let patterns = PATTERNS.map(|(form, pattern)| format!("WHEN {name}::text ~ '{pattern}' THEN '{form}' "));
    format!(
        "CASE WHEN {name} IS NULL THEN NULL WHEN {name}::text = '' THEN 'empty' {}ELSE 'other' END",
        patterns.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::pg_row::table::Column;

    fn column(kind: ColumnKind) -> Column {
        Column { kind: Some(kind), readable: true }
    }

    fn tokens() -> Table {
        let columns = [
            ("id", ColumnKind::Integer),
            ("server_id", ColumnKind::Text),
            ("created_at", ColumnKind::Time),
            ("is_active", ColumnKind::Bool),
        ];
        Table {
            is_table: true,
            schema_open: true,
            columns: columns.map(|(name, kind)| (name.to_owned(), column(kind))).into(),
            ..Table::default()
        }
    }

    #[test]
    fn names_are_quoted() {
        let asked = Asked {
            schema: "public".into(),
            table: "x\" UNION".into(),
            key: vec!["id".into()],
            only: vec!["user".into()],
            ..Asked::default()
        };
        let sql = select(&asked, &tokens()).unwrap();
        assert!(sql.contains("FROM \"public\".\"x\"\" UNION\""), "{sql}");
        assert!(sql.contains("WHERE \"user\" ORDER"), "{sql}");
    }

    #[test]
    fn the_newest_is_told_per_group() {
        let asked = Asked {
            table: "t".into(),
            key: vec!["id".into()],
            newest_by: Some("created_at".into()),
            per: vec!["server_id".into()],
            newest_alone: true,
            ..Asked::default()
        };
        let sql = select(&asked, &tokens()).unwrap();
        assert!(sql.starts_with("SELECT DISTINCT ON (\"server_id\") "), "{sql}");
        assert!(sql.contains("OVER (PARTITION BY \"server_id\")"), "{sql}");
        assert!(select(&Asked { newest_by: None, ..asked }, &tokens()).is_err());
    }
}
