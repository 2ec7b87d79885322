//! `harden rules new`: the file of a rule that is still to be written.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::diagnostic::closest;
use crate::error::Error;
use crate::resource::{self, Accepts, Field, Param, Resource};
use crate::rule::compile::{FILL_IN, Options};
use crate::rule::input::Inputs;
use crate::rule::library::Library;
use crate::value::Type;
use crate::value::types::AS;

/// Columns of a comment.
const WIDTH: usize = 110;

/// Writes the file, and returns the words about it. A rule about no resource is one that a person attests.
pub(super) fn run(id: &str, resource: Option<&str>, output: Option<&Path>) -> Result<String, Error> {
    check_id(id)?;
    let text = match resource {
        Some(resource) => template(id, find(resource)?),
        None => statement(id),
    };
    let path = place(id, output)?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(|cause| {
        if cause.kind() == std::io::ErrorKind::AlreadyExists {
            let error = Error::usage(format!("{} exists already, and nothing is overwritten", path.display()));
            return error.help("choose another id or another folder");
        }
        Error::io(format!("create {}", path.display()))(cause)
    })?;
    let doing = || format!("write {}", path.display());
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::io(doing()))?;
    let words = format!(
        "wrote {}: write every part that says {FILL_IN}, then see `harden rules check {}`\n",
        path.display(),
        path.display()
    );
    Ok(crate::value::text::sanitize(words.trim_end()).into_owned() + "\n")
}

fn check_id(id: &str) -> Result<(), Error> {
    let kebab = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if id.is_empty() || !kebab || id.starts_with('-') || id.ends_with('-') {
        return Err(Error::usage(format!("`{id}` is no id of a rule"))
            .help("an id is made of lower-case words joined by `-`, such as host-app-key-mode"));
    }
    let options = Options { inputs: &Inputs::new(), cases: false };
    let shipped = Library::load(&[]).and_then(|library| library.compile(options)).map_err(Error::Files)?;
    if shipped.rules.iter().any(|rule| &*rule.id == id) {
        return Err(Error::usage(format!("the id `{id}` is taken by a rule that ships with harden"))
            .help(format!("`harden rules show {id}` shows it")));
    }
    Ok(())
}

fn find(name: &str) -> Result<&'static Resource, Error> {
    resource::find(name).ok_or_else(|| {
        let names = || resource::ALL.iter().map(|resource| resource.name);
        Error::usage(format!("there is no resource `{name}`")).help(match closest(name, names()) {
            Some(hint) => format!("did you mean `{hint}`?"),
            None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
        })
    })
}

/// The file: in a folder, or as it was named where that fits the id.
fn place(id: &str, output: Option<&Path>) -> Result<PathBuf, Error> {
    let name = format!("{id}.yaml");
    let path = match output {
        None => PathBuf::from(&name),
        Some(folder) if folder.is_dir() => folder.join(&name),
        Some(file) => file.to_path_buf(),
    };
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    if stem != Some(id) || !is_yaml {
        return Err(Error::usage(format!("{} is neither a folder nor a file called {name}", path.display()))
            .help("a rule's file is called like the rule; make the folder first if that is meant"));
    }
    if path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "profiles") {
        return Err(Error::usage(format!("{} would be read as a profile", path.display()))
            .help("files in a folder `profiles` are profiles; put the rule beside it"));
    }
    Ok(path)
}

/// The text of a file for a rule about this resource, in which everything is still to be written.
pub(super) fn template(id: &str, resource: &Resource) -> String {
    let mut text = Text::default();
    let field = telling_field(resource);
    head(&mut text, id, &format!("A rule about `{}`: {}.", resource.name, resource.about.trim_end_matches('.')));
    text.line(0, "check:");
    text.line(1, &format!("resource: {}", resource.name));
    parameters(&mut text, resource);
    if resource.can_be_absent {
        text.comment(1, "What it means that the thing asked for does not exist.");
        text.part(1, "absent", "pass, fail or not-applicable");
    }
    text.comment(1, "Which of those that are found count, by their fields; all of them without it.");
    text.comment(1, &format!("where: {{ {}: … }}", field.name));
    text.comment(
        1,
        "expect: every one that counts holds. `require:` in its place: at least one does. `forbid:`: none does.",
    );
    text.line(1, "expect:");
    text.part(2, field.name, &format!("such as {}, or other fields of these", expected(typed(field, resource))));
    for field in resource.fields {
        let about = if field.about.is_empty() { String::new() } else { format!(": {}", field.about) };
        text.comment(2, &format!("{} ({}){about}", field.name, type_name(field.ty)));
    }
    text.comment(
        0,
        "What the rule must say to what was seen; fields that are not given are unknown. At least one case of each",
    );
    text.comment(
        0,
        "outcome, and one on each side of every boundary. `harden record --format cases` writes some from real things.",
    );
    text.line(0, "tests:");
    let seen = seen(typed(field, resource));
    for outcome in ["pass", "fail"] {
        let part = quoted(&format!("{FILL_IN}: a value that makes it {outcome}, such as {seen}"));
        text.line(1, &format!("- {outcome}: {{ {}: {part} }}", field.name));
    }
    text.line(1, &format!("- unknown: {{ {}: !unknown permission denied }}", field.name));
    if resource.can_be_absent {
        text.comment(1, "What `absent:` says: `- fail: !absent it is not there`.");
    }
    text.line(1, "- not-applicable: []");
    text.0
}

