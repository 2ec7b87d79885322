//! Objects of any kind as they are written, for what is asked of others than pods.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::container::Read;
use super::super::tree::{Kind, Node};
use crate::format::node;
use crate::value::Reason;

/// One object.
#[derive(Debug)]
pub struct Object {
    pub kind: String,
    /// `networking.k8s.io/v1`.
    pub api_version: Option<String>,
    /// Empty where the manifest leaves it to whoever makes it.
    pub name: String,
    /// `None` where the manifest leaves it to whoever applies it, or the kind has none.
    pub namespace: Option<String>,
    pub labels: Read<BTreeMap<String, Read<String>>>,
    pub annotations: Read<BTreeMap<String, Read<String>>>,
    /// All of it.
    pub root: node::Node,
}

impl Object {
    pub(super) fn of(kind: &str, node: &Node) -> Self {
        let text = |path: &str| node.at(path).some_text().ok().flatten().map(str::to_owned);
        Object {
            kind: kind.to_owned(),
            api_version: text("apiVersion"),
            name: text("metadata.name").or_else(|| text("metadata.generateName")).unwrap_or_default(),
            namespace: text("metadata.namespace"),
            labels: texts(node, "metadata.labels"),
            annotations: texts(node, "metadata.annotations"),
            root: plain(node),
        }
    }
}

fn texts(node: &Node, path: &str) -> Read<BTreeMap<String, Read<String>>> {
    let entries = node.at(path).entries()?.iter();
    Ok(entries
        .map(|(name, value)| (name.clone(), value.itself(name).text().map(|text| text.unwrap_or_default().to_owned())))
        .collect())
}

/// The same tree as the one of configuration files.
fn plain(node: &Node) -> node::Node {
    let place = node::Place { file: Arc::clone(&node.place.file), line: node.place.line };
    let kind = match &node.kind {
        Kind::Null => node::Kind::Null,
        Kind::Text { text, quoted } => node::Kind::Text { text: text.clone(), bare: !quoted },
        Kind::List(items) => node::Kind::List(items.iter().map(plain).collect()),
        Kind::Map(entries) => {
            node::Kind::Map(entries.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Kind::Unknown(Reason { text, .. }) => node::Kind::Unclear(text.to_string()),
    };
    node::Node { kind, place }
}
