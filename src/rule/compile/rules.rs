//! A rule file from its top: identity, texts, inputs, check, tests.

use std::collections::BTreeMap;
use std::ops::Range;

use super::expectations::span_help;
use super::places::{self, Part};
use super::reader::{Reader, references};
use super::unwritten;
use crate::diagnostic::{Problem, Source};
use crate::remedy;
use crate::rule::input::{Input, InputValue, Inputs};
use crate::rule::pack::Budget;
use crate::rule::{Body, Overridden, Phase, Rule, Selection, Severity};
use crate::value::Type;
use crate::value::types::AS;
use crate::yaml::{self, Key, Node};

pub(super) const RULE_KEYS: [&str; 14] = [
    "id",
    "overrides",
    "title",
    "severity",
    "phase",
    "why",
    "fix",
    "refs",
    "tags",
    "inputs",
    "when",
    "check",
    "manual",
    "tests",
];
const OVERRIDES_KEYS: [&str; 2] = ["rule", "reason"];
/// Characters of an id, so that one fits a line and what patterns over ids cost is bounded.
const MAX_ID: usize = 100;
const INPUT_KEYS: [&str; 4] = ["type", "about", "default", "example"];

/// How a rule is compiled.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// Values of inputs, by name.
    pub inputs: &'o Inputs,
    /// Whether its tests are compiled too; judging does not need them.
    pub cases: bool,
}

/// Compiles one rule file. `stem` is the file's name without its ending, which the id must equal.
pub fn compile(source: &Source, stem: &str, options: Options<'_>) -> Result<Rule, Vec<Problem>> {
    let around = Around { shared: &[], budget: Some(&Budget::default()) };
    compile_tree(&yaml::parse(&source.text)?, source, stem, options, around)
}

/// Compiles another text of a rule, with its cases and with the inputs that its directory declares for all of its rules.
pub fn recompile(rule: &Rule, source: &Source) -> Result<Rule, Vec<Problem>> {
    recompile_tree(rule, &yaml::parse(&source.text)?, source)
}

/// The same, of a tree.
pub(crate) fn recompile_tree(rule: &Rule, root: &Node, source: &Source) -> Result<Rule, Vec<Problem>> {
    let shared: Vec<_> = rule.inputs.iter().filter(|input| input.source.path != rule.source.path).cloned().collect();
    let options = Options { inputs: &Inputs::new(), cases: true };
    let mut compiled = compile_tree(root, source, &rule.id, options, Around { shared: &shared, budget: None })?;
    crate::rule::trial::take_examples(&mut compiled);
    Ok(compiled)
}

/// What a rule's file stands among.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    /// Inputs that its rule may use without declaring them.
    pub(crate) shared: &'a [Input],
    /// What a stranger's rule is charged to. Its regexes are tried at once, so that one which cannot be built is refused
    /// here; those of the built-in rules wait until they are needed.
    pub(crate) budget: Option<&'a Budget>,
}

/// The same, of a file that was parsed.
pub(crate) fn compile_tree(
    root: &Node,
    source: &Source,
    stem: &str,
    options: Options<'_>,
    around: Around<'_>,
) -> Result<Rule, Vec<Problem>> {
    let mut reader = Reader::new(options.inputs);
    reader.shared = around.shared;
    reader.budget = around.budget;
    reader.build_regexes = options.cases;
    let rule = reader.rule(root, source, stem, options);
    let problems = unwritten::told(root, reader.into_problems());
    match rule {
        Some(rule) if problems.is_empty() => Ok(rule),
        None if problems.is_empty() => Err(vec![Problem::new(root.span.clone(), "this is no rule")]),
        _ => Err(problems),
    }
}

/// What is asked of a rule before it is compiled: by which profiles it is selected, and which inputs it has.
#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) tags: Vec<String>,
    pub(crate) severity: Severity,
    pub(crate) phase: Phase,
    pub(crate) inputs: Vec<Input>,
}

