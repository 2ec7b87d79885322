//! The containers of a pod by the fields that rules look at.

use std::collections::BTreeMap;

use super::{Objects, Workload, mounts, quantity, security, variables};
use crate::manifest::tree::{At, Kind, Node};
use crate::manifest::{Command, Container, Items, Port, Read};
use crate::value::{Observed, Reason, Value};

/// A container with what surrounds it.
pub(super) struct Context<'a> {
    pub(super) workload: &'a Workload,
    pub(super) objects: &'a Objects,
    /// The pod's specification.
    pub(super) pod: &'a Node,
    pub(super) container: &'a Node,
    /// Why objects may be missing from the manifests.
    pub(super) unread: Option<&'a Reason>,
}

pub(super) type Fields = Vec<(&'static str, Observed)>;

/// Every container of a workload: those that start first and those for debugging too.
pub(super) fn containers(workload: &Workload, objects: &Objects, unread: Option<&Reason>) -> Vec<Container> {
    let Some(pod) = follow(&workload.object, workload.pod) else { return Vec::new() };
    let mut found = Vec::new();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let Some(node) = pod.get(list) else { continue };
        let unknown = std::slice::from_ref(node);
        let items = node.itself(list).items().unwrap_or(unknown);
        for container in items.iter().filter(|item| !matches!(item.kind, Kind::Null)) {
            found.push(one(&Context { workload, objects, pod, container, unread }));
        }
    }
    found
}

/// The node at a dotted path.
pub(super) fn follow<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    path.split('.').try_fold(node, |node, key| node.get(key))
}

fn one(context: &Context<'_>) -> Container {
    let Workload { kind, name, namespace, .. } = context.workload;
    let own = context.container.at("name").json_text().ok().flatten().unwrap_or("?").to_owned();
    let kind = kind.to_ascii_lowercase();
    let prefix = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
    let title = format!("{prefix}{kind}/{name}/{own}");
    let mut fields = Vec::new();
    identity(context, &mut fields);
    security::set(context, &mut fields);
    walls(context, &mut fields);
    limits(context, &mut fields);
    running(context, &mut fields);
    Container {
        environment: variables::environment(&title, context),
        name: own,
        title,
        alias: None,
        origin: context.container.place.to_string(),
        image: context.container.at("image").json_text().map(|image| image.map(str::to_owned)),
        built: false,
        ports: ports(context),
        mounts: mounts::mounts(context),
        ulimits: Items::default(),
        devices: Items::default(),
        fields,
        command: Command { entrypoint: words(context, "command"), arguments: words(context, "args") },
    }
}

/// A list of words that a container is started with; `None` where the image's own count.
fn words(context: &Context<'_>, key: &str) -> Read<Option<Vec<String>>> {
    if context.container.get(key).is_none_or(|node| matches!(node.kind, Kind::Null)) {
        return Ok(None);
    }
    let items = context.container.at(key).items()?;
    // `$(NAME)` stands for a variable of the container.
    let word = |item: &Node| match item.itself(key).text()? {
        Some(text) if text.contains("$(") => Err(Reason::new(format!("{}: it refers to a variable", item.place))),
        text => Ok(text.unwrap_or_default().to_owned()),
    };
    items.iter().map(word).collect::<Read<Vec<_>>>().map(Some)
}

pub(super) fn seen<T: Into<Value>>(read: Read<T>) -> Observed {
    read.map_or_else(Observed::Unknown, |value| Observed::Known(value.into()))
}

pub(super) fn seen_or_absent<T: Into<Value>>(read: Read<Option<T>>) -> Observed {
    read.map_or_else(Observed::Unknown, Observed::from_option)
}

pub(super) fn none() -> Observed {
    Value::List(crate::value::List::default()).into()
}

fn no_map() -> Observed {
    Value::Map(BTreeMap::new()).into()
}

fn identity(context: &Context<'_>, fields: &mut Fields) {
    let image = context.container.at("image").json_text();
    let image = image.and_then(|image| image.ok_or_else(|| Reason::new("the container names no image")));
    fields.push(("image", seen(image)));
    let metadata = follow(&context.workload.object, context.workload.metadata);
    let labels = metadata.map_or(Ok(&[][..]), |metadata| metadata.at("labels").entries());
    fields.push(("labels", labels.map_or_else(Observed::Unknown, text_map)));
}

fn text_map(entries: &[(String, Node)]) -> Observed {
    let entry = |(name, node): &(String, Node)| {
        let text = node.itself(name).text();
        (name.as_str().into(), text.map_or_else(Observed::Unknown, |text| text.unwrap_or_default().into()))
    };
    Value::Map(entries.iter().map(entry).collect()).into()
}

fn walls(context: &Context<'_>, fields: &mut Fields) {
    let flag = |key: &str| Ok(context.pod.at(key).json_bool()?.unwrap_or_default());
    let (pid, ipc, network): (Read<bool>, Read<bool>, Read<bool>) =
        (flag("hostPID"), flag("hostIPC"), flag("hostNetwork"));
    let host = |set: &Read<bool>| seen_or_absent(set.clone().map(|set| set.then_some("host")));
    fields.push(("pid_mode", seen(pid.clone().map(|set| if set { "host" } else { "private" }))));
    fields.push(("ipc_mode", host(&ipc)));
    fields.push(("network_mode", host(&network)));
    let uts = match &network {
        Ok(false) => false.into(),
        Ok(true) => Observed::unknown("with the host's network the runtime decides whether it has the host's name"),
        Err(reason) => Observed::Unknown(reason.clone()),
    };
    fields.push(("uts_mode", if uts == false.into() { "private".into() } else { uts.clone() }));
    fields.push(("host_uts", uts));
    fields.push(("host_pid", seen(pid)));
    fields.push(("host_ipc", seen(ipc)));
    fields.push(("host_network", seen(network)));
    fields.push(("userns_mode", "default".into()));
    fields.push(("host_userns", false.into()));
    for name in ["cgroupns_mode", "host_cgroupns", "cgroup_parent"] {
        fields.push((name, Observed::Absent));
    }
    fields.push(("joins", none()));
    fields.push(("runtime", seen_or_absent(context.pod.at("runtimeClassName").json_text())));
    fields.push(("networks", none()));
    fields.push(("on_default_bridge", false.into()));
    fields.push(("device_cgroup_rules", none()));
    fields.push(("device_requests", seen(device_requests(context))));
    fields.push(("volumes_from", none()));
    fields.push(("links", none()));
    fields.push(("tmpfs", no_map()));
    fields.push(("publish_all", false.into()));
}

