//! A setting of a PostgreSQL server, from `pg_settings` (manual, section "pg_settings"), and the file that it names.

use super::{Accepts, Field, Param, Resource, With, field, text};
use crate::facts::{Basis, Listing, Subject};
use crate::resource::pg;
use crate::resource::pg::files::{Files, Said};
use crate::target::host::{Host, Trouble};
use crate::target::postgres::{FileError, OverrideRow, Postgres, SettingRow};
use crate::target::{Door, Kind};
use crate::value::types::Dialect;
use crate::value::{Observed, Reason, Record, Type, Value};

static OVERRIDE: &[Field] = &[
    field("database", Type::Text, "setdatabase", "The database that it holds for; absent for every database"),
    field("role", Type::Text, "setrole", "The role that it holds for; absent for every role"),
    field("value", Type::Text, "setconfig", "The value, as written in ALTER ROLE or ALTER DATABASE … SET"),
];

static OVERRIDE_RECORD: Type = Type::Record(OVERRIDE);
static TEXT: Type = Type::Text;

const FIELDS: &[Field] = &[
    field("name", Type::Text, "name", "The setting's name"),
    field(
        "value",
        Type::As,
        "setting",
        "The value in force, read as the parameter `as` says. Booleans are `on` and `off` as text. `as: size` and `as: \
         duration` apply the setting's unit; a negative number, which switches something off, is then absent, and one that \
         is no whole number of seconds is not valid (read it as an integer, in `unit`). An empty value read as anything but \
         text, a list, a secret or a bool is absent. Unknown where harden's own connection or role hides the server's",
    ),
    field(
        "unit",
        Type::Text,
        "unit",
        "The unit that PostgreSQL counts it in: `8kB`, `ms`; absent for numbers without one",
    ),
    field(
        "source",
        Type::Text,
        "source",
        "Where the value comes from: `default`, `configuration file`, `command line`, `environment variable`, `database`, `override`",
    ),
    field("source_file", Type::Text, "sourcefile", "The configuration file that sets it; absent when none does"),
    field("source_line", Type::Integer, "sourceline", "The line in `source_file`"),
    field("boot_value", Type::Text, "boot_val", "The built-in value, in `unit`; absent for settings without one"),
    field("is_default", Type::Bool(Dialect::Plain), "boot_val", "Whether the value in force is the built-in one"),
    field(
        "pending_restart",
        Type::Bool(Dialect::Plain),
        "pending_restart",
        "Whether a configuration file was changed and the new value waits for a restart",
    ),
    field(
        "context",
        Type::Text,
        "context",
        "Who can change it and when: `internal`, `postmaster`, `sighup`, `superuser-backend`, `backend`, `superuser`, `user`",
    ),
    field(
        "path",
        Type::Text,
        "setting",
        "For a setting that names a file or directory of the server (`ssl_key_file`, `hba_file`, `data_directory` …): its \
         absolute path on this host. Absent when the setting is empty or names no file; unknown unless the server was \
         seen to share this host's files",
    ),
    field(
        "file_errors",
        Type::List(&TEXT),
        "pg_file_settings.error",
        "What is wrong with this setting, or with a whole file, in the configuration files as they are now: `path:line: error`",
    ),
    field(
        "overridden_for",
        Type::List(&OVERRIDE_RECORD),
        "pg_db_role_setting",
        "The databases and roles for which another value was set",
    ),
];

const PARAMS: &[Param] = &[
    Param {
        name: "name",
        accepts: Accepts::Text,
        required: true,
        about: "The setting's exact name: `ssl_min_protocol_version`",
    },
    Param { name: "as", accepts: Accepts::As, required: false, about: "How to read the value; text when not given" },
];

pub(super) static PG_SETTING: Resource = Resource {
    name: "pg_setting",
    about: "A setting of a PostgreSQL server and the value in force",
    privilege: "a role in pg_read_all_settings; for file_errors also SELECT on pg_file_settings and EXECUTE on pg_show_all_file_settings()",
    params: PARAMS,
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Cluster,
    observe: |door, with| Box::pin(observe(door, with)),
};

