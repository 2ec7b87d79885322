//! `shell_assignment`: which variables the files of a shell set, those of its start and its history, by their names. What they
//! are set to is looked at and never kept.

use super::files::{Content, each};
use super::{Accepts, Field, Param, Resource, field};
use crate::facts::{Basis, Subject};
use crate::target::Kind;
use crate::value::types::Dialect;
use crate::value::{Reason, Type, Value};

/// Assignments of one file.
const MAX: usize = 10_000;

const FIELDS: &[Field] = &[
    field("path", Type::Text, "", "the file"),
    field("line", Type::Integer, "", "its line, from 1"),
    field("name", Type::Text, "", "the variable"),
    field(
        "literal",
        Type::Bool(Dialect::Plain),
        "",
        "whether the value is written there, rather than nothing, another variable or what a command prints (`$…`)",
    ),
];

pub(super) static SHELL_ASSIGNMENT: Resource = Resource {
    name: "shell_assignment",
    about: "An assignment of a variable in a file that a shell runs or wrote (a path or a glob): in front of a command, after `export`, in a line of its history. Every word of the form NAME=… counts, whatever the shell makes of it.",
    privilege: "read permission for the files; root for those of other users",
    params: &[Param {
        name: "path",
        accepts: Accepts::Text,
        required: true,
        about: "the file, or a pattern as for the resource `file`",
    }],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(each(door, with, content)),
};

fn content(path: &str, bytes: &[u8]) -> Content {
    let text = String::from_utf8_lossy(bytes);
    let mut subjects: Vec<Subject> = (1_i64..)
        .zip(text.lines())
        .flat_map(|(number, line)| assignments(line).map(move |(name, value)| (number, name, is_literal(value))))
        .take(MAX.saturating_add(1))
        .map(|(line, name, literal)| subject(path, line, name, literal))
        .collect();
    let more = (subjects.len() > MAX).then(|| Reason::new(format!("{path} has more than {MAX} assignments")));
    subjects.truncate(MAX);
    Content::Subjects(subjects, more)
}

fn subject(path: &str, line: i64, name: &str, literal: bool) -> Subject {
    let mut subject =
        Subject::new(&SHELL_ASSIGNMENT, format!("{name} in {path}"), format!("{path}:{line}"), Basis::Declared);
    subject.fields.set("path", Value::from(path));
    subject.fields.set("line", line);
    subject.fields.set("name", Value::from(name));
    subject.fields.set("literal", literal);
    subject
}

/// Names and the beginnings of values. A comment sets nothing, but may show what was set once.
fn assignments(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = line.split(|c: char| c.is_whitespace() || ";&|()`".contains(c));
    words.filter_map(|word| {
        let (name, value) = word.trim_start_matches(['\'', '"']).split_once('=')?;
        let name = name.strip_suffix('+').unwrap_or(name);
        is_name(name).then_some((name, value))
    })
}

/// POSIX, 3.216.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What a command prints ends its word at the parenthesis, so that `$` is left of it; a backquote leaves nothing.
fn is_literal(value: &str) -> bool {
    let value = value.trim_start_matches(['\'', '"']);
    !value.is_empty() && !value.starts_with('$')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(line: &str) -> Vec<(String, bool)> {
        assignments(line).map(|(name, value)| (name.to_owned(), is_literal(value))).collect()
    }

    #[test]
    fn assignments_are_found_wherever_they_stand() {
        assert_eq!(found("export ADMIN_JWT=eyJhbGciOi"), [("ADMIN_JWT".to_owned(), true)]);
        assert_eq!(found("cd /; TOKEN='x y' pullbasectl servers list"), [("TOKEN".to_owned(), true)]);
        assert_eq!(found("export 'A=b'"), [("A".to_owned(), true)]);
        assert_eq!(found("TOKEN=$(pass show pullbase) run"), [("TOKEN".to_owned(), false)]);
        assert_eq!(found("TOKEN=`pass show pullbase`"), [("TOKEN".to_owned(), false)]);
        assert_eq!(
            found("TOKEN=\"$OTHER\" A= B=''"),
            [("TOKEN", false), ("A", false), ("B", false)].map(|(n, l)| (n.to_owned(), l))
        );
        assert_eq!(found("PATH+=:/opt"), [("PATH".to_owned(), true)]);
        assert!(found("curl https://x/?a=b --opt=c 1A=b").is_empty());
    }

    #[test]
    fn no_value_is_kept() {
        let Content::Subjects(subjects, None) = content("/root/.bashrc", b"A=hunter2\n\nB=hunter3") else { panic!() };
        assert!(!format!("{subjects:?}").contains("hunter"));
        assert_eq!(subjects[1].origin.as_ref(), "/root/.bashrc:3");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = content("/x", &bytes);
        }
    }
}
