use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::glob::Glob;
use crate::value::Reason;

/// Files in memory; one whose text is `None` cannot be read.
pub(crate) struct Memory(pub(crate) BTreeMap<PathBuf, Option<Vec<u8>>>);

impl Memory {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Memory(files.iter().map(|(path, text)| (PathBuf::from(path), Some(text.as_bytes().to_vec()))).collect())
    }

    pub(crate) fn closed(mut self, path: &str) -> Self {
        self.0.insert(path.into(), None);
        self
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> Result<Vec<u8>, Unread> {
        match self.0.get(path) {
            Some(Some(bytes)) => Ok(bytes.clone()),
            Some(None) => Err(Unread::Unseen(Reason::new("permission denied"))),
            None => Err(Unread::Absent),
        }
    }

    fn glob(&self, pattern: &str) -> (Vec<PathBuf>, Option<Reason>) {
        let glob = Glob::new(pattern);
        (self.0.keys().filter(|path| glob.matches(&path.to_string_lossy())).cloned().collect(), None)
    }
}

fn tree(text: &str) -> Result<Block, Trouble> {
    read(&Memory::new(&[("/n.conf", text)]), Path::new("/n.conf"))
}

fn words(text: &str) -> Vec<String> {
    let block = tree(text).unwrap_or_else(|trouble| panic!("{text}: {trouble:?}"));
    block.directives.iter().flat_map(|one| std::iter::once(one.name.clone()).chain(one.args.clone())).collect()
}

