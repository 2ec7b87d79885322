//! From the directives of a unit to fields: which one counts, and what it means (systemd.exec(5)).

use std::collections::BTreeMap;

use super::capabilities::Set;
use super::fields::{FIELDS, PROTECT_HOME, PROTECT_SYSTEM};
use crate::format::unit::{resolve_specifiers, words};
use crate::resource::sensitive;
use crate::target::host::units::{Sourced, section};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Record, Value};

const DEFAULT: &str = "default";

/// Switches, all of them off when nothing sets them.
const FLAGS: [(&str, &str); 17] = [
    ("dynamic_user", "DynamicUser"),
    ("no_new_privileges", "NoNewPrivileges"),
    ("private_tmp", "PrivateTmp"),
    ("private_devices", "PrivateDevices"),
    ("private_network", "PrivateNetwork"),
    ("private_users", "PrivateUsers"),
    ("protect_kernel_tunables", "ProtectKernelTunables"),
    ("protect_kernel_modules", "ProtectKernelModules"),
    ("protect_kernel_logs", "ProtectKernelLogs"),
    ("protect_control_groups", "ProtectControlGroups"),
    ("protect_clock", "ProtectClock"),
    ("protect_hostname", "ProtectHostname"),
    ("restrict_suid_sgid", "RestrictSUIDSGID"),
    ("restrict_realtime", "RestrictRealtime"),
    ("lock_personality", "LockPersonality"),
    ("memory_deny_write_execute", "MemoryDenyWriteExecute"),
    ("remove_ipc", "RemoveIPC"),
];
/// Lists of words.
const LISTS: [(&str, &str); 7] = [
    ("supplementary_groups", "SupplementaryGroups"),
    ("system_call_filter", "SystemCallFilter"),
    ("system_call_architectures", "SystemCallArchitectures"),
    ("restrict_address_families", "RestrictAddressFamilies"),
    ("read_write_paths", "ReadWritePaths"),
    ("read_only_paths", "ReadOnlyPaths"),
    ("inaccessible_paths", "InaccessiblePaths"),
];

/// The directives of a unit as they take effect.
struct Settings<'d> {
    section: &'static str,
    directives: &'d [Sourced],
    origins: BTreeMap<Box<str>, Observed>,
}

/// Sets all fields that directives decide.
pub(super) fn fill(fields: &mut Record, name: &str, directives: &[Sourced]) {
    for field in FIELDS {
        fields.set(field.name, Observed::Absent);
    }
    let mut settings = Settings { section: section(name), directives, origins: BTreeMap::new() };
    fields.set("settings", settings.all());
    let executes = ["service", "socket", "mount", "swap"].iter().any(|kind| name.rsplit('.').next() == Some(kind));
    if executes {
        settings.execution(fields);
    }
    settings.resources(fields, name);
    if name.ends_with(".socket") {
        let listens = settings.values(&["ListenStream", "ListenDatagram", "ListenSequentialPacket", "ListenFIFO"]);
        fields.set("listen", settings.texts("listen", &listens));
    }
    fields.set("origins", Value::Map(settings.origins));
}

/// One assignment: its value, and where it stands.
#[derive(Clone)]
struct Assigned {
    value: String,
    place: String,
}

impl<'d> Settings<'d> {
    fn of(&self, names: &[&str]) -> impl Iterator<Item = Assigned> + use<'d> {
        let (section, names) = (self.section, names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let of_it = self
            .directives
            .iter()
            .filter(move |one| one.directive.section == section && names.contains(&one.directive.key));
        of_it.map(|one| Assigned {
            value: one.directive.value.clone(),
            place: format!("{}:{}", one.path.display(), one.directive.line),
        })
    }

    /// The assignments since the last empty one.
    fn values(&self, names: &[&str]) -> Vec<Assigned> {
        let mut values = Vec::new();
        for one in self.of(names) {
            match one.value.is_empty() {
                true => values.clear(),
                false => values.push(one),
            }
        }
        values
    }

    fn note(&mut self, field: &str, place: &str) {
        self.origins.insert(field.into(), Observed::Known(place.into()));
    }

    fn note_all(&mut self, field: &str, values: &[Assigned]) {
        let places: Vec<&str> = values.iter().map(|one| one.place.as_str()).collect();
        let places = if places.is_empty() { DEFAULT.to_owned() } else { places.join(", ") };
        self.note(field, &places);
    }

