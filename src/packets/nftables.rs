//! Rule sets of nftables (nft(8)) as files have them and `nft list ruleset` prints them.

mod rule;
mod tokens;

use std::collections::BTreeMap;

use super::{Chain, Family, Hook, Policy, RuleSet, Services};
use tokens::{Token, tokens};

/// Blocks inside of each other.
const MAX_DEPTH: usize = 8;

/// The elements of a set; `None` when they come and go while the filter runs.
type Elements = Option<Vec<String>>;

/// Reads a file whose includes were put in already.
pub fn parse(text: &str, services: &Services) -> RuleSet {
    let mut reader = Reader {
        services,
        rules: RuleSet::default(),
        sets: BTreeMap::new(),
        dormant: Vec::new(),
        defines: BTreeMap::new(),
    };
    match tokens(text) {
        Ok(tokens) => reader.commands(&tokens),
        Err(line) => reader.rules.troubles.push((line, "its quotes do not close".to_owned())),
    }
    let dormant = std::mem::take(&mut reader.dormant);
    reader.rules.chains.retain(|chain| !dormant.contains(&chain.table));
    reader.rules
}

struct Reader<'a> {
    services: &'a Services,
    rules: RuleSet,
    /// By table and name.
    sets: BTreeMap<(String, String), Elements>,
    /// Tables that are switched off.
    dormant: Vec<String>,
    defines: BTreeMap<String, Vec<Token>>,
}

/// A table by its family and name, as one name.
#[derive(Debug, Clone)]
struct Table {
    name: String,
    family: Option<Family>,
    /// Whether it is of a device (`netdev`, `bridge`), which this host's own packets need not pass.
    device: bool,
}

