//! The keys that the daemon knows in each section (netresearch/ofelia 0.29). Any other is dropped with a line in the log.

use super::fold;

/// The kinds of sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    Global,
    Docker,
    Webhook,
    Job(Kind),
}

/// The kinds of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A command in a container that runs.
    Exec,
    /// A container of its own.
    Run,
    /// A service of Docker Swarm.
    ServiceRun,
    /// A command beside the daemon itself.
    Local,
    /// A service of a Compose file, started beside the daemon.
    Compose,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Exec, Kind::Run, Kind::ServiceRun, Kind::Local, Kind::Compose];

    /// The word in section names and labels.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Exec => "job-exec",
            Kind::Run => "job-run",
            Kind::ServiceRun => "job-service-run",
            Kind::Local => "job-local",
            Kind::Compose => "job-compose",
        }
    }

    pub fn of(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether its command runs beside the daemon and not in a container of its own.
    pub fn is_on_host(self) -> bool {
        matches!(self, Kind::Local | Kind::Compose)
    }
}

const GLOBAL: &[&str] = &[
    "log-level",
    "enable-web",
    "web-address",
    "web-auth-enabled",
    "web-username",
    "web-password-hash",
    "web-secret-key",
    "web-token-expiry",
    "web-max-login-attempts",
    "web-trusted-proxies",
    "enable-pprof",
    "pprof-address",
    "max-runtime",
    "allow-host-jobs-from-labels",
    "enable-strict-validation",
    "default-user",
    "notification-cooldown",
    "job-exec-label-scope",
    "webhook-webhooks",
    "webhook-allow-remote-presets",
    "webhook-trusted-preset-sources",
    "webhook-preset-cache-ttl",
    "webhook-preset-cache-dir",
    "webhook-allowed-hosts",
    "webhook-default-preset",
];

/// Where output goes and who is told, for the whole daemon and for single jobs.
const NOTIFY: &[&str] = &[
    "slack-webhook",
    "slack-only-on-error",
    "save-folder",
    "save-folder-mode",
    "save-mode",
    "save-only-on-error",
    "restore-history",
    "restore-history-max-age",
    "smtp-host",
    "smtp-port",
    "smtp-user",
    "smtp-password",
    "smtp-tls-policy",
    "smtp-tls-skip-verify",
    "email-to",
    "email-from",
    "email-subject",
    "mail-only-on-error",
];

const DOCKER: &[&str] = &[
    "filters",
    "include-stopped",
    "config-poll-interval",
    "events",
    "docker-poll-interval",
    "polling-fallback",
    "startup-retry-count",
    "startup-retry-interval",
    "poll-interval",
    "no-poll",
];

const JOB: &[&str] = &[
    "schedule",
    "name",
    "command",
    "run-on-startup",
    "history-limit",
    "max-retries",
    "retry-delay-ms",
    "retry-exponential",
    "retry-max-delay-ms",
    "depends-on",
    "on-success",
    "on-failure",
    "allow-parallel",
    "no-overlap",
    "webhooks",
];

const RUN: &[&str] = &[
    "user",
    "container-name",
    "tty",
    "delete",
    "pull",
    "image",
    "network",
    "hostname",
    "entrypoint",
    "container",
    "volume",
    "volumes-from",
    "environment",
    "env-file",
    "env-from",
    "working-dir",
    "annotations",
    "stop-signal",
    "stop-timeout",
    "max-runtime",
];

const SERVICE_RUN: &[&str] = &[
    "user",
    "tty",
    "delete",
    "image",
    "network",
    "hostname",
    "dir",
    "volume",
    "environment",
    "env-file",
    "env-from",
    "annotations",
    "max-runtime",
];

const EXEC: &[&str] = &[
    "container",
    "user",
    "tty",
    "environment",
    "env-file",
    "env-from",
    "working-dir",
    "privileged",
    "console-height",
    "console-width",
];

