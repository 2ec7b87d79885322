//! `ofelia`: a daemon of the job scheduler Ofelia, with the settings that it ends up with.

mod exposure;
mod fields;
mod files;
mod gather;

use std::collections::BTreeMap;

use crate::facts::{Listing, Subject};
use crate::manifest::Read;
use crate::manifest::compose::of_image;
use crate::ofelia::daemon::Daemon;
use crate::ofelia::settings::Setting;
use crate::ofelia::{jobs, secrets};
use crate::resource::{Accepts, Param, Resource, With, text};
use crate::target::{Door, Kind};
use crate::value::secret::Salt;
use crate::value::{List, Net, Observed, Reason, Record, Secret, Value, Version};

use gather::Labelled;
pub(in crate::resource) use gather::{Seen, daemons};

/// Labels of a container.
type Labels = BTreeMap<String, String>;

/// Which daemons, for both resources.
pub(in crate::resource) const PARAMS: &[Param] = &[
    Param {
        name: "of",
        accepts: Accepts::Text,
        required: true,
        about: "`container`: those in containers of an image called `ofelia`; `host`: the one of `ofelia.service`, or of `config`",
    },
    Param {
        name: "config",
        accepts: Accepts::Text,
        required: false,
        about: "on a host, the file or pattern that is looked for where no unit says which one is loaded",
    },
];

/// Where they are looked for.
pub(in crate::resource) fn target(with: &With) -> Kind {
    if text(with, "of") == "host" { Kind::Host } else { Kind::Containers }
}

pub(super) static OFELIA: Resource = Resource {
    name: "ofelia",
    about: "A daemon of the job scheduler Ofelia with the settings that its flags, its variables, its INI files and its container's labels come to. Files are found through the container's mounts.",
    privilege: "what `container` needs, and read permission for its INI files",
    params: PARAMS,
    fields: fields::FIELDS,
    can_be_absent: true,
    target,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    listing(daemons(door, with).await, |seen| vec![subject(seen, door.salt())])
}

/// The listing that what was found makes.
pub(in crate::resource) fn listing(found: Read<gather::Found>, subjects: impl Fn(&Seen) -> Vec<Subject>) -> Listing {
    match found {
        Err(reason) => Listing::failed(reason),
        Ok((seen, None)) if seen.is_empty() => Listing::absent("no daemon of Ofelia was found"),
        Ok((seen, more)) => {
            let subjects = seen.iter().flat_map(subjects).collect();
            more.map_or_else(|| Listing::complete(Vec::new()), |reason| Listing::partial(Vec::new(), reason))
                .with(subjects)
        }
    }
}

/// What was read as a field's state.
pub(in crate::resource) fn seen<T: Into<Value>>(read: Read<Option<T>>) -> Observed {
    read.map_or_else(Observed::Unknown, Observed::from_option)
}

/// A list of texts.
pub(in crate::resource) fn texts(read: Read<Vec<String>>) -> Observed {
    read.map_or_else(Observed::Unknown, |items| items.into_iter().collect::<Value>().into())
}

fn subject(seen: &Seen, salt: &Salt) -> Subject {
    let mut subject = Subject::new(&OFELIA, seen.name.as_str(), seen.origin.as_str(), seen.basis);
    let fields = &mut subject.fields;
    set_identity(fields, seen);
    set_web(fields, seen, salt);
    set_powers(fields, &seen.daemon);
    set_messages(fields, &seen.daemon);
    set_traces(fields, seen);
    fields.set("origins", origins(&seen.daemon));
    subject
}

fn set_identity(fields: &mut Record, seen: &Seen) {
    let container = seen.container.as_ref();
    let name = container.and_then(|container| container.get("name")).cloned();
    fields.set("container", name.unwrap_or(Observed::Absent));
    let image = container.and_then(|container| container.get("image")).cloned();
    fields.set("image", image.unwrap_or(Observed::Absent));
    fields.set("root", container.map_or(Observed::Absent, root));
    fields.set("version", version(seen));
    let config = Daemon::config(&seen.daemon.arguments, &seen.daemon.environment);
    fields.set("config", config.map_or_else(Observed::Unknown, Observed::from));
    fields.set("config_files", texts(seen.on_host.clone()));
    fields.set("state_file", self::seen(seen.daemon.text("state-file", "")));
}

