//! From files to one model: interpolation, `include`, `extends`, and the merge of several files.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::dotenv;
use super::merge::merge;
use super::relative;
use super::template::interpolate;
use crate::manifest::tree::{self, Kind, Mark, Node};
use crate::manifest::{Files, Read};
use crate::value::Reason;

/// Files of one project, those included and extended too.
const MAX_FILES: usize = 200;
/// `include` inside of `include`, `extends` of `extends`.
const MAX_DEPTH: usize = 20;
/// Values of a model, copies made by `extends` included.
const MAX_NODES: usize = 1_000_000;

/// Variables by which files are interpolated.
#[derive(Clone, Default)]
pub(super) struct Variables {
    pub(super) known: BTreeMap<String, Read<Option<String>>>,
}

impl Variables {
    pub(super) fn get(&self, name: &str) -> Read<Option<String>> {
        self.known.get(name).cloned().unwrap_or(Ok(None))
    }

    /// Adds what is not known yet.
    pub(super) fn add(&mut self, entries: Vec<dotenv::Entry>) {
        let mut of_file = BTreeMap::new();
        for entry in entries {
            of_file.insert(entry.name, entry.value);
        }
        for (name, value) in of_file {
            self.known.entry(name).or_insert(value);
        }
    }
}

/// The model, and why there may be services that it does not show.
pub(super) struct Loaded {
    pub(super) model: Node,
    pub(super) more: Option<Reason>,
}

