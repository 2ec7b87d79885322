//! The file: entries read and checked, and a new one appended so that none is ever lost.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostics, Problem, Source};
use crate::error::Error;
use crate::rule::pack::read_regular;
use crate::value::time;

/// Bytes of the file: tens of thousands of entries.
const MAX_BYTES: usize = 16 << 20;
/// Permissions of a new file: what it holds is no secret, and others have to read it.
const MODE: u32 = 0o644;

/// One statement. Times are seconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub rule: String,
    /// Who states it.
    pub by: String,
    /// When it was stated.
    pub on: i64,
    /// From when on it does not hold any more.
    pub until: i64,
    /// What shows it: a link, a ticket, what was measured.
    pub evidence: String,
    /// The value that it is bound to.
    pub scope: Option<String>,
    /// The line of the file, from 1; 0 for one that was not read.
    pub line: usize,
}

/// The entries of a file, in its order.
#[derive(Debug, Clone, Default)]
pub struct Attestations {
    pub entries: Vec<Entry>,
    /// What is worth a word and stops nothing; the report shows it.
    pub warnings: Vec<String>,
}

impl Attestations {
    /// Entries with what is to be said of those that no rule asks for. `statements` are the ids of the rules that a person
    /// attests, `known` those of all rules, selected or not.
    pub fn new(entries: Vec<Entry>, statements: &BTreeSet<String>, known: &BTreeSet<String>) -> Self {
        let mut warnings: Vec<String> = Vec::new();
        for entry in entries.iter().filter(|entry| !statements.contains(&entry.rule)) {
            let (line, rule) = (entry.line, &entry.rule);
            warnings.push(match known.contains(rule) {
                true => format!("line {line} of the attestations counts for nothing: `{rule}` is judged by looking"),
                false => format!("line {line} of the attestations counts for nothing: there is no rule `{rule}`"),
            });
        }
        Attestations { entries, warnings }
    }
}

/// An entry as the file holds it: the members in the order of the line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    rule: String,
    by: String,
    on: String,
    until: String,
    evidence: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    sha256: String,
}

/// The members that are hashed, sorted by name and without spaces (RFC 8785 for members that are all strings).
#[derive(Serialize)]
struct Hashed<'l> {
    by: &'l str,
    evidence: &'l str,
    on: &'l str,
    rule: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'l str>,
    until: &'l str,
}

impl Line {
    fn new(entry: &Entry) -> Self {
        let line = Line {
            rule: entry.rule.clone(),
            by: entry.by.clone(),
            on: time::show(entry.on),
            until: time::show(entry.until),
            evidence: entry.evidence.clone(),
            scope: entry.scope.clone(),
            sha256: String::new(),
        };
        Line { sha256: line.hash(), ..line }
    }

