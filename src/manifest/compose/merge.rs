//! Laying one Compose tree over another, as `-f a -f b`, `extends` and `include` do (Compose specification, "Merge"):
//! maps are merged, lists appended, single values replaced, with the exceptions that the specification makes.

use std::collections::HashMap;

use crate::manifest::tree::{Kind, Mark, Node, Place};
use crate::value::Reason;

/// How the values of an attribute are laid over each other.
enum Rule {
    Usual,
    /// The later one stands alone.
    Replace,
    /// `NAME=value` lists and maps of names are one thing.
    Pairs,
    /// A single text is a list of one.
    Sequence,
    /// A list of names is a map of names.
    Names,
    /// Options belong to their driver.
    Logging,
    /// A text is the `context` of the map.
    Build,
}

fn rule(path: &[&str]) -> Rule {
    match path {
        ["services", _, "command" | "entrypoint"]
        | ["services", _, "healthcheck", "test"]
        | ["services", _, "ulimits", _] => Rule::Replace,
        ["services", _, "environment" | "labels" | "annotations" | "sysctls" | "extra_hosts"]
        | ["services", _, "deploy" | "build", "labels"]
        | ["services", _, "build", "args" | "additional_contexts"]
        | ["networks" | "volumes", _, "labels"] => Rule::Pairs,
        ["services", _, "env_file" | "label_file" | "dns" | "dns_opt" | "dns_search" | "tmpfs"] => Rule::Sequence,
        ["services", _, "networks" | "depends_on" | "models"] => Rule::Names,
        ["services", _, "logging"] => Rule::Logging,
        ["services", _, "build"] => Rule::Build,
        _ => Rule::Usual,
    }
}

/// `over` laid over `base`; `path` is where the two are in the tree.
pub(super) fn merge(base: Node, over: Node, path: &mut Vec<String>) -> Node {
    if over.mark != Mark::None {
        return over;
    }
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    match rule(&names) {
        Rule::Replace => over,
        Rule::Pairs => usual(pairs(base), pairs(over), path),
        Rule::Sequence => usual(sequence(base), sequence(over), path),
        Rule::Names => usual(named(base), named(over), path),
        Rule::Build => usual(context(base), context(over), path),
        Rule::Logging if differ(&base, &over) => over,
        Rule::Logging | Rule::Usual => usual(base, over, path),
    }
}

fn usual(base: Node, over: Node, path: &mut Vec<String>) -> Node {
    let place = over.place.clone();
    let kind = match (base.kind, over.kind) {
        (kind, Kind::Null) => return Node { kind, ..base_of(base.place) },
        (Kind::Map(base), Kind::Map(over)) => Kind::Map(maps(base, over, path)),
        (Kind::List(mut base), Kind::List(over)) => {
            base.extend(over.into_iter().filter(|item| item.mark != Mark::Reset));
            Kind::List(base)
        }
        (Kind::Unknown(reason), Kind::Map(_) | Kind::List(_)) => Kind::Unknown(reason),
        (Kind::Map(_) | Kind::List(_), Kind::Text { .. } | Kind::Map(_) | Kind::List(_)) => {
            let what = path.join(".");
            Kind::Unknown(Reason::new(format!("{place}: {what} has another shape than what it is laid over")))
        }
        (_, over) => over,
    };
    Node::new(&place, kind)
}

fn base_of(place: Place) -> Node {
    Node { place, mark: Mark::None, kind: Kind::Null }
}

fn maps(base: Vec<(String, Node)>, over: Vec<(String, Node)>, path: &mut Vec<String>) -> Vec<(String, Node)> {
    let mut places: HashMap<String, usize> =
        base.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
    let mut laid: Vec<(String, Option<Node>)> = base.into_iter().map(|(name, node)| (name, Some(node))).collect();
    for (name, node) in over {
        let below = places.get(&name).and_then(|at| laid.get_mut(*at)).map(|(_, node)| node);
        match below {
            Some(below) if node.mark == Mark::Reset => *below = None,
            None if node.mark == Mark::Reset => {}
            Some(below) => {
                path.push(name);
                *below = Some(match below.take() {
                    Some(base) => merge(base, node, path),
                    None => node,
                });
                path.pop();
            }
            None => {
                places.insert(name.clone(), laid.len());
                laid.push((name, Some(node)));
            }
        }
    }
    laid.into_iter().filter_map(|(name, node)| Some((name, node?))).collect()
}

