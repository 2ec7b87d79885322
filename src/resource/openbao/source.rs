//! Where OpenBao's configuration is kept: in files of its own, in the values of its Helm chart, in ConfigMaps.

use crate::format::inside;
use crate::format::lookup::{self, Format};
use crate::format::node::{Document, Kind, Names, Node, select};
use crate::format::source::NoFiles;

/// A configuration, or a part of one.
#[derive(Debug)]
pub(super) struct Part {
    /// The file, and the key in it where there is one.
    pub(super) name: String,
    pub(super) root: Node,
    /// Whether it is a file of its own: all of them that one pattern matches make up one configuration, as
    /// `-config=DIR` reads them.
    pub(super) is_file: bool,
    /// Whether a chart's values ask for a server in development mode, where they say something of it.
    pub(super) dev: Option<bool>,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) parts: Vec<Part>,
    /// Why there may be more.
    pub(super) more: Option<String>,
}

/// What the file holds of OpenBao's; nothing when it is about something else.
///
/// # Errors
/// It could not be understood; nothing of it is quoted.
pub(super) fn held(path: &str, bytes: &[u8]) -> Result<Held, String> {
    if path.ends_with(".yaml") || path.ends_with(".yml") {
        return in_yaml(path, bytes);
    }
    let documents = lookup::read(format_of(bytes), path, bytes, &NoFiles)?;
    let part = |document: Document| Part { name: path.to_owned(), root: document.root, is_file: true, dev: None };
    Ok(Held { parts: documents.into_iter().map(part).collect(), more: None })
}

/// OpenBao takes a text that begins with a brace for JSON.
fn format_of(bytes: &[u8]) -> Format {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'{') { Format::Json } else { Format::Hcl }
}

fn in_yaml(path: &str, bytes: &[u8]) -> Result<Held, String> {
    let outer = String::from_utf8_lossy(bytes);
    let mut held = Held::default();
    for document in lookup::read(Format::Yaml, path, bytes, &NoFiles)? {
        match text(&document.root, "kind") {
            Some("ConfigMap") => held.parts.extend(config_map(path, &document.root, &outer)?),
            Some(_) => {}
            None => values(path, &document.root, &outer, &mut held)?,
        }
    }
    Ok(held)
}

/// The configurations that a ConfigMap holds: its files that have what every configuration of OpenBao has.
pub(super) fn config_map(path: &str, root: &Node, outer: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let name = text(root, "metadata.name").unwrap_or_default();
    for (key, format) in [("data.*.hcl", Format::Hcl), ("data.*.json", Format::Json)] {
        for found in select(root, key, Names::Exact) {
            let is_ours =
                found.nodes.iter().any(|node| matches!(&node.kind, Kind::Text { text, .. } if looks_like(text)));
            if !is_ours {
                continue;
            }
            let format = if format == Format::Hcl { found_format(&found.nodes) } else { format };
            for document in inside::documents(root, &found.key, format, outer)? {
                let name = format!("{path} ConfigMap/{name} {}", found.key);
                parts.push(Part { name, root: document.root, is_file: false, dev: None });
            }
        }
    }
    Ok(parts)
}

fn found_format(nodes: &[Node]) -> Format {
    let first = nodes.iter().find_map(|node| match &node.kind {
        Kind::Text { text, .. } => Some(format_of(text.as_bytes())),
        _ => None,
    });
    first.unwrap_or(Format::Hcl)
}

/// Whether a text may be a configuration of OpenBao: it has a listener and a storage.
fn looks_like(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.contains("listener") && (lower.contains("storage") || lower.contains("backend"))
}

/// What the values of OpenBao's chart set, also below a name (a chart of charts). The chart takes one of three keys, by
/// its mode, and a default of its own where none is written.
fn values(path: &str, root: &Node, outer: &str, held: &mut Held) -> Result<(), String> {
    for found in ["server", "*.server"].into_iter().flat_map(|key| select(root, key, Names::Exact)) {
        let Some(server) = found.nodes.first().filter(|node| is_chart(node)) else { continue };
        let dev = is_on(server, "dev.enabled");
        let key = match (is_on(server, "ha.enabled"), is_on(server, "ha.raft.enabled")) {
            (true, true) => "ha.raft.config",
            (true, false) => "ha.config",
            (false, _) => "standalone.config",
        };
        let way = format!("{}.{key}", found.key);
        let documents = if dev { Vec::new() } else { inside::documents(root, &way, Format::Hcl, outer)? };
        if documents.is_empty() {
            let empty = Node { kind: Kind::Map(Vec::new()), place: server.place.clone() };
            held.parts.push(Part { name: path.to_owned(), root: empty, is_file: false, dev: Some(dev) });
            if !dev {
                let why = format!("{path} sets no {way}: the chart's own configuration counts, which is not here");
                held.more.get_or_insert(why);
            }
        }
        for document in documents {
            if let Some(hole) = document.hole {
                held.more.get_or_insert(hole);
            }
            let name = format!("{path} {way}");
            held.parts.push(Part { name, root: document.root, is_file: false, dev: Some(false) });
        }
    }
    Ok(())
}

/// Whether a chart's `server` is OpenBao's (or Vault's, which it was made from).
fn is_chart(server: &Node) -> bool {
    const KEYS: [&str; 4] = ["ha.raft", "ha.config", "standalone.config", "dev.devRootToken"];
    let has = |key: &str| !select(server, key, Names::Exact).is_empty();
    KEYS.iter().any(|key| has(key))
        || (["dev", "ha", "standalone"].iter().any(|key| has(key))
            && ["dataStorage", "auditStorage"].iter().any(|key| has(key)))
}

fn is_on(server: &Node, key: &str) -> bool {
    matches!(text(server, key), Some("true" | "True" | "TRUE"))
}

fn text<'n>(root: &'n Node, key: &str) -> Option<&'n str> {
    let mut node = root;
    for name in key.split('.') {
        let Kind::Map(entries) = &node.kind else { return None };
        node = entries.iter().find(|(known, _)| known == name).map(|(_, value)| value)?;
    }
    match &node.kind {
        Kind::Text { text, .. } => Some(text),
        _ => None,
    }
}