    /// The last assignment that systemd understands; it passes over the others with a warning. What only another version
    /// might understand leaves it unknown.
    fn last(&mut self, field: &str, name: &str, default: Value, read: impl Fn(&str) -> Option<Value>) -> Observed {
        let Some(one) = self.of(&[name]).filter(|one| !one.value.is_empty()).last() else {
            self.note(field, DEFAULT);
            return default.into();
        };
        self.note(field, &one.place);
        match read(&one.value) {
            Some(value) => value.into(),
            None => Observed::unknown(format!("{}: whether systemd understands it depends on its version", one.place)),
        }
    }

    fn flag(&mut self, field: &str, name: &str) -> Observed {
        self.last(field, name, Value::Bool(false), boolean)
    }

    /// A text that an empty assignment takes back.
    fn text(&mut self, field: &str, name: &str) -> Observed {
        let Some(one) = self.values(&[name]).pop() else {
            self.note(field, DEFAULT);
            return Observed::Absent;
        };
        self.note(field, &one.place);
        item(&one.value, &one.place)
    }

    fn texts(&mut self, field: &str, values: &[Assigned]) -> Observed {
        self.note_all(field, values);
        values.iter().map(|one| item(&one.value, &one.place)).collect::<Value>().into()
    }

    fn words(&mut self, field: &str, name: &str) -> Observed {
        let values = self.values(&[name]);
        self.note_all(field, &values);
        let of_one = |one: &Assigned| words(&one.value).iter().map(|word| item(word, &one.place)).collect::<Vec<_>>();
        values.iter().flat_map(of_one).collect::<Value>().into()
    }

    fn set(&mut self, field: &str, name: &str, initial: Set) -> Set {
        let lines: Vec<Assigned> = self.of(&[name]).collect();
        self.note_all(field, &lines);
        lines.iter().fold(initial, |set, one| set.with(&one.value, initial))
    }

    fn execution(&mut self, fields: &mut Record) {
        for (field, name) in FLAGS {
            let observed = self.flag(field, name);
            fields.set(field, observed);
        }
        for (field, name) in LISTS {
            let observed = self.words(field, name);
            fields.set(field, observed);
        }
        for (field, name) in [("user", "User"), ("group", "Group"), ("restrict_namespaces", "RestrictNamespaces")] {
            let observed = self.text(field, name);
            fields.set(field, observed);
        }
        let system = self
            .last("protect_system", "ProtectSystem", word(&PROTECT_SYSTEM, "no"), |text| choice(&PROTECT_SYSTEM, text));
        fields.set("protect_system", system);
        let home =
            self.last("protect_home", "ProtectHome", word(&PROTECT_HOME, "no"), |text| choice(&PROTECT_HOME, text));
        fields.set("protect_home", home);
        let umask = self.last("umask", "UMask", Value::Mode(0o022), |text| {
            u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777).map(Value::Mode)
        });
        fields.set("umask", umask);
        let ambient = self.set("ambient_capabilities", "AmbientCapabilities", Set::NONE);
        fields.set("ambient_capabilities", names(ambient));
        let bounding = self.set("capability_bounding_set", "CapabilityBoundingSet", Set::EVERY);
        self.dynamic_user(fields);
        fields.set("capability_bounding_set", bounded(bounding, fields));
        let commands = self.values(&["ExecStart"]);
        let shown = self.texts("exec_start", &commands);
        fields.set("exec_start", shown);
        let files = self.values(&["EnvironmentFile"]);
        let files = self.texts("environment_files", &files);
        fields.set("environment_files", files);
    }

    /// What `DynamicUser=yes` turns on by itself (systemd.exec(5)).
    fn dynamic_user(&mut self, fields: &mut Record) {
        let dynamic = match fields.get("dynamic_user") {
            Some(Observed::Known(Value::Bool(true))) => None,
            Some(Observed::Unknown(reason)) => Some(reason.clone()),
            _ => return,
        };
        let place = self.origins.get("dynamic_user").map(ToString::to_string).unwrap_or_default();
        let on = |wanted: Value| match &dynamic {
            None => Observed::Known(wanted),
            Some(reason) => Observed::Unknown(reason.clone()),
        };
        let mut implied = vec![("protect_system", on(word(&PROTECT_SYSTEM, "strict")))];
        for field in ["no_new_privileges", "private_tmp", "restrict_suid_sgid", "remove_ipc"] {
            implied.push((field, on(Value::Bool(true))));
        }
        if fields.get("protect_home") == Some(&Observed::Known(word(&PROTECT_HOME, "no"))) {
            implied.push(("protect_home", on(word(&PROTECT_HOME, "read-only"))));
        }
        for (field, observed) in implied {
            self.note(field, &place);
            fields.set(field, observed);
        }
    }

    fn resources(&mut self, fields: &mut Record, name: &str) {
        self.section = match name.rsplit('.').next() {
            Some("slice") => "Slice",
            Some("scope") => "Scope",
            _ => self.section,
        };
        for (field, name) in [("memory_max", "MemoryMax"), ("tasks_max", "TasksMax")] {
            let observed = self.text(field, name);
            fields.set(field, observed);
        }
    }

    /// Every setting by its section and name.
    fn all(&self) -> Value {
        let mut all: BTreeMap<Box<str>, Vec<Observed>> = BTreeMap::new();
        for Sourced { path, directive } in self.directives {
            let key: Box<str> = format!("{}.{}", directive.section, directive.key).into();
            let values = all.entry(key).or_default();
            if directive.value.is_empty() {
                values.clear();
            } else {
                let place = format!("{}:{}", path.display(), directive.line);
                values.push(shown(&directive.key, &directive.value, &place));
            }
        }
        Value::Map(all.into_iter().map(|(key, values)| (key, Observed::Known(values.into_iter().collect()))).collect())
    }
}