pub(super) struct Loader<'a> {
    pub(super) files: &'a dyn Files,
    /// The project's directory, from which relative paths start.
    pub(super) root: PathBuf,
    opened: Cell<usize>,
    nodes: Cell<usize>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(files: &'a dyn Files, root: PathBuf) -> Self {
        Loader { files, root, opened: Cell::new(0), nodes: Cell::new(0) }
    }

    /// A file below the project's directory; `Ok(None)` when there is none.
    pub(super) fn read(&self, path: &Path) -> Read<Option<Vec<u8>>> {
        self.opened.set(self.opened.get() + 1);
        if self.opened.get() > MAX_FILES {
            return Err(Reason::new(format!("more than {MAX_FILES} files in one project")));
        }
        self.files.read(&self.root.join(path))
    }

    fn read_or_refuse(&self, path: &Path) -> Read<Vec<u8>> {
        self.read(path)?.ok_or_else(|| Reason::new(format!("{} does not exist", self.root.join(path).display())))
    }

    /// Merges the files of a project. A trouble with one of them is the whole project's: Compose starts none of it.
    pub(super) fn project(&self, paths: &[PathBuf], variables: &Variables) -> Read<Loaded> {
        self.merged(paths, Path::new(""), variables, 0)
    }

    /// The same with the paths in the files relative to `directory`.
    fn merged(&self, paths: &[PathBuf], directory: &Path, variables: &Variables, depth: usize) -> Read<Loaded> {
        let mut merged: Option<Loaded> = None;
        for path in paths {
            for document in self.documents(path)? {
                let mut document = interpolated(document, variables);
                relative::resolve(&mut document, directory);
                let Loaded { model, more } = self.document(document, path, variables, depth)?;
                let (model, more) = match merged {
                    None => (model, more),
                    Some(below) => (merge(below.model, model, &mut Vec::new()), below.more.or(more)),
                };
                merged = Some(Loaded { model: without_resets(model), more });
            }
        }
        let shown = || paths.first().map(|path| path.display().to_string()).unwrap_or_default();
        let merged = merged.ok_or_else(|| Reason::new(format!("{} is empty", shown())))?;
        match merged.model.kind {
            Kind::Map(_) => Ok(merged),
            Kind::Unknown(reason) => Err(reason),
            Kind::Null | Kind::Text { .. } | Kind::List(_) => {
                Err(Reason::new(format!("{} is no Compose file: it is no map of keys", shown())))
            }
        }
    }

    fn documents(&self, path: &Path) -> Read<Vec<Node>> {
        let bytes = self.read_or_refuse(path)?;
        tree::documents(&self.root.join(path).display().to_string(), &bytes)
    }

    fn count(&self, node: &Node) -> Read<()> {
        self.nodes.set(self.nodes.get().saturating_add(node.size()));
        if self.nodes.get() > MAX_NODES {
            return Err(Reason::new(format!("more than {MAX_NODES} values, copies by `extends` included")));
        }
        Ok(())
    }

    /// One document with what it includes and extends.
    fn document(&self, mut document: Node, path: &Path, variables: &Variables, depth: usize) -> Read<Loaded> {
        self.count(&document)?;
        let mut more = None;
        if let Some(include) = document.remove("include") {
            match self.include(&include, variables, depth) {
                Ok(included) => {
                    more = included.iter().find_map(|loaded| loaded.more.clone());
                    for loaded in included {
                        document = merge(resources(loaded.model), document, &mut Vec::new());
                    }
                }
                Err(reason) => more = Some(reason),
            }
        }
        let source = document.get("services").cloned();
        let (Some(source), Some(services)) = (source, document.get_mut("services")) else {
            return Ok(Loaded { model: document, more });
        };
        let index = index(&source);
        if let Kind::Map(entries) = &mut services.kind {
            for (name, service) in entries.iter_mut().filter(|(_, service)| service.get("extends").is_some()) {
                let extended = self.extended(name, &index, path, variables, depth);
                *service = extended.unwrap_or_else(|reason| Node::new(&service.place, Kind::Unknown(reason)));
            }
        }
        Ok(Loaded { model: document, more })
    }

    /// The service laid over the one that it extends.
    fn extended(
        &self,
        name: &str,
        services: &HashMap<&str, &Node>,
        path: &Path,
        variables: &Variables,
        depth: usize,
    ) -> Read<Node> {
        if depth > MAX_DEPTH {
            return Err(Reason::new(format!("`extends` of {name} goes in circles, or through {MAX_DEPTH} services")));
        }
        let missing = || Reason::new(format!("{}: there is no service `{name}` to extend", path.display()));
        let mut service = Node::clone(services.get(name).ok_or_else(missing)?);
        self.count(&service)?;
        let Some(extends) = service.remove("extends").filter(|node| !matches!(node.kind, Kind::Null)) else {
            return Ok(service);
        };
        let (of, file) = match &extends.kind {
            Kind::Map(_) => (extends.at("service").some_text()?, extends.at("file").some_text()?),
            _ => (extends.itself("extends").some_text()?, None),
        };
        let of = of.ok_or_else(|| Reason::new(format!("{}: `extends` names no service", extends.place)))?;
        let base = match file {
            None => self.extended(of, services, path, variables, depth + 1)?,
            Some(file) => {
                let file = PathBuf::from(file);
                let services = self.services_of(&file, variables)?;
                self.extended(of, &index(&services), &file, variables, depth + 1)?
            }
        };
        Ok(merge(base, service, &mut vec!["services".to_owned(), name.to_owned()]))
    }

    /// The services of a file that is extended, their paths as seen from the project.
    fn services_of(&self, file: &Path, variables: &Variables) -> Read<Node> {
        let mut services: Option<Node> = None;
        for document in self.documents(file)? {
            let mut document = interpolated(document, variables);
            self.count(&document)?;
            relative::resolve(&mut document, parent(file));
            if let Some(next) = document.remove("services") {
                let path = &mut vec!["services".to_owned()];
                services = Some(match services {
                    None => next,
                    Some(below) => merge(below, next, path),
                });
            }
        }
        services.ok_or_else(|| Reason::new(format!("{} has no services", file.display())))
    }

    /// What `include` brings in, each with paths as seen from the project.
    fn include(&self, include: &Node, variables: &Variables, depth: usize) -> Read<Vec<Loaded>> {
        if depth > MAX_DEPTH {
            return Err(Reason::new(format!("`include` goes in circles, or deeper than {MAX_DEPTH} files")));
        }
        include.itself("include").items()?.iter().map(|entry| self.included(entry, variables, depth)).collect()
    }

    fn included(&self, entry: &Node, variables: &Variables, depth: usize) -> Read<Loaded> {
        let is_map = matches!(entry.kind, Kind::Map(_));
        let paths = if is_map { texts(entry, "path")? } else { vec![scalar(entry)?] };
        let first = paths.first().ok_or_else(|| Reason::new(format!("{}: `include` names no file", entry.place)))?;
        if let Some(remote) = paths.iter().find(|path| path.contains("://") || path.starts_with("git@")) {
            return Err(Reason::new(format!("{remote} is elsewhere, and is not fetched")));
        }
        let directory = match entry.at("project_directory").some_text() {
            Ok(Some(directory)) if is_map => PathBuf::from(directory),
            _ => parent(Path::new(first)).to_owned(),
        };
        let mut variables = variables.clone();
        let env_files = if is_map { texts(entry, "env_file")? } else { Vec::new() };
        let default = directory.join(".env");
        let chosen: Vec<PathBuf> = match env_files.is_empty() {
            true => vec![default],
            false => env_files.iter().filter(|file| *file != "/dev/null").map(PathBuf::from).collect(),
        };
        for file in chosen {
            if let Some(bytes) = self.read(&file)? {
                let shown = file.display().to_string();
                variables.add(dotenv::parse(&shown, &bytes, &|name| variables.get(name))?);
            } else if !env_files.is_empty() {
                return Err(Reason::new(format!("{} does not exist", file.display())));
            }
        }
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        self.merged(&paths, &directory, &variables, depth + 1)
    }
}

