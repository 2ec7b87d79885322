//! Text that was written for a terminal, as Markdown.

/// A row of a table; a `|` would end the cell, inside of code too.
pub(super) fn row<const N: usize>(cells: [String; N]) -> String {
    let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
    format!("| {} |\n", cells.join(" | "))
}

/// Characters that mean something to Markdown, outside of code.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('`') {
        let (before, from) = rest.split_at(start);
        let fence: String = from.chars().take_while(|letter| *letter == '`').collect();
        let (_, after) = from.split_at(fence.len());
        push_escaped(before, &mut escaped);
        escaped.push_str(&fence);
        rest = match after.split_once(&*fence) {
            Some((code, rest)) => {
                escaped.push_str(code);
                escaped.push_str(&fence);
                rest
            }
            None => after,
        };
    }
    push_escaped(rest, &mut escaped);
    escaped
}

fn push_escaped(text: &str, escaped: &mut String) {
    for letter in text.chars() {
        if matches!(letter, '*' | '_' | '<' | '>' | '[' | ']') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
}

/// Text escaped, with a capital and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    escape(&format!("{first}{}{end}", letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_code_is_escaped() {
        assert_eq!(escape("a *b* `c_*` <d>"), "a \\*b\\* `c_*` \\<d\\>");
        assert_eq!(escape("a_ `` b`_ `` c_"), "a\\_ `` b`_ `` c\\_");
        assert_eq!(escape("a` b_"), "a` b\\_");
        assert_eq!(row(["a|b".to_owned(), "c\nd".to_owned()]), "| a\\|b | c d |\n");
        assert_eq!(sentence("a container"), "A container.");
        assert_eq!(sentence("Done."), "Done.");
    }
}