/// Settings whose value names a file or a directory of the server.
const FILES: [&str; 14] = [
    "config_file",
    "data_directory",
    "external_pid_file",
    "hba_file",
    "ident_file",
    "krb_server_keyfile",
    "log_directory",
    "ssl_ca_file",
    "ssl_cert_file",
    "ssl_crl_dir",
    "ssl_crl_file",
    "ssl_dh_params_file",
    "ssl_key_file",
    "stats_temp_directory",
];

async fn observe(door: &Door, with: &With) -> Listing {
    if let Door::PostgresFiles(files) = door {
        let (config, name, ty) = (files.config.clone(), text(with, "name").to_owned(), PG_SETTING.as_type(with));
        let read = move |host: &Host| declared(host, &config, &name, &ty);
        return files.host.run(read).await.unwrap_or_else(Listing::failed);
    }
    let Some(postgres) = pg::door(door) else { return pg::wrong_door() };
    let name = text(with, "name");
    let settings = match postgres.settings().await {
        Ok(settings) => settings,
        Err(failure) => return Listing::failed(failure.reason),
    };
    let ty = PG_SETTING.as_type(with);
    match settings.get(name) {
        Some(row) => Listing::complete(vec![subject(postgres, row, &ty).await]),
        None => unlisted(postgres, name, &ty).await,
    }
}

/// A setting without a row: one that the role may not see, one that is no setting of the server, or one that an
/// application made up, which only `current_setting` knows.
async fn unlisted(postgres: &Postgres, name: &str, ty: &Type) -> Listing {
    let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    let sql = format!("SELECT current_setting(convert_from(decode('{hex}', 'hex'), 'UTF8'), true) AS value");
    let rows = match postgres.rows(&sql).await {
        Ok(rows) => rows,
        Err(failure) => return Listing::failed(postgres.denied(&failure, postgres.settings_grant())),
    };
    let Some(value) = rows.first().and_then(|row| row.string("value")) else {
        let extension = if name.contains('.') { ", or the extension that brings it is not loaded" } else { "" };
        return Listing::absent(format!("this server has no setting `{name}`{extension}"));
    };
    let row =
        SettingRow { name: name.to_owned(), value: Some(value), vartype: "string".into(), ..SettingRow::default() };
    let mut subject = subject(postgres, &row, ty).await;
    for field in ["source", "source_file", "source_line", "is_default", "pending_restart", "context"] {
        subject.fields.set(field, Observed::unknown("pg_settings does not list this setting"));
    }
    Listing::complete(vec![subject])
}

async fn subject(postgres: &Postgres, row: &SettingRow, ty: &Type) -> Subject {
    let overrides =
        postgres.overrides().await.map_err(|failure| postgres.denied(&failure, "GRANT SELECT ON pg_db_role_setting"));
    let errors =
        postgres.file_errors().await.map_err(|failure| postgres.denied(&failure, postgres.file_settings_grant()));
    let path = path(postgres, row).await;
    let grant = postgres.settings_grant();
    let mut subject = Subject::new(&PG_SETTING, row.name.as_str(), format!("pg_settings.{}", row.name), Basis::Live);
    let fields = &mut subject.fields;
    fields.set("name", Value::from(row.name.as_str()));
    let own = own_value(row, postgres.user(), overrides.as_ref().ok().map(|all| all.as_slice()));
    fields.set("value", own.clone().map_or_else(|| pg::value::read(row, ty, postgres.salt()), Observed::Unknown));
    fields.set("unit", Observed::from_option(row.unit.as_deref()));
    let hidden =
        || Observed::unknown("harden's own connection sets it, which hides where the server's value comes from");
    fields.set("source", row.source.as_deref().map_or_else(hidden, Observed::from));
    let (file, line) = place(row, &grant);
    fields.set("source_file", file);
    fields.set("source_line", line);
    fields.set("boot_value", boot_value(row));
    let is_default = row.value.as_ref().map(|value| Some(value) == row.boot_value.as_ref());
    fields.set("is_default", own.map_or_else(|| is_default.map_or_else(hidden, Observed::from), Observed::Unknown));
    let pending = row.pending_restart.map_or_else(|| Observed::unknown("the server does not say"), Observed::from);
    fields.set("pending_restart", pending);
    fields.set("context", Value::from(row.context.as_str()));
    fields.set("path", path);
    fields.set("file_errors", errors.map_or_else(Observed::Unknown, |errors| file_errors(&row.name, errors)));
    fields.set("overridden_for", overrides.map_or_else(Observed::Unknown, |all| overridden_for(&row.name, all)));
    subject
}

