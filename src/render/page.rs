//! Text under headings for a person at a terminal, wrapped to its width. Everything that is put on a page is cleaned
//! here, so that nothing in a rule or a case can draw.

use crate::value::text::sanitize;

/// Columns below which text is not squeezed any further.
const NARROW: usize = 40;
/// Columns by which each level is indented.
const INDENT: usize = 2;

/// A page that is being written.
#[derive(Debug)]
pub struct Page {
    text: String,
    width: usize,
    color: bool,
}

impl Page {
    pub fn new(width: usize, color: bool) -> Self {
        Page { text: String::new(), width: width.max(NARROW), color }
    }

    pub fn finish(self) -> String {
        self.text
    }

    /// What the page is about, with a line on what it is.
    pub fn title(&mut self, name: &str, rest: &str) {
        let name = self.paint("1", &sanitize(name));
        self.text.push_str(format!("{name}  {}", sanitize(rest)).trim_end());
        self.text.push('\n');
    }

    /// Opens a section.
    pub fn heading(&mut self, text: &str) {
        let text = self.paint("1", &sanitize(text));
        self.text.push_str(&format!("\n{text}\n"));
    }

    /// A paragraph, indented by `level`.
    pub fn paragraph(&mut self, level: usize, text: &str) {
        let indent = " ".repeat(level * INDENT);
        self.block(&indent, &indent, text);
    }

    /// An item of a list.
    pub fn item(&mut self, level: usize, text: &str) {
        let indent = " ".repeat(level * INDENT);
        self.block(&format!("{indent}- "), &format!("{indent}  "), text);
    }

    /// A name in a column of `column` characters, and what is said of it beside it.
    pub fn entry(&mut self, level: usize, column: usize, name: &str, text: &str) {
        self.painted_entry(level, column, name, "", text);
    }

    /// The same with the name in the colour of an SGR code.
    pub fn painted_entry(&mut self, level: usize, column: usize, name: &str, code: &str, text: &str) {
        let indent = " ".repeat(level * INDENT);
        let name = sanitize(name);
        let gap = " ".repeat(column.saturating_sub(name.chars().count()) + 2);
        let name = if code.is_empty() { name.into_owned() } else { self.paint(code, &name) };
        let rest = indent.len() + column + 2;
        self.text.push_str(&format!("{indent}{name}{gap}"));
        // A column that leaves no room for the text puts it below.
        let beside = rest + NARROW / 2 <= self.width;
        let hanging = " ".repeat(if beside { rest } else { indent.len() + INDENT });
        for (i, line) in wrap(&sanitize(text), self.width.saturating_sub(hanging.len())).iter().enumerate() {
            if i > 0 || !beside {
                self.text.truncate(self.text.trim_end().len());
                self.text.push_str(&format!("\n{hanging}"));
            }
            self.text.push_str(line);
        }
        self.text.truncate(self.text.trim_end().len());
        self.text.push('\n');
    }

    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    fn block(&mut self, first: &str, rest: &str, text: &str) {
        let text = sanitize(text);
        for (i, line) in wrap(&text, self.width.saturating_sub(rest.len())).iter().enumerate() {
            let lead = if i == 0 { first } else { rest };
            self.text.push_str(&format!("{lead}{line}\n"));
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Lines of at most `width` characters. What stands in backticks is kept in one line where it fits into one, since it is
/// there to be copied; a word that fits into none stays whole.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line: Option<String> = None;
    for word in words(text, width) {
        line = match line {
            None => Some(word),
            Some(begun) if begun.chars().count() + 1 + word.chars().count() > width => {
                lines.push(begun);
                Some(word)
            }
            Some(begun) => Some(format!("{begun} {word}")),
        };
    }
    lines.extend(line);
    lines
}

/// What may not be broken: words, and spans of code that a line can hold.
fn words(text: &str, width: usize) -> Vec<String> {
    let mut words = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    for word in text.split(' ') {
        let turns = word.matches('`').count() % 2 == 1;
        match (open.take(), turns) {
            (None, false) => words.push(word.to_owned()),
            (None, true) => open = Some(vec![word]),
            (Some(mut span), false) => {
                span.push(word);
                open = Some(span);
            }
            (Some(mut span), true) => {
                span.push(word);
                close(span, width, &mut words);
            }
        }
    }
    // A backtick that is never closed is no code.
    words.extend(open.unwrap_or_default().into_iter().map(str::to_owned));
    words
}

fn close(span: Vec<&str>, width: usize, words: &mut Vec<String>) {
    let whole = span.join(" ");
    if whole.chars().count() <= width {
        words.push(whole);
    } else {
        words.extend(span.into_iter().map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn code_stays_in_one_line_where_it_fits() {
        assert_eq!(wrap("Run `chmod 0600 x` now.", 16), ["Run", "`chmod 0600 x`", "now."]);
        assert_eq!(wrap("`a b c d e f` g", 6), ["`a b c", "d e f`", "g"]);
        assert_eq!(wrap("an odd ` tick here", 8), ["an odd `", "tick", "here"]);
        assert_eq!(wrap("", 8), [""]);
    }

    #[test]
    fn entries_hang_beside_their_name() {
        let mut page = Page::new(40, false);
        page.entry(1, 4, "ab", "one two three four five six seven eight");
        assert_eq!(page.finish(), "  ab    one two three four five six\n        seven eight\n");
        let mut page = Page::new(40, false);
        page.entry(0, 30, "name", "below");
        assert_eq!(page.finish(), "name\n  below\n");
    }

    proptest! {
        #[test]
        fn no_character_is_lost_and_no_line_is_longer_than_it_must_be(text in "[a-c` é]{0,60}", width in 1..30usize) {
            let lines = wrap(&text, width);
            prop_assert_eq!(lines.join(" "), text);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width || !line.contains(' ')));
        }

        #[test]
        fn nothing_draws(text in any::<String>()) {
            let mut page = Page::new(60, false);
            page.title(&text, &text);
            page.heading(&text);
            page.paragraph(1, &text);
            page.item(2, &text);
            page.entry(1, 8, &text, &text);
            let shown = page.finish();
            prop_assert!(shown.lines().all(|line| matches!(sanitize(line), std::borrow::Cow::Borrowed(_))), "{:?}", shown);
        }
    }
}