/// The capabilities that are left once other settings have taken theirs.
fn bounded(set: Set, fields: &Record) -> Observed {
    let mut set = set;
    for (field, taken) in [
        ("private_devices", ["CAP_MKNOD", "CAP_SYS_RAWIO"].as_slice()),
        ("protect_kernel_modules", &["CAP_SYS_MODULE"]),
        ("protect_kernel_logs", &["CAP_SYSLOG"]),
        ("protect_clock", &["CAP_SYS_TIME", "CAP_WAKE_ALARM"]),
    ] {
        match fields.get(field) {
            Some(Observed::Known(Value::Bool(true))) => set = set.without(taken),
            Some(Observed::Unknown(reason)) => return Observed::Unknown(reason.clone()),
            _ => {}
        }
    }
    names(set).into()
}

fn names(set: Set) -> Value {
    set.names().into_iter().map(Observed::from).collect()
}

fn boolean(text: &str) -> Option<Value> {
    Dialect::Systemd.read(text).map(Value::Bool)
}

/// A word, or a boolean for `yes` and `no`.
fn choice(vocabulary: &'static Vocabulary, text: &str) -> Option<Value> {
    let text = match boolean(text) {
        Some(Value::Bool(true)) => "yes",
        Some(Value::Bool(false)) => "no",
        _ => text,
    };
    vocabulary.word(text).map(Value::Word)
}

/// A value without what may be a secret in it; one with a specifier is not known.
fn item(text: &str, place: &str) -> Observed {
    match resolve_specifiers(text) {
        Some(text) => redacted(&text).into(),
        None => Observed::unknown(format!("{place}: it holds a specifier, which is not resolved")),
    }
}

fn shown(key: &str, text: &str, place: &str) -> Observed {
    match key {
        // The names are in the resource `env`, which knows secrets.
        "Environment" | "SetCredential" | "SetCredentialEncrypted" => "***".into(),
        _ => item(text, place),
    }
}

/// A command or a path: words like `--token=…`, what follows `--password`, and passwords of URLs are taken out.
fn redacted(text: &str) -> String {
    let mut hidden = false;
    let mut shown = Vec::new();
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|c| matches!(c, '"' | '\''));
        let (name, value) = bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value)));
        let secret = sensitive::is_secret_name(name.trim_start_matches('-'));
        shown.push(match (hidden, value) {
            (true, _) => "***".to_owned(),
            (false, Some(_)) if secret => format!("{name}=***"),
            (false, _) => sensitive::show("", word),
        });
        hidden = secret && value.is_none() && bare.starts_with('-');
    }
    shown.join(" ")
}
