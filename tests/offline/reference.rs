//! The reference pages are what the rules and the field tables say. `HARDEN_BLESS=1` writes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use harden::reference::pages;
use harden::rule::library::Library;

use super::corpus::rules;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference")
}

/// Files below a directory, by their path in it.
fn files(root: &Path, dir: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(root, &path, found);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn write(root: &Path, expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) {
    for name in found.keys().filter(|name| !expected.contains_key(*name)) {
        fs::remove_file(root.join(name)).unwrap();
    }
    for (name, text) in expected {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn the_reference_pages_are_current() {
    let library = Library::load(&[]).unwrap();
    let expected: BTreeMap<String, String> =
        pages(rules(), library.profiles()).into_iter().map(|page| (page.path, page.text)).collect();
    let root = folder();
    let mut found = BTreeMap::new();
    files(&root, &root, &mut found);
    if std::env::var_os("HARDEN_BLESS").is_some() {
        return write(&root, &expected, &found);
    }
    let names = expected.keys().chain(found.keys().filter(|name| !expected.contains_key(*name)));
    let stale: Vec<_> = names.filter(|name| expected.get(*name) != found.get(*name)).collect();
    assert!(stale.is_empty(), "`make docs` brings these pages up to date: {stale:?}");
}

/// The folders and names of a path without its `..`.
fn tidy(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut tidy, part| {
        match part {
            std::path::Component::ParentDir => drop(tidy.pop()),
            part => tidy.push(part),
        }
        tidy
    })
}

/// The name under which a heading is linked to.
fn heading(line: &str) -> Option<String> {
    Some(line.strip_prefix("## ")?.to_lowercase().replace(' ', "-"))
}

/// The text without what stands in backticks, where brackets mean nothing.
fn without_code(text: &str) -> String {
    text.lines().flat_map(|line| line.split('`').step_by(2).chain(["\n"])).collect()
}

/// A page links only to pages and sections that are written with it, and to rule files.
#[test]
fn links_of_the_reference_lead_somewhere() {
    let library = Library::load(&[]).unwrap();
    let pages = pages(rules(), library.profiles());
    let texts: BTreeMap<PathBuf, &str> =
        pages.iter().map(|page| (folder().join(&page.path), page.text.as_str())).collect();
    for (base, text) in &texts {
        let prose = without_code(text);
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, section) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { base.clone() } else { tidy(&base.parent().unwrap().join(path)) };
            let found = texts.get(&target).is_some_and(|text| {
                section.is_empty() || text.lines().any(|line| heading(line).as_deref() == Some(section))
            });
            // Rules, and the pages that are written by hand.
            let is_file = !target.starts_with(folder()) && target.exists();
            assert!(found || is_file, "{} links to {link}", base.display());
        }
    }
}
