//! `docs/coverage.md`: what the hardening guides of five systems ask for, statement by statement, and what answers it.
//! Written from `coverage/*.yaml` by `HARDEN_BLESS=1`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use harden::rule::Rule;
use harden::rule::library::Library;
use harden::yaml::Node;

use super::corpus::rules;

/// The systems, in the order of the page, and how many statements each guide makes.
const SYSTEMS: [(&str, usize); 5] =
    [("pullbase", 72), ("pulumi-cloud", 37), ("ofelia", 208), ("nursery", 21), ("situation", 31)];

/// How far a machine can answer a statement: the word in the data, and what the page says.
const AUTOMATION: [(&str, &str); 4] =
    [("decided", "decided"), ("disprovable", "can be disproved"), ("person", "a person"), ("vendor", "the vendor")];

struct System {
    title: String,
    guide: String,
    statements: Vec<Statement>,
}

struct Statement {
    says: String,
    automation: String,
    phase: String,
    rules: Vec<String>,
    note: Option<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("coverage")
}

fn text(node: &Node, name: &str) -> Option<String> {
    Some(node.get(name)?.text()?.to_owned())
}

fn known_keys(node: &Node, known: &[&str]) {
    for (key, _) in node.mapping().expect("a mapping") {
        assert!(known.contains(&key.name.as_str()), "`{}` is not a key of coverage files", key.name);
    }
}

fn statement(system: &str, node: &Node, number: usize) -> Statement {
    known_keys(node, &["id", "says", "automation", "phase", "rules", "note"]);
    assert_eq!(text(node, "id"), Some(number.to_string()), "{system}: statements are numbered without a gap");
    let said = |name: &str| text(node, name).unwrap_or_else(|| panic!("{system} {number} has no `{name}`"));
    let rules = node.get("rules").and_then(Node::sequence).unwrap_or_default();
    Statement {
        says: said("says"),
        automation: said("automation"),
        phase: said("phase"),
        rules: rules.iter().filter_map(Node::text).map(str::to_owned).collect(),
        note: text(node, "note"),
    }
}

fn system(name: &str) -> System {
    let path = folder().join(format!("{name}.yaml"));
    let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let tree = harden::yaml::parse(&source).unwrap_or_else(|problems| panic!("{}: {problems:?}", path.display()));
    known_keys(&tree, &["system", "title", "guide", "statements"]);
    assert_eq!(text(&tree, "system").as_deref(), Some(name));
    let nodes = tree.get("statements").and_then(Node::sequence).expect("statements");
    System {
        title: text(&tree, "title").expect("a title"),
        guide: text(&tree, "guide").expect("a guide"),
        statements: nodes.iter().zip(1..).map(|(node, number)| statement(name, node, number)).collect(),
    }
}

/// What is wrong with a statement's row, given the rules that its system's profile selects.
fn flaws(statement: &Statement, selected: &BTreeSet<String>) -> Vec<String> {
    let mut flaws = Vec::new();
    let mut flaw = |wrong: bool, what: String| flaws.extend(wrong.then_some(what));
    let is_manual = |rule: &&String| rule.starts_with("manual-");
    let automated = statement.rules.iter().filter(|rule| !is_manual(rule)).count();
    let manual = statement.rules.len() - automated;
    flaw(!AUTOMATION.iter().any(|(word, _)| *word == statement.automation), format!("`{}`", statement.automation));
    flaw(!["pre", "post", "ongoing"].contains(&statement.phase.as_str()), format!("phase `{}`", statement.phase));
    flaw(statement.rules.is_empty(), "no rule".to_owned());
    flaw(statement.automation == "person" && manual == 0, "for a person, and no manual rule".to_owned());
    let by_machine = ["decided", "disprovable"].contains(&statement.automation.as_str());
    flaw(by_machine && automated == 0, "for a machine, and no rule that looks".to_owned());
    for rule in statement.rules.iter().filter(|rule| !selected.contains(*rule)) {
        flaw(true, format!("the profile does not select {rule}"));
    }
    flaws
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('*', "\\*").replace('_', "\\_")
}

