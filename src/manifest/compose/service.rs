//! A service of a project as a container: its attributes by the fields that rules look at.

use std::collections::BTreeMap;

use super::load::{Loader, Variables};
use super::words::words;
use super::{Kind, amount, port, texts, variables, volume};
use crate::manifest::options::{Options, bare_capability};
use crate::manifest::tree::Node;
use crate::manifest::{Command, Container, Device, Items, Read, Ulimit};
use crate::value::{List, Observed, Reason, Value};

/// What a service is read with.
pub(super) struct Context<'a> {
    pub(super) model: &'a Node,
    pub(super) loader: &'a Loader<'a>,
    pub(super) variables: &'a Variables,
    /// The project's name, where it is known.
    pub(super) name: Option<String>,
    pub(super) profiles: Read<Vec<String>>,
}

/// Why something is unknown that the image says where the service does not.
pub(crate) fn of_image(what: &str) -> Reason {
    Reason::new(format!("the file leaves {what} to the image"))
}

pub(super) fn container(name: &str, node: &Node, context: &Context<'_>) -> Container {
    let service = Service { node, context };
    let environment = variables::environment(name, node, context);
    let mut fields = Vec::new();
    service.identity(&mut fields);
    service.powers(&mut fields);
    service.walls(&mut fields);
    service.limits(&mut fields);
    service.running(&mut fields);
    Container {
        name: name.to_owned(),
        title: name.to_owned(),
        alias: node.at("container_name").some_text().ok().flatten().map(str::to_owned),
        origin: node.place.to_string(),
        fields,
        image: node.at("image").some_text().map(|image| image.map(str::to_owned)),
        built: node.get("build").is_some(),
        ports: service.ports(),
        mounts: volume::mounts(node, context),
        ulimits: service.ulimits(),
        devices: service.devices(),
        environment,
        command: Command { entrypoint: service.words("entrypoint"), arguments: service.words("command") },
    }
}

type Fields = Vec<(&'static str, Observed)>;

struct Service<'a> {
    node: &'a Node,
    context: &'a Context<'a>,
}

fn seen<T: Into<Value>>(read: Read<T>) -> Observed {
    read.map_or_else(Observed::Unknown, |value| Observed::Known(value.into()))
}

fn seen_or_absent<T: Into<Value>>(read: Read<Option<T>>) -> Observed {
    read.map_or_else(Observed::Unknown, Observed::from_option)
}

/// A list; an item that cannot be told is one of its own.
fn seen_items(items: Read<Vec<Read<String>>>) -> Observed {
    let items = match items {
        Ok(items) => items,
        Err(reason) => return Observed::Unknown(reason),
    };
    let mut known: Vec<Observed> = Vec::with_capacity(items.len());
    for item in items.into_iter().map(|item| item.map_or_else(Observed::Unknown, Observed::from)) {
        if !known.contains(&item) {
            known.push(item);
        }
    }
    Observed::Known(Value::List(List { items: known, more: None }))
}

impl<'a> Service<'a> {
    fn texts(&self, key: &str) -> Read<Vec<Read<String>>> {
        texts(self.node, key)
    }

    /// The texts, all of which must be told.
    fn all_texts(&self, key: &str) -> Read<Vec<String>> {
        self.texts(key)?.into_iter().collect()
    }

    fn bool(&self, path: &str) -> Read<bool> {
        Ok(self.node.at(path).bool()?.unwrap_or_default())
    }

