//! A configuration that is the value of a key in another file: OpenBao's in the values of a Helm chart, Traefik's in a
//! HelmChartConfig, any in a ConfigMap.

use super::lookup::{self, Format};
use super::node::{Document, Kind, Names, Node, Place, select};
use super::source::NoFiles;

/// The documents that the values of `key` (`*` stands for any part of a name) hold, each named by its key. `outer` is
/// the text of the whole file, so that places are lines of that.
///
/// # Errors
/// One of them is none that the format's reader takes; the reason quotes nothing of it.
pub fn documents(root: &Node, key: &str, format: Format, outer: &str) -> Result<Vec<Document>, String> {
    let mut documents = Vec::new();
    for found in select(root, key, Names::Exact) {
        for node in &found.nodes {
            documents.extend(held(node, &found.key, format, outer)?);
        }
    }
    Ok(documents)
}

fn held(node: &Node, key: &str, format: Format, outer: &str) -> Result<Vec<Document>, String> {
    let name = |at: usize| Some(if at == 0 { key.to_owned() } else { format!("{key} {}", at + 1) });
    let whole = |root: Node, hole| vec![Document { name: name(0), root, hole }];
    Ok(match &node.kind {
        Kind::Null => Vec::new(),
        // Charts take a map where they take a text, and write it as JSON.
        Kind::Map(_) => whole(node.clone(), None),
        Kind::Text { text, .. } => {
            let (blank, is_block) = lead(node, text, outer);
            let body = format!("{blank}{text}");
            let read = lookup::read(format, &node.place.file, body.as_bytes(), &NoFiles);
            let mut read = read.map_err(|why| format!("{key}: {why}"))?;
            for (at, document) in read.iter_mut().enumerate() {
                document.name = name(at);
                if !is_block {
                    put(&mut document.root, &node.place);
                }
            }
            read
        }
        Kind::Unclear(why) => whole(Node { kind: Kind::Map(Vec::new()), place: node.place.clone() }, Some(why.clone())),
        Kind::Encrypted | Kind::List(_) => {
            let why = format!("{key} is encrypted or a list, in which no configuration is looked for");
            whole(Node { kind: Kind::Map(Vec::new()), place: node.place.clone() }, Some(why))
        }
    })
}

/// Line breaks in front of a text that make its lines those of the file, and whether they do: a block's lines stand
/// below its key as they are, and a quoted text's do not.
fn lead(node: &Node, text: &str, outer: &str) -> (String, bool) {
    let Some(first) = text.lines().find(|line| !line.trim().is_empty()) else { return (String::new(), false) };
    let before = text.lines().take_while(|line| line.trim().is_empty()).count();
    let stands = |start: usize| outer.lines().nth(start + before).is_some_and(|line| line.trim() == first.trim());
    let line = node.place.line;
    match [line, line.saturating_sub(1), line.saturating_sub(1 + before)].into_iter().find(|start| stands(*start)) {
        Some(start) => ("\n".repeat(start), true),
        None => (String::new(), false),
    }
}

/// Gives every value the place of the whole text.
fn put(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| put(item, place)),
        Kind::Map(entries) => entries.iter_mut().for_each(|(_, value)| put(value, place)),
        Kind::Null | Kind::Text { .. } | Kind::Unclear(_) | Kind::Encrypted => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VALUES: &str = "server:\n  ha:\n    config: |\n\n      ui = true\n      listener \"tcp\" {\n        address = \"x\"\n      }\n\
        other:\n  config: \"a = 1\\nb = 2\"\nmap:\n  config: {a: {b: 3}}\nplain:\n  config: >-\n    a = 4\n";

    fn found(outer: &str, inside: &str, format: Format, key: &str) -> Vec<String> {
        let files = lookup::read(Format::Yaml, "f", outer.as_bytes(), &NoFiles).unwrap();
        let documents = documents(&files[0].root, inside, format, outer).unwrap();
        let one = |document: &Document| {
            let name = document.name.clone().unwrap();
            let texts = select(&document.root, key, Names::Exact);
            let places = texts.iter().flat_map(|found| &found.nodes).map(|node| node.place.to_string());
            format!("{name} {}", places.collect::<Vec<_>>().join(" "))
        };
        documents.iter().map(one).collect()
    }

    #[test]
    fn places_are_lines_of_the_whole_file() {
        let hcl = |inside, key| found(VALUES, inside, Format::Hcl, key);
        assert_eq!(hcl("server.ha.config", "listener.tcp.address"), ["server.ha.config f:7"]);
        assert_eq!(hcl("other.config", "b"), ["other.config f:10"]);
        assert_eq!(hcl("map.config", "a.b"), ["map.config f:12"]);
        assert_eq!(hcl("plain.config", "a"), ["plain.config f:15"]);
        assert_eq!(hcl("none.config", "a"), [""; 0]);
        assert_eq!(hcl("*.config", "a"), ["other.config f:10", "map.config f:12", "plain.config f:15"]);
    }

    #[test]
    fn what_is_no_configuration_is_told_without_quoting() {
        let outer = "a: hunter2 {\nb: !Ref x\n";
        let files = lookup::read(Format::Yaml, "f", outer.as_bytes(), &NoFiles).unwrap();
        let why = documents(&files[0].root, "a", Format::Hcl, outer).unwrap_err();
        assert!(why.starts_with("a: it is not HCL") && !why.contains("hunter2"), "{why}");
        assert!(documents(&files[0].root, "b", Format::Hcl, outer).unwrap()[0].hole.is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,80}", line in 0_usize..4) {
            let node = Node::text(text.as_str(), false, Place { file: "f".into(), line });
            let _ = documents(&node, "a", Format::Yaml, &text);
            let root = Node { kind: Kind::Map(vec![("a".to_owned(), node)]), place: Place { file: "f".into(), line } };
            let _ = documents(&root, "a", Format::Hcl, &text);
        }
    }
}
