//! A checklist in Markdown (CommonMark with GitHub's task lists). Nothing in a name can begin a link, a tag or a list.

use super::{head, phase, pieces, rest, state, verdict};
use crate::checklist::{Checklist, Item};
use crate::rule::Severity;
use crate::value::text::sanitize;

pub fn markdown(list: &Checklist) -> String {
    let mut text = format!("# Checklist\n\n**{}**\n\n", plain(&verdict(list)));
    for (name, value) in head(list) {
        text.push_str(&format!("- {}: {}\n", plain(&name), plain(&value)));
    }
    let mut before = None;
    let mut severity: Option<Severity> = None;
    for item in &list.items {
        if before != Some(item.phase) {
            text.push_str(&format!("\n## {}\n", plain(phase(item.phase))));
            before = Some(item.phase);
            severity = None;
        }
        if severity != Some(item.severity) {
            text.push_str(&format!("\n### {}\n\n", item.severity.as_str()));
            severity = Some(item.severity);
        }
        self::item(&mut text, item);
    }
    text
}

fn item(text: &mut String, item: &Item) {
    let mark = if item.state.is_settled() { 'x' } else { ' ' };
    let (state, title) = (plain(&state(item)), plain(&item.title));
    text.push_str(&format!("- [{mark}] **{state}** {title} (`{}`)\n", item.rule));
    for subject in &item.subjects {
        text.push_str(&format!("  - {}: {}\n", plain(&subject.name()), with_code(&subject.said)));
    }
    if let Some(rest) = rest(item) {
        text.push_str(&format!("  - {}\n", plain(&rest)));
    }
    if !item.state.is_settled() {
        text.push_str(&format!("  - who: {}\n", plain(&item.owner)));
        item.to_do.iter().for_each(|fix| text.push_str(&format!("  - do: {}\n", with_code(fix))));
    }
}

/// Text in which commands stay code; between its backticks a piece holds none itself.
fn with_code(text: &str) -> String {
    let text = sanitize(text);
    let piece = |(code, piece): (bool, &str)| if code { format!("`{piece}`") } else { plain(piece) };
    pieces(&text).into_iter().map(piece).collect()
}

/// Text that is nothing but text (CommonMark, section 2.4).
fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in sanitize(text).chars() {
        if matches!(
            letter,
            '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '&' | '~' | '|' | '!' | '#' | '$' | '@' | ':'
        ) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    // What GitHub makes a link of without being asked.
    escaped.replace("www.", "www\\.")
}
