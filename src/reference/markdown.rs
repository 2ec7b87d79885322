//! Text that was written for a terminal, as Markdown.

/// A row of a table; a `|` would end the cell, inside of code too.
pub(super) fn row<const N: usize>(cells: [String; N]) -> String {
    let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
    format!("| {} |\n", cells.join(" | "))
}

/// Characters that mean something to Markdown, outside of code.
pub(super) fn escape(text: &str) -> String {
    let mut code = false;
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '`' => code = !code,
            '*' | '_' | '<' | '>' | '[' | ']' if !code => escaped.push('\\'),
            _ => {}
        }
        escaped.push(letter);
    }
    escaped
}

/// Text escaped, with a capital and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    escape(&format!("{first}{}{end}", letters.as_str()))
}

/// Text as code; one that holds a backtick gets longer fences.
pub(super) fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_code_is_escaped() {
        assert_eq!(escape("a *b* `c_*` <d>"), "a \\*b\\* `c_*` \\<d\\>");
        assert_eq!(row(["a|b".to_owned(), "c\nd".to_owned()]), "| a\\|b | c d |\n");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(sentence("a container"), "A container.");
        assert_eq!(sentence("Done."), "Done.");
    }
}