fn root(container: &Record) -> Observed {
    if container.get("userns_remapped") == Some(&true.into()) {
        return false.into();
    }
    match container.get("root_in_container") {
        // The makers' image names no user.
        Some(Observed::Unknown(reason)) if *reason == of_image("the user") && gather::is_bare(container) => true.into(),
        Some(seen) => seen.clone(),
        None => Observed::unknown("its user was not seen"),
    }
}

/// What the image says of itself, else what its tag says.
fn version(seen: &Seen) -> Observed {
    let Some(container) = &seen.container else { return Observed::unknown("only images tell their version") };
    let label = seen.daemon.labels.as_ref().ok().and_then(|labels| labels.get("org.opencontainers.image.version"));
    let tag = gather::image(container).ok().flatten().and_then(|image| image.tag);
    let dotted = tag.filter(|tag| tag.contains('.'));
    let version = label.and_then(|text| Version::parse(text)).or_else(|| Version::parse(&dotted?));
    let silent = || {
        Observed::Unknown(
            Reason::new(
                "neither the image's label org.opencontainers.image.version nor its tag says which version it is",
            )
            .with_grant("look at the running container too, or name the version in the tag: netresearch/ofelia:0.29.0"),
        )
    };
    version.map_or_else(silent, |version| Observed::Known(Value::Version(version)))
}

fn set_web(fields: &mut Record, seen: &Seen, salt: &Salt) {
    let daemon = &seen.daemon;
    let address = |key: &str, default: &str| daemon.text(key, default).map(|text| text.unwrap_or(default.to_owned()));
    let web = address("web-address", ":8081");
    fields.set("web_enabled", daemon.switch("enable-web"));
    fields.set("web_exposed", exposure::of(seen.container.as_ref(), web.as_deref()));
    fields.set("web_address", self::seen(web.map(Some)));
    fields.set("web_auth", daemon.switch("web-auth-enabled"));
    fields.set("web_username", self::seen(daemon.text("web-username", "")));
    let secret = |text: String| Value::Secret(Secret::measure(text.as_bytes(), salt));
    let hash = daemon.text("web-password-hash", "");
    fields.set("web_password_cost", self::seen(hash.clone().map(|hash| hash.as_deref().and_then(bcrypt_cost))));
    fields.set("web_password", self::seen(hash.map(|hash| hash.map(secret))));
    fields.set("web_secret_key", self::seen(daemon.text("web-secret-key", "").map(|key| key.map(secret))));
    let hours = daemon.number("web-token-expiry", 24).map(|hours| Value::Duration(hours.saturating_mul(3600)));
    fields.set("web_token_expiry", hours);
    fields.set("web_login_attempts", daemon.number("web-max-login-attempts", 5));
    let proxies = daemon.list("web-trusted-proxies");
    let prefix = proxies.clone().map(|items| items.iter().filter_map(|text| prefix_of(text)).min());
    fields.set("web_trusted_prefix", self::seen(prefix));
    let net = |text: String| Net::parse(&text).map_or_else(|| Value::Invalid(text.into()), Value::Net).into();
    let proxies = proxies.map(|items| items.into_iter().map(net).collect::<Vec<Observed>>());
    fields.set("web_trusted_proxies", self::seen(proxies.map(|items| Some(Value::List(List { items, more: None })))));
    let pprof = address("pprof-address", "127.0.0.1:8080");
    fields.set("pprof_enabled", daemon.switch("enable-pprof"));
    fields.set("pprof_exposed", exposure::of(seen.container.as_ref(), pprof.as_deref()));
}

/// The length of a network's prefix, that of IPv6 less the 32 bits that it has more for as many networks. What is no
/// network the daemon refuses.
fn prefix_of(text: &str) -> Option<i64> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let (width, less) = if address.contains(':') { (128, 32) } else { (32, 0) };
    let prefix = prefix.map_or(Some(width), |prefix| prefix.parse::<i64>().ok())?;
    Some(prefix.saturating_sub(less).clamp(0, 32))
}