/// The node with its scalars interpolated; one that cannot be is unknown.
fn interpolated(node: Node, variables: &Variables) -> Node {
    let Node { place, mark, kind } = node;
    let kind = match kind {
        Kind::Text { text, .. } if text.contains('$') => match interpolate(&text, &|name| variables.get(name)) {
            // Only what stands in the file itself is read as YAML: a number that comes by a variable is a text.
            Ok(text) => Kind::Text { text, quoted: true },
            Err(reason) => Kind::Unknown(Reason { text: format!("{place}: {}", reason.text).into(), ..reason }),
        },
        Kind::List(items) => Kind::List(items.into_iter().map(|item| interpolated(item, variables)).collect()),
        Kind::Map(entries) => {
            Kind::Map(entries.into_iter().map(|(name, value)| (name, interpolated(value, variables))).collect())
        }
        kind => kind,
    };
    Node { place, mark, kind }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn scalar(node: &Node) -> Read<String> {
    let text = node.itself("include").some_text()?;
    text.map(str::to_owned).ok_or_else(|| Reason::new(format!("{}: an empty path", node.place)))
}

/// The members of a map by their names.
fn index(node: &Node) -> HashMap<&str, &Node> {
    let entries = if let Kind::Map(entries) = &node.kind { entries.as_slice() } else { &[] };
    let there = entries.iter().filter(|(_, member)| !matches!(member.kind, Kind::Null));
    there.map(|(name, member)| (name.as_str(), member)).collect()
}

/// A text or a list of texts.
fn texts(node: &Node, key: &str) -> Read<Vec<String>> {
    match node.get(key) {
        None => Ok(Vec::new()),
        Some(one) => match &one.kind {
            Kind::List(items) => items.iter().map(scalar).collect(),
            _ => Ok(vec![scalar(one)?]),
        },
    }
}

/// What a project shares with the one that includes it.
fn resources(model: Node) -> Node {
    const SHARED: [&str; 6] = ["services", "volumes", "networks", "secrets", "configs", "models"];
    let kind = match model.kind {
        Kind::Map(entries) => {
            Kind::Map(entries.into_iter().filter(|(name, _)| SHARED.contains(&name.as_str())).collect())
        }
        kind => kind,
    };
    Node { kind, ..model }
}

/// What was to be taken away is, once everything below it is known.
fn without_resets(node: Node) -> Node {
    let Node { place, kind, .. } = node;
    let kept = |node: &Node| node.mark != Mark::Reset;
    let kind = match kind {
        Kind::Map(entries) => Kind::Map(
            entries
                .into_iter()
                .filter(|(_, node)| kept(node))
                .map(|(name, node)| (name, without_resets(node)))
                .collect(),
        ),
        Kind::List(items) => Kind::List(items.into_iter().filter(kept).map(without_resets).collect()),
        kind => kind,
    };
    Node { place, mark: Mark::None, kind }
}
