//! Random rules over every resource's fields, so that the law is tested on what nobody has written yet.

use std::fmt::Write as _;

use harden::resource::{self, Accepts, Field, Resource};
use harden::value::Type;

use super::law::{Dice, value};

/// The text of a rule that compiles.
pub(crate) fn rule(dice: &mut Dice) -> String {
    let mut text = "id: x\ntitle: t\nseverity: high\nphase: pre\nwhy: w\nfix: f\nrefs: { cwe: \"1\" }\n".to_owned();
    if dice.roll(4) == 0 {
        let _ = writeln!(text, "when: {}", check(dice, 1));
    }
    let _ = writeln!(text, "check: {}", check(dice, 2));
    text
}

fn check(dice: &mut Dice, depth: usize) -> String {
    if depth > 0 && dice.roll(3) == 0 {
        return match dice.roll(3) {
            0 => format!("{{ not: {} }}", check(dice, depth - 1)),
            way => {
                let name = if way == 1 { "all_of" } else { "any_of" };
                let parts: Vec<_> = (0..=dice.roll(3)).map(|_| check(dice, depth - 1)).collect();
                format!("{{ {name}: [ {} ] }}", parts.join(", "))
            }
        };
    }
    let resource = dice.pick(resource::ALL);
    let bound = dice.roll(3) == 0 && resource.params.iter().any(|p| matches!(p.accepts, Accepts::Text));
    let mut parts = looked_at(resource, bound.then_some("found"), dice);
    if bound {
        let from = resource::find("file").unwrap();
        let inner = looked_at(from, None, dice).join(", ");
        parts.push(format!(
            "each: {{ {inner}, pick: {}, as: found }}",
            dice.pick(&["path", "owner", "ancestors_writable_by"])
        ));
    }
    let quantifier = dice.pick(&["expect", "require", "forbid"]);
    parts.push(format!("{quantifier}: {}", expectation(resource.fields, dice, 2)));
    if dice.roll(3) == 0 {
        parts.push(format!("at_least: {}", dice.roll(4)));
    }
    if resource.can_be_absent {
        parts.push(format!("absent: {}", dice.pick(&["pass", "fail", "not-applicable"])));
    }
    format!("{{ {} }}", parts.join(", "))
}

fn looked_at(resource: &Resource, bound: Option<&str>, dice: &mut Dice) -> Vec<String> {
    let mut params = Vec::new();
    let mut bound = bound;
    for param in resource.params {
        let value = match param.accepts {
            Accepts::Text if bound.is_some() => format!("\"${{{}}}\"", bound.take().unwrap_or_default()),
            Accepts::As | Accepts::AsElse(_) => "text".to_owned(),
            _ if !param.required && dice.roll(2) == 0 => continue,
            Accepts::Text if param.name == "path" => dice.pick(&["/a", "/*/b", "[/a, /b]"]).to_owned(),
            Accepts::Text if dice.roll(3) == 0 => "[container, \"process:a\", \"/b\"]".to_owned(),
            Accepts::Text => dice.pick(&["container", "\"process:a\"", "/b"]).to_owned(),
            Accepts::Words(words) => dice.pick(words).to_owned(),
            Accepts::Layers => "[ { env: A, of: container }, { default: b } ]".to_owned(),
            Accepts::Texts => "[a, b]".to_owned(),
        };
        params.push(format!("{}: {value}", param.name));
    }
    let mut parts = vec![format!("resource: {}", resource.name), format!("with: {{ {} }}", params.join(", "))];
    if dice.roll(2) == 0 {
        parts.push(format!("where: {}", expectation(resource.fields, dice, 1)));
    }
    parts
}

