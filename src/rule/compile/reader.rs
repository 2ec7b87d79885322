//! Reading a spanned tree: typed access that notes a problem instead of stopping.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::diagnostic::Problem;
use crate::rule::input::{Input, InputValue, Inputs};
use crate::rule::pack::Budget;
use crate::value::Type;
use crate::yaml::{Key, Kind, Node};

/// Problems of one file that are noted.
const MAX_PROBLEMS: usize = 1000;
/// Values that the inputs of one rule stand for, where they are referred to.
const MAX_FILLED: usize = 50_000;

/// What lowering a file needs and gathers.
pub(crate) struct Reader<'r> {
    pub(crate) problems: RefCell<Vec<Problem>>,
    pub(crate) declared: Vec<Input>,
    /// What `inputs.yaml` declares for every rule of the directory.
    pub(crate) shared: &'r [Input],
    /// What a stranger's rule is charged to; none for the built-in ones.
    pub(crate) budget: Option<&'r Budget>,
    pub(crate) given: &'r Inputs,
    /// Whether regexes are built at once instead of when they are first needed.
    pub(crate) build_regexes: bool,
    pub(crate) used: RefCell<BTreeSet<String>>,
    pub(crate) unset: RefCell<BTreeSet<String>>,
    /// Inputs that were filled in since this was last emptied.
    filled: RefCell<BTreeSet<String>>,
    /// Names bound by an enclosing `each`, which only `with` may use.
    pub(crate) bound: RefCell<Vec<String>>,
    /// Whether the field whose matcher is read has the type that the parameter `as` says.
    pub(crate) read_as: Cell<bool>,
    /// Regular expressions so far.
    pub(crate) regexes: Cell<usize>,
    /// Values that inputs stood for so far.
    filled_bytes: Cell<usize>,
    /// Whether a bound was passed, which is told once.
    exceeded: Cell<bool>,
    /// Places of references to nothing.
    refused: RefCell<Vec<Range<usize>>>,
    /// Inputs whose declaration says no value: what comes of using one is no problem of its own.
    broken: RefCell<BTreeSet<String>>,
}

/// The names of `${name}` references in a text, with the text around them.
pub(crate) fn references(text: &str) -> Vec<&str> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect()
}

/// The text with each `${name}` replaced by its value, where it has one. What a value holds is not read again.
pub(crate) fn fill_in<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let found = after.split_once('}').and_then(|(name, tail)| Some((value(name)?, tail)));
        rest = match found {
            Some((value, tail)) => {
                filled.push_str(value);
                tail
            }
            None => {
                filled.push_str("${");
                after
            }
        };
    }
    filled.push_str(rest);
    filled
}