/// What every rule begins with.
fn head(text: &mut Text, id: &str, about: &str) {
    text.comment(0, "yaml-language-server: $schema=./rule.schema.json");
    text.comment(
        0,
        "The line above is for editors: `harden schema rule > rule.schema.json` writes what they complete by.",
    );
    text.comment(0, about);
    text.comment(0, &format!("harden refuses it until every part that says {FILL_IN} is written."));
    text.line(0, &format!("id: {id}"));
    text.comment(0, "A statement that holds when the rule passes: \"The password file is root's\".");
    text.part(0, "title", "a statement that holds when the rule passes");
    text.comment(0, "How much it matters when this rule alone fails.");
    text.part(0, "severity", "info, low, medium, high or critical");
    text.comment(0, "pre: files are enough; post: it needs the running service; ongoing: it is bound to an age.");
    text.part(0, "phase", "pre, post or ongoing");
    text.part(0, "why", "what an attacker gains where the rule fails");
    text.comment(0, "`{subject}` and the fields below in braces stand for what was seen.");
    text.part(0, "fix", "what to type to mend {subject}");
    text.comment(0, "At least one standard, manual or CWE that says so. Look it up: numbers change.");
    text.line(0, "refs:");
    text.part(1, "cwe", "a number such as 732, or another name and number in place of both");
    text.comment(0, "What others may set, used as `${name}` where a value stands:");
    text.comment(0, "inputs: { name: { type: text, about: what it is, default: its value } }");
    text.comment(0, "Words by which profiles can select it: `tags: [pci]`.");
    text.comment(0, "A check like the one below that decides whether the rule applies at all:");
    text.comment(0, "when: { resource: …, expect: { … } }");
}

/// The text of a file for a rule that a person attests.
fn statement(id: &str) -> String {
    let mut text = Text::default();
    head(&mut text, id, "A rule for what only a person can tell, and attests with `harden attest`.");
    text.line(0, "manual:");
    text.comment(1, "Who attests it: a role, not a name.");
    text.part(1, "who", "such as DBA");
    text.comment(1, "How long a statement holds; or `event`, with `event: incident` or what else it is that ends it.");
    text.part(1, "valid_for", "such as 90d");
    text.part(1, "evidence", "what is recorded with the statement");
    text.comment(1, "Rules that are judged by looking: a fail of one of them contradicts the statement.");
    text.comment(1, "contradicted_by: [ID]");
    text.comment(1, "What a statement is bound to: it ends when the value changes.");
    text.comment(1, "scope: { resource: container, where: { running: true }, pick: image }");
    text.comment(0, "What becomes of a statement: the last day on which it holds, the moment at which it does not any more, none at all.");
    text.line(0, "tests:");
    text.line(1, &format!("- attested: {{ on: {} }}", quoted(&format!("{FILL_IN}: such as now-89d"))));
    text.line(1, &format!("- expired: {{ on: {} }}", quoted(&format!("{FILL_IN}: such as now-90d"))));
    text.line(1, "- missing: {}");
    text.0
}

fn parameters(text: &mut Text, resource: &Resource) {
    if resource.params.is_empty() {
        return;
    }
    let mut params: Vec<&Param> = resource.params.iter().collect();
    params.sort_by_key(|param| !param.required);
    // What can be missing is asked for by something.
    let asks = |index: usize, param: &Param| param.required || (index == 0 && resource.can_be_absent);
    let any = params.iter().enumerate().any(|(index, param)| asks(index, param));
    if any {
        text.line(1, "with:");
    } else {
        text.comment(1, "with:");
    }
    for (index, param) in params.into_iter().enumerate() {
        let accepts = match param.accepts {
            Accepts::Text => "text; a list asks one query for each item".to_owned(),
            Accepts::As | Accepts::AsElse(_) => AS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
            Accepts::Words(words) => words.join(" or "),
            Accepts::Layers => "a list of layers".to_owned(),
            Accepts::Texts => "text, or a list of texts".to_owned(),
        };
        if !asks(index, param) {
            text.comment(2, &format!("{}: {} ({accepts})", param.name, param.about));
            continue;
        }
        text.comment(2, &format!("{}; {accepts}.", param.about));
        match param.accepts {
            Accepts::Layers => {
                text.line(2, &format!("{}:", param.name));
                let (name, of) =
                    (quoted(&format!("{FILL_IN}: the variable")), quoted(&format!("{FILL_IN}: whose it is")));
                text.line(3, &format!("- {{ env: {name}, of: {of} }}"));
            }
            Accepts::Words(_) | Accepts::As | Accepts::AsElse(_) | Accepts::Text | Accepts::Texts => {
                let what = param.about.split([';', ':', '(']).next().unwrap_or_default().trim();
                text.part(2, param.name, what);
            }
        }
    }
}