fn expectation(table: &'static [Field], dice: &mut Dice, depth: usize) -> String {
    let mut parts = Vec::new();
    for _ in 0..=dice.roll(2) {
        let field = &table[dice.roll(table.len())];
        let part = format!("{}: {}", field.name, matcher(field.ty, dice, depth));
        if !parts.iter().any(|other: &String| other.split(':').next() == Some(field.name)) {
            parts.push(part);
        }
    }
    if depth > 0 && dice.roll(3) == 0 {
        parts.push(match dice.roll(3) {
            0 => format!("not: {}", expectation(table, dice, depth - 1)),
            1 => {
                format!("any_of: [ {}, {} ]", expectation(table, dice, depth - 1), expectation(table, dice, depth - 1))
            }
            _ => format!("all_of: [ {} ]", expectation(table, dice, depth - 1)),
        });
    }
    format!("{{ {} }}", parts.join(", "))
}

fn matcher(ty: Type, dice: &mut Dice, depth: usize) -> String {
    let ty = if matches!(ty, Type::As) { Type::Text } else { ty };
    if depth > 0 && dice.roll(4) == 0 {
        return match dice.roll(3) {
            0 => format!("{{ not: {} }}", matcher(ty, dice, depth - 1)),
            1 => format!("{{ any_of: [ {}, {} ] }}", matcher(ty, dice, depth - 1), matcher(ty, dice, depth - 1)),
            _ => format!("{{ all_of: [ {} ] }}", matcher(ty, dice, depth - 1)),
        };
    }
    if dice.roll(6) == 0 {
        return format!("{{ exists: {} }}", dice.roll(2) == 0);
    }
    match ty {
        Type::List(item) | Type::Map(item) => {
            let list = matches!(ty, Type::List(_));
            let inner = match item {
                Type::Record(table) => expectation(table, dice, depth.saturating_sub(1)),
                item => matcher(*item, dice, depth.saturating_sub(1)),
            };
            match dice.roll(7) {
                0 if !matches!(item, Type::Record(_)) && list => format!("{{ has: {} }}", operand(*item, dice)),
                0 | 1 if !list => format!("{{ key: {{ key{}: {inner} }} }}", dice.roll(3)),
                1 if !matches!(item, Type::Record(_)) => format!("{{ equals: [ {} ] }}", operand(*item, dice)),
                2 => format!("{{ count: {} }}", dice.roll(3)),
                3 => format!("{{ count: {{ {}: {} }} }}", dice.pick(&["at_least", "at_most"]), dice.roll(3)),
                4 => format!("{{ every: {inner} }}"),
                5 => format!("{{ some: {inner} }}"),
                _ => format!("{{ none: {inner} }}"),
            }
        }
        Type::Secret => {
            format!("{{ secret: {{ length: {}, entropy_bits: {} }} }}", dice.pick(&[0, 8, 32]), dice.pick(&[0, 60]))
        }
        Type::Text | Type::Url if dice.roll(4) == 0 => {
            format!("{{ matches: '{}' }}", dice.pick(&["^r", "a", "[0-9]", "^$"]))
        }
        Type::Net if dice.roll(3) == 0 => "{ within: [\"127.0.0.0/8\", \"10.0.0.0/8\"] }".to_owned(),
        ty if ty.is_ordered() && dice.roll(2) == 0 => {
            format!("{{ {}: {} }}", dice.pick(&["at_least", "at_most"]), operand(ty, dice))
        }
        ty if dice.roll(3) == 0 => format!("{{ in: [ {}, {} ] }}", operand(ty, dice), operand(ty, dice)),
        ty => operand(ty, dice),
    }
}

fn operand(ty: Type, dice: &mut Dice) -> String {
    let ty = if matches!(ty, Type::As) { Type::Text } else { ty };
    let text = match ty {
        Type::Duration => dice.pick(&["0", "1m", "1d"]).to_owned(),
        Type::Text | Type::Url => dice.pick(&["root", "web", "ALL", "0", "reject"]).to_owned(),
        ty => value(ty, Type::Text, dice).to_string(),
    };
    format!("{text:?}")
}