/// The cost of a complete bcrypt hash: `$2b$12$` and 53 letters.
fn bcrypt_cost(hash: &str) -> Option<i64> {
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|scheme| hash.strip_prefix(scheme))?;
    let (cost, rest) = rest.split_once('$')?;
    let letters = rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'));
    (cost.len() == 2 && rest.len() == 53 && letters).then(|| cost.parse().ok())?
}

fn set_powers(fields: &mut Record, daemon: &Daemon) {
    fields.set("host_jobs_from_labels", daemon.in_files("allow-host-jobs-from-labels"));
    fields.set("strict_validation", daemon.in_files_or_labels("enable-strict-validation"));
    let user = daemon.default_user().map(|user| if user.is_empty() { jobs::OWN_USER.to_owned() } else { user });
    fields.set("default_user", seen(user.map(Some)));
    let level = daemon.text("log-level", "").and_then(|level| match level {
        Some(level) => Ok(Some(level)),
        None => daemon.of_files_or_labels("log-level"),
    });
    fields.set("log_level", seen(level.map(|level| Some(level.unwrap_or_else(|| "info".to_owned()).to_lowercase()))));
    fields.set("docker_events", daemon.docker_events());
}

fn set_messages(fields: &mut Record, daemon: &Daemon) {
    let hosts = daemon.of_files("webhook-allowed-hosts").map(|hosts| items(&hosts.unwrap_or_else(|| "*".to_owned())));
    fields.set("webhook_allowed_hosts", texts(hosts));
    fields.set("webhook_remote_presets", daemon.in_files("webhook-allow-remote-presets"));
    let sources = daemon.of_files("webhook-trusted-preset-sources").map(|sources| items(&sources.unwrap_or_default()));
    fields.set("webhook_preset_sources", texts(sources));
    fields.set("webhooks", webhooks(daemon));
    fields.set("webhook_urls", webhook_urls(daemon));
    fields.set("smtp_host", seen(daemon.of_files_or_labels("smtp-host")));
    let policy = daemon.of_files_or_labels("smtp-tls-policy").map(|policy| match policy.as_deref() {
        Some(weak @ ("opportunistic" | "none")) => Some(weak.to_owned()),
        _ => Some("mandatory".to_owned()),
    });
    fields.set("smtp_tls_policy", seen(policy));
    fields.set("smtp_skip_verify", daemon.in_files_or_labels("smtp-tls-skip-verify"));
}

fn items(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn webhooks(daemon: &Daemon) -> Observed {
    let configuration = &daemon.configuration;
    let names = configuration.webhooks.iter().map(|webhook| webhook.name.as_str());
    let has_slack = |settings: &BTreeMap<String, Setting>| settings.contains_key("slackwebhook");
    let slack = has_slack(&configuration.global) || configuration.jobs.iter().any(|job| has_slack(&job.settings));
    let items = names.chain(slack.then_some("slack-webhook")).map(Observed::from).collect();
    Observed::Known(Value::List(List { items, more: configuration.unread.clone() }))
}

fn webhook_urls(daemon: &Daemon) -> Observed {
    let configuration = &daemon.configuration;
    let of = |settings: &BTreeMap<String, Setting>, key: &str| settings.get(key).cloned();
    let found = configuration.webhooks.iter().filter_map(|webhook| of(&webhook.settings, "url"));
    let slack = configuration.jobs.iter().filter_map(|job| of(&job.settings, "slackwebhook"));
    let found = found.chain(of(&configuration.global, "slackwebhook")).chain(slack);
    let url = |setting: Setting| match setting.text() {
        Ok("") => None,
        Ok(text) => Some(Observed::from(place_of(text))),
        Err(reason) => Some(Observed::Unknown(reason)),
    };
    let items = found.filter_map(url).collect();
    Observed::Known(Value::List(List { items, more: configuration.unread.clone() }))
}

/// The URL without what can be a secret: what follows its host.
fn place_of(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "***".to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}/")
}

