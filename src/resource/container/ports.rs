//! How a container is reached from outside: published ports and networks.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::fields::PORT;
use crate::resource::docker_json::{Read, at, maybe, seen, seen_texts};
use crate::value::{Net, Observed, Reason, Record, Value};

/// One published port.
#[derive(Debug, Clone, PartialEq)]
struct Port<'a> {
    /// Empty for every address.
    host_ip: &'a str,
    /// `None` when the daemon has not picked one yet.
    host_port: Option<i64>,
    container_port: i64,
    protocol: &'a str,
}

/// Sets the fields about ports and networks.
pub(super) fn set(fields: &mut Record, inspected: &Json) {
    let ports = published(inspected);
    fields.set("ports", seen(ports.clone().map(|ports| ports.iter().map(Port::observed).collect::<Value>())));
    fields.set("published_on_all", seen_texts(ports.map(|ports| on_all(&ports))));
    let networks = networks(inspected);
    fields.set("networks", seen_texts(networks.clone()));
    fields.set("on_default_bridge", seen(on_default_bridge(inspected, networks)));
}

/// What is published now and, for what is not in effect at the moment, what will be when the container starts.
fn published(inspected: &Json) -> Read<Vec<Port<'_>>> {
    let mut ports = Vec::new();
    let mut settled = BTreeSet::new();
    for (key, bindings) in maybe(inspected, "NetworkSettings.Ports").entries()? {
        let bound = bindings_of("NetworkSettings.Ports", key, bindings)?;
        if !bound.is_empty() {
            settled.insert(key);
        }
        ports.extend(bound);
    }
    // With another's network, or none, the daemon discards what was to be published.
    let mode = at(inspected, "HostConfig.NetworkMode").text()?;
    if matches!(mode, "host" | "none") || mode.starts_with("container:") {
        return Ok(ports);
    }
    for (key, bindings) in at(inspected, "HostConfig.PortBindings").entries()? {
        if !settled.contains(key) {
            ports.extend(bindings_of("HostConfig.PortBindings", key, bindings)?);
            settled.insert(key);
        }
    }
    if at(inspected, "HostConfig.PublishAllPorts").bool()? {
        for (key, _) in maybe(inspected, "Config.ExposedPorts").entries()? {
            if !settled.contains(key) {
                let (container_port, protocol) = split_key("Config.ExposedPorts", key)?;
                ports.push(Port { host_ip: "", host_port: None, container_port, protocol });
            }
        }
    }
    Ok(ports)
}

fn strange(path: &str) -> Reason {
    Reason::new(format!("unexpected shape of {path}"))
}

fn bindings_of<'a>(path: &str, key: &'a str, bindings: &'a Json) -> Read<Vec<Port<'a>>> {
    let (container_port, protocol) = split_key(path, key)?;
    let bindings = match bindings {
        Json::Null => return Ok(Vec::new()),
        Json::Array(bindings) => bindings,
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => return Err(strange(path)),
    };
    let port = |binding: &'a Json| {
        let host_port = match maybe(binding, "HostPort").some_text()? {
            None | Some("0") => None,
            Some(port) => Some(port_number(port).ok_or_else(|| strange(path))?),
        };
        let host_ip = maybe(binding, "HostIp").some_text()?.unwrap_or_default();
        Ok(Port { host_ip, host_port, container_port, protocol })
    };
    bindings
        .iter()
        .filter(|binding| binding.is_object())
        .map(port)
        .collect::<Read<Vec<_>>>()
        .and_then(|ports| if ports.len() == bindings.len() { Ok(ports) } else { Err(strange(path)) })
}

/// `80/tcp`; without a protocol it is TCP.
fn split_key<'a>(path: &str, key: &'a str) -> Read<(i64, &'a str)> {
    let (port, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
    Ok((port_number(port).ok_or_else(|| strange(path))?, protocol))
}

/// The first of a range: `8000-8010` is how a configuration asks for any of them.
fn port_number(text: &str) -> Option<i64> {
    let first = text.split('-').next().unwrap_or_default();
    first.parse::<u16>().ok().map(i64::from)
}

impl Port<'_> {
    fn observed(&self) -> Observed {
        let host_ip = Net::parse(self.host_ip).map(|net| Observed::Known(Value::Net(net)));
        Record::new(PORT)
            .with("host_ip", host_ip.unwrap_or_else(|| Observed::unknown("unexpected shape of HostIp")))
            .with("host_port", Observed::from_option(self.host_port))
            .with("container_port", self.container_port)
            .with("protocol", self.protocol)
            .into()
    }

    fn is_on_every_address(&self) -> bool {
        is_every_address(self.host_ip)
    }
}