/// The rule's name as a link to its section of the reference.
fn link(rule: &Rule) -> String {
    let folder = Path::new(&*rule.source.path).parent().and_then(Path::file_name).expect("rules lie in an area");
    format!("[`{id}`](reference/rules/{area}.md#{id})", id = rule.id, area = folder.display())
}

fn named<'r>(ids: &'r [String]) -> impl Iterator<Item = &'static Rule> + 'r {
    ids.iter().filter_map(|id| rules().iter().find(|rule| *rule.id == **id))
}

fn count(system: &System, automation: &str) -> usize {
    system.statements.iter().filter(|statement| statement.automation == automation).count()
}

/// The page.
fn page(systems: &[(&str, System)]) -> String {
    let total: usize = systems.iter().map(|(_, system)| system.statements.len()).sum();
    let mut page = format!(
        "# Coverage\n\nGenerated by `make docs` from `coverage/*.yaml`; do not edit.\n\nEvery statement of the hardening guides of five \
         systems, {total} in all, and what answers it here: rules that look, and rules that a person attests (`manual-…`). How far a \
         machine can answer:\n\n- **decided**: the rules say pass and fail.\n- **can be disproved**: they find what contradicts the statement; a pass \
         proves a part of it.\n- **a person**: nothing shows it to a machine; somebody attests it for a term.\n- **the vendor**: it describes what the \
         program does by itself; a rule about the version or the configuration stands for it.\n\n| profile | statements |"
    );
    for (_, says) in AUTOMATION {
        let _ = write!(page, " {says} |");
    }
    page.push_str("\n|---|---|---|---|---|---|\n");
    for (name, system) in systems {
        let _ = write!(page, "| [`{name}`](#{name}) | {} |", system.statements.len());
        for (word, _) in AUTOMATION {
            let _ = write!(page, " {} |", count(system, word));
        }
        page.push('\n');
    }
    for (name, system) in systems {
        let _ = writeln!(page, "\n## {name}\n\n{}, by \"{}\".\n", system.title, system.guide);
        page.push_str("| # | statement | answered by | how far | phase | severity |\n|---|---|---|---|---|---|\n");
        for (statement, number) in system.statements.iter().zip(1..) {
            let _ = writeln!(page, "| {number} | {}", row(statement));
        }
    }
    page
}

fn row(statement: &Statement) -> String {
    let note = statement.note.as_ref().map(|note| format!(" *{}*", escaped(note))).unwrap_or_default();
    let links: Vec<_> = named(&statement.rules).map(link).collect();
    let severity = named(&statement.rules).map(|rule| rule.own_severity).max().expect("a rule");
    let (_, automation) = AUTOMATION.iter().find(|(word, _)| *word == statement.automation).expect("a known word");
    format!(
        "{}{note} | {} | {automation} | {} | {} |",
        escaped(&statement.says),
        links.join(", "),
        statement.phase,
        severity.as_str()
    )
}

#[test]
fn every_statement_of_the_guides_is_answered() {
    let library = Library::load(&[]).unwrap();
    let mut wrong = Vec::new();
    let mut systems = Vec::new();
    for (name, statements) in SYSTEMS {
        let system = system(name);
        let profile = library.profile(name).unwrap_or_else(|| panic!("no profile {name}"));
        let selected: BTreeSet<String> =
            rules().iter().filter(|rule| profile.selects(*rule)).map(|rule| rule.id.to_string()).collect();
        if system.statements.len() != statements {
            wrong.push(format!("{name}: {} of {statements} statements", system.statements.len()));
        }
        for (statement, number) in system.statements.iter().zip(1..) {
            wrong.extend(flaws(statement, &selected).into_iter().map(|flaw| format!("{name} {number}: {flaw}")));
        }
        systems.push((name, system));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let path = folder().with_file_name("docs").join("coverage.md");
    let page = page(&systems);
    if std::env::var_os("HARDEN_BLESS").is_some() {
        return fs::write(path, page).unwrap();
    }
    assert!(fs::read_to_string(path).unwrap_or_default() == page, "`make docs` brings docs/coverage.md up to date");
}
