//! Collects `rules/**/*.yaml` into a table, so that adding a rule is adding a file. Each stands in it as its text and, as
//! long as it is YAML, as its packed tree without the tests, which only testing reads.

use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What the tree's reader reports its problems with; those of a built-in rule are shown at run time, with their place.
mod diagnostic {
    use std::ops::Range;

    pub(crate) struct Problem;

    impl Problem {
        pub(crate) fn new(_: Range<usize>, _: impl Into<String>) -> Self {
            Problem
        }

        pub(crate) fn help(self, _: impl Into<String>) -> Self {
            self
        }
    }
}

#[allow(dead_code, reason = "the build script packs, the program unpacks")]
#[path = "src/rule/packed.rs"]
mod packed;
#[allow(dead_code, unreachable_pub, reason = "the build script only parses")]
#[path = "src/yaml.rs"]
mod yaml;

use packed::{MAPPING, PLAIN, QUOTED, SEQUENCE, TAGS};
use yaml::{Kind, Node};

fn main() -> std::io::Result<()> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default());
    for source in ["src/rule/packed.rs", "src/yaml.rs"] {
        println!("cargo::rerun-if-changed={source}");
    }
    let mut files = Vec::new();
    collect(&root.join("rules"), &mut files)?;
    files.sort();
    let folder = PathBuf::from(std::env::var("OUT_DIR").unwrap_or_default());
    let mut table = fs::File::create(folder.join("embedded.rs"))?;
    writeln!(table, "/// Name, text and packed tree of each file.")?;
    writeln!(table, "pub static FILES: &[(&str, &str, &[u8])] = &[")?;
    for (i, file) in files.iter().enumerate() {
        let name = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        let tree = folder.join(format!("{i}.tree"));
        fs::write(&tree, tree_of(&fs::read_to_string(file)?))?;
        let (file, tree) = (file.display().to_string(), tree.display().to_string());
        writeln!(table, "    ({name:?}, include_str!({file:?}), include_bytes!({tree:?})),")?;
    }
    writeln!(table, "];")
}

fn tree_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(mut root) = yaml::parse(text) {
        if let Kind::Mapping(entries) = &mut root.kind {
            entries.retain(|(key, _)| key.name != "tests");
        }
        pack(&root, &mut bytes);
    }
    bytes
}

fn pack(node: &Node, out: &mut Vec<u8>) {
    pack_span(&node.span, out);
    let tag = node.tag.as_deref().and_then(|tag| TAGS.iter().position(|known| *known == tag));
    out.push(tag.map_or(0, |position| u8::try_from(position + 1).unwrap_or(0)));
    match &node.kind {
        Kind::Scalar { text, quoted } => {
            out.push(if *quoted { QUOTED } else { PLAIN });
            pack_text(text, out);
        }
        Kind::Sequence(items) => {
            out.push(SEQUENCE);
            pack_number(items.len(), out);
            items.iter().for_each(|item| pack(item, out));
        }
        Kind::Mapping(entries) => {
            out.push(MAPPING);
            pack_number(entries.len(), out);
            for (key, value) in entries {
                pack_span(&key.span, out);
                pack_text(&key.name, out);
                pack(value, out);
            }
        }
    }
}

fn pack_number(value: usize, out: &mut Vec<u8>) {
    out.extend(u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
}

fn pack_span(span: &Range<usize>, out: &mut Vec<u8>) {
    pack_number(span.start, out);
    pack_number(span.end, out);
}

fn pack_text(text: &str, out: &mut Vec<u8>) {
    pack_number(text.len(), out);
    out.extend(text.bytes());
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={}", dir.display());
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}
