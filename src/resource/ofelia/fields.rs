//! The field table of `ofelia`.

use crate::resource::{Field, field};
use crate::value::Type;
use crate::value::types::Dialect;

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;
const TEXTS: Type = Type::List(&TEXT);
static NET: Type = Type::Net;
static URL: Type = Type::Url;

pub(super) const FIELDS: &[Field] = &[
    field("container", Type::Text, "", "the container that the daemon runs in; absent for one on the host itself"),
    field("image", Type::Text, "Config.Image", "its image's reference as given; absent for one on the host"),
    field(
        "root",
        BOOL,
        "Config.User",
        "whether it is user 0 in its container, as its makers' image has it where nobody says otherwise, and no user namespace is known that makes it another on the host; absent for one on the host",
    ),
    field(
        "version",
        Type::Version,
        "org.opencontainers.image.version",
        "of the program: by the image's label, else by its tag where that is a version of at least two numbers; unknown where neither says",
    ),
    field(
        "config",
        Type::Text,
        "--config",
        "path, or pattern, of its INI files as the daemon sees it; /etc/ofelia/config.ini when nothing says otherwise",
    ),
    field(
        "config_files",
        TEXTS,
        "",
        "paths of those files on the host; none for files of a Compose project's own directory",
    ),
    field(
        "state_file",
        Type::Text,
        "--state-file",
        "where jobs that were made in the web interface are kept; absent when they are not",
    ),
    field("origins", Type::Map(&TEXT), "", "where each field is set, as `file:line`, of those that a file sets"),
    field(
        "web_enabled",
        BOOL,
        "enable-web",
        "whether it serves its web interface and API; flag, variable and file each turn it on",
    ),
    field("web_address", Type::Text, "web-address", "where they listen, in the daemon's own network: `:8081`"),
    field(
        "web_exposed",
        TEXTS,
        "web-address",
        "where they can be reached from beyond the host's loopback: published ports as `0.0.0.0:8080->8081`, or the address itself on the host's network",
    ),
    field("web_auth", BOOL, "web-auth-enabled", "whether the API asks for a login"),
    field("web_username", Type::Text, "web-username", "the one account; absent when none is set"),
    field("web_password", Type::Secret, "web-password-hash", "the hash of its password; absent when none is set"),
    field(
        "web_password_cost",
        Type::Integer,
        "web-password-hash",
        "bcrypt's cost in that hash, 2 to its power rounds; absent when it is no complete bcrypt hash, or there is none",
    ),
    field(
        "web_secret_key",
        Type::Secret,
        "web-secret-key",
        "the secret of sessions; absent when it is a random one that ends with the daemon",
    ),
    field(
        "web_token_expiry",
        Type::Duration,
        "web-token-expiry",
        "how long a session lasts; set in hours, 24 when nothing says otherwise",
    ),
    field(
        "web_login_attempts",
        Type::Integer,
        "web-max-login-attempts",
        "attempts to log in that one address has in a minute; 5 when nothing says otherwise",
    ),
    field(
        "web_trusted_proxies",
        Type::List(&NET),
        "web-trusted-proxies",
        "addresses whose X-Forwarded-For is believed; loopback always is",
    ),
    field(
        "web_trusted_prefix",
        Type::Integer,
        "web-trusted-proxies",
        "the shortest prefix among them, in bits of an IPv4 address: 0 believes everybody, 32 one address; those of IPv6 count 32 less; absent without any",
    ),
    field("pprof_enabled", BOOL, "enable-pprof", "whether Go's profiler is served"),
    field("pprof_exposed", TEXTS, "pprof-address", "where that can be reached from beyond the host's loopback"),
    field(
        "host_jobs_from_labels",
        BOOL,
        "allow-host-jobs-from-labels",
        "whether labels of containers may define jobs that reach the host",
    ),
    field(
        "strict_validation",
        BOOL,
        "enable-strict-validation",
        "whether a configuration with a mistake is refused as a whole",
    ),
    field(
        "default_user",
        Type::Text,
        "default-user",
        "the user of jobs that name none; `default` when that is left to their image; nobody when nothing says otherwise",
    ),
    field("log_level", Type::Text, "log-level", "in lower case; info when nothing says otherwise"),
    field("docker_events", BOOL, "events", "whether changes of containers are noticed at once"),
    field("webhooks", TEXTS, "[webhook]", "names of the webhooks of its files; `slack-webhook` for the older setting"),
    field(
        "webhook_allowed_hosts",
        TEXTS,
        "webhook-allowed-hosts",
        "hosts that webhooks may call, `*` for all; that when nothing says otherwise",
    ),
    field(
        "webhook_remote_presets",
        BOOL,
        "webhook-allow-remote-presets",
        "whether templates of webhooks are fetched from elsewhere",
    ),
    field("webhook_preset_sources", TEXTS, "webhook-trusted-preset-sources", "from where they may be fetched"),
    field(
        "webhook_urls",
        Type::List(&URL),
        "[webhook] url, slack-webhook",
        "what webhooks call, of the daemon and of jobs, without what follows the host",
    ),
    field("smtp_host", Type::Text, "smtp-host", "the mail server; absent when no mail is sent"),
    field(
        "smtp_tls_policy",
        Type::Text,
        "smtp-tls-policy",
        "mandatory, opportunistic or none; mandatory when nothing, or no word that it knows, is set",
    ),
    field("smtp_skip_verify", BOOL, "smtp-tls-skip-verify", "whether any certificate of the mail server is taken"),
    field("literal_secrets", TEXTS, "", "secrets that are written out in its files, as `[section] key (path:line)`"),
    field("label_secrets", TEXTS, "", "labels of containers that hold a secret"),
    field(
        "undefined_variables",
        TEXTS,
        "",
        "`${NAME}` in its files that nothing sets, so that these very letters are the value",
    ),
    field(
        "unknown_keys",
        TEXTS,
        "",
        "keys and sections of its files, and keys of labels, that the daemon does not know and drops",
    ),
    field("variables", TEXTS, "", "names of the variables it is started with that begin with `OFELIA_`"),
];