/// A list of `NAME=value` as a map; a name alone has no value.
pub(super) fn pairs(node: Node) -> Node {
    let Kind::List(items) = node.kind else { return node };
    let mut entries: Vec<(String, Node)> = Vec::with_capacity(items.len());
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut unknown = None;
    for item in items {
        let (name, value) = match item.kind {
            Kind::Text { text, .. } => match text.split_once('=') {
                Some((name, value)) => (name.to_owned(), Node::text(&item.place, value)),
                None => (text, Node::new(&item.place, Kind::Null)),
            },
            Kind::Null => continue,
            // Its name is not to be had, so that it could be any.
            Kind::Unknown(reason) => {
                unknown = Some(reason);
                continue;
            }
            Kind::List(_) | Kind::Map(_) => {
                let reason = Reason::new(format!("{}: an entry that is no NAME=value", item.place));
                return Node { kind: Kind::Unknown(reason), place: item.place, mark: Mark::None };
            }
        };
        match places.get(&name).and_then(|at| entries.get_mut(*at)) {
            Some(entry) => entry.1 = value,
            None => {
                places.insert(name.clone(), entries.len());
                entries.push((name, value));
            }
        }
    }
    if let Some(reason) = unknown {
        entries.push((ANY.to_owned(), Node::new(&node.place, Kind::Unknown(reason))));
    }
    Node { place: node.place, mark: node.mark, kind: Kind::Map(entries) }
}

/// The name of an entry whose name cannot be told. No variable is called so.
pub(super) const ANY: &str = "=";

fn sequence(node: Node) -> Node {
    match node.kind {
        Kind::Text { .. } | Kind::Unknown(_) => {
            let place = node.place.clone();
            Node::new(&place, Kind::List(vec![node]))
        }
        // The long form of a single env_file.
        Kind::Map(_) => {
            let place = node.place.clone();
            Node::new(&place, Kind::List(vec![node]))
        }
        Kind::Null | Kind::List(_) => node,
    }
}

fn named(node: Node) -> Node {
    let Kind::List(items) = node.kind else { return node };
    let name = |item: Node| match item.kind {
        Kind::Text { text, .. } => Some((text, Node::new(&item.place, Kind::Null))),
        Kind::Null | Kind::List(_) | Kind::Map(_) | Kind::Unknown(_) => None,
    };
    Node { place: node.place, mark: node.mark, kind: Kind::Map(items.into_iter().filter_map(name).collect()) }
}

fn context(node: Node) -> Node {
    match &node.kind {
        Kind::Text { .. } => {
            let place = node.place.clone();
            Node::new(&place, Kind::Map(vec![("context".to_owned(), node)]))
        }
        Kind::Null | Kind::List(_) | Kind::Map(_) | Kind::Unknown(_) => node,
    }
}

/// Whether both name a driver, and not the same one.
fn differ(base: &Node, over: &Node) -> bool {
    match (base.at("driver").text(), over.at("driver").text()) {
        (Ok(Some(base)), Ok(Some(over))) => base != over,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tree::documents;

    fn laid(base: &str, over: &str) -> Node {
        let one = |text: &str| documents("f", text.as_bytes()).unwrap().remove(0);
        merge(one(base), one(over), &mut Vec::new())
    }

    fn texts(node: &Node, path: &str) -> Vec<String> {
        let items = node.at(path).items().unwrap();
        items.iter().map(|item| item.itself("x").text().unwrap().unwrap_or("null").to_owned()).collect()
    }

    #[test]
    fn maps_are_merged_lists_appended_values_replaced() {
        let base = "services: {web: {image: a, ports: [1, 2], environment: {A: 1, B: 1}, command: [x, y], logging: {driver: syslog, options: {a: b}}}}";
        let over = "services: {web: {image: b, ports: [3], environment: [B=2, C], command: [z], logging: {driver: local}}, db: {image: c}}";
        let merged = laid(base, over);
        let web = merged.get("services").unwrap().get("web").unwrap();
        assert_eq!(web.at("image").text(), Ok(Some("b")));
        assert_eq!(texts(web, "ports"), ["1", "2", "3"]);
        assert_eq!(texts(web, "command"), ["z"]);
        assert_eq!((web.at("environment.A").text(), web.at("environment.B").text()), (Ok(Some("1")), Ok(Some("2"))));
        assert_eq!(web.at("logging.options").entries().unwrap().len(), 0);
        assert!(merged.get("services").unwrap().get("db").is_some());
    }

    #[test]
    fn reset_takes_away_and_override_replaces() {
        let base = "services: {web: {ports: [1], cap_add: [A], privileged: true, environment: {A: 1}}}";
        let over = "services: {web: {ports: !override [2], cap_add: !reset [], privileged: !reset null, environment: {A: !reset null}}}";
        let merged = laid(base, over);
        let web = merged.get("services").unwrap().get("web").unwrap();
        assert_eq!(texts(web, "ports"), ["2"]);
        assert!(web.get("cap_add").is_none() && web.get("privileged").is_none());
        assert!(web.get("environment").unwrap().get("A").is_none());
    }

    #[test]
    fn shapes_that_do_not_fit_are_unknown() {
        let merged = laid("services: {web: {ports: [1]}}", "services: {web: {ports: {a: b}}}");
        assert!(merged.at("services.web.ports").items().is_err());
        let merged = laid("services: {web: {env_file: a}}", "services: {web: {env_file: [b, {path: c}]}}");
        assert_eq!(merged.at("services.web.env_file").items().unwrap().len(), 3);
    }
}