/// A setting by the files of a server that is not asked.
fn declared(host: &Host, config: &str, name: &str, ty: &Type) -> Listing {
    let files = match Files::read(host, config) {
        Ok(files) => files,
        Err(Trouble::Absent) => return Listing::failed(Reason::new(format!("{config} does not exist"))),
        Err(Trouble::Unseen(reason)) => return Listing::failed(reason),
    };
    let row = match files.setting(name) {
        Said::Row(row) => row,
        Said::None(why) => return Listing::absent(why),
        Said::Unclear(reason) => return Listing::failed(reason),
    };
    let place = row.source_file.as_ref().zip(row.source_line).map(|(file, line)| format!("{file}:{line}"));
    let origin = place.unwrap_or_else(|| format!("{config}: built in"));
    let mut subject = Subject::new(&PG_SETTING, row.name.as_str(), origin, Basis::Declared);
    let fields = &mut subject.fields;
    fields.set("name", Value::from(row.name.as_str()));
    fields.set("value", pg::value::read(&row, ty, host.salt()));
    fields.set("unit", Observed::from_option(row.unit.as_deref()));
    fields.set("source", Observed::from_option(row.source.as_deref()));
    fields.set("source_file", Observed::from_option(row.source_file.as_deref()));
    fields.set("source_line", Observed::from_option(row.source_line));
    fields.set("boot_value", boot_value(&row));
    fields.set("is_default", Value::Bool(row.value == row.boot_value));
    fields.set("context", Observed::from_option(Some(row.context.as_str()).filter(|context| !context.is_empty())));
    let value = row.value.as_deref().unwrap_or_default();
    fields.set(
        "path",
        match FILES.contains(&row.name.as_str()) && !value.is_empty() {
            true => files.path(value).map_or_else(Observed::Unknown, Observed::from),
            false => Observed::Absent,
        },
    );
    fields.set("pending_restart", Observed::unknown("the files do not say what a server runs with"));
    fields.set("file_errors", Observed::unknown("the server says whether it takes every line of the files"));
    let elsewhere = "what ALTER ROLE and ALTER DATABASE … SET say stands in the server's catalog, not in its files";
    fields.set("overridden_for", Observed::unknown(elsewhere));
    Listing::complete(vec![subject])
}

/// Why the value is that of harden's own connection rather than the server's, if it is.
fn own_value(row: &SettingRow, user: &str, overrides: Option<&[OverrideRow]>) -> Option<Reason> {
    let may_be_own = row.source.is_none() && overrides.is_none();
    if row.value.is_none() || may_be_own {
        return Some(Reason::new("harden's own connection sets it, which hides the server's value"));
    }
    let by_source = matches!(row.source.as_deref(), Some("user" | "database user"));
    let by_role = overrides
        .unwrap_or_default()
        .iter()
        .any(|over| over.role.as_deref() == Some(user) && over.name.eq_ignore_ascii_case(&row.name));
    (by_source || by_role).then(|| {
        Reason::new(format!("ALTER ROLE {user} SET hides the server's value from this role"))
            .with_grant("audit with a role that has no settings of its own")
    })
}