/// The field that shows best how the resource is judged: what it was asked for, else a yes or no, else any.
fn telling_field(resource: &Resource) -> &'static Field {
    let by = |wanted: fn(&Field) -> bool| resource.fields.iter().find(|field| wanted(field));
    static NONE: Field = resource::field("subject", Type::Text, "", "");
    by(|field| matches!(field.ty, Type::As))
        .or_else(|| by(|field| field.name == "mode"))
        .or_else(|| by(|field| matches!(field.ty, Type::Bool(_))))
        .or_else(|| by(|field| !matches!(field.name, "name" | "path" | "id" | "line")))
        .unwrap_or(&NONE)
}

/// The name of a type; a closed set of words is its words.
fn type_name(ty: Type) -> String {
    match ty {
        Type::Word(vocabulary) => vocabulary.words.join(" | "),
        other => other.name(),
    }
}

/// The type of a field where the parameter `as` is not given.
fn typed(field: &Field, resource: &Resource) -> Type {
    if matches!(field.ty, Type::As) { resource.as_type(&resource::With::new()) } else { field.ty }
}

/// An expectation of a value of this type.
fn expected(ty: Type) -> String {
    match ty {
        Type::Bool(_) => "true".to_owned(),
        Type::Integer => "{ at_least: 2048 }".to_owned(),
        Type::Size => "{ at_most: 512MiB }".to_owned(),
        Type::Duration => "{ at_most: 30d }".to_owned(),
        Type::Time => "{ at_least: now+30d }".to_owned(),
        Type::Version => "{ at_least: \"1.10\" }".to_owned(),
        Type::Text | Type::Url | Type::As => "a text, { in: [a, b] } or { matches: \"^a\" }".to_owned(),
        Type::Secret => "{ secret: { length: 12, placeholder: false } }".to_owned(),
        Type::Mode => "{ at_most: \"0640\" }".to_owned(),
        Type::Net => "{ within: [10.0.0.0/8] }".to_owned(),
        Type::Word(vocabulary) => vocabulary.words.join(" or "),
        Type::List(_) => "{ every: … }, { none: … } or { has: … }".to_owned(),
        Type::Map(_) => "{ key: { name: … } }".to_owned(),
        Type::Record(_) => "its fields".to_owned(),
    }
}

/// A value of this type, as a case gives it.
fn seen(ty: Type) -> String {
    match ty {
        Type::Bool(_) => "true or false".to_owned(),
        Type::Integer => "2048".to_owned(),
        Type::Size => "512MiB".to_owned(),
        Type::Duration => "30d".to_owned(),
        Type::Time => "now+61d".to_owned(),
        Type::Version => "\"1.10\"".to_owned(),
        Type::Text | Type::Url | Type::As => "a text".to_owned(),
        Type::Secret => "{ length: 20, entropy_bits: 80, placeholder: false }".to_owned(),
        Type::Mode => "\"0640\"".to_owned(),
        Type::Net => "10.1.2.3".to_owned(),
        Type::Word(vocabulary) => vocabulary.words.join(" or "),
        Type::List(_) => "[a, b]".to_owned(),
        Type::Map(_) | Type::Record(_) => "{ name: value }".to_owned(),
    }
}

/// The file as it grows.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, depth: usize, text: &str) {
        self.0.push_str(&format!("{:width$}{text}\n", "", width = 2 * depth));
    }

    /// A part that is still to be written, with what belongs there.
    fn part(&mut self, depth: usize, key: &str, what: &str) {
        self.line(depth, &format!("{key}: {}", quoted(&format!("{FILL_IN}: {what}"))));
    }

    /// A comment, broken into lines between words.
    fn comment(&mut self, depth: usize, text: &str) {
        let mut line = String::from("#");
        for word in text.split_whitespace() {
            if 2 * depth + line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(depth, &line);
                line = String::from("#  ");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(depth, &line);
    }
}

/// In single quotes, in which nothing else has a meaning.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
