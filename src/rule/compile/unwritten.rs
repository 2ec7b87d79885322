//! Parts of a rule file that nobody has written yet, as `harden rules new` leaves them.

use std::ops::Range;

use crate::diagnostic::Problem;
use crate::yaml::{Kind, Node};

/// What a part begins with that is still to be written; what belongs there follows behind a colon.
pub(crate) const FILL_IN: &str = "FILL IN";
/// The other way to say so, as a whole part.
const ELLIPSIS: &str = "…";

/// Takes out the problems that lie in parts which are still to be written, and tells of these parts instead.
pub(super) fn told(root: &Node, problems: Vec<Problem>) -> Vec<Problem> {
    let mut unwritten = Vec::new();
    find(root, &mut unwritten);
    let inside =
        |span: &Range<usize>| unwritten.iter().any(|part| part.span.start <= span.start && span.end <= part.span.end);
    let mut told: Vec<Problem> = problems.into_iter().filter(|problem| !inside(&problem.span)).collect();
    told.extend(unwritten);
    told.sort_by_key(|problem| (problem.span.start, problem.span.end));
    told
}

fn find(node: &Node, found: &mut Vec<Problem>) {
    match &node.kind {
        Kind::Scalar { text, .. } => found.extend(problem(text, &node.span)),
        Kind::Sequence(items) => items.iter().for_each(|item| find(item, found)),
        Kind::Mapping(entries) => {
            for (key, value) in entries {
                found.extend(problem(&key.name, &key.span));
                find(value, found);
            }
        }
    }
}

fn problem(text: &str, span: &Range<usize>) -> Option<Problem> {
    let text = text.trim();
    let rest = if text == ELLIPSIS { "" } else { text.strip_prefix(FILL_IN)? };
    let problem = Problem::new(span.clone(), "still to be written");
    Some(match rest.trim_start_matches(':').trim() {
        "" => problem,
        what => problem.help(what),
    })
}
