//! Inputs: the typed parameters of rules, and the values given to them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::{Diagnostics, Problem, Source};
use crate::value::Type;

/// What the environment variable of an input begins with; see [`variable`].
pub const VARIABLE_PREFIX: &str = "HARDEN_INPUT_";

/// A parameter that a rule declares, or that `inputs.yaml` declares for all rules of its directory.
#[derive(Debug, Clone)]
pub struct Input {
    pub name: String,
    pub ty: Type,
    /// The word that names the type in a file: `duration`, `go-bool`.
    pub word: &'static str,
    pub about: String,
    /// Absent for an input that somebody must set.
    pub default: Option<InputValue>,
    /// Stands in for a required input where the rule is only checked or tested.
    pub example: Option<InputValue>,
    /// The value that counts in place of the default, with the place where it was given.
    pub given: Option<Given>,
    /// Where it is declared.
    pub source: Source,
    pub span: Range<usize>,
}

impl Input {
    /// Where it is declared: `rules/inputs.yaml:4`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.source.path, self.source.line(self.span.start))
    }
}

/// What an input is set to, as text; its type is checked where the rule is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputValue {
    One(String),
    Many(Vec<String>),
}

impl InputValue {
    /// Whether the value is one of type `ty`; the error says what is expected.
    pub fn check(&self, ty: Type) -> Result<(), String> {
        match (self, ty) {
            (_, Type::List(_)) if self.items().is_empty() => Err("at least one item".to_owned()),
            (_, Type::List(item)) => self.items().iter().try_for_each(|text| item.parse(text).map(drop)),
            (InputValue::One(text), ty) => ty.parse(text).map(drop),
            (InputValue::Many(_), ty) => Err(format!("a single {}", ty.name())),
        }
    }

    /// The items of a list, however it was written.
    pub fn items(&self) -> Vec<String> {
        match self {
            InputValue::Many(items) => items.clone(),
            InputValue::One(text) => {
                text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
            }
        }
    }

    /// The value in a line: a list with commas, as `--input` takes it.
    pub fn show(&self) -> String {
        match self {
            InputValue::One(text) => text.clone(),
            InputValue::Many(items) => items.join(","),
        }
    }

    /// Whether both mean the same to an input of type `ty`.
    pub fn same(&self, other: &InputValue, ty: Type) -> bool {
        match ty {
            Type::List(_) => self.items() == other.items(),
            _ => self == other,
        }
    }
}

impl Input {
    /// What it is set to: what was given, else the default.
    pub fn value(&self) -> Option<&InputValue> {
        self.given.as_ref().map(|given| &given.value).or(self.default.as_ref())
    }
}

/// Values by input name, as a rule is compiled with them.
pub type Inputs = BTreeMap<String, InputValue>;

/// Who gave a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Giver {
    /// `--input`.
    Argument,
    /// An environment variable, by its name.
    Variable(String),
    /// `harden.toml`, or the file that `--config` names.
    Configuration,
    /// A profile, by its name.
    Profile(String),
}

/// A value that was given to an input, and where.
#[derive(Debug, Clone)]
pub struct Given {
    pub value: InputValue,
    pub giver: Giver,
    /// The text that gives it, and where in it the input's name and the value stand.
    pub source: Source,
    pub name: Range<usize>,
    pub span: Range<usize>,
}

impl Given {
    /// A value from `--input NAME=VALUE`; `None` when there is no `=`.
    pub fn argument(text: &str) -> Option<(String, Self)> {
        let (name, value) = text.split_once('=')?;
        Some((name.to_owned(), Self::assigned(Giver::Argument, "--input", text, name, value)))
    }

    /// A value from an environment variable.
    pub fn variable(name: &str, value: &str) -> Self {
        let text = format!("{name}={value}");
        Self::assigned(Giver::Variable(name.to_owned()), "the environment", &text, name, value)
    }

    fn assigned(giver: Giver, path: &str, text: &str, name: &str, value: &str) -> Self {
        let start = name.len() + 1;
        Given {
            value: InputValue::One(value.to_owned()),
            giver,
            source: Source::new(path, text),
            name: 0..name.len(),
            span: start..start + value.len(),
        }
    }

    /// Where it was given, for a person: `--input`, `HARDEN_INPUT_X`, `harden.toml:4`, `the profile lab`.
    pub fn place(&self) -> String {
        match &self.giver {
            Giver::Argument => "--input".to_owned(),
            Giver::Variable(name) => name.clone(),
            Giver::Configuration => format!("{}:{}", self.source.path, self.source.line(self.name.start)),
            Giver::Profile(name) => format!("the profile {name}"),
        }
    }

