//! The variables that processes and units of a host run with, and those that dotenv files set.

mod process;
mod unit;

use std::path::Path;

use super::{Host, Trouble};
use crate::facts::Basis;
use crate::format::dotenv::{self, Assignment, Dialect};
use crate::target::{Environment, Variable, unresolved};
use crate::value::Reason;

/// Bytes of a file that sets variables.
const LIMIT: u64 = 4 << 20;

/// The environments that were asked for.
#[derive(Debug)]
pub struct Environments {
    /// None when what was asked for is known not to exist.
    pub seen: Vec<Environment>,
    /// Why there may be more.
    pub more: Option<Reason>,
}

/// Reads those of `process:COMMAND`, `unit:NAME` or `file:/path`. The error says why nothing could be seen.
pub fn read(host: &Host, of: &str) -> Result<Environments, Reason> {
    let (kind, name) = of.split_once(':').unwrap_or((of, ""));
    let one = |seen: Result<Option<Environment>, Reason>| {
        seen.map(|seen| Environments { seen: seen.into_iter().collect(), more: None })
    };
    match kind {
        "process" => process::read(host, name),
        "unit" => one(unit::read(host, name)),
        "file" => one(file(host, Path::new(name))),
        _ => Err(Reason::new(format!(
            "`{of}` is none of container, container:NAME, process:COMMAND, unit:NAME.service, file:/path"
        ))),
    }
}

fn file(host: &Host, path: &Path) -> Result<Option<Environment>, Reason> {
    let name = path.display().to_string();
    let variables = match assignments(host, path, Dialect::Dotenv) {
        Ok(assignments) => Ok(last_of_each(assignments.into_iter().map(|one| variable(one, path)))),
        Err(Trouble::Absent) => return Ok(None),
        Err(Trouble::Unseen(reason)) => Err(reason),
    };
    let (owner, basis) = (name.clone(), Basis::Declared);
    Ok(Some(Environment { owner, origin: name, basis, variables, unseen: Vec::new() }))
}

fn assignments(host: &Host, path: &Path, dialect: Dialect) -> Result<Vec<Assignment>, Trouble> {
    let content = host.read(path, LIMIT)?;
    dotenv::parse(&content, dialect).map_err(|fault| Trouble::new(format!("{} {fault}", path.display())))
}

fn variable(assignment: Assignment, path: &Path) -> Variable {
    let origin = Some(format!("{}:{}", path.display(), assignment.line));
    Variable { name: assignment.name, value: assignment.value.ok_or_else(unresolved), origin }
}

/// The assignments that count: the last of each name, in the order of the names' first appearance.
fn last_of_each(variables: impl IntoIterator<Item = Variable>) -> Vec<Variable> {
    let mut kept: Vec<Variable> = Vec::new();
    for variable in variables {
        match kept.iter_mut().find(|other| other.name == variable.name) {
            Some(other) => *other = variable,
            None => kept.push(variable),
        }
    }
    kept
}