    fn text(&self, path: &str) -> Read<Option<&'a str>> {
        self.node.at(path).some_text()
    }

    /// Amounts of memory; 0 and -1 are no limit.
    fn bytes(&self, path: &str) -> Read<Option<Value>> {
        let Some(text) = self.text(path)? else { return Ok(None) };
        if matches!(text, "0" | "-1") {
            return Ok(None);
        }
        let bytes = amount::bytes(text).map(|bytes| Some(Value::Size(bytes)).filter(|_| bytes > 0));
        bytes.ok_or_else(|| Reason::new(format!("{}: `{path}` is no amount of memory", self.node.place)))
    }

    /// The map of an attribute that may be a list of `NAME=value`.
    fn map(&self, key: &str) -> Observed {
        let Some(node) = self.node.get(key) else { return Value::Map(BTreeMap::new()).into() };
        let pairs = super::merge::pairs(node.clone());
        let entries = match pairs.itself(key).entries() {
            Ok(entries) => entries,
            Err(reason) => return Observed::Unknown(reason),
        };
        let mut map = BTreeMap::new();
        for (name, value) in entries {
            let value = match &value.kind {
                Kind::Unknown(reason) if name == super::merge::ANY => return Observed::Unknown(reason.clone()),
                Kind::Unknown(reason) => Observed::Unknown(reason.clone()),
                Kind::Null => "".into(),
                Kind::Text { text, quoted } => {
                    variables::shown(text, *quoted, value).map_or_else(Observed::Unknown, Observed::from)
                }
                Kind::List(_) | Kind::Map(_) => Observed::unknown("this is no text"),
            };
            map.insert(name.as_str().into(), value);
        }
        Value::Map(map).into()
    }

    fn identity(&self, fields: &mut Fields) {
        let image = self.text("image").map(|image| image.map(str::to_owned));
        let image = match (image, self.context.name.as_deref()) {
            (Ok(None), _) if self.node.get("build").is_none() => Err(Reason::new("the service names no image")),
            (image, _) => image,
        };
        fields.push(("image", seen_or_absent(image)));
        let labels = if self.node.get("label_file").is_some() {
            Observed::unknown("labels come from a label_file, which is not read")
        } else {
            self.map("labels")
        };
        fields.push(("labels", labels));
        fields.push(("group_add", seen_items(self.texts("group_add"))));
        let user = self.text("user").and_then(|user| user.ok_or_else(|| of_image("the user")));
        fields.push(("root_in_container", seen(user.clone().and_then(is_root))));
        fields.push(("user", seen(user)));
        let remapped = self.text("userns_mode").and_then(|mode| match mode {
            Some("host") => Ok(false),
            None => Err(Reason::new("the daemon's configuration decides whether users are remapped")),
            Some(_) => Ok(true),
        });
        fields.push(("userns_remapped", seen(remapped)));
    }

    fn powers(&self, fields: &mut Fields) {
        let privileged = self.bool("privileged");
        fields.push(("privileged", seen(privileged.clone())));
        for key in ["cap_add", "cap_drop"] {
            let names = self.texts(key);
            let names =
                names.map(|names| names.into_iter().map(|name| name.map(|name| bare_capability(&name))).collect());
            fields.push((key, seen_items(names)));
        }
        fields.push(("security_opt", seen_items(self.texts("security_opt"))));
        let options = Options { given: self.all_texts("security_opt"), privileged };
        fields.push(("no_new_privileges", seen(options.no_new_privileges())));
        fields.push(("seccomp", options.seccomp()));
        fields.push(("apparmor", seen_or_absent(options.apparmor())));
        fields.push(("selinux_disabled", seen(options.selinux_disabled())));
        fields.push(("masked_paths", options.system_paths("/proc/kcore")));
        fields.push(("readonly_paths", options.system_paths("/proc/sysrq-trigger")));
        fields.push(("sysctls", self.map("sysctls")));
        fields.push(("device_cgroup_rules", seen_items(self.texts("device_cgroup_rules"))));
        fields.push(("device_requests", seen(self.device_requests())));
    }

    fn device_requests(&self) -> Read<i64> {
        let reserved = self.node.at("deploy.resources.reservations.devices").items()?.len();
        let gpus = match self.node.get("gpus").map(|node| &node.kind) {
            None => 0,
            Some(Kind::List(items)) => items.len(),
            Some(Kind::Unknown(reason)) => return Err(reason.clone()),
            Some(Kind::Text { .. } | Kind::Map(_) | Kind::Null) => 1,
        };
        Ok(i64::try_from(reserved.saturating_add(gpus)).unwrap_or(i64::MAX))
    }

    fn walls(&self, fields: &mut Fields) {
        let mode = |key: &str| Ok(self.text(key)?.map(of_service));
        let (pid, ipc, uts) = (mode("pid"), mode("ipc"), mode("uts"));
        let network = self.given_network_mode();
        let mut joined = Vec::new();
        let mut unseen = None;
        for mode in [pid.clone(), ipc.clone(), network.clone()] {
            match mode {
                Ok(mode) => joined.extend(mode.and_then(|mode| Some(mode.strip_prefix("container:")?.to_owned()))),
                Err(reason) => unseen = Some(reason),
            }
        }
        joined.sort_unstable();
        joined.dedup();
        fields.push(("joins", unseen.map_or_else(|| joined.into_iter().collect::<Value>().into(), Observed::Unknown)));
        let is_host = |mode: &Read<Option<String>>| seen(mode.clone().map(|mode| mode.as_deref() == Some("host")));
        fields.push(("host_pid", is_host(&pid)));
        fields.push(("host_ipc", is_host(&ipc)));
        fields.push(("host_uts", is_host(&uts)));
        fields.push(("host_network", is_host(&network)));
        let private = |mode: Read<Option<String>>| seen(mode.map(|mode| mode.unwrap_or_else(|| "private".to_owned())));
        fields.push(("pid_mode", private(pid)));
        fields.push(("uts_mode", private(uts)));
        fields.push(("ipc_mode", seen_or_absent(ipc)));
        let bridge = network.map(|mode| matches!(mode.as_deref(), Some("bridge" | "default")));
        fields.push(("on_default_bridge", seen(bridge)));
        fields.push(("network_mode", seen(self.network_mode())));
        fields.push(("networks", self.networks()));
        let userns = self.text("userns_mode");
        fields.push(("host_userns", seen(userns.clone().map(|mode| mode == Some("host")))));
        fields.push(("userns_mode", seen(userns.map(|mode| mode.unwrap_or("default")))));
        let cgroup = self.text("cgroup");
        fields.push(("host_cgroupns", seen_or_absent(cgroup.clone().map(|mode| mode.map(|mode| mode == "host")))));
        fields.push(("cgroupns_mode", seen_or_absent(cgroup)));
        fields.push(("runtime", seen_or_absent(self.text("runtime"))));
        fields.push(("cgroup_parent", seen_or_absent(self.text("cgroup_parent"))));
    }

    fn given_network_mode(&self) -> Read<Option<String>> {
        let mode = match self.text("network_mode")? {
            None => self.text("net")?,
            mode => mode,
        };
        Ok(mode.map(of_service))
    }

    /// Without a mode it is the first of its networks, the project's own where it names none.
    fn network_mode(&self) -> Read<String> {
        match self.given_network_mode()?.as_deref() {
            Some("default") => Ok("bridge".to_owned()),
            Some(mode) => Ok(mode.to_owned()),
            None => self.full_name(self.own_networks()?.first().map_or("default", String::as_str)),
        }
    }

    fn own_networks(&self) -> Read<Vec<String>> {
        let Some(node) = self.node.get("networks") else { return Ok(vec!["default".to_owned()]) };
        let mut ranked = match &node.kind {
            Kind::Map(entries) => entries.iter().map(ranked).collect::<Read<Vec<_>>>()?,
            _ => self.all_texts("networks")?.into_iter().map(|name| (0, name)).collect(),
        };
        // The first is the one by which the container is known: by priority, then by name.
        ranked.sort();
        let names: Vec<String> = ranked.into_iter().map(|(_, name)| name).collect();
        Ok(if names.is_empty() { vec!["default".to_owned()] } else { names })
    }

    fn networks(&self) -> Observed {
        match self.text("network_mode") {
            Ok(None) => {}
            Ok(Some(mode)) => {
                let own = if mode.contains(':') { Vec::new() } else { vec![mode] };
                return own.into_iter().collect::<Value>().into();
            }
            Err(reason) => return Observed::Unknown(reason),
        }
        let names = self.own_networks().map(|names| names.iter().map(|name| self.full_name(name)).collect());
        seen_items(names)
    }

    /// `project_name`, unless the network says what it is called.
    fn full_name(&self, name: &str) -> Read<String> {
        let declared = self.context.model.get("networks").and_then(|networks| networks.get(name));
        if let Some(declared) = declared {
            if let Some(given) = declared.at("name").some_text()? {
                return Ok(given.to_owned());
            }
            let external = declared.get("external");
            match external.map(|node| &node.kind) {
                Some(Kind::Map(_)) => {
                    return Ok(declared.at("external.name").some_text()?.unwrap_or(name).to_owned());
                }
                Some(_) if declared.at("external").bool()? == Some(true) => return Ok(name.to_owned()),
                _ => {}
            }
        }
        let project = self.context.name.as_deref().ok_or_else(|| Reason::new("the project's name is not known"))?;
        Ok(format!("{project}_{name}"))
    }

    fn limits(&self, fields: &mut Fields) {
        let either = |first: Read<Option<Value>>, second: &str| match first {
            Ok(None) => self.bytes(second),
            first => first,
        };
        fields.push(("memory", seen_or_absent(either(self.bytes("mem_limit"), "deploy.resources.limits.memory"))));
        let reserved = either(self.bytes("mem_reservation"), "deploy.resources.reservations.memory");
        fields.push(("memory_reservation", seen_or_absent(reserved)));
        fields.push(("memory_swap", seen_or_absent(self.bytes("memswap_limit"))));
        fields.push(("cpu_limited", seen(self.is_cpu_limited())));
        let pids = match self.node.at("pids_limit").int() {
            Ok(None) => self.node.at("deploy.resources.limits.pids").int(),
            pids => pids,
        };
        fields.push(("pids_limit", seen_or_absent(pids.map(|pids| pids.filter(|pids| *pids > 0)))));
        fields.push(("oom_kill_disable", seen(self.bool("oom_kill_disable"))));
        fields.push(("oom_score_adj", seen(self.node.at("oom_score_adj").int().map(Option::unwrap_or_default))));
        let restart = self.restart();
        fields.push(("restart_policy", seen(restart.clone().map(|(policy, _)| policy))));
        fields.push(("restart_retries", seen(restart.map(|(_, retries)| retries))));
        fields.push(("readonly_rootfs", seen(self.bool("read_only"))));
        fields.push(("shm_size", seen_or_absent(self.bytes("shm_size"))));
        fields.push(("volumes_from", seen_items(self.texts("volumes_from"))));
        fields.push(("links", seen_items(self.links())));
        fields.push(("tmpfs", self.tmpfs()));
        fields.push(("publish_all", false.into()));
    }

    fn links(&self) -> Read<Vec<Read<String>>> {
        Ok(self.texts("links")?.into_iter().chain(self.texts("external_links")?).collect())
    }

    fn is_cpu_limited(&self) -> Read<bool> {
        for path in ["cpus", "cpu_quota", "cpu_count", "cpu_percent", "deploy.resources.limits.cpus"] {
            let Some(text) = self.text(path)? else { continue };
            let number: f64 = text.parse().map_err(|_| Reason::new(format!("`{path}` is no number")))?;
            if number > 0.0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `on-failure:3`; what `deploy.restart_policy` says where `restart` says nothing.
    fn restart(&self) -> Read<(String, i64)> {
        if let Some(policy) = self.text("restart")? {
            let (policy, retries) = policy.split_once(':').unwrap_or((policy, "0"));
            let retries =
                retries.parse().map_err(|_| Reason::new("`restart` counts by something that is no number"))?;
            return Ok((policy.to_owned(), retries));
        }
        if self.node.at("deploy.restart_policy").entries()?.is_empty() {
            return Ok(("no".to_owned(), 0));
        }
        let condition = match self.text("deploy.restart_policy.condition")? {
            Some("none" | "no") => "no",
            Some("any") | None => "always",
            Some(condition) => condition,
        };
        let retries = self.node.at("deploy.restart_policy.max_attempts").int()?.unwrap_or_default();
        Ok((condition.to_owned(), if condition == "on-failure" { retries } else { 0 }))
    }

    fn tmpfs(&self) -> Observed {
        let mut map = BTreeMap::new();
        match self.texts("tmpfs").and_then(|items| items.into_iter().collect::<Read<Vec<String>>>()) {
            Ok(entries) => {
                for entry in entries {
                    let (path, options) = entry.split_once(':').unwrap_or((&entry, ""));
                    map.insert(path.into(), options.into());
                }
                Value::Map(map).into()
            }
            Err(reason) => Observed::Unknown(reason),
        }
    }

    /// How it is run: whether it is, its log and its health check.
    fn running(&self, fields: &mut Fields) {
        fields.push(("running", seen(self.is_to_run())));
        let driver = match self.text("logging.driver") {
            Ok(None) => self.text("log_driver"),
            driver => driver,
        };
        fields.push(("log_driver", seen_or_absent(driver)));
        let options = match self.node.get("logging") {
            Some(node) => Service { node, context: self.context }.map("options"),
            None => self.map("log_opt"),
        };
        fields.push(("log_options", options));
        fields.push(("healthcheck", seen(self.is_health_checked())));
        fields.push(("init", seen_or_absent(self.node.at("init").bool())));
        fields.push(("service_account_token", Observed::Absent));
        fields.push(("auto_remove", false.into()));
    }

    /// Not by a profile that nobody asked for, and not scaled to none.
    fn is_to_run(&self) -> Read<bool> {
        let replicas = match self.node.at("scale").int()? {
            None => self.node.at("deploy.replicas").int()?,
            scale => scale,
        };
        if replicas == Some(0) {
            return Ok(false);
        }
        let own = self.all_texts("profiles")?;
        if own.is_empty() {
            return Ok(true);
        }
        let asked = self.context.profiles.clone()?;
        Ok(asked.iter().any(|profile| profile == "*" || own.contains(profile)))
    }

    fn is_health_checked(&self) -> Read<bool> {
        if self.bool("healthcheck.disable")? {
            return Ok(false);
        }
        let check = match self.node.get("healthcheck") {
            Some(node) => texts(node, "test")?,
            None => Vec::new(),
        };
        match check.into_iter().next().transpose()?.as_deref() {
            Some("NONE") => Ok(false),
            Some(_) => Ok(true),
            None => Err(of_image("the health check")),
        }
    }

    fn ports(&self) -> Items<crate::manifest::Port> {
        // With another's network, or none, nothing is published.
        match self.given_network_mode() {
            Ok(Some(mode)) if matches!(mode.as_str(), "host" | "none") || mode.starts_with("container:") => {
                return Items::default();
            }
            Ok(_) | Err(_) => {}
        }
        match self.node.at("ports").items() {
            Ok(entries) => {
                let mut ports: Items<_> = Items::default();
                for port in entries.iter().flat_map(port::ports) {
                    if !ports.items.contains(&port) {
                        ports.items.push(port);
                    }
                }
                ports
            }
            Err(reason) => Items::unseen(reason),
        }
    }

    fn ulimits(&self) -> Items<Ulimit> {
        let entries = match self.node.at("ulimits").entries() {
            Ok(entries) => entries,
            Err(reason) => return Items::unseen(reason),
        };
        let one = |(name, node): &(String, Node)| {
            let strange = || Reason::new(format!("{}: this is no limit", node.place));
            let (soft, hard) = match &node.kind {
                Kind::Map(_) => (node.at("soft").int()?, node.at("hard").int()?),
                _ => (node.itself("ulimits").int()?, node.itself("ulimits").int()?),
            };
            let (soft, hard) = (soft.or(hard).ok_or_else(strange)?, hard.or(soft).ok_or_else(strange)?);
            Ok(Ulimit { name: name.clone(), soft, hard })
        };
        entries.iter().map(one).collect()
    }

    /// A command, as a list or as one text that Compose splits into words. `null` leaves the image's own.
    fn words(&self, key: &str) -> Read<Option<Vec<String>>> {
        let Some(node) = self.node.get(key).filter(|node| !matches!(node.kind, Kind::Null)) else { return Ok(None) };
        let strange = || Reason::new(format!("{}: this is no command", node.place));
        if matches!(node.kind, Kind::List(_)) {
            return self.all_texts(key).map(Some);
        }
        let text = node.itself(key).text()?.ok_or_else(strange)?;
        words(text).map(Some).ok_or_else(strange)
    }

    fn devices(&self) -> Items<Device> {
        let entries = match self.node.at("devices").items() {
            Ok(entries) => entries,
            Err(reason) => return Items::unseen(reason),
        };
        let one = |node: &Node| {
            let strange = || Reason::new(format!("{}: this is no device", node.place));
            if matches!(node.kind, Kind::Map(_)) {
                let source = node.at("source").some_text()?.ok_or_else(strange)?;
                let target = node.at("target").some_text()?.unwrap_or(source);
                let permissions = node.at("permissions").some_text()?.unwrap_or("rwm");
                return Ok(device(source, target, permissions));
            }
            let text = node.itself("devices").some_text()?.ok_or_else(strange)?;
            match text.split(':').collect::<Vec<_>>().as_slice() {
                [source] => Ok(device(source, source, "rwm")),
                [source, target] => Ok(device(source, target, "rwm")),
                [source, target, permissions] => Ok(device(source, target, permissions)),
                _ => Err(strange()),
            }
        };
        entries.iter().map(one).collect()
    }
}

/// A network after those of a higher priority.
fn ranked((name, node): &(String, Node)) -> Read<(i64, String)> {
    let priority = match &node.kind {
        Kind::Map(_) => node.at("priority").int()?.unwrap_or_default(),
        _ => 0,
    };
    Ok((priority.saturating_neg(), name.clone()))
}

fn device(host: &str, container: &str, permissions: &str) -> Device {
    Device { host_path: host.to_owned(), container_path: container.to_owned(), permissions: permissions.to_owned() }
}

/// `service:web` as the engine will have it, by the service's name in place of the id.
fn of_service(mode: &str) -> String {
    mode.strip_prefix("service:").map_or_else(|| mode.to_owned(), |service| format!("container:{service}"))
}

/// Whether the configured user is user 0: a name other than `root` only the image explains.
fn is_root(user: &str) -> Read<bool> {
    let name = user.split(':').next().unwrap_or_default().trim();
    match name {
        "" | "root" => Ok(true),
        name => match name.parse::<i64>() {
            Ok(uid) => Ok(uid == 0),
            Err(_) => Err(Reason::new(format!("only the image knows the number of the user `{name}`"))),
        },
    }
}