/// Whether a port that is published on this address is published on every one.
pub(super) fn is_every_address(host_ip: &str) -> bool {
    matches!(host_ip, "" | "0.0.0.0" | "::" | "[::]" | "*" | "0:0:0:0:0:0:0:0" | "::ffff:0.0.0.0")
}

fn on_all(ports: &[Port<'_>]) -> BTreeSet<String> {
    let open = ports.iter().filter(|port| port.is_on_every_address());
    let shown = open.map(|port| {
        let host_port = port.host_port.map_or_else(|| "?".to_owned(), |number| number.to_string());
        format!("{host_port}->{}/{}", port.container_port, port.protocol)
    });
    shown.collect()
}

fn networks(inspected: &Json) -> Read<Vec<&str>> {
    let mut names: Vec<&str> =
        at(inspected, "NetworkSettings.Networks").entries()?.into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    Ok(names)
}

/// Docker's is called bridge. Podman's is called podman, with `bridge` as the mode of whatever is on one.
fn on_default_bridge(inspected: &Json, networks: Read<Vec<&str>>) -> Read<bool> {
    let mode = at(inspected, "HostConfig.NetworkMode").text()?;
    let networks = networks?;
    let bridged = matches!(mode, "" | "default" | "bridge");
    Ok(networks.contains(&"bridge") || bridged && (networks.is_empty() || networks.contains(&"podman")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ports_of(inspected: &Json) -> Vec<String> {
        let ports = published(inspected).unwrap();
        ports.iter().map(|p| format!("{}:{:?}:{}/{}", p.host_ip, p.host_port, p.container_port, p.protocol)).collect()
    }

    fn container(mode: &str, configured: Json, effective: Json) -> Json {
        json!({
            "HostConfig": { "NetworkMode": mode, "PortBindings": configured, "PublishAllPorts": false },
            "NetworkSettings": { "Ports": effective, "Networks": {} },
        })
    }

    #[test]
    fn what_is_in_effect_goes_before_what_was_configured() {
        let running = container(
            "bridge",
            json!({ "80/tcp": [{ "HostIp": "", "HostPort": "" }], "53/udp": [{ "HostIp": "127.0.0.1", "HostPort": "53" }] }),
            json!({ "80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "32768" }, { "HostIp": "::", "HostPort": "32768" }], "9/tcp": null }),
        );
        assert_eq!(
            ports_of(&running),
            ["0.0.0.0:Some(32768):80/tcp", ":::Some(32768):80/tcp", "127.0.0.1:Some(53):53/udp"]
        );
        assert_eq!(on_all(&published(&running).unwrap()).into_iter().collect::<Vec<_>>(), ["32768->80/tcp"]);
        let host = container("host", json!({ "80/tcp": [{ "HostPort": "80" }] }), json!({}));
        assert!(ports_of(&host).is_empty());
    }

    #[test]
    fn a_stopped_container_still_publishes_when_it_starts() {
        let mut stopped = container("bridge", json!({}), json!({}));
        stopped["HostConfig"]["PublishAllPorts"] = json!(true);
        stopped["Config"] = json!({ "ExposedPorts": { "443/tcp": {} } });
        assert_eq!(ports_of(&stopped), [":None:443/tcp"]);
        assert_eq!(on_all(&published(&stopped).unwrap()).into_iter().collect::<Vec<_>>(), ["?->443/tcp"]);
    }

    #[test]
    fn nothing_is_guessed() {
        for bad in [
            json!([]),
            json!({ "x/tcp": null }),
            json!({ "80/tcp": {} }),
            json!({ "80/tcp": [7] }),
            json!({ "80/tcp": [{ "HostPort": 80 }] }),
            json!({ "80/tcp": [{ "HostPort": "99999" }] }),
        ] {
            assert!(published(&container("bridge", json!({}), bad.clone())).is_err(), "{bad}");
            assert!(published(&container("bridge", bad.clone(), json!({}))).is_err(), "{bad}");
        }
        assert!(published(&json!({})).is_err());
    }
}