fn set_traces(fields: &mut Record, seen: &Seen) {
    let configuration = &seen.daemon.configuration;
    let of_files = |items: Vec<String>| {
        let items = items.into_iter().map(Observed::from).collect();
        Observed::Known(Value::List(List { items, more: configuration.unread.clone() }))
    };
    fields.set("literal_secrets", of_files(secrets::in_files(configuration)));
    fields.set("undefined_variables", of_files(undefined(&seen.daemon)));
    let secret = of_labels(seen, |one, labels| secrets::in_labels(&one.container, labels));
    fields.set("label_secrets", Observed::Known(Value::List(secret)));
    let unknown = of_labels(seen, |one, labels| jobs::unknown_labels(&one.container, labels, one.own));
    let written = configuration.unknown.iter().map(|text| Observed::from(text.as_str()));
    let items = written.chain(unknown.items).collect();
    let more = configuration.unread.clone().or(unknown.more);
    fields.set("unknown_keys", Observed::Known(Value::List(List { items, more })));
    fields.set("variables", variables(&seen.daemon));
}

/// What labels show, of each container whose labels are read.
fn of_labels(seen: &Seen, find: impl Fn(&Labelled, &Labels) -> Vec<String>) -> List {
    let mut list = List::default();
    for one in &seen.labelled {
        match &one.labels {
            Ok(labels) => list.items.extend(find(one, labels).into_iter().map(Observed::from)),
            Err(reason) => list.more = Some(reason.clone()),
        }
    }
    list
}

/// References of the files that stay as they are written. What is left to commands and templates is none.
fn undefined(daemon: &Daemon) -> Vec<String> {
    const OF_OTHERS: [&str; 4] = ["command", "environment", "schedule", "entrypoint"];
    let configuration = &daemon.configuration;
    let sections = [&configuration.global, &configuration.docker].into_iter();
    let sections = sections.chain(configuration.webhooks.iter().map(|webhook| &webhook.settings));
    let sections = sections.chain(configuration.jobs.iter().map(|job| &job.settings));
    let settings = sections.flatten().filter(|(key, _)| !OF_OTHERS.contains(&key.as_str()));
    let shown = |setting: &Setting| -> Vec<String> {
        let names = setting.values.iter().flat_map(|value| &value.undefined);
        names.map(|name| format!("{} = ${{{name}}} ({})", setting.key, setting.place)).collect()
    };
    settings.flat_map(|(_, setting)| shown(setting)).collect()
}

fn variables(daemon: &Daemon) -> Observed {
    match daemon.environment.matching(&crate::glob::Glob::new("OFELIA_*")) {
        Err(reason) => Observed::Unknown(reason.clone()),
        Ok((variables, more)) => {
            let items = variables.into_iter().map(|variable| Observed::from(variable.name.as_str())).collect();
            Observed::Known(Value::List(List { items, more: more.cloned() }))
        }
    }
}

/// The fields that a file may set, by its keys.
const KEYS: [(&str, &str); 23] = [
    ("web_enabled", "enable-web"),
    ("web_address", "web-address"),
    ("web_exposed", "web-address"),
    ("web_auth", "web-auth-enabled"),
    ("web_username", "web-username"),
    ("web_password", "web-password-hash"),
    ("web_password_cost", "web-password-hash"),
    ("web_secret_key", "web-secret-key"),
    ("web_token_expiry", "web-token-expiry"),
    ("web_login_attempts", "web-max-login-attempts"),
    ("web_trusted_proxies", "web-trusted-proxies"),
    ("pprof_enabled", "enable-pprof"),
    ("pprof_exposed", "pprof-address"),
    ("host_jobs_from_labels", "allow-host-jobs-from-labels"),
    ("strict_validation", "enable-strict-validation"),
    ("default_user", "default-user"),
    ("log_level", "log-level"),
    ("webhook_allowed_hosts", "webhook-allowed-hosts"),
    ("webhook_remote_presets", "webhook-allow-remote-presets"),
    ("webhook_preset_sources", "webhook-trusted-preset-sources"),
    ("smtp_host", "smtp-host"),
    ("smtp_tls_policy", "smtp-tls-policy"),
    ("smtp_skip_verify", "smtp-tls-skip-verify"),
];

fn origins(daemon: &Daemon) -> Value {
    let place = |(field, key): &(&str, &str)| {
        let setting = daemon.configuration.global(key).ok().flatten()?;
        Some(((*field).into(), Observed::from(setting.place.as_str())))
    };
    Value::Map(KEYS.iter().filter_map(place).collect())
}

#[cfg(test)]
mod tests;
