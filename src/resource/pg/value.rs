//! A setting's value as a rule reads it: units applied, secrets left out. PostgreSQL manual, "Parameter Names and Values".

use crate::resource::pg;
use crate::target::postgres::SettingRow;
use crate::value::secret::Salt;
use crate::value::types::Dialect;
use crate::value::{List, Observed, Reason, Type, Value};

/// The value as the rule reads it.
pub(crate) fn read(row: &SettingRow, ty: &Type, salt: &Salt) -> Observed {
    let raw = row.value.as_deref().unwrap_or_default();
    let shown = pg::shown(&row.name, raw);
    let text = shown.as_str();
    let is_string = row.vartype == "string";
    let invalid =
        || Observed::Known(Value::Invalid(format!("{text}{}", row.unit.as_deref().unwrap_or_default()).into()));
    match ty {
        Type::Secret => Observed::Known(ty.read_foreign(raw, salt)),
        // The server has read it already: no dialect has a say.
        Type::Bool(_) if row.vartype == "bool" => Observed::from(text == "on"),
        Type::Bool(Dialect::Nonempty) => Observed::Known(ty.read_foreign(text, salt)),
        // Even a text that does not parse would be shown.
        _ if is_string && pg::may_be_secret(&row.name) => Observed::Unknown(
            Reason::new("the value may be a secret, which is not kept").with_grant("read it `as: secret`"),
        ),
        Type::Size => scaled(text, row.unit.as_deref(), size_unit).map_or_else(invalid, |bytes| {
            u64::try_from(bytes).map_or(Observed::Absent, |bytes| Observed::Known(Value::Size(bytes)))
        }),
        Type::Duration => seconds(text, row.unit.as_deref()).map_or_else(invalid, |seconds| {
            if seconds < 0 { Observed::Absent } else { Observed::Known(Value::Duration(seconds)) }
        }),
        Type::Bool(_) => Observed::Known(ty.read_foreign(text, salt)),
        Type::List(item) => {
            let items = list_items(text).into_iter().map(|part| item.read_foreign(&part, salt));
            Observed::Known(Value::List(List { items: items.map(Observed::Known).collect(), more: None }))
        }
        Type::Text => Observed::Known(Value::from(text)),
        _ if text.is_empty() => Observed::Absent,
        _ => Observed::Known(ty.read_foreign(text, salt)),
    }
}

/// A number times its unit. A fraction of bytes or seconds is none.
fn scaled(text: &str, unit: Option<&str>, factor: fn(&str) -> Option<i64>) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    let unit = unit?;
    let digits = unit.bytes().take_while(u8::is_ascii_digit).count();
    let (times, name) = unit.split_at(digits);
    let times: i64 = if times.is_empty() { 1 } else { times.parse().ok()? };
    // -1 and the like switch something off; they are not so many units.
    if number < 0 { Some(number) } else { number.checked_mul(times)?.checked_mul(factor(name)?) }
}

fn size_unit(name: &str) -> Option<i64> {
    ["B", "kB", "MB", "GB", "TB"]
        .iter()
        .zip([0, 10, 20, 30, 40])
        .find(|(unit, _)| **unit == name)
        .map(|(_, bits)| 1 << bits)
}

/// Whole seconds.
fn seconds(text: &str, unit: Option<&str>) -> Option<i64> {
    fn microseconds(name: &str) -> Option<i64> {
        let units = [
            ("us", 1),
            ("ms", 1_000),
            ("s", 1_000_000),
            ("min", 60_000_000),
            ("h", 3_600_000_000),
            ("d", 86_400_000_000),
        ];
        units.iter().find(|(unit, _)| *unit == name).map(|(_, factor)| *factor)
    }
    let total = scaled(text, unit, microseconds)?;
    if total < 0 {
        return Some(-1);
    }
    (total % 1_000_000 == 0).then_some(total / 1_000_000)
}

/// The items of a comma-separated list; those in double quotes keep their commas and blanks (`SplitIdentifierString`).
fn list_items(text: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                item.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => items.push(std::mem::take(&mut item)),
            c if c.is_whitespace() && !quoted => {}
            c => item.push(c),
        }
    }
    items.push(item);
    items.retain(|item| !item.is_empty());
    items
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::types::from_as;

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

    fn show(row: &SettingRow, ty: &str) -> String {
        read(row, &from_as(ty).unwrap(), &Salt::random().unwrap()).to_string()
    }

    #[test]
    fn values_are_read_in_their_unit() {
        let buffers = row("shared_buffers", "16384", Some("8kB"), "integer");
        assert_eq!(show(&buffers, "size"), "128MiB");
        assert_eq!(show(&buffers, "text"), "16384");
        let timeout = row("statement_timeout", "90000", Some("ms"), "integer");
        assert_eq!(show(&timeout, "duration"), "1m 30s");
        assert_eq!(show(&timeout, "integer"), "90000");
        assert_eq!(
            show(&row("log_min_duration_statement", "250", Some("ms"), "integer"), "duration"),
            "250ms (not valid)"
        );
        assert_eq!(show(&row("log_min_duration_statement", "-1", Some("ms"), "integer"), "duration"), "absent");
        assert_eq!(show(&row("log_temp_files", "-1", Some("kB"), "integer"), "size"), "absent");
        assert_eq!(show(&row("max_connections", "100", None, "integer"), "size"), "100 (not valid)");
    }

    #[test]
    fn each_type_has_its_traps() {
        let ssl = row("ssl", "on", None, "bool");
        for dialect in ["bool", "go-bool", "postgres-bool", "systemd-bool"] {
            assert_eq!(show(&ssl, dialect), "true", "{dialect}");
        }
        assert_eq!(show(&ssl, "text"), "on");
        assert_eq!(show(&row("listen_addresses", "", None, "string"), "address"), "absent", "not every address");
        assert_eq!(show(&row("listen_addresses", "", None, "string"), "list"), "none");
        assert_eq!(show(&row("ssl_max_protocol_version", "", None, "enum"), "tls_version"), "absent");
        assert_eq!(show(&row("ssl_min_protocol_version", "TLSv1.2", None, "enum"), "tls_version"), "TLSv1.2");
        assert_eq!(show(&row("search_path", "\"$user\", public", None, "string"), "list"), "$user, public");
        assert_eq!(show(&row("x.libs", "\"a, \"\"b\",c", None, "string"), "list"), "a, \"b, c");
        assert!(!show(&row("primary_conninfo", "host=a password=hunter2", None, "string"), "text").contains("hunter2"));
        assert!(show(&row("app.jwt_secret", "hunter2", None, "string"), "text").starts_with("unknown"));
        assert!(!show(&row("app.jwt_secret", "hunter2", None, "string"), "list").contains("hunter2"));
        assert_eq!(show(&row("ssl_passphrase_command", "", None, "string"), "nonempty"), "false");
        assert!(show(&row("app.jwt_secret", "hunter2", None, "string"), "secret").starts_with("***"));
    }

    #[test]
    fn no_way_of_reading_shows_a_secret() {
        for name in ["app.jwt_secret", "ssl_passphrase_command", "primary_conninfo"] {
            let setting = row(name, "host=a password=hunter2", None, "string");
            for (ty, _) in crate::value::types::AS {
                assert!(!show(&setting, ty).contains("hunter"), "{name} as {ty}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,40}", unit in prop::option::of("[0-9]{0,3}[a-zA-Z]{0,3}"), string: bool) {
            let setting = row("s", &text, unit.as_deref(), if string { "string" } else { "integer" });
            for (name, _) in crate::value::types::AS {
                let _ = show(&setting, name);
            }
        }
    }
}