    /// SHA-256 over the canonical form of the other members, in hexadecimal digits.
    fn hash(&self) -> String {
        let members = Hashed {
            by: &self.by,
            evidence: &self.evidence,
            on: &self.on,
            rule: &self.rule,
            scope: self.scope.as_deref(),
            until: &self.until,
        };
        let text = serde_json::to_string(&members).unwrap_or_default();
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The line without its line break.
    fn text(&self) -> String {
        crate::value::text::json_line(self)
    }
}

/// Reads the entries of a text. Every damaged line is a problem at its place.
pub fn parse(source: &Source) -> Result<Vec<Entry>, Vec<Problem>> {
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    let mut start = 0;
    for (number, text) in source.text.split('\n').enumerate() {
        if !text.trim().is_empty() {
            match entry(text, number + 1) {
                Ok(entry) => entries.push(entry),
                Err(problem) => {
                    let span = start + problem.span.start..start + problem.span.end;
                    problems.push(Problem { span, ..problem });
                }
            }
        }
        start += text.len() + 1;
    }
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

/// The entry of a line; the place of a problem is in the line.
fn entry(text: &str, number: usize) -> Result<Entry, Problem> {
    if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| text.starts_with(mark)) {
        let problem = Problem::new(0..text.trim_end().len(), "a merge of two branches is not finished here");
        return Err(problem.help("keep the lines of both sides; `merge=union` in .gitattributes does so by itself"));
    }
    let line: Line = serde_json::from_str(text).map_err(|error| {
        let at = error.column().saturating_sub(1).min(text.trim_end().len());
        let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        // The message of the parser names members and places, and can quote a name; never a value.
        let what = match error.classify() {
            serde_json::error::Category::Data => said(&error),
            _ => "this line is not JSON".to_owned(),
        };
        Problem::new(at..at, what).help(MENDED)
    })?;
    let place = |value: &str| {
        let at = text.find(value).filter(|_| !value.is_empty());
        at.map_or(0..text.trim_end().len(), |at| at..at + value.len())
    };
    if line.hash() != line.sha256 {
        let problem = Problem::new(place(&line.sha256), "this entry is not what was attested: its hash does not fit");
        return Err(problem.help(MENDED));
    }
    let instant = |name: &str, text: &str| {
        time::parse(text).ok_or_else(|| Problem::new(place(text), format!("`{name}` is no time")).help(MENDED))
    };
    let (on, until) = (instant("on", &line.on)?, instant("until", &line.until)?);
    if until < on {
        return Err(Problem::new(place(&line.until), "this entry ends before it begins").help(MENDED));
    }
    let Line { rule, by, evidence, scope, .. } = line;
    if by.trim().is_empty() || evidence.trim().is_empty() {
        let problem = Problem::new(0..text.trim_end().len(), "this entry does not say by whom, or by what evidence");
        return Err(problem.help(MENDED));
    }
    Ok(Entry { rule, by, on, until, evidence, scope, line: number })
}

const MENDED: &str = "take the line back from the file's history, or remove it and attest again with `harden attest`";

/// What is wrong with the members of a line, without the parser's own place in it.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    // What a wrong type is shown with is a value.
    let text = text.split(", expected").next().unwrap_or_default();
    match text.strip_prefix("invalid type") {
        Some(_) => "a member of this entry is no text".to_owned(),
        None => format!("this is no attestation: {text}"),
    }
}

/// Reads the file; one that is not there has no entries.
pub fn load(path: &Path) -> Result<Vec<Entry>, Diagnostics> {
    let shown = path.display().to_string();
    let failed = |message: String| {
        let mut diagnostics = Diagnostics::default();
        diagnostics.add(&Source::new(&shown, ""), [Problem::new(0..0, message)]);
        diagnostics
    };
    let text = match read(path) {
        Ok(text) => text.unwrap_or_default(),
        Err(error) => return Err(failed(format!("failed to read: {error}"))),
    };
    let source = Source::new(&shown, text);
    parse(&source).map_err(|problems| {
        let mut diagnostics = Diagnostics::default();
        diagnostics.add(&source, problems);
        diagnostics
    })
}

fn read(path: &Path) -> std::io::Result<Option<String>> {
    use std::io::{Error, ErrorKind};
    let bytes = match read_regular(path, MAX_BYTES + 1) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if bytes.len() > MAX_BYTES {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it is larger than {MAX_BYTES} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|error| Error::new(ErrorKind::InvalidData, error.utf8_error()))?;
    Ok(Some(text))
}

/// Appends an entry. The file is read, checked and replaced as a whole while its folder is locked, so that of two people
/// who attest at once neither loses a line.
pub fn append(path: &Path, entry: &Entry) -> Result<(), Error> {
    // A link is followed, so that what it leads to is replaced and not the link.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let doing = || format!("write {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let lock = File::open(&folder).map_err(Error::io(doing()))?;
    lock.lock().map_err(Error::io(format!("lock {}", folder.display())))?;
    load(&path).map_err(Error::Files)?;
    let mut text = read(&path).map_err(Error::io(doing()))?.unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&Line::new(entry).text());
    text.push('\n');
    replace(&path, &folder, &text).map_err(Error::io(doing()))
}

