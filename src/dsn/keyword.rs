//! libpq's table of connection keywords: environment variable, compiled default, the version that brought it, and
//! whether its value is a secret; and the guess at what a misspelt keyword stood for.
//!
//! `PQconninfoOptions` in `fe-connect.c`; PostgreSQL manual, "Parameter Key Words" and "Environment Variables".

/// The newest libpq whose keywords are in [`KEYWORDS`].
pub const LATEST: u8 = 18;

/// One keyword of libpq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyword {
    /// The keyword, as written in a connection string.
    pub name: &'static str,
    /// The environment variable that stands in for it.
    pub env: Option<&'static str>,
    /// The default compiled into libpq (built with TLS and GSSAPI).
    pub compiled: Option<&'static str>,
    /// First major version that knows it; 9 stands for 9.6 and before.
    pub since: u8,
    /// Whether its value must never be shown.
    pub secret: bool,
}

const fn k(name: &'static str, env: &'static str, compiled: &'static str, since: u8) -> Keyword {
    let env = if env.is_empty() { None } else { Some(env) };
    let compiled = if compiled.is_empty() { None } else { Some(compiled) };
    Keyword { name, env, compiled, since, secret: false }
}

const fn secret(name: &'static str, env: &'static str, since: u8) -> Keyword {
    Keyword { secret: true, ..k(name, env, "", since) }
}

/// Every keyword, in libpq's order.
pub const KEYWORDS: &[Keyword] = &[
    k("service", "PGSERVICE", "", 9),
    k("user", "PGUSER", "", 9),
    secret("password", "PGPASSWORD", 9),
    k("passfile", "PGPASSFILE", "", 10),
    k("channel_binding", "PGCHANNELBINDING", "prefer", 13),
    k("connect_timeout", "PGCONNECT_TIMEOUT", "", 9),
    k("dbname", "PGDATABASE", "", 9),
    k("host", "PGHOST", "", 9),
    k("hostaddr", "PGHOSTADDR", "", 9),
    k("port", "PGPORT", "5432", 9),
    k("client_encoding", "PGCLIENTENCODING", "", 9),
    k("options", "PGOPTIONS", "", 9),
    k("application_name", "PGAPPNAME", "", 9),
    k("fallback_application_name", "", "", 9),
    k("keepalives", "", "", 9),
    k("keepalives_idle", "", "", 9),
    k("keepalives_interval", "", "", 9),
    k("keepalives_count", "", "", 9),
    k("tcp_user_timeout", "", "", 12),
    k("sslmode", "PGSSLMODE", "prefer", 9),
    k("sslnegotiation", "PGSSLNEGOTIATION", "postgres", 17),
    k("sslcompression", "PGSSLCOMPRESSION", "0", 9),
    k("sslcert", "PGSSLCERT", "", 9),
    k("sslkey", "PGSSLKEY", "", 9),
    k("sslcertmode", "PGSSLCERTMODE", "", 16),
    secret("sslpassword", "", 13),
    k("sslrootcert", "PGSSLROOTCERT", "", 9),
    k("sslcrl", "PGSSLCRL", "", 9),
    k("sslcrldir", "PGSSLCRLDIR", "", 14),
    k("sslsni", "PGSSLSNI", "1", 14),
    k("requirepeer", "PGREQUIREPEER", "", 9),
    k("require_auth", "PGREQUIREAUTH", "", 16),
    k("min_protocol_version", "PGMINPROTOCOLVERSION", "", 18),
    k("max_protocol_version", "PGMAXPROTOCOLVERSION", "", 18),
    k("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", "TLSv1.2", 13),
    k("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", "", 13),
    k("gssencmode", "PGGSSENCMODE", "prefer", 12),
    k("krbsrvname", "PGKRBSRVNAME", "postgres", 9),
    k("gsslib", "PGGSSLIB", "", 9),
    k("gssdelegation", "PGGSSDELEGATION", "0", 16),
    k("replication", "", "", 9),
    k("target_session_attrs", "PGTARGETSESSIONATTRS", "any", 10),
    k("load_balance_hosts", "PGLOADBALANCEHOSTS", "disable", 16),
    secret("scram_client_key", "", 18),
    secret("scram_server_key", "", 18),
    k("oauth_issuer", "", "", 18),
    k("oauth_client_id", "", "", 18),
    secret("oauth_client_secret", "", 18),
    k("oauth_scope", "", "", 18),
    k("sslkeylogfile", "", "", 18),
];