impl<'r> Reader<'r> {
    pub(crate) fn new(given: &'r Inputs) -> Self {
        Reader {
            problems: RefCell::default(),
            declared: Vec::new(),
            shared: &[],
            budget: None,
            given,
            build_regexes: true,
            used: RefCell::default(),
            unset: RefCell::default(),
            filled: RefCell::default(),
            bound: RefCell::default(),
            read_as: Cell::new(false),
            regexes: Cell::new(0),
            filled_bytes: Cell::new(0),
            exceeded: Cell::new(false),
            refused: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    pub(crate) fn report(&self, problem: Problem) {
        // What comes after a bound was passed comes of that, and what else is wrong with a reference comes of its name.
        if !self.is_full() && !self.exceeded.get() && !self.refused.borrow().contains(&problem.span) {
            self.problems.borrow_mut().push(problem);
        }
    }

    /// Whether there are so many problems already that another one helps nobody.
    fn is_full(&self) -> bool {
        self.problems.borrow().len() >= MAX_PROBLEMS
    }

    /// The problems in the order of the text, each once.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
        problems.dedup();
        problems
    }

    /// Notes that `node` is not what was expected there.
    pub(crate) fn expected(&self, node: &Node, what: &str) {
        self.report(Problem::new(node.span.clone(), format!("expected {what}, found {}", node.describe())));
    }

    /// The entries of a map all of whose keys are known.
    pub(crate) fn keys<'n>(&self, node: &'n Node, known: &[&str], of: &str) -> &'n [(Key, Node)] {
        self.keys_in(node, known, of, |_| None)
    }

    /// The same; `elsewhere` says of a key that is not known where it belongs, if it does anywhere.
    pub(crate) fn keys_in<'n>(
        &self,
        node: &'n Node,
        known: &[&str],
        of: &str,
        elsewhere: impl Fn(&str) -> Option<String>,
    ) -> &'n [(Key, Node)] {
        let Some(entries) = node.mapping() else {
            self.expected(node, &format!("the keys of {of}"));
            return &[];
        };
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                match elsewhere(&key.name) {
                    Some(help) => self.misplaced(&key.span, "key", &key.name, of, help),
                    None => self.unknown_name(&key.span, "key", &key.name, known.iter().copied(), of),
                }
            }
        }
        entries
    }

    /// Notes a name that has a meaning, but not here.
    pub(crate) fn misplaced(&self, span: &Range<usize>, what: &str, name: &str, of: &str, help: String) {
        self.report(Problem::new(span.clone(), format!("{of} has no {what} `{name}`")).help(help));
    }

    /// Notes a name that is none of those that could stand here.
    pub(crate) fn unknown_name<'c>(
        &self,
        span: &Range<usize>,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'c str> + Clone,
        of: &str,
    ) {
        if self.is_full() {
            return;
        }
        let list = known.clone().into_iter().collect::<Vec<_>>().join(", ");
        let problem = Problem::new(span.clone(), format!("{of} has no {what} `{name}`"));
        let suggested = problem.clone().suggest(name, known);
        self.report(if suggested.help.is_some() { suggested } else { problem.help(format!("there are: {list}")) });
    }

    /// The value of a key that must be there.
    pub(crate) fn required<'n>(&self, root: &'n Node, name: &str) -> Option<&'n Node> {
        let found = root.get(name);
        if found.is_none() && root.mapping().is_some() {
            self.report(Problem::new(root.span.start..root.span.start, format!("`{name}:` is missing")));
        }
        found
    }

    /// Notes a name that could not be referred to as `${name}`, or not be told apart.
    pub(crate) fn name(&self, name: &str, span: &Range<usize>) {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        if name.is_empty() || !name.bytes().all(plain) {
            self.report(Problem::new(span.clone(), "a name is made of lower-case letters, digits, `_` and `-`"));
        }
    }

    /// A text that must not be empty.
    pub(crate) fn text<'n>(&self, node: &'n Node) -> Option<&'n str> {
        match node.text() {
            Some(text) if !text.trim().is_empty() => Some(text),
            Some(_) | None => {
                let problem = Problem::new(node.span.clone(), format!("expected text, found {}", node.describe()));
                // `{path}` is a map to YAML, with a key and nothing behind it.
                let is_bare =
                    |value: &Node| matches!(&value.kind, Kind::Scalar { text, quoted: false } if text.is_empty());
                let is_text = node.mapping().is_some_and(|all| all.iter().any(|(_, value)| is_bare(value)));
                let help = "put quotes around a value that starts with `{`";
                self.report(if is_text { problem.help(help) } else { problem });
                None
            }
        }
    }

    /// The reason that an override states, which every one must.
    pub(crate) fn reason<'n>(&self, node: &'n Node) -> Option<&'n str> {
        let given = node.get("reason");
        if given.is_none_or(|value| value.text().is_some_and(|text| text.trim().is_empty())) {
            let span = given.map_or(&node.span, |value| &value.span);
            let problem = Problem::new(span.clone(), "this override does not say why");
            self.report(problem.help("write `reason: …`; the report shows it beside the rule"));
            return None;
        }
        self.text(given?)
    }

    /// One of a set of words.
    pub(crate) fn word<T: Copy>(&self, node: &Node, words: &[(&str, T)], what: &str) -> Option<T> {
        let text = self.text(node)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            self.unknown_word(&node.span, text, words.iter().map(|(word, _)| *word), what);
        }
        found
    }

    /// Notes a word that is none of those that could stand here.
    pub(crate) fn unknown_word<'c>(
        &self,
        span: &Range<usize>,
        word: &str,
        known: impl IntoIterator<Item = &'c str> + Clone,
        what: &str,
    ) {
        if self.is_full() {
            return;
        }
        let list = known.clone().into_iter().collect::<Vec<_>>().join(", ");
        let problem = Problem::new(span.clone(), format!("`{word}` is no {what}; there are: {list}"));
        self.report(problem.suggest(word, known));
    }

    /// Texts, written as a list or as a single one.
    pub(crate) fn texts(&self, node: &Node) -> Vec<String> {
        match node.sequence() {
            Some(items) => items.iter().filter_map(|item| self.text(item)).map(str::to_owned).collect(),
            None => self.text(node).map(str::to_owned).into_iter().collect(),
        }
    }

    /// A number of things, or a reference to an input that is one.
    pub(crate) fn number(&self, node: &Node) -> Option<usize> {
        let node = &*self.resolve(node);
        let number = node.text().and_then(|text| text.parse().ok());
        if number.is_none() {
            self.expected(node, "a whole number");
        }
        number
    }

    /// Notes that the declaration of an input gives it no value.
    pub(super) fn break_input(&self, name: &str) {
        self.broken.borrow_mut().insert(name.to_owned());
    }

    /// The input of this name: the rule's own, or one that is declared for all rules of its directory.
    pub(crate) fn declared(&self, name: &str) -> Option<&Input> {
        self.declared.iter().chain(self.shared).find(|input| input.name == name)
    }

    /// Charges what a stranger's rule takes. Once it is too much, that is a problem of the rule.
    pub(crate) fn charge(&self, span: &Range<usize>, spend: impl FnOnce(&Budget) -> Result<(), String>) -> bool {
        let exceeded = self.budget.map_or(Ok(()), spend).err();
        exceeded.is_none_or(|exceeded| self.exceed(span, exceeded))
    }

    fn exceed(&self, span: &Range<usize>, message: String) -> bool {
        self.report(Problem::new(span.clone(), message));
        self.exceeded.set(true);
        false
    }

    /// Charges what an input stands for at one of its references.
    fn fill(&self, node: &Node, name: &str, value: &InputValue) -> bool {
        let size = value.items().iter().map(|text| 1 + text.len() / 64).sum::<usize>();
        self.filled_bytes.set(self.filled_bytes.get().saturating_add(size));
        if self.filled_bytes.get() > MAX_FILLED {
            let message = format!("with `{name}` the inputs of this rule stand for more than {MAX_FILLED} values");
            return self.exceed(&node.span, message);
        }
        self.charge(&node.span, |budget| budget.nodes(size))
    }

    /// The value an input has: as given, else its default, else its example with the input noted as unset.
    pub(super) fn input(&self, input: &Input) -> InputValue {
        self.used.borrow_mut().insert(input.name.clone());
        self.filled.borrow_mut().insert(input.name.clone());
        let given = self.given.get(&input.name).or(input.default.as_ref());
        given.cloned().unwrap_or_else(|| {
            self.unset.borrow_mut().insert(input.name.clone());
            input.example.clone().unwrap_or(InputValue::One(String::new()))
        })
    }

    /// The inputs that `read` fills in, with what it returns.
    pub(crate) fn noting_inputs<T>(&self, read: impl FnOnce() -> T) -> (T, Vec<String>) {
        let before = self.filled.take();
        let result = read();
        (result, self.filled.replace(before).into_iter().collect())
    }

    /// The node with its `${input}` references filled in. Names bound by `each` stay; others are refused.
    pub(crate) fn resolve<'n>(&self, node: &'n Node) -> Cow<'n, Node> {
        let Some(text) = node.text().filter(|text| text.contains("${")) else { return Cow::Borrowed(node) };
        if text.split("${").skip(1).any(|rest| !rest.contains('}')) {
            let problem = Problem::new(node.span.clone(), "`${` opens a reference that is never closed");
            self.report(problem.help("write `${name}`; in a regular expression, `[$][{]` stands for the characters"));
        }
        let mut values = BTreeMap::new();
        for name in references(text) {
            if self.broken.borrow().contains(name) {
                self.used.borrow_mut().insert(name.to_owned());
                self.refused.borrow_mut().push(node.span.clone());
                continue;
            }
            let Some(input) = self.declared(name) else {
                self.refuse_reference(node, name);
                continue;
            };
            let value = self.input(input);
            if !self.fill(node, name, &value) {
                return Cow::Borrowed(node);
            }
            match (input.ty, value) {
                (Type::List(_), value) if text.len() == name.len() + "${}".len() => {
                    let items = value.items().into_iter().map(|item| Node::scalar(item, node.span.clone())).collect();
                    return Cow::Owned(Node { span: node.span.clone(), tag: None, kind: Kind::Sequence(items) });
                }
                (Type::List(_), _) | (_, InputValue::Many(_)) => self
                    .report(Problem::new(node.span.clone(), format!("`{name}` is a list: it must stand alone here"))),
                (_, InputValue::One(value)) => drop(values.insert(name, value)),
            }
        }
        let filled = fill_in(text, |name| values.get(name).map(String::as_str));
        Cow::Owned(Node::scalar(filled, node.span.clone()))
    }

    /// Whether something refers to nothing.
    pub(super) fn has_refused(&self) -> bool {
        !self.refused.borrow().is_empty()
    }

    /// Notes a reference to what is neither an input nor bound by an `each` around it.
    fn refuse_reference(&self, node: &Node, name: &str) {
        if self.bound.borrow().iter().any(|bound| bound == name) {
            return;
        }
        let problem = Problem::new(node.span.clone(), format!("`${{{name}}}` refers to no input of this rule"));
        let bound = self.bound.borrow();
        let names = self.declared.iter().chain(self.shared).map(|input| &input.name).chain(bound.iter());
        let suggested = problem.clone().suggest(name, names.map(String::as_str));
        let help = "declare it: `inputs: { name: { type: text, about: …, default: … } }`";
        self.report(if suggested.help.is_some() { suggested } else { problem.help(help) });
        self.refused.borrow_mut().push(node.span.clone());
    }
}