    /// What keeps it from being a value of the input.
    pub fn problem(&self, input: &Input) -> Option<Problem> {
        if self.value.items().iter().any(|text| text.contains("${")) {
            let message = format!("the value of the input `{}` cannot refer to another one", input.name);
            return Some(Problem::new(self.span.clone(), message).help("write the value itself, without `${`"));
        }
        let expected = self.value.check(input.ty).err()?;
        let found = match &self.value {
            InputValue::One(text) if text.is_empty() => "nothing".to_owned(),
            InputValue::One(text) => format!("`{text}`"),
            InputValue::Many(items) if items.is_empty() => "none".to_owned(),
            InputValue::Many(items) => format!("the list {}", items.join(", ")),
        };
        let message = format!("the input `{}` takes {expected}, found {found}", input.name);
        Some(Problem::new(self.span.clone(), message).help(format!("`{}`: {}", input.name, input.about)))
    }
}

/// The environment variable that sets an input: `tls_cert` is set by `HARDEN_INPUT_TLS_CERT`, and so would `tls-cert` be.
pub fn variable(name: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// Values given outside of profiles.
#[derive(Debug, Default)]
pub struct Outside {
    /// From `--input`, by the input's name.
    pub arguments: BTreeMap<String, Given>,
    /// By the variable's name.
    pub variables: BTreeMap<String, Given>,
    /// From the configuration file, by the input's name.
    pub configuration: BTreeMap<String, Given>,
}

impl Outside {
    /// The value that counts: an argument before a variable before the configuration file.
    pub fn get(&self, name: &str) -> Option<&Given> {
        let variable = || self.variables.get(&variable(name));
        self.arguments.get(name).or_else(variable).or_else(|| self.configuration.get(name))
    }

    pub fn is_empty(&self) -> bool {
        self.arguments.is_empty() && self.variables.is_empty() && self.configuration.is_empty()
    }

    /// Names that no input has, and values that do not fit the input's type.
    pub fn problems(&self, inputs: &BTreeMap<&str, &Input>) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        for (name, given) in self.arguments.iter().chain(&self.configuration) {
            let problem = match inputs.get(name.as_str()) {
                Some(input) => given.problem(input),
                None => Some(unknown(name, given, inputs.keys().copied())),
            };
            diagnostics.add(&given.source, problem);
        }
        let variables: BTreeMap<String, &Input> = inputs.iter().map(|(name, input)| (variable(name), *input)).collect();
        for (name, given) in &self.variables {
            let problem = match variables.get(name) {
                Some(input) => given.problem(input),
                None => {
                    let problem = Problem::new(given.name.clone(), format!("no rule has an input for `{name}`"));
                    let suggested = problem.clone().suggest(name, variables.keys().map(String::as_str));
                    let help = format!("variables that begin with `{VARIABLE_PREFIX}` set inputs; unset this one");
                    Some(if suggested.help.is_some() { suggested } else { problem.help(help) })
                }
            };
            diagnostics.add(&given.source, problem);
        }
        diagnostics
    }
}

/// The problem of a value for an input that no rule has.
pub(crate) fn unknown<'n>(name: &str, given: &Given, known: impl IntoIterator<Item = &'n str>) -> Problem {
    let problem = Problem::new(given.name.clone(), format!("no rule has an input `{name}`"));
    let suggested = problem.clone().suggest(name, known);
    let help = "`harden rules show ID` lists the inputs of a rule, `harden profiles show NAME` those of a profile";
    if suggested.help.is_some() { suggested } else { problem.help(help) }
}

/// How to set an input that must be set, in one line.
pub fn how_to_set(name: &str) -> String {
    format!("by --input {name}=VALUE, {}=VALUE, or {name} under [inputs] in harden.toml", variable(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_items_however_it_is_written() {
        const LIST: Type = Type::List(&Type::Integer);
        let one = |text: &str| InputValue::One(text.to_owned());
        let many = |items: &[&str]| InputValue::Many(items.iter().map(|item| (*item).to_owned()).collect());
        assert_eq!(one("80, 443").check(LIST), Ok(()));
        assert_eq!(one("80,").items(), ["80"]);
        assert!(one("80,x").check(LIST).unwrap_err().contains("whole number"));
        assert!(one("").check(LIST).is_err() && many(&[]).check(LIST).is_err());
        assert!(many(&["80"]).check(Type::Integer).unwrap_err().contains("single"));
        assert!(one("80,443").same(&many(&["80", "443"]), LIST));
        assert!(!one("80,443").same(&many(&["443", "80"]), LIST));
    }

    #[test]
    fn the_nearest_giver_counts() {
        let mut outside = Outside::default();
        assert!(outside.is_empty() && outside.get("a-b").is_none());
        let given = |text: &str| Given::argument(text).unwrap().1;
        outside.configuration.insert("a-b".into(), given("a-b=1"));
        assert_eq!(outside.get("a-b").unwrap().value.show(), "1");
        outside.variables.insert(variable("a-b"), Given::variable("HARDEN_INPUT_A_B", "2"));
        assert_eq!(outside.get("a-b").unwrap().place(), "HARDEN_INPUT_A_B");
        outside.arguments.insert("a-b".into(), given("a-b=3=4"));
        assert_eq!(outside.get("a-b").unwrap().value.show(), "3=4");
    }
}