impl Reader<'_> {
    fn trouble(&mut self, line: usize, what: &str) {
        self.rules.troubles.push((line, what.to_owned()));
    }

    fn commands(&mut self, tokens: &[Token]) {
        let mut rest = tokens;
        while let Some(first) = rest.first() {
            if first.is_end() {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let (statement, after) = tokens::statement(rest);
            self.command(statement);
            rest = after;
        }
    }

    fn command(&mut self, statement: &[Token]) {
        let statement = self.expand(statement);
        let words: Vec<&str> = statement.iter().map(|token| token.text.as_str()).collect();
        let line = statement.first().map_or(0, |token| token.line);
        match words.as_slice() {
            ["define" | "redefine", name, "=", ..] => {
                let value = statement.get(3..).unwrap_or_default().to_vec();
                self.defines.insert((*name).to_owned(), value);
            }
            ["undefine", name, ..] => drop(self.defines.remove(*name)),
            ["flush", "ruleset", ..] => {
                self.rules.chains.clear();
                self.sets.clear();
            }
            ["flush" | "delete" | "destroy", "table", ..] => {
                let (table, _) = table(statement.get(2..).unwrap_or_default());
                self.rules.chains.retain(|chain| chain.table != table.name);
            }
            ["add" | "create", "table", ..] => self.table(statement.get(2..).unwrap_or_default()),
            ["table", ..] => self.table(statement.get(1..).unwrap_or_default()),
            ["add" | "create", "chain", ..] => {
                let (table, rest) = table(statement.get(2..).unwrap_or_default());
                self.chain(&table, rest);
            }
            ["add" | "create", "set", ..] => {
                let (table, rest) = table(statement.get(2..).unwrap_or_default());
                self.set(&table, rest);
            }
            ["add", "element", ..] => {
                let (table, rest) = table(statement.get(2..).unwrap_or_default());
                if let [name, rest @ ..] = rest {
                    let known = self.sets.entry((table.name, name.text.clone())).or_insert_with(|| Some(Vec::new()));
                    if let Some(known) = known {
                        known.extend(tokens::elements(rest));
                    }
                }
            }
            [command @ ("add" | "insert"), "rule", ..] => {
                let (table, rest) = table(statement.get(2..).unwrap_or_default());
                if let [name, rest @ ..] = rest {
                    let rules = self.rules_of(&table, rest);
                    let first = *command == "insert";
                    self.change(&table, &name.text, |chain| match first {
                        true => drop(chain.rules.splice(0..0, rules)),
                        false => chain.rules.extend(rules),
                    });
                }
            }
            ["include", ..] => self.trouble(line, "what it includes was not read"),
            _ => self.trouble(line, "harden does not follow this command"),
        }
    }

    /// The statement with what its variables stand for.
    fn expand(&self, statement: &[Token]) -> Vec<Token> {
        let replace = |token: &Token| match token.text.strip_prefix('$').and_then(|name| self.defines.get(name)) {
            Some(value) => value.clone(),
            None => vec![token.clone()],
        };
        statement.iter().flat_map(replace).collect()
    }

    fn table(&mut self, tokens: &[Token]) {
        let (table, rest) = table(tokens);
        let Some(mut rest) = tokens::block(rest) else { return };
        while let Some(first) = rest.first() {
            if first.is_end() {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let (statement, after) = tokens::statement(rest);
            rest = after;
            let own = statement.get(1..).unwrap_or_default();
            match first.text.as_str() {
                "chain" => self.chain(&table, own),
                "set" => self.set(&table, own),
                "flags" if own.iter().any(|token| token.text == "dormant") => self.dormant.push(table.name.clone()),
                // Maps and objects are unknown where a rule names them; nothing else decides.
                _ => {}
            }
        }
    }

    fn change(&mut self, table: &Table, name: &str, with: impl FnOnce(&mut Chain)) {
        let is_it = |chain: &&mut Chain| chain.table == table.name && chain.name == name;
        if let Some(chain) = self.rules.chains.iter_mut().find(is_it) {
            return with(chain);
        }
        let Some(family) = table.family else { return };
        let (name, of) = (name.to_owned(), table.name.clone());
        let mut chain = Chain { name, family, table: of, hook: None, policy: Policy::Accept, rules: Vec::new() };
        with(&mut chain);
        self.rules.chains.push(chain);
    }

    fn chain(&mut self, table: &Table, tokens: &[Token]) {
        let [name, rest @ ..] = tokens else { return };
        let (mut hook, mut policy, mut rules) = (None, None, Vec::new());
        let mut rest = tokens::block(rest).unwrap_or_default();
        while let Some(first) = rest.first() {
            if first.is_end() {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let (statement, after) = tokens::statement(rest);
            rest = after;
            let words: Vec<&str> = statement.iter().map(|token| token.text.as_str()).collect();
            match words.as_slice() {
                ["type", kind, "hook", place, ..] => hook = hook_of(table, kind, place),
                ["policy", "drop", ..] => policy = Some(Policy::Drop),
                ["policy", ..] => policy = Some(Policy::Accept),
                ["comment", ..] => {}
                _ => rules.extend(self.rules_of(table, statement)),
            }
        }
        self.change(table, &name.text, |chain| {
            chain.hook = hook.or(chain.hook);
            chain.policy = policy.unwrap_or(chain.policy);
            chain.rules.extend(rules);
        });
    }

    fn set(&mut self, table: &Table, tokens: &[Token]) {
        let [name, rest @ ..] = tokens else { return };
        let (mut elements, mut dynamic) = (Vec::new(), false);
        let mut rest = tokens::block(rest).unwrap_or_default();
        while !rest.is_empty() {
            if rest.first().is_some_and(Token::is_end) {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let (statement, after) = tokens::statement(rest);
            rest = after;
            match statement.first().map(|token| token.text.as_str()) {
                Some("elements") => {
                    elements.extend(tokens::elements(&self.expand(statement.get(2..).unwrap_or_default())))
                }
                Some("flags") => {
                    dynamic |= statement.iter().any(|token| matches!(token.text.as_str(), "dynamic" | "timeout"))
                }
                _ => {}
            }
        }
        self.sets.insert((table.name.clone(), name.text.clone()), (!dynamic).then_some(elements));
    }

    fn rules_of(&mut self, table: &Table, statement: &[Token]) -> Vec<super::Rule> {
        let statement = self.expand(statement);
        let line = statement.first().map_or(0, |token| token.line);
        let read = rule::read(&statement, self.services, |name| {
            self.sets.get(&(table.name.clone(), name.to_owned())).cloned().flatten()
        });
        if read.translates {
            self.rules.translations.push(line);
        }
        let one = |(shape, sure, action)| super::Rule { shape, sure, action, line };
        read.rules.into_iter().map(one).collect()
    }
}

/// A table's family and name, and what follows. Without a family it is `ip`.
fn table(tokens: &[Token]) -> (Table, &[Token]) {
    let families = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];
    let (family, rest) = match tokens {
        [family, rest @ ..] if families.contains(&family.text.as_str()) => (family.text.as_str(), rest),
        _ => ("ip", tokens),
    };
    let (name, rest) = match rest {
        [name, rest @ ..] => (name.text.as_str(), rest),
        [] => ("", rest),
    };
    let known = match family {
        "ip" => Some(Family::V4),
        "ip6" => Some(Family::V6),
        "inet" | "netdev" | "bridge" => Some(Family::Both),
        _ => None,
    };
    let device = matches!(family, "netdev" | "bridge");
    (Table { name: format!("{family} {name}"), family: known, device }, rest)
}

/// Chains of devices stop what comes in by these only: they are not followed, which may show more as open than is.
fn hook_of(table: &Table, kind: &str, place: &str) -> Option<Hook> {
    match (kind, place) {
        _ if table.device => None,
        ("filter", "input") => Some(Hook::Input),
        ("filter", "prerouting" | "ingress") => Some(Hook::Before),
        ("filter", "forward") => Some(Hook::Forward),
        ("filter" | "route", "output") => Some(Hook::Output),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
