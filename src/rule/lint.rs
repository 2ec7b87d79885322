//! What is wrong with a rule that compiles: texts that do not help who reads them at night, and cases that are missing.

use super::Rule;
use super::case::{Answer, Case, Outcome, key};
use super::compile::placeholders;
use crate::diagnostic::Problem;
use crate::yaml::Node;

/// Characters of a title; it stands in a column of a table.
const TITLE: usize = 110;
/// Words that begin an order. A title says what holds.
const ORDERS: [&str; 28] = [
    "add",
    "allow",
    "always",
    "avoid",
    "block",
    "check",
    "configure",
    "confirm",
    "deny",
    "disable",
    "do",
    "don't",
    "enable",
    "enforce",
    "ensure",
    "forbid",
    "harden",
    "limit",
    "make",
    "never",
    "prevent",
    "protect",
    "remove",
    "require",
    "restrict",
    "set",
    "use",
    "verify",
];
/// Words that say what ought to be, not what is.
const WISHES: [&str; 4] = ["should", "must", "shall", "ought"];

/// Every finding on a compiled rule; `root` is its tree.
pub fn lint(rule: &Rule, root: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    let span = |key: &str| root.get(key).map_or(0..0, |node| node.span.clone());
    if let Some(message) = no_statement(&rule.title) {
        let help = "a title is a statement that holds when the rule passes: `Containers do not run privileged`";
        problems.push(Problem::new(span("title"), message).help(help));
    }
    if rule.title.chars().count() > TITLE {
        let message = format!("the title has more than {TITLE} characters");
        problems.push(Problem::new(span("title"), message).help("say what holds here, and the rest under `why:`"));
    }
    if !names_subject(rule) {
        let help = "use `{subject}`, a field such as `{path}`, or the name of what the check looks at";
        problems.push(Problem::new(span("fix"), "the fix does not name what it mends").help(help));
    }
    for (key, text) in [("why", &rule.why), ("fix", &rule.fix)] {
        if text.trim().is_empty() || text.trim() == rule.title {
            problems.push(Problem::new(span(key), format!("`{key}` says nothing that the title does not")));
        }
    }
    if rule.manual().is_some() {
        // What cases of a statement are missing, proving it tells.
        return problems;
    }
    let tests = root.get("tests").map_or_else(|| span("id"), |node| node.span.start..node.span.start);
    for outcome in [Outcome::Pass, Outcome::Fail] {
        if !rule.cases.iter().any(|case| case.expected == outcome) {
            let word = outcome.as_str();
            let problem = Problem::new(tests.clone(), format!("there is no {word} case"));
            problems.push(problem.help(format!("add `- {word}: {{ … }}` under `tests:`, as it really looks")));
        }
    }
    problems.extend(rule.cases.iter().flat_map(|case| answers_to_nothing(rule, case)));
    problems
}

/// What a case says of something that the rule does not ask for.
fn answers_to_nothing(rule: &Rule, case: &Case) -> Vec<Problem> {
    let selections = rule.selections();
    let asked = |answer: &&Answer| selections.iter().any(|selection| selection.may_ask(answer));
    let problem = |answer: &Answer| {
        let message = format!("the rule asks for no `{}`", answer.key());
        let asked = selections.iter().filter(|selection| selection.resource.name == answer.resource);
        let asked: Vec<_> =
            asked.map(|selection| format!("`{}`", key(selection.resource.name, &selection.with))).collect();
        Problem::new(case.span.clone(), message).help(format!("it asks for {}", asked.join(", ")))
    };
    case.answers.iter().filter(|answer| !asked(answer)).map(problem).collect()
}

/// Why a title is no statement.
fn no_statement(title: &str) -> Option<String> {
    let words: Vec<String> = title
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'').to_lowercase())
        .collect();
    let first = words.first().map_or("", String::as_str);
    if ORDERS.contains(&first) {
        return Some(format!("the title gives an order (`{first}`)"));
    }
    if let Some(wish) = words.iter().find(|word| WISHES.contains(&word.as_str())) {
        return Some(format!("the title says what {wish} be"));
    }
    if words.len() < 2 {
        return Some("the title is no sentence".to_owned());
    }
    if title.ends_with(['.', '?', '!', ':']) {
        return Some("the title ends with a full stop or another mark".to_owned());
    }
    None
}

/// Whether the fix says what to mend: by a placeholder, or by a name that the check asks for.
fn names_subject(rule: &Rule) -> bool {
    // What a person does has no name that could be looked up.
    if rule.manual().is_some() {
        return true;
    }
    if placeholders(&rule.fix).next().is_some() {
        return true;
    }
    let fix = rule.fix.to_lowercase();
    let selections = rule.selections();
    let params = selections.iter().flat_map(|selection| selection.with.values()).flat_map(texts);
    let fields = selections.iter().flat_map(|selection| selection.resource.fields).map(|field| field.name.to_owned());
    let words: Vec<String> = params.chain(fields).map(|word| word.to_lowercase()).collect();
    words.iter().any(|word| word.len() > 2 && fix.contains(word.trim_matches('*')))
}

fn texts(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::String(text) => vec![text.clone()],
        serde_json::Value::Array(items) => items.iter().flat_map(texts).collect(),
        serde_json::Value::Object(entries) => entries.values().flat_map(texts).collect(),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_a_statement() {
        for good in ["Containers do not run privileged", "TLS is on", "No role has an empty password"] {
            assert_eq!(no_statement(good), None, "{good}");
        }
        for bad in
            ["Ensure TLS is on", "Do not run as root", "Containers should not run", "TLS", "Is TLS on?", "TLS is on."]
        {
            assert!(no_statement(bad).is_some(), "{bad}");
        }
    }
}