/// The card of a rule; none when it has mistakes there, which compiling it shows.
pub(crate) fn card(root: &Node, source: &Source, shared: &[Input]) -> Option<Card> {
    let none = Inputs::new();
    let reader = Reader::new(&none);
    let mut inputs = root.get("inputs").map(|node| reader.inputs(node, source)).unwrap_or_default();
    let refers = |input: &&Input| source.text.contains(&format!("${{{}}}", input.name));
    inputs.extend(shared.iter().filter(refers).cloned());
    let card = Card {
        tags: root.get("tags").map(|node| reader.texts(node)).unwrap_or_default(),
        severity: reader.word(root.get("severity")?, &Severity::ALL, "severity")?,
        phase: reader.word(root.get("phase")?, &Phase::ALL, "phase")?,
        inputs,
    };
    reader.into_problems().is_empty().then_some(card)
}

/// The inputs that an `inputs.yaml` declares for every rule of its directory.
pub(crate) fn shared_inputs(root: &Node, source: &Source) -> Result<Vec<Input>, Vec<Problem>> {
    let none = Inputs::new();
    let reader = Reader::new(&none);
    reader.keys(root, &["inputs"], "inputs.yaml");
    let inputs = reader.required(root, "inputs").map(|node| reader.inputs(node, source)).unwrap_or_default();
    let problems = reader.into_problems();
    if problems.is_empty() { Ok(inputs) } else { Err(problems) }
}

/// Whether a rule's file says that it overrides another rule.
pub(crate) fn states_override(root: &Node) -> bool {
    root.get("overrides").is_some()
}

