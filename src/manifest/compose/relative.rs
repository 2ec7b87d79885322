//! Relative paths of a file that lies elsewhere than the project: seen from the project's directory. An absolute path,
//! and one that starts with `~`, stays what it is.

use std::path::Path;

use crate::manifest::tree::{Kind, Node};

/// Rewrites the paths in a file whose own start from `directory`.
pub(super) fn resolve(document: &mut Node, directory: &Path) {
    if directory.as_os_str().is_empty() || directory == Path::new(".") {
        return;
    }
    if let Some(include) = document.get_mut("include") {
        each(include, |entry| match &entry.kind {
            Kind::Map(_) => {
                for key in ["path", "env_file", "project_directory"] {
                    entry.get_mut(key).into_iter().for_each(|node| each(node, |one| path(one, directory)));
                }
            }
            _ => path(entry, directory),
        });
    }
    for key in ["secrets", "configs"] {
        members(document.get_mut(key), |member| {
            member.get_mut("file").into_iter().for_each(|node| path(node, directory));
        });
    }
    members(document.get_mut("services"), |service| {
        if let Some(file) = service.get_mut("extends").and_then(|extends| extends.get_mut("file")) {
            path(file, directory);
        }
        for key in ["env_file", "label_file"] {
            service.get_mut(key).into_iter().for_each(|node| each(node, |one| env_file(one, directory)));
        }
        service.get_mut("volumes").into_iter().for_each(|node| each(node, |one| volume(one, directory)));
    });
}

/// Each item of a list, or the one that stands alone.
fn each(node: &mut Node, mut change: impl FnMut(&mut Node)) {
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(change),
        _ => change(node),
    }
}

fn members(node: Option<&mut Node>, mut change: impl FnMut(&mut Node)) {
    if let Some(Node { kind: Kind::Map(entries), .. }) = node {
        entries.iter_mut().for_each(|(_, member)| change(member));
    }
}

fn path(node: &mut Node, directory: &Path) {
    if let Kind::Text { text, .. } = &mut node.kind {
        *text = joined(directory, text);
    }
}

fn env_file(node: &mut Node, directory: &Path) {
    match node.get_mut("path") {
        Some(inner) => path(inner, directory),
        None => path(node, directory),
    }
}

fn volume(node: &mut Node, directory: &Path) {
    if matches!(node.kind, Kind::Map(_)) {
        if node.at("type").text() == Ok(Some("bind")) {
            node.get_mut("source").into_iter().for_each(|source| path(source, directory));
        }
    } else if let Kind::Text { text, .. } = &mut node.kind {
        // Only what starts with a dot is a path; a word is a volume's name.
        if let Some((source, rest)) = text.split_once(':').filter(|(source, _)| source.starts_with('.')) {
            *text = format!("{}:{rest}", joined(directory, source));
        }
    }
}

/// `./directory/path`.
fn joined(directory: &Path, path: &str) -> String {
    if path.is_empty() || path.starts_with(['/', '~']) {
        return path.to_owned();
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    let directory = directory.display().to_string();
    let directory = directory.trim_end_matches('/');
    match directory.starts_with(['/', '.', '~']) {
        true => format!("{directory}/{path}"),
        false => format!("./{directory}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_project() {
        for (directory, path, expected) in [
            ("common", "./data", "./common/data"),
            ("common", "data", "./common/data"),
            ("../base", "../x", "../base/../x"),
            ("/srv/base", ".", "/srv/base/."),
            ("common", "/etc", "/etc"),
            ("common", "~/x", "~/x"),
        ] {
            assert_eq!(joined(Path::new(directory), path), expected, "{directory} {path}");
        }
    }
}
