//! How the text of each field is replaced. What is not in this table is replaced token by token, so that a field that is
//! added without a word here tells nothing.

use super::names::Kind;

/// What a text is, for replacing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scrub {
    /// Anything: every token that is no well-known word is replaced.
    Text,
    /// A sentence: English words stay too.
    Prose,
    /// The value of a setting: a number of any length stays.
    Setting,
    /// One name, replaced as a whole. Only what every installation has stays.
    Name(Kind),
    /// A host's name or an address, with a port or without.
    Host,
    /// A distinguished name (RFC 4514).
    Distinguished,
    /// A fingerprint after its algorithm, `SHA256:…`.
    Fingerprint,
    /// A word of TLS: a suite, a group, a signature scheme.
    Tls,
}

/// The name of a subject, as a field of its resource; what is not in the table is a sentence (`tls loopback, line 3`).
const SUBJECT: &str = "(subject)";

/// Resource, field with the fields of records behind dots, and what its text is.
pub(super) const FIELDS: &[(&str, &str, Scrub)] = &[
    ("authorized_key", "fingerprint", Scrub::Fingerprint),
    ("certificate", "subject", Scrub::Distinguished),
    ("certificate", "subject_cn", Scrub::Host),
    ("certificate", "issuer", Scrub::Distinguished),
    ("certificate", "chain_note", Scrub::Prose),
    ("config", "value", Scrub::Setting),
    ("config", "values", Scrub::Setting),
    ("container", SUBJECT, Scrub::Name(Kind::Container)),
    ("container", "name", Scrub::Name(Kind::Container)),
    ("container", "user", Scrub::Name(Kind::User)),
    ("container", "group_add", Scrub::Name(Kind::Group)),
    ("container", "networks", Scrub::Name(Kind::Network)),
    ("container", "mounts.name", Scrub::Name(Kind::Volume)),
    ("container", "sysctls", Scrub::Setting),
    ("container", "tmpfs", Scrub::Setting),
    ("container", "log_options", Scrub::Setting),
    ("cors", "refused", Scrub::Prose),
    ("docker_daemon", "insecure_registries", Scrub::Host),
    ("docker_daemon", "warnings", Scrub::Prose),
    ("dsn", "error", Scrub::Prose),
    ("dsn", "hosts", Scrub::Host),
    ("dsn", "user", Scrub::Name(Kind::Role)),
    ("dsn", "database", Scrub::Name(Kind::Database)),
    ("dsn", "notes", Scrub::Prose),
    ("env", "value", Scrub::Setting),
    ("file", "owner", Scrub::Name(Kind::User)),
    ("file", "group", Scrub::Name(Kind::Group)),
    ("file", "acl_grants.name", Scrub::Name(Kind::User)),
    ("firewall", "unread", Scrub::Prose),
    ("git", "owner", Scrub::Name(Kind::User)),
    ("group", SUBJECT, Scrub::Name(Kind::Group)),
    ("group", "name", Scrub::Name(Kind::Group)),
    ("group", "members", Scrub::Name(Kind::User)),
    ("http", "hsts_ignored", Scrub::Prose),
    ("http", "not_followed", Scrub::Prose),
    ("http", "cookies.refused", Scrub::Prose),
    ("hcloud_firewall", "port", Scrub::Setting),
    ("image", "registry", Scrub::Host),
    ("image", "user", Scrub::Name(Kind::User)),
    ("image", "used_by", Scrub::Name(Kind::Container)),
    ("kubernetes_object", "value", Scrub::Setting),
    ("kubernetes_object", "values", Scrub::Setting),
    ("kubernetes_object", "settings", Scrub::Setting),
    ("listen", "user", Scrub::Name(Kind::User)),
    ("listen", "users", Scrub::Name(Kind::User)),
    ("listen", "containers", Scrub::Name(Kind::Container)),
    ("listen", "forwards_to", Scrub::Host),
    ("nginx", "server_names", Scrub::Host),
    ("nginx", "path", Scrub::Setting),
    ("nginx", "directives", Scrub::Setting),
    ("nginx", "built_with", Scrub::Setting),
    ("nginx", "user", Scrub::Name(Kind::User)),
    ("nginx", "group", Scrub::Name(Kind::Group)),
    ("nginx", "ssl_ciphers", Scrub::Setting),
    ("nginx", "server_tokens", Scrub::Setting),
    ("nginx", "headers.value", Scrub::Setting),
    ("nginx", "proxy_set_header.value", Scrub::Setting),
    ("nginx", "upstream_servers", Scrub::Host),
    ("nginx", "access_log.variables", Scrub::Setting),
    ("nginx", "limit_req.limit", Scrub::Setting),
    ("nginx", "limit_conn.limit", Scrub::Setting),
    ("openbao", "address", Scrub::Host),
    ("openbao", "cors_origins", Scrub::Host),
    ("pg_access", "database", Scrub::Name(Kind::Database)),
    ("pg_access", "role", Scrub::Name(Kind::Role)),
    ("pg_database", SUBJECT, Scrub::Name(Kind::Database)),
    ("pg_database", "name", Scrub::Name(Kind::Database)),
    ("pg_database", "owner", Scrub::Name(Kind::Role)),
    ("pg_hba", "databases", Scrub::Name(Kind::Database)),
    ("pg_hba", "users", Scrub::Name(Kind::Role)),
    ("pg_hba", "address", Scrub::Host),
    ("pg_hba", "error", Scrub::Prose),
    ("pg_privilege", "role", Scrub::Name(Kind::Role)),
    ("pg_privilege", "schema", Scrub::Name(Kind::Name)),
    ("pg_privilege", "name", Scrub::Name(Kind::Name)),
    ("pg_privilege", "owner", Scrub::Name(Kind::Role)),
    ("pg_role", SUBJECT, Scrub::Name(Kind::Role)),
    ("pg_role", "name", Scrub::Name(Kind::Role)),
    ("pg_role", "member_of", Scrub::Name(Kind::Role)),
    ("pg_role", "all_roles", Scrub::Name(Kind::Role)),
    ("pg_role", "members", Scrub::Name(Kind::Role)),
    ("pg_role", "owns_databases", Scrub::Name(Kind::Database)),
    ("pg_role", "settings", Scrub::Setting),
    ("pg_row", "database", Scrub::Name(Kind::Database)),
    ("pg_session", "user", Scrub::Name(Kind::Role)),
    ("pg_session", "database", Scrub::Name(Kind::Database)),
    ("pg_session", "client_certificate", Scrub::Distinguished),
    ("pg_setting", "value", Scrub::Setting),
    ("pg_setting", "boot_value", Scrub::Setting),
    ("pg_setting", "file_errors", Scrub::Prose),
    ("pg_setting", "overridden_for.database", Scrub::Name(Kind::Database)),
    ("pg_setting", "overridden_for.role", Scrub::Name(Kind::Role)),
    ("pg_setting", "overridden_for.value", Scrub::Setting),
    ("process", "user", Scrub::Name(Kind::User)),
    ("process", "group", Scrub::Name(Kind::Group)),
    ("process", "groups", Scrub::Name(Kind::Group)),
    ("process", "container", Scrub::Name(Kind::Container)),
    ("schedule", "user", Scrub::Name(Kind::User)),
    ("schedule", "when", Scrub::Setting),
    ("setting", "value", Scrub::Setting),
    ("setting", "overridden.value", Scrub::Setting),
    ("sshd", "errors", Scrub::Prose),
    ("sshd", "unread", Scrub::Prose),
    ("ssh_setting", "value", Scrub::Setting),
    ("ssh_setting", "values", Scrub::Setting),
    ("ssh_setting", "ignored.value", Scrub::Setting),
    ("ssh_setting", "account", Scrub::Name(Kind::User)),
    ("sshd_setting", "value", Scrub::Setting),
    ("sshd_setting", "values", Scrub::Setting),
    ("sshd_setting", "ignored.value", Scrub::Setting),
    ("sysctl", "value", Scrub::Setting),
    ("sysctl", "declared", Scrub::Setting),
    ("tls", SUBJECT, Scrub::Name(Kind::Target)),
    ("tls", "suites.name", Scrub::Tls),
    ("tls", "suites.code", Scrub::Tls),
    ("tls", "suites.kex", Scrub::Tls),
    ("tls", "suites.auth", Scrub::Tls),
    ("tls", "suites.cipher", Scrub::Tls),
    ("tls", "suites.mode", Scrub::Tls),
    ("tls", "suites.mac", Scrub::Tls),
    ("tls", "groups", Scrub::Tls),
    ("tls", "signature_algorithms", Scrub::Tls),
    ("tls", "alpn", Scrub::Tls),
    ("unit", "user", Scrub::Name(Kind::User)),
    ("unit", "group", Scrub::Name(Kind::Group)),
    ("unit", "supplementary_groups", Scrub::Name(Kind::Group)),
    ("unit", "settings", Scrub::Setting),
    ("unit", "memory_max", Scrub::Setting),
    ("unit", "tasks_max", Scrub::Setting),
    ("user", SUBJECT, Scrub::Name(Kind::User)),
    ("user", "name", Scrub::Name(Kind::User)),
    ("user", "group", Scrub::Name(Kind::Group)),
];

