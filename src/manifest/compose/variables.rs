//! The variables of a service: `env_file`, and over it `environment`.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;

use super::Kind;
use super::dotenv::{self, Entry};
use super::merge::{ANY, pairs};
use super::service::Context;
use crate::facts::Basis;
use crate::manifest::Read;
use crate::manifest::tree::Node;
use crate::target::{Environment, Unseen, Variable};
use crate::value::Reason;

/// What a service is started with, as far as the project's files tell.
pub(super) fn environment(name: &str, service: &Node, context: &Context<'_>) -> Environment {
    let mut collected = Collected::default();
    if let Some(files) = service.get("env_file") {
        let single = std::slice::from_ref(files);
        let entries = if let Kind::List(items) = &files.kind { items.as_slice() } else { single };
        for entry in entries {
            if let Err(reason) = collected.file(entry, context) {
                collected.unseen.push(Unseen { name: None, reason });
            }
        }
    }
    if let Some(node) = service.get("environment") {
        collected.own(&pairs(node.clone()), context);
    }
    Environment {
        owner: format!("service {name}"),
        origin: service.place.to_string(),
        basis: Basis::Declared,
        variables: Ok(collected.variables.into_values().collect()),
        unseen: collected.unseen,
    }
}

#[derive(Default)]
struct Collected {
    variables: BTreeMap<String, Variable>,
    unseen: Vec<Unseen>,
}

impl Collected {
    fn file(&mut self, entry: &Node, context: &Context<'_>) -> Read<()> {
        let is_map = matches!(entry.kind, Kind::Map(_));
        let path = if is_map { entry.at("path").some_text()? } else { entry.itself("env_file").some_text()? };
        let required = !is_map || entry.at("required").bool()? != Some(false);
        let raw = is_map && entry.at("format").some_text()? == Some("raw");
        let Some(path) = path else { return Ok(()) };
        if path.starts_with('~') {
            return Err(Reason::new(format!("{path} lies in the home directory of whoever starts the project")));
        }
        let shown = context.loader.root.join(path).display().to_string();
        let Some(bytes) = context.loader.read(Path::new(path))? else {
            return if required { Err(Reason::new(format!("{shown} does not exist"))) } else { Ok(()) };
        };
        let entries = match raw {
            true => dotenv::parse_raw(&shown, &bytes)?,
            false => dotenv::parse(&shown, &bytes, &|name| context.variables.get(name))?,
        };
        for Entry { name, value, line } in entries {
            let inherited = matches!(value, Ok(None)) && raw;
            let value = if inherited { context.variables.get(&name) } else { value };
            self.set(name, value, format!("{shown}:{line}"));
        }
        Ok(())
    }

    /// The service's own; a name without a value is taken from where Compose is started.
    fn own(&mut self, environment: &Node, context: &Context<'_>) {
        let entries = match environment.itself("environment").entries() {
            Ok(entries) => entries,
            Err(reason) => return self.unseen.push(Unseen { name: None, reason }),
        };
        for (name, node) in entries {
            let place = node.place.to_string();
            match &node.kind {
                Kind::Unknown(reason) if name == ANY => {
                    self.unseen.push(Unseen { name: None, reason: reason.clone() });
                }
                Kind::Null => self.set(name.clone(), context.variables.get(name), place),
                Kind::Text { text, quoted } => self.set(name.clone(), shown(text, *quoted, node).map(Some), place),
                Kind::Unknown(reason) => self.set(name.clone(), Err(reason.clone()), place),
                Kind::List(_) | Kind::Map(_) => {
                    self.set(name.clone(), Err(Reason::new(format!("{place}: this is no value of a variable"))), place);
                }
            }
        }
    }

    fn set(&mut self, name: String, value: Read<Option<String>>, origin: String) {
        self.unseen.retain(|unseen| unseen.name.as_deref() != Some(&name));
        let value = match value {
            Ok(Some(value)) => Ok(SecretString::from(value)),
            Err(reason) => Err(reason),
            Ok(None) => {
                self.variables.remove(&name);
                let text = format!("{origin} takes `{name}` from where Compose is started");
                let reason = Reason::new(text).with_grant("name the file that sets it with --compose-env");
                return self.unseen.push(Unseen { name: Some(name), reason });
            }
        };
        self.variables.insert(name.clone(), Variable { name, value, origin: Some(origin) });
    }
}

/// What a scalar becomes as a variable: without quotes it is a number or a truth value to YAML first, and shown as such.
pub(super) fn shown(text: &str, quoted: bool, node: &Node) -> Read<String> {
    if quoted {
        return Ok(text.to_owned());
    }
    if let Some(number) = crate::manifest::tree::integer(text) {
        return Ok(number.to_string());
    }
    if matches!(text, "True" | "TRUE" | "False" | "FALSE") {
        return Ok(text.to_ascii_lowercase());
    }
    let digits = text.trim_start_matches(['-', '+']);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.chars().all(|c| c.is_ascii_digit() || ".eE+-_".contains(c));
    if !is_number {
        return Ok(text.to_owned());
    }
    // Compose writes `1.10` as 1.1; how it writes very large and small ones is not followed.
    match text.replace('_', "").parse::<f64>() {
        Ok(number) if number == 0.0 || (1.0e-4..1.0e20).contains(&number.abs()) => Ok(number.to_string()),
        Ok(_) => Err(Reason::new(format!("{}: a number without quotes, which Compose rewrites", node.place))),
        Err(_) => Ok(text.to_owned()),
    }
}
