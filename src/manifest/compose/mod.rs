//! Compose projects, as the Compose specification and its reference implementation (compose-go) read them.
//!
//! The values that a file takes from variables come from `.env` and from the files that the operator names; what harden
//! itself was started with counts only when the operator says so. A variable that none of them sets is unknown: Compose
//! would take it from the shell that it is started in, and else warn and take the empty text.

mod amount;
mod dotenv;
mod load;
mod merge;
mod port;
mod relative;
mod service;
mod template;
mod variables;
mod volume;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::load::{Loaded, Loader, Variables};
pub(crate) use self::service::of_image;
use super::tree::{Kind, Node};
use super::{Container, Files, Read};
use crate::value::Reason;

/// The variable that names a project.
const PROJECT_NAME: &str = "COMPOSE_PROJECT_NAME";

/// What makes up a project.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The files, each laid over those before it, as with `docker compose -f`. The directory of the first is the project's.
    pub files: Vec<PathBuf>,
    /// Files of variables in place of the project's `.env`; the last that sets one counts.
    pub env_files: Vec<PathBuf>,
    /// Variables that go before those of files.
    pub variables: BTreeMap<String, String>,
    /// The profiles that are asked for; `*` for all.
    pub profiles: Vec<String>,
    /// The project's directory, by whose name the project is called where no file names it; the first file's when it is
    /// empty.
    pub directory: PathBuf,
}

/// A project's containers.
#[derive(Debug, Default)]
pub struct Project {
    pub containers: Vec<Container>,
    /// Why there may be more.
    pub more: Option<Reason>,
}

/// Reads a project.
///
/// # Errors
/// Compose would not start it either: a file is missing, or is no Compose file.
pub fn read(files: &dyn Files, request: &Request) -> Read<Project> {
    let first = request.files.first().ok_or_else(|| Reason::new("no Compose file was named"))?;
    let root = first.parent().unwrap_or(Path::new("")).to_owned();
    let loader = Loader::new(files, root.clone());
    let mut variables = surroundings(&loader, files, request)?;
    let paths: Vec<PathBuf> = request.files.iter().map(|file| within(file, &root)).collect();
    let own = if request.directory.as_os_str().is_empty() { &root } else { &request.directory };
    let name = project_name(own);
    let asked = variables.get(PROJECT_NAME)?.filter(|name| !name.is_empty());
    if let (None, Some(name)) = (&asked, &name) {
        variables.known.insert(PROJECT_NAME.to_owned(), Ok(Some(name.clone())));
    }
    let Loaded { model, mut more } = loader.project(&paths, &variables)?;
    let name = match (asked, model.at("name").some_text()) {
        (Some(asked), _) => Some(asked),
        (None, Ok(Some(written))) => Some(written.to_owned()),
        (None, Ok(None)) => name,
        (None, Err(_)) => None,
    };
    let profiles = profiles(request, &variables);
    let context = service::Context { model: &model, loader: &loader, variables: &variables, name, profiles };
    let mut containers = Vec::new();
    match model.at("services").entries() {
        Ok(services) => {
            for (name, node) in services.iter().filter(|(_, node)| !matches!(node.kind, Kind::Null)) {
                // What a provider runs is no container.
                if node.get("provider").is_none() {
                    containers.push(service::container(name, node, &context));
                }
            }
        }
        Err(reason) => more = more.or(Some(reason)),
    }
    Ok(Project { containers, more })
}

/// A path as seen from the project's directory.
fn within(file: &Path, root: &Path) -> PathBuf {
    match file.strip_prefix(root) {
        Ok(inside) if !root.as_os_str().is_empty() => inside.to_owned(),
        _ if file.is_absolute() || root.as_os_str().is_empty() => file.to_owned(),
        // Beside the first file's directory: as many steps up as it has names.
        _ => root.components().map(|_| Path::new("..")).collect::<PathBuf>().join(file),
    }
}

/// The variables for interpolation: the operator's, then those of the files.
fn surroundings(loader: &Loader<'_>, files: &dyn Files, request: &Request) -> Read<Variables> {
    let mut variables = Variables::default();
    for (name, value) in &request.variables {
        variables.known.insert(name.clone(), Ok(Some(value.clone())));
    }
    if request.env_files.is_empty() {
        if let Some(bytes) = loader.read(Path::new(".env"))? {
            let shown = loader.root.join(".env").display().to_string();
            let entries = dotenv::parse(&shown, &bytes, &|name| variables.get(name))?;
            variables.add(entries);
        }
        return Ok(variables);
    }
    let mut of_files = Vec::new();
    for file in &request.env_files {
        let shown = file.display().to_string();
        let bytes = files.read(file)?.ok_or_else(|| Reason::new(format!("{shown} does not exist")))?;
        of_files.extend(dotenv::parse(&shown, &bytes, &|name| variables.get(name))?);
    }
    variables.add(of_files);
    Ok(variables)
}

/// The profiles that are asked for, by the operator or by the project's own variables.
fn profiles(request: &Request, variables: &Variables) -> Read<Vec<String>> {
    if !request.profiles.is_empty() {
        return Ok(request.profiles.clone());
    }
    let asked = variables.get("COMPOSE_PROFILES")?.unwrap_or_default();
    Ok(asked.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// The name by which networks and containers are called: the directory's, in what Compose allows in a name.
fn project_name(directory: &Path) -> Option<String> {
    let directory = directory.file_name()?.to_str()?.to_ascii_lowercase();
    let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let name: String = directory.chars().filter(allowed).collect();
    Some(name.trim_start_matches(['-', '_']).to_owned()).filter(|name| !name.is_empty())
}

/// A list of texts, or one text that stands for a list of one; items that cannot be told are kept as such.
fn texts(node: &Node, key: &str) -> Read<Vec<Read<String>>> {
    let Some(found) = node.get(key) else { return Ok(Vec::new()) };
    let one = |item: &Node| match item.itself(key).text() {
        Ok(Some(text)) => Some(Ok(text.to_owned())),
        Ok(None) => None,
        Err(reason) => Some(Err(reason)),
    };
    match &found.kind {
        Kind::Text { .. } => Ok(one(found).into_iter().collect()),
        _ => Ok(found.itself(key).items()?.iter().filter_map(one).collect()),
    }
}

#[cfg(test)]
mod tests;