fn replace(path: &Path, folder: &Path, text: &str) -> std::io::Result<()> {
    let mode = std::fs::metadata(path).map_or(MODE, |metadata| metadata.permissions().mode() & 0o777);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Entry {
        Entry {
            rule: "manual-x".to_owned(),
            by: "Ann".to_owned(),
            on: 0,
            until: 86_400,
            evidence: "a \"log\", größe".to_owned(),
            scope: None,
            line: 1,
        }
    }

    fn read(text: &str) -> Result<Vec<Entry>, Vec<Problem>> {
        parse(&Source::new("attestations.jsonl", text))
    }

    #[test]
    fn what_is_written_is_read() {
        let scoped = Entry { scope: Some("a:1".to_owned()), line: 3, ..sample() };
        let text = format!("{}\n\n{}\r\n", Line::new(&sample()).text(), Line::new(&scoped).text());
        assert_eq!(read(&text), Ok(vec![sample(), scoped]));
    }

    /// The hash is over members sorted by name, as any other program would write them.
    #[test]
    fn the_hash_can_be_made_elsewhere() {
        let text =
            r#"{"by":"Ann","evidence":"e","on":"1970-01-01T00:00:00Z","rule":"r","until":"1970-01-02T00:00:00Z"}"#;
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let entry = Entry { rule: "r".to_owned(), evidence: "e".to_owned(), ..sample() };
        assert_eq!(Line::new(&entry).sha256, digest);
    }

    #[test]
    fn each_damaged_line_is_told_at_its_place() {
        let good = Line::new(&sample()).text();
        let members = |on: &str, until: &str, by: &str| {
            let line = Line { on: on.to_owned(), until: until.to_owned(), by: by.to_owned(), ..Line::new(&sample()) };
            Line { sha256: line.hash(), ..line }.text()
        };
        for (bad, said) in [
            (good.replace("Ann", "Eve"), "hash does not fit"),
            (good.replace("\"by\"", "\"bye\""), "unknown field `bye`"),
            (good.replace("\"Ann\"", "17"), "is no text"),
            (good.replace("\"rule\":\"manual-x\",", ""), "missing field `rule`"),
            (good.replace('}', ""), "not JSON"),
            ("<<<<<<< ours".to_owned(), "merge"),
            (members("soon", "1970-01-02", "Ann"), "`on` is no time"),
            (members("1970-01-02", "1970-01-01", "Ann"), "ends before it begins"),
            (members("1970-01-01", "1970-01-02", " "), "by whom"),
        ] {
            let problems = read(&format!("{good}\n{bad}\n")).unwrap_err();
            let [problem] = problems.as_slice() else { panic!("{problems:?}") };
            assert!(problem.message.contains(said), "{said} in {problem:?}");
            assert!(problem.span.start > good.len() && problem.span.end <= good.len() + 1 + bad.len(), "{problem:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = read(&text);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&String::from_utf8_lossy(&bytes));
        }

        /// Whatever is changed in a member, the line is refused; and where it is cut or grown, it is no panic.
        #[test]
        fn a_changed_line_is_never_taken(at in 0..400usize, byte in 32..127u8) {
            let good = Line::new(&sample()).text();
            let mut bytes = good.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            if let Ok(entries) = read(&changed) {
                prop_assert!(entries.iter().all(|entry| *entry == sample()) , "{}", changed);
            }
        }

        #[test]
        fn any_texts_come_back(rule in ".{1,8}", by in "[^ ]{1,8}", evidence in "[^ ]{1,40}", scope: Option<String>) {
            prop_assume!(!by.trim().is_empty() && !evidence.trim().is_empty());
            let entry = Entry { rule, by, evidence, scope, ..sample() };
            prop_assert_eq!(read(&Line::new(&entry).text()), Ok(vec![entry]));
        }
    }
}
