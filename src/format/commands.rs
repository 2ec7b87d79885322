//! A line that a shell runs, as far as it matters which programs are called with which words (POSIX, "Shell Command
//! Language"). Nothing is expanded: a word that is one variable is told as such, one that the shell makes
//! anew is unclear. A pattern that matches no file stays as it is written, so that the query of a URL is text.

/// Commands of one line.
const MAX_COMMANDS: usize = 200;
/// Words of one line.
const MAX_WORDS: usize = 5_000;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// What the program gets.
    Text(String),
    /// The value of this variable, and nothing else.
    Variable(String),
    /// Something that only the shell knows: `$(…)`, a variable beside text.
    Unclear,
}

impl Word {
    /// The word, if it is known.
    pub fn text(&self) -> Option<&str> {
        match self {
            Word::Text(text) => Some(text),
            Word::Variable(_) | Word::Unclear => None,
        }
    }
}

/// The commands of a line in their order, whatever joins them (`;`, `&&`, `|`, brackets); redirections are left out. A
/// line with more than harden follows ends there.
pub fn commands(line: &str) -> Vec<Vec<Word>> {
    let mut reader =
        Reader { rest: line.chars().peekable(), commands: vec![Vec::new()], open: None, words: 0, skip: false };
    reader.read();
    reader.commands.retain(|command| !command.is_empty());
    reader.commands
}

/// A word that is being read.
#[derive(Default)]
struct Open {
    text: String,
    variable: Option<String>,
    unclear: bool,
}

struct Reader<'l> {
    rest: std::iter::Peekable<std::str::Chars<'l>>,
    commands: Vec<Vec<Word>>,
    open: Option<Open>,
    words: usize,
    /// The next word is the file of a redirection.
    skip: bool,
}

impl Reader<'_> {
    fn read(&mut self) {
        while let Some(c) = self.rest.next() {
            match c {
                ' ' | '\t' => self.end_word(),
                '\n' | ';' | '&' | '|' | '(' | ')' => self.end_command(),
                '>' | '<' => self.redirection(),
                '#' if self.open.is_none() => while self.rest.next_if(|c| *c != '\n').is_some() {},
                '\'' => self.single(),
                '"' => self.double(),
                '\\' => self.escaped(),
                '$' => self.dollar(),
                '`' => self.word().unclear = true,
                '~' if self.open.is_none() => self.word().unclear = true,
                c => self.push(c),
            }
            if self.commands.len() > MAX_COMMANDS || self.words > MAX_WORDS {
                break;
            }
        }
        self.end_word();
    }

    fn word(&mut self) -> &mut Open {
        self.open.get_or_insert_default()
    }

    /// Text beside a variable makes a word of both, which is not told.
    fn push(&mut self, c: char) {
        let word = self.word();
        word.unclear |= word.variable.is_some();
        word.text.push(c);
    }

    fn escaped(&mut self) {
        match self.rest.next() {
            Some('\n') => {}
            Some(c) => self.push(c),
            None => self.word().unclear = true,
        }
    }

    fn single(&mut self) {
        self.word();
        loop {
            match self.rest.next() {
                Some('\'') => return,
                Some(c) => self.push(c),
                None => return self.word().unclear = true,
            }
        }
    }

    fn double(&mut self) {
        self.word();
        loop {
            match self.rest.next() {
                Some('"') => return,
                Some('\\') => match self.rest.next() {
                    Some(c @ ('"' | '\\' | '$' | '`')) => self.push(c),
                    Some('\n') => {}
                    Some(c) => {
                        self.push('\\');
                        self.push(c);
                    }
                    None => self.word().unclear = true,
                },
                Some('$') => self.dollar(),
                Some('`') => self.word().unclear = true,
                Some(c) => self.push(c),
                None => return self.word().unclear = true,
            }
        }
    }

    fn dollar(&mut self) {
        let braced = self.rest.next_if_eq(&'{').is_some();
        let mut name = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        let closed = !braced || self.rest.next_if_eq(&'}').is_some();
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let word = self.word();
        let is_first = word.text.is_empty() && word.variable.is_none();
        if closed && is_name && is_first {
            word.variable = Some(name);
        } else {
            word.unclear = true;
        }
    }

    fn redirection(&mut self) {
        // A number before it is a file descriptor, not a word.
        if self.open.as_ref().is_some_and(|word| word.text.bytes().all(|byte| byte.is_ascii_digit())) {
            self.open = None;
        }
        self.end_word();
        while self.rest.next_if(|c| matches!(c, '>' | '<' | '&' | '|')).is_some() {}
        self.skip = true;
    }

    fn end_word(&mut self) {
        let Some(word) = self.open.take() else { return };
        self.words += 1;
        if std::mem::take(&mut self.skip) {
            return;
        }
        let word = match word.variable {
            _ if word.unclear => Word::Unclear,
            Some(name) => Word::Variable(name),
            None => Word::Text(word.text),
        };
        if let Some(command) = self.commands.last_mut() {
            command.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.skip = false;
        if self.commands.last().is_some_and(|command| !command.is_empty()) {
            self.commands.push(Vec::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(line: &str) -> Vec<String> {
        let word = |word: &Word| match word {
            Word::Text(text) => text.clone(),
            Word::Variable(name) => format!("<{name}>"),
            Word::Unclear => "<?>".to_owned(),
        };
        commands(line).iter().map(|words| words.iter().map(word).collect::<Vec<_>>().join("|")).collect()
    }

    #[test]
    fn words_and_commands() {
        for (line, expected) in [
            ("app run --db=x", &["app|run|--db=x"][..]),
            (". /etc/app/env && app run", &[".|/etc/app/env", "app|run"]),
            ("cd / ; (app 'a b' \"c\\\"d\" e\\ f)", &["cd|/", "app|a b|c\"d|e f"]),
            ("app \"$DB\" ${DB} x$DB $DB.x", &["app|<DB>|<DB>|<?>|<?>"]),
            ("app $(cat f) `x` *.c ~/x a~", &["app|<?>", "cat|f", "<?>|*.c|<?>|a~"]),
            ("app --db=pg://h/d?a=b\\&c=d", &["app|--db=pg://h/d?a=b&c=d"]),
            ("app >/dev/null 2>&1 </x y", &["app|y"]),
            ("app 2 # all of it", &["app|2"]),
            ("A='1 2' app", &["A=1 2|app"]),
            ("app ''", &["app|"]),
            ("app 'open", &["app|<?>"]),
            ("", &[]),
        ] {
            assert_eq!(shown(line), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "\\PC*") {
            commands(&line);
        }

        #[test]
        fn plain_words_stay(words in proptest::collection::vec("[a-z/:=@.-]{1,9}", 1..6)) {
            prop_assert_eq!(shown(&words.join(" ")), vec![words.join("|")]);
        }
    }
}