fn place(row: &SettingRow, grant: &str) -> (Observed, Observed) {
    let file = row.source_file.as_deref();
    match (file, row.source.as_deref()) {
        (Some(file), _) => (Observed::from(file), Observed::from_option(row.source_line)),
        (None, Some("configuration file")) => {
            let reason = Reason::new("permission denied for the names of configuration files").with_grant(grant);
            (Observed::Unknown(reason.clone()), Observed::Unknown(reason))
        }
        (None, Some(_)) => (Observed::Absent, Observed::Absent),
        (None, None) => {
            let reason =
                Reason::new("harden's own connection sets it, which hides where the server's value comes from");
            (Observed::Unknown(reason.clone()), Observed::Unknown(reason))
        }
    }
}

fn boot_value(row: &SettingRow) -> Observed {
    match &row.boot_value {
        Some(text) => Observed::Known(Value::from(pg::redacted_value(&row.name, text))),
        None => Observed::Absent,
    }
}

/// The file that a setting names, as far as it is known to be a file of this host.
async fn path(postgres: &Postgres, row: &SettingRow) -> Observed {
    if !FILES.contains(&row.name.as_str()) {
        return Observed::Absent;
    }
    let text = row.value.as_deref().unwrap_or_default();
    // Kerberos writes its key tables so.
    let text = text.strip_prefix("FILE:").unwrap_or(text);
    if text.is_empty() {
        return Observed::Absent;
    }
    if let Err(reason) = postgres.local_files().await {
        return Observed::Unknown(reason);
    }
    if text.starts_with('/') {
        return Observed::from(text);
    }
    let settings = postgres.settings().await.ok();
    match settings.and_then(|settings| settings.value("data_directory")) {
        Some(data) => Observed::from(format!("{}/{text}", data.trim_end_matches('/'))),
        None => Observed::Unknown(
            Reason::new("the path is relative to data_directory, which this role may not see")
                .with_grant(postgres.settings_grant()),
        ),
    }
}

fn file_errors(name: &str, errors: &[FileError]) -> Observed {
    let of_it = |error: &&FileError| error.name.as_deref().is_none_or(|other| other.eq_ignore_ascii_case(name));
    let show = |error: &FileError| Value::from(format!("{}:{}: {}", error.file, error.line, error.error));
    Observed::Known(errors.iter().filter(of_it).map(show).collect())
}

fn overridden_for(name: &str, overrides: &[OverrideRow]) -> Observed {
    let of_it = overrides.iter().filter(|over| over.name.eq_ignore_ascii_case(name));
    let record = |over: &OverrideRow| {
        Record::new(OVERRIDE)
            .with("database", Observed::from_option(over.database.as_deref()))
            .with("role", Observed::from_option(over.role.as_deref()))
            .with("value", Value::from(pg::redacted_value(name, &over.value)))
    };
    Observed::Known(of_it.map(|over| Value::from(record(over))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: &str, unit: Option<&str>, vartype: &str) -> SettingRow {
        SettingRow {
            name: name.into(),
            value: Some(value.into()),
            unit: unit.map(str::to_owned),
            vartype: vartype.into(),
            source: Some("default".into()),
            ..SettingRow::default()
        }
    }

    #[test]
    fn what_harden_sets_for_itself_is_not_the_servers() {
        let own = |row: &SettingRow, over: &[OverrideRow]| own_value(row, "audit", Some(over)).is_some();
        let mut setting = row("work_mem", "4096", Some("kB"), "integer");
        assert!(!own(&setting, &[]));
        let over = |role: &str| OverrideRow {
            name: "work_mem".into(),
            value: "1MB".into(),
            database: None,
            role: Some(role.into()),
        };
        assert!(own(&setting, &[over("audit")]));
        assert!(!own(&setting, &[over("app")]));
        setting.source = Some("user".into());
        assert!(own(&setting, &[]));
        setting.value = None;
        assert!(own(&setting, &[]));
    }
}