/// Extended resources have a domain: `nvidia.com/gpu`.
fn device_requests(context: &Context<'_>) -> Read<i64> {
    let limits = context.container.at("resources.limits").entries()?;
    let extended = limits.iter().filter(|(name, _)| name.contains('/')).count();
    Ok(i64::try_from(extended).unwrap_or(i64::MAX))
}

/// An amount of the container's, or of all of the pod's containers together.
fn amount<'a>(context: &Context<'a>, key: &str) -> Read<Option<&'a str>> {
    let path = format!("resources.{key}");
    match context.container.at(&path).some_text()? {
        None => context.pod.at(&path).some_text(),
        own => Ok(own),
    }
}

fn limits(context: &Context<'_>, fields: &mut Fields) {
    let bytes = |key: &str| {
        let Some(text) = amount(context, key)? else { return Ok(None) };
        let bytes = quantity::bytes(text).map(|bytes| Some(Value::Size(bytes)).filter(|_| bytes > 0));
        bytes.ok_or_else(|| Reason::new(format!("{}: {key} is no quantity", context.container.place)))
    };
    fields.push(("memory", seen_or_absent(bytes("limits.memory"))));
    fields.push(("memory_reservation", seen_or_absent(bytes("requests.memory"))));
    fields.push(("memory_swap", Observed::Absent));
    let cpu = amount(context, "limits.cpu").and_then(|text| match text.map(quantity::number) {
        None => Ok(false),
        Some(Some(number)) => Ok(number > 0.0),
        Some(None) => Err(Reason::new(format!("{}: limits.cpu is no quantity", context.container.place))),
    });
    fields.push(("cpu_limited", seen(cpu)));
    let kubelet = |what: &str| Observed::unknown(format!("{what} is the kubelet's configuration, not the manifest's"));
    fields.push(("pids_limit", kubelet("how many processes a pod may have")));
    fields.push(("oom_score_adj", kubelet("the score of a container")));
    fields.push(("oom_kill_disable", false.into()));
    fields.push(("shm_size", Observed::Absent));
    let read_only = context.container.at("securityContext.readOnlyRootFilesystem").json_bool();
    fields.push(("readonly_rootfs", seen(read_only.map(Option::unwrap_or_default))));
}

fn running(context: &Context<'_>, fields: &mut Fields) {
    fields.push(("running", seen(is_to_run(&context.workload.object))));
    let restart = context.pod.at("restartPolicy").json_text();
    let restart = restart.map(|policy| match policy {
        Some("Never") => "no",
        Some("OnFailure") => "on-failure",
        _ => "always",
    });
    fields.push(("restart_policy", seen(restart)));
    fields.push(("restart_retries", 0.into()));
    fields.push(("log_driver", Observed::Absent));
    fields.push(("log_options", no_map()));
    let probes = ["livenessProbe", "readinessProbe", "startupProbe"];
    fields.push(("healthcheck", probes.into_iter().any(|probe| context.container.get(probe).is_some()).into()));
    fields.push(("init", Observed::Absent));
    fields.push(("auto_remove", false.into()));
}

/// Not scaled to none, not suspended.
fn is_to_run(object: &Node) -> Read<bool> {
    let suspended = object.at("spec.suspend").json_bool()? == Some(true);
    Ok(!suspended && object.at("spec.replicas").int()? != Some(0))
}

/// Ports of the host. With the host's network every port is one.
fn ports(context: &Context<'_>) -> Items<Port> {
    let entries = match context.container.at("ports").items() {
        Ok(entries) => entries,
        Err(reason) => return Items::unseen(reason),
    };
    entries.iter().filter_map(|entry| port(entry, context.pod.at("hostNetwork")).transpose()).collect()
}

fn port(entry: &Node, host_network: At<'_>) -> Read<Option<Port>> {
    let number = |key: &str| -> Read<Option<u16>> {
        let Some(number) = entry.at(key).int()? else { return Ok(None) };
        let port = u16::try_from(number).map_err(|_| Reason::new(format!("{}: {key} is no port", entry.place)))?;
        Ok(Some(port))
    };
    let container_port = number("containerPort")?;
    let container_port =
        container_port.ok_or_else(|| Reason::new(format!("{}: a port without a number", entry.place)))?;
    let on_host = host_network.json_bool()?.unwrap_or_default();
    let host_port = number("hostPort")?.filter(|port| *port > 0).or(on_host.then_some(container_port));
    let Some(host_port) = host_port else { return Ok(None) };
    let host_ip = entry.at("hostIP").json_text()?.unwrap_or_default().to_owned();
    let protocol = entry.at("protocol").json_text()?.unwrap_or("TCP").to_ascii_lowercase();
    Ok(Some(Port { host_ip, host_port: Some(host_port), container_port, protocol }))
}