/// What the text of a field is.
pub(super) fn of(resource: &str, field: &str) -> Scrub {
    let found = FIELDS.iter().find(|(owner, name, _)| *owner == resource && *name == field);
    found.map_or(Scrub::Text, |(_, _, scrub)| *scrub)
}

/// What the name of a subject is.
pub(super) fn of_subject(resource: &str) -> Scrub {
    let found = FIELDS.iter().find(|(owner, name, _)| *owner == resource && *name == SUBJECT);
    found.map_or(Scrub::Prose, |(_, _, scrub)| *scrub)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{self, Field};
    use crate::value::Type;

    /// The field at the end of a way through records, and whether it holds text.
    fn find(table: &[Field], path: &str) -> Option<bool> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let field = table.iter().find(|field| field.name == name)?;
        let mut ty = field.ty;
        while let Type::List(item) | Type::Map(item) = ty {
            ty = *item;
        }
        match (ty, rest) {
            (Type::Record(inner), Some(rest)) => find(inner, rest),
            (_, Some(_)) => None,
            (ty, None) => Some(matches!(ty, Type::Text | Type::Url | Type::As)),
        }
    }

    #[test]
    fn every_row_is_about_the_text_of_a_field() {
        for (resource, field, _) in FIELDS {
            let owner = resource::find(resource).unwrap_or_else(|| panic!("no resource {resource}"));
            let text = *field == SUBJECT || find(owner.fields, field) == Some(true);
            assert!(text, "{resource}.{field} is no field of text");
            assert_eq!(FIELDS.iter().filter(|(r, f, _)| (r, f) == (resource, field)).count(), 1, "{resource}.{field}");
        }
    }
}