/// What people write, in other drivers' words, and libpq's word for it.
const ALIASES: &[(&str, &str)] = &[
    ("ssl", "sslmode"),
    ("tls", "sslmode"),
    ("tlsmode", "sslmode"),
    ("usessl", "sslmode"),
    ("sslenabled", "sslmode"),
    ("username", "user"),
    ("userid", "user"),
    ("role", "user"),
    ("pass", "password"),
    ("passwd", "password"),
    ("pwd", "password"),
    ("database", "dbname"),
    ("db", "dbname"),
    ("server", "host"),
    ("hostname", "host"),
    ("timeout", "connect_timeout"),
    ("sslca", "sslrootcert"),
    ("sslcafile", "sslrootcert"),
    ("cafile", "sslrootcert"),
    ("sslroot", "sslrootcert"),
    ("appname", "application_name"),
];

/// Server settings and driver options that clients other than libpq take in the string. Only these names, and near
/// misses of libpq's keywords, are ever shown.
const SETTINGS: &[&str] = &[
    "search_path",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "timezone",
    "TimeZone",
    "datestyle",
    "DateStyle",
    "intervalstyle",
    "work_mem",
    "maintenance_work_mem",
    "default_transaction_read_only",
    "default_transaction_isolation",
    "extra_float_digits",
    "standard_conforming_strings",
    "synchronous_commit",
    "row_security",
    "geqo",
    "tz",
    "krbspn",
    "sslinline",
    "servicefile",
    "binary_parameters",
    "disable_prepared_binary_result",
    "pool_max_conns",
    "pool_min_conns",
    "pool_min_idle_conns",
    "pool_max_conn_lifetime",
    "pool_max_conn_lifetime_jitter",
    "pool_max_conn_idle_time",
    "pool_health_check_period",
    "default_query_exec_mode",
    "statement_cache_capacity",
    "description_cache_capacity",
    "prefer_simple_protocol",
    "dial_timeout",
    "read_timeout",
    "write_timeout",
];

/// The keyword of that exact name.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The place of a keyword in libpq's table, for a stable order.
pub(super) fn rank(name: &str) -> usize {
    KEYWORDS.iter().position(|keyword| keyword.name == name).unwrap_or(KEYWORDS.len())
}

/// Whether `name` is a server setting or driver option of [`SETTINGS`].
pub(super) fn is_setting(name: &str) -> bool {
    SETTINGS.contains(&name)
}

/// The keyword that `name` probably stood for, if it is close to one: another driver's word, other case or
/// underscores, or an edit distance of 1 (2 for words of six letters and more).
pub(super) fn suggest(name: &str) -> Option<&'static str> {
    let bare = bare(name);
    if let Some((_, keyword)) = ALIASES.iter().find(|(alias, _)| *alias == bare) {
        return Some(keyword);
    }
    let reach = match bare.chars().count() {
        0..=2 | 40.. => return None,
        3..=5 => 1,
        _ => 2,
    };
    KEYWORDS
        .iter()
        .map(|keyword| (strsim::damerau_levenshtein(&bare, &self::bare(keyword.name)), keyword.name))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The name if it may be shown: a keyword, a near miss of one, or a well-known setting.
pub(super) fn showable(name: &str) -> Option<&str> {
    (find(name).is_some() || is_setting(name) || suggest(name).is_some()).then_some(name)
}

fn bare(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::{KEYWORDS, find, showable, suggest};

    #[test]
    fn table_is_libpq_18s() {
        assert_eq!(KEYWORDS.len(), 50);
        assert_eq!(find("sslnegotiation").map(|k| k.since), Some(17));
        assert_eq!(find("sslMode"), None);
        let secrets: Vec<_> = KEYWORDS.iter().filter(|k| k.secret).map(|k| k.name).collect();
        assert_eq!(secrets, ["password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"]);
    }

    #[test]
    fn misspelt_keywords_are_understood() {
        for typo in ["sslMode", "ssl_mode", "SSLMODE", "ssl-mode", "tls", "ssl", "slmode", "sslmod"] {
            assert_eq!(suggest(typo), Some("sslmode"), "{typo}");
        }
        assert_eq!(suggest("sslrootcrt"), Some("sslrootcert"));
        assert_eq!(suggest("username"), Some("user"));
        assert_eq!(suggest("hunter2"), None);
    }

    #[test]
    fn other_words_are_not_shown() {
        assert_eq!(showable("hunter2"), None);
        assert_eq!(showable("s"), None);
        assert_eq!(showable("search_path"), Some("search_path"));
    }
}