const LOCAL: &[&str] = &["dir", "environment", "env-file", "env-from"];
const COMPOSE: &[&str] = &["file", "service", "exec"];

/// Keys that labels of the daemon's own container may set for the whole daemon; it refuses all others.
const FROM_LABELS: &[&str] = &[
    "log-level",
    "max-runtime",
    "notification-cooldown",
    "enable-strict-validation",
    "slack-webhook",
    "slack-only-on-error",
    "smtp-host",
    "smtp-port",
    "smtp-user",
    "smtp-password",
    "smtp-tls-skip-verify",
    "smtp-tls-policy",
    "email-to",
    "email-from",
    "email-subject",
    "mail-only-on-error",
    "save-only-on-error",
    "restore-history",
    "restore-history-max-age",
    "webhook-webhooks",
    "webhook-preset-cache-ttl",
    "webhook-default-preset",
    "webhooks",
];

/// Whether the daemon knows the key. Webhooks take keys of their own making, for their templates.
pub fn is_known(section: Section, key: &str) -> bool {
    let tables: &[&[&str]] = match section {
        Section::Global => &[GLOBAL, NOTIFY],
        Section::Docker => &[DOCKER],
        Section::Webhook => return true,
        Section::Job(Kind::Exec) => &[JOB, NOTIFY, EXEC],
        Section::Job(Kind::Run) => &[JOB, NOTIFY, RUN],
        Section::Job(Kind::ServiceRun) => &[JOB, NOTIFY, SERVICE_RUN],
        Section::Job(Kind::Local) => &[JOB, NOTIFY, LOCAL],
        Section::Job(Kind::Compose) => &[JOB, NOTIFY, COMPOSE],
    };
    let key = fold(key);
    tables.iter().copied().flatten().any(|known| fold(known) == key)
}

/// Whether a label of the daemon's container sets the key.
pub fn is_taken_from_labels(key: &str) -> bool {
    FROM_LABELS.contains(&key)
}

/// The kind of a section and the name of what it describes; `None` for one that the daemon skips.
pub fn section(header: &str) -> Option<(Section, String)> {
    let header = header.trim();
    match header {
        "global" => return Some((Section::Global, String::new())),
        "docker" => return Some((Section::Docker, String::new())),
        _ => {}
    }
    let named = |word: &str| header.strip_prefix(word).map(|name| name.trim().trim_matches(['"', '\'']).to_owned());
    if let Some(name) = named("webhook") {
        return Some((Section::Webhook, name));
    }
    Kind::ALL.into_iter().find_map(|kind| Some((Section::Job(kind), named(kind.word())?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_only_looks_like_a_limit_is_no_key() {
        for key in [
            "memory",
            "memory-swap",
            "cpu-shares",
            "cpu-quota",
            "capabilities-drop",
            "capabilities-add",
            "dns",
            "tmpfs",
            "volumes",
            "overlap",
        ] {
            assert!(!is_known(Section::Job(Kind::Run), key), "{key}");
        }
        for key in ["volume", "No_Overlap", "nooverlap", "VolumesFrom", "max-retries", "smtp-password"] {
            assert!(is_known(Section::Job(Kind::Run), key), "{key}");
        }
        assert!(is_known(Section::Job(Kind::Exec), "privileged") && !is_known(Section::Job(Kind::Run), "privileged"));
        assert!(!is_known(Section::Global, "events") && is_known(Section::Docker, "events"));
    }

    #[test]
    fn sections_are_told_by_their_first_word() {
        assert_eq!(section("job-run \"a b\""), Some((Section::Job(Kind::Run), "a b".to_owned())));
        assert_eq!(section("job-service-run \"x\""), Some((Section::Job(Kind::ServiceRun), "x".to_owned())));
        assert_eq!(section("webhook 'x'"), Some((Section::Webhook, "x".to_owned())));
        assert_eq!(section("global"), Some((Section::Global, String::new())));
        assert_eq!(section("jobs \"a\""), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = section(&text);
            is_known(Section::Global, &text);
        }
    }
}