impl Reader<'_> {
    fn rule(&mut self, root: &Node, source: &Source, stem: &str, options: Options<'_>) -> Option<Rule> {
        self.keys_in(root, &RULE_KEYS, "a rule", places::elsewhere(Part::Rule));
        root.mapping()?;
        self.declared = root.get("inputs").map(|node| self.inputs(node, source)).unwrap_or_default();
        let id = self.required(root, "id").and_then(|node| self.id(node, stem));
        let overrides = root.get("overrides").map(|node| self.overrides(node, stem));
        let title = self.required(root, "title").and_then(|node| self.text(node));
        let severity = self.required(root, "severity").and_then(|node| self.word(node, &Severity::ALL, "severity"));
        let phase = self.required(root, "phase").and_then(|node| self.word(node, &Phase::ALL, "phase"));
        let why = self.required(root, "why").and_then(|node| self.text(node));
        let fix = self.required(root, "fix");
        let refs = self.required(root, "refs").map(|node| self.refs(node)).unwrap_or_default();
        let tags = root.get("tags").map(|node| self.texts(node)).unwrap_or_default();
        let when = root.get("when").map(|node| self.check(node));
        self.one_body(root);
        let body = match (root.get("check"), root.get("manual")) {
            (None, Some(node)) => self.manual(node, stem).map(Box::new).map(Body::Manual),
            (Some(node), _) => self.check(node).map(Body::Check),
            (None, None) => None,
        };
        let fix = fix.and_then(|node| self.fix(node, body.as_ref()));
        let rule = Rule {
            id: id?.into(),
            title: title?.trim().to_owned(),
            severity: severity?,
            own_severity: severity?,
            phase: phase?,
            why: why?.trim().to_owned(),
            fix: fix?,
            refs,
            tags,
            inputs: Vec::new(),
            unset: Vec::new(),
            overrides: match overrides {
                Some(overrides) => Some(overrides?),
                None => None,
            },
            changes: Vec::new(),
            when: match when {
                Some(when) => Some(when?),
                None => None,
            },
            body: body?,
            cases: Vec::new(),
            source: source.clone(),
        };
        self.unused_inputs(root);
        let mut rule = rule;
        if let Some(node) = root.get("tests").filter(|_| options.cases) {
            if rule.manual().is_some() {
                let cases = self.statement_cases(node, &rule.selections());
                if let Body::Manual(manual) = &mut rule.body {
                    manual.cases = cases;
                }
            } else {
                rule.cases = self.cases(node, &rule.selections());
            }
        }
        let used = self.used.borrow();
        let shared = self.shared.iter().filter(|input| used.contains(&input.name) && !self.declares(&input.name));
        let inputs = self.declared.iter().chain(shared).cloned().collect();
        Some(Rule { inputs, unset: self.unset.take().into_iter().collect(), ..rule })
    }

    fn declares(&self, name: &str) -> bool {
        self.declared.iter().any(|input| input.name == name)
    }

    /// Which built-in rule this one stands in place of, and why. It keeps the id, so that profiles, configurations and
    /// reports that name it go on meaning it.
    fn overrides(&self, node: &Node, stem: &str) -> Option<Overridden> {
        if node.mapping().is_none() {
            self.expected(node, &format!("`{{ rule: {stem}, reason: … }}`"));
            return None;
        }
        self.keys(node, &OVERRIDES_KEYS, "`overrides`");
        let rule = self.required(node, "rule").and_then(|value| Some((value, self.text(value)?)));
        let reason = self.reason(node);
        let (value, rule) = rule?;
        if rule != stem {
            let message = format!("a rule that overrides `{rule}` has its id, and this one is `{stem}`");
            let help = format!("name the rule and its file `{rule}`: whatever names that rule then means this one");
            self.report(Problem::new(value.span.clone(), message).help(help));
        }
        Some(Overridden { reason: reason?.trim().to_owned(), span: value.span.clone() })
    }

    fn id<'n>(&self, node: &'n Node, stem: &str) -> Option<&'n str> {
        let id = self.text(node)?;
        let kebab = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !kebab || id.starts_with('-') || id.ends_with('-') {
            self.report(Problem::new(node.span.clone(), "an id is made of lower-case words joined by `-`"));
        } else if id.len() > MAX_ID {
            self.report(Problem::new(node.span.clone(), format!("an id has at most {MAX_ID} characters")));
        } else if id != stem {
            let help = format!("name the file `{id}.yaml`, or the rule `{stem}`");
            self.report(
                Problem::new(node.span.clone(), format!("the id `{id}` is not the file's name, `{stem}`")).help(help),
            );
        }
        Some(id)
    }

    fn refs(&self, node: &Node) -> BTreeMap<String, Vec<String>> {
        let Some(entries) = node.mapping().filter(|entries| !entries.is_empty()) else {
            self.expected(node, "at least one standard or manual, such as `{ cwe: \"250\" }`");
            return BTreeMap::new();
        };
        entries.iter().map(|(key, value)| (key.name.clone(), self.texts(value))).collect()
    }

    /// The fix, whose `{placeholders}` are fields of what the rule judges, with the values of inputs filled in.
    fn fix(&self, node: &Node, body: Option<&Body>) -> Option<String> {
        let fix = self.text(node)?.trim();
        let fix = remedy::fill_inputs(fix, |name| {
            let input = self.declared(name)?;
            Some(self.input(input).items().join(","))
        });
        // A shell's variables are left alone; one called like an input that is misspelt was meant to be that.
        for name in references(&fix) {
            let problem = Problem::new(node.span.clone(), format!("`${{{name}}}` refers to no input of this rule"));
            let inputs = self.declared.iter().chain(self.shared).map(|input| input.name.as_str());
            let problem = problem.suggest(name, inputs);
            if problem.help.is_some() {
                self.report(problem);
            }
        }
        let mut known = vec!["subject"];
        if let Some(body) = body {
            let mut add =
                |selection: &Selection| known.extend(selection.resource.fields.iter().map(|field| field.name));
            match body {
                Body::Check(check) => check.visit(&mut |query| add(&query.selection)),
                Body::Manual(manual) => manual.scope.iter().for_each(|scope| add(&scope.from)),
            }
            for name in placeholders(&fix).filter(|name| !known.contains(name)) {
                let problem =
                    Problem::new(node.span.clone(), format!("`{{{name}}}` is no field of what this rule judges"));
                self.report(problem.suggest(name, known.iter().copied()));
            }
        }
        Some(fix)
    }

    fn inputs(&self, node: &Node, source: &Source) -> Vec<Input> {
        let Some(entries) = node.mapping() else {
            self.expected(node, "inputs by name, such as `days: { type: duration, about: …, default: 30d }`");
            return Vec::new();
        };
        let declaration = |(key, value): &(Key, Node)| {
            let declared = self.input_declaration(key, value, source);
            let has_value = |input: &Input| input.default.is_some() || input.example.is_some();
            if !declared.as_ref().is_some_and(has_value) {
                self.break_input(&key.name);
            }
            declared
        };
        entries.iter().filter_map(declaration).collect()
    }

    fn input_declaration(&self, key: &Key, node: &Node, source: &Source) -> Option<Input> {
        self.keys(node, &INPUT_KEYS, "an input");
        self.name(&key.name, &key.span);
        let missing = |name: &str| {
            self.report(Problem::new(key.span.clone(), format!("the input `{}` has no `{name}`", key.name)))
        };
        let Some(word) = node.get("type") else {
            missing("type");
            return None;
        };
        let text = self.text(word)?;
        let known = AS.iter().find(|(name, ty)| *name == text && !matches!(ty, Type::Secret));
        let Some((word, ty)) = known.copied() else {
            self.unknown_type(&word.span, text, |name| name != "secret", "type of an input");
            return None;
        };
        let about = node.get("about").and_then(|node| self.text(node));
        if about.is_none() {
            missing("about");
        }
        let default = node.get("default").and_then(|node| self.input_value(node, ty));
        let example = node.get("example").and_then(|node| self.input_value(node, ty));
        if node.get("default").is_none() && node.get("example").is_none() {
            let problem = Problem::new(
                key.span.clone(),
                format!("the input `{}` has neither a default nor an example", key.name),
            );
            self.report(
                problem.help("add `default:`, or `example:` for one that must be set: its tests run with the example"),
            );
        }
        let given = self.given.get(&key.name);
        if given.is_some_and(|value| value.items().iter().any(|text| text.contains("${"))) {
            let message = format!("the input `{}` was set to a value that holds `${{`", key.name);
            self.report(Problem::new(key.span.clone(), message));
        }
        if let Some(Err(expected)) = given.map(|value| value.check(ty)) {
            self.report(Problem::new(
                key.span.clone(),
                format!("the input `{}` was set to something else than {expected}", key.name),
            ));
        }
        Some(Input {
            name: key.name.clone(),
            ty,
            word,
            about: about.unwrap_or_default().to_owned(),
            default,
            example,
            given: None,
            source: source.clone(),
            span: key.span.clone(),
        })
    }

    /// Notes a word that names no type; other languages have other words for some.
    pub(super) fn unknown_type(&self, span: &Range<usize>, text: &str, fits: impl Fn(&str) -> bool, what: &str) {
        let meant = match text {
            "string" | "str" => "text",
            "boolean" => "bool",
            "int" | "number" => "integer",
            "array" => "list",
            other => other,
        };
        let known = || AS.iter().map(|(name, _)| *name).filter(|name| fits(name));
        let list = known().collect::<Vec<_>>().join(", ");
        let problem = Problem::new(span.clone(), format!("`{text}` is no {what}; there are: {list}"));
        self.report(problem.suggest(meant, known()));
    }

    fn input_value(&self, node: &Node, ty: Type) -> Option<InputValue> {
        let value = match node.sequence() {
            Some(_) => InputValue::Many(self.texts(node)),
            None => InputValue::One(self.text(node)?.to_owned()),
        };
        if value.items().iter().any(|text| text.contains("${")) {
            self.report(Problem::new(node.span.clone(), "the value of an input cannot refer to another one"));
            return None;
        }
        match value.check(ty) {
            Ok(()) => Some(value),
            Err(expected) => {
                let problem =
                    Problem::new(node.span.clone(), format!("expected {expected}, found {}", node.describe()));
                self.report(match (ty, node.text()) {
                    (Type::Duration, Some(text)) => problem.help(span_help(text, ty)),
                    _ => problem,
                });
                None
            }
        }
    }

    fn unused_inputs(&self, root: &Node) {
        let Some(entries) = root.get("inputs").and_then(Node::mapping) else { return };
        let used = self.used.borrow();
        for (key, _) in entries.iter().filter(|(key, _)| !used.contains(&key.name)) {
            let help = format!("refer to it as `${{{}}}`, or remove it", key.name);
            self.report(Problem::new(key.span.clone(), format!("the input `{}` is never used", key.name)).help(help));
        }
    }
}

/// The names in `{braces}` of a fix. `${…}` is shell and left alone.
pub fn placeholders(fix: &str) -> impl Iterator<Item = &str> {
    let shell = references(fix);
    let names = fix.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    names.filter(move |name| {
        !shell.contains(name) && !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    })
}