#[test]
fn words_are_those_of_nginx() {
    for (text, expected) in [
        ("a b;", vec!["a", "b"]),
        ("a\tb\r\n c;#x;y\n", vec!["a", "b", "c"]),
        ("a 'b c' \"d;e\";", vec!["a", "b c", "d;e"]),
        (r#"a "x\"y" 'x\'y' x\"y x\ y \;z;"#, vec!["a", "x\"y", "x'y", "x\"y", r"x\ y", r"\;z"]),
        (r"a \t\r\n\\ \d+\. '\$x';", vec!["a", "\t\r\n\\", r"\d+\.", r"\$x"]),
        ("a b'c\"d e}f #g\n;", vec!["a", "b'c\"d", "e}f"]),
        ("a b#c;", vec!["a", "b#c"]),
        ("a ${x}y \"${z}\" $w;", vec!["a", "${x}y", "${z}", "$w"]),
        ("if ($x = 'y') { }", vec!["if", "($x", "=", "y", ")"]),
        ("location ~ ^/(a|b)$ { }", vec!["location", "~", "^/(a|b)$"]),
        ("a 'b\nc';", vec!["a", "b\nc"]),
        ("a{}", vec!["a"]),
        ("'a' b;", vec!["a", "b"]),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn what_nginx_refuses_is_refused() {
    for text in [
        "a",
        "a b",
        "a 'b;",
        "a {",
        "a { b; ",
        "}",
        "a; }",
        "a b }",
        ";",
        "{",
        "a 'b'c;",
        "a \"b",
        "a { b }",
        "a \\",
        "include;",
        "include a b;",
        "include none;",
        "\u{feff}a;",
    ] {
        assert!(matches!(tree(text), Err(Trouble::Refused(_))), "{text}");
    }
    assert!(tree(&format!("a {};", "x".repeat(4096))).is_err());
    assert!(tree(&format!("a {};", "x".repeat(4095))).is_ok());
    assert!(tree(&format!("{}{}", "a {".repeat(65), "}".repeat(65))).is_err());
}

#[test]
fn lua_is_skipped() {
    let lua = "content_by_lua_block {\n local t = { a = '}', b = \"\\\"}\" } -- }\n --[[ } ]] x = [==[ } ]==]\n}\nb c;";
    let block = tree(lua).unwrap();
    assert_eq!(block.directives[0].body, Body::Script);
    assert_eq!((block.directives[1].name.as_str(), block.directives[1].place.line), ("b", 5));
    assert!(tree("content_by_lua_block { '").is_err());
}

#[test]
fn included_files_stand_where_they_are_included() {
    let files = Memory::new(&[
        ("/etc/n/n.conf", "a;\nhttp {\n include conf.d/*.conf;\n include /x;\n b;\n}\n"),
        ("/etc/n/conf.d/1.conf", "one;\n"),
        ("/etc/n/conf.d/2.conf", "\n\ntwo;"),
        ("/x", "server { listen 1; }"),
    ]);
    let block = read(&files, Path::new("/etc/n/n.conf")).unwrap();
    let Body::Block(http) = &block.directives[1].body else { panic!() };
    let seen: Vec<_> = http.directives.iter().map(|one| format!("{} {}", one.name, one.place)).collect();
    assert_eq!(seen, ["one /etc/n/conf.d/1.conf:1", "two /etc/n/conf.d/2.conf:3", "server /x:1", "b /etc/n/n.conf:5"]);
}

#[test]
fn what_cannot_be_included_is_a_hole_and_a_loop_is_refused() {
    let files = Memory::new(&[("/n.conf", "http { a; include /secret; b; }")]).closed("/secret");
    let block = read(&files, Path::new("/n.conf")).unwrap();
    let Body::Block(http) = &block.directives[0].body else { panic!() };
    assert_eq!((http.directives.len(), http.holes.len()), (2, 1));
    assert!(block.holes.is_empty());
    let files = Memory::new(&[("/n.conf", "include a;"), ("/a", "include /n*;")]);
    assert!(matches!(read(&files, Path::new("/n.conf")), Err(Trouble::Refused(_))));
    let broken = Memory::new(&[("/n.conf", "include a;"), ("/a", "b {")]);
    assert!(matches!(read(&broken, Path::new("/n.conf")), Err(Trouble::Refused(_))));
}

#[test]
fn sizes_times_and_flags() {
    assert_eq!((size("8k"), size("1M"), size("2g"), size("7")), (Some(8192), Some(1 << 20), Some(2 << 30), Some(7)));
    assert_eq!((size("k"), size("1kb"), size("-1"), size("1 k")), (None, None, None, None));
    assert_eq!(
        (seconds("60"), seconds("1h30m"), seconds("1h 30m"), seconds("1d")),
        (Some(60), Some(5400), Some(5400), Some(86400))
    );
    assert_eq!(
        (seconds("500ms"), seconds("1s500ms"), seconds("0"), seconds("1M")),
        (Some(1), Some(2), Some(0), Some(2_592_000))
    );
    assert_eq!(
        (seconds("s"), seconds(""), seconds("1m1h"), seconds("1x"), seconds("1s1s")),
        (None, None, None, None, None)
    );
    assert_eq!((flag("ON"), flag("off"), flag("yes")), (Some(true), Some(false), None));
    assert!(
        has_variable("a$b")
            && has_variable("${x}")
            && has_variable("$1")
            && !has_variable("^/a$")
            && !has_variable("a$|b$")
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let files = Memory([(PathBuf::from("/n.conf"), Some(bytes))].into());
        let _ = read(&files, Path::new("/n.conf"));
    }

    #[test]
    fn no_text_makes_it_panic(text in "(a|b|include /n[*].conf|content_by_lua_block|[ {};#'\"\\\\$\n\\[\\]=-]){0,40}") {
        let _ = tree(&text);
    }

    #[test]
    fn values_are_read_or_refused(text in "[0-9kKmMgGsdhwy ]{0,12}|\\PC{0,6}") {
        let _ = (size(&text), seconds(&text), flag(&text), has_variable(&text));
    }

    #[test]
    fn an_error_quotes_nothing(secret in "[A-Z]{12}") {
        for text in [format!("a '{secret}"), secret.clone(), format!("a '{secret}'{secret};"), format!("}} {secret}")] {
            if let Err(Trouble::Refused(fault)) = tree(&text) {
                prop_assert!(!fault.to_string().contains(&secret));
            }
        }
    }
}
