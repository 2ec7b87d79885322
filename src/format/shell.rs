//! Which programs a command of a POSIX shell runs, as far as its text tells: the words at the places of commands, and the
//! scripts that interpreters are given. Nothing is expanded.

/// Commands inside of commands (`sh -c '…'`, `$(…)`).
const MAX_DEPTH: usize = 6;
/// Programs that one command may name.
const MAX_PROGRAMS: usize = 200;

/// A program that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// By its path, or a directory whose files are run.
    Path(String),
    /// By its name, looked up in PATH.
    Name(String),
    /// What it is depends on a variable, or on the directory where the command runs.
    Unclear,
}

/// A part of a command's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    Word(Word),
    /// `;`, `&&`, `|`, `(`, `>` and their like.
    Operator(String),
}

/// A word without its quotes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    pub text: String,
    /// It holds something that the shell expands.
    pub unclear: bool,
    /// It stands behind a redirection, or before it as its descriptor.
    redirects: bool,
    /// Commands whose output is put in place of them.
    inner: Vec<String>,
}

/// The words and operators of a text.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: text.chars().peekable() };
    let mut tokens = Vec::new();
    while lexer.token(&mut tokens) {}
    tokens
}

/// The programs of a command, in its order.
pub fn programs(command: &str) -> Vec<Program> {
    let mut found = Vec::new();
    script(command, 0, &mut found);
    found.truncate(MAX_PROGRAMS);
    found
}

fn script(text: &str, depth: usize, found: &mut Vec<Program>) {
    if depth > MAX_DEPTH {
        found.push(Program::Unclear);
        return;
    }
    let mut words = Vec::new();
    for token in tokens(text) {
        if found.len() > MAX_PROGRAMS {
            return;
        }
        match token {
            Token::Word(word) => {
                word.inner.iter().for_each(|inner| script(inner, depth + 1, found));
                if !word.redirects {
                    words.push(word);
                }
            }
            Token::Operator(text) if text.starts_with(['<', '>']) => {}
            Token::Operator(_) => {
                simple(&words, depth, found);
                words.clear();
            }
        }
    }
    simple(&words, depth, found);
}

struct Lexer<'t> {
    chars: std::iter::Peekable<std::str::Chars<'t>>,
}

impl Lexer<'_> {
    /// Reads on; false at the end.
    fn token(&mut self, tokens: &mut Vec<Token>) -> bool {
        match self.chars.peek().copied() {
            None => return false,
            Some('\n' | '(' | ')') => tokens.extend(self.chars.next().map(|c| Token::Operator(c.to_string()))),
            Some(';' | '|' | '&') => {
                let operator = self.run(|c| matches!(c, ';' | '|' | '&'));
                // `&>` redirects.
                if operator != "&" || self.chars.peek() != Some(&'>') {
                    tokens.push(Token::Operator(operator));
                }
            }
            Some('<' | '>') => self.redirection(tokens),
            Some('#') => while self.chars.next_if(|c| *c != '\n').is_some() {},
            Some(c) if c.is_whitespace() => drop(self.chars.next()),
            Some(_) => {
                let mut word = self.word();
                let is_descriptor = !word.text.is_empty() && word.text.bytes().all(|byte| byte.is_ascii_digit());
                word.redirects = is_descriptor && matches!(self.chars.peek(), Some('<' | '>'));
                tokens.push(Token::Word(word));
            }
        }
        true
    }

    fn run(&mut self, is_part: impl Fn(char) -> bool) -> String {
        std::iter::from_fn(|| self.chars.next_if(|c| is_part(*c))).collect()
    }

    /// `>`, `>>`, `>&`, `<<` and the word behind it.
    fn redirection(&mut self, tokens: &mut Vec<Token>) {
        tokens.push(Token::Operator(self.run(|c| matches!(c, '<' | '>' | '&' | '|'))));
        self.run(|c| matches!(c, ' ' | '\t'));
        if self.chars.peek().is_some_and(|c| !is_end_of_word(*c)) {
            tokens.push(Token::Word(Word { redirects: true, ..self.word() }));
        }
    }

    fn word(&mut self) -> Word {
        let mut word = Word::default();
        while let Some(c) = self.chars.next_if(|c| !is_end_of_word(*c)) {
            match c {
                '\'' => self.quoted(&mut word),
                '"' => self.double_quoted(&mut word),
                '\\' => word.text.extend(self.chars.next().filter(|c| *c != '\n')),
                '$' | '`' => self.expansion(c, &mut word),
                '*' | '?' => {
                    word.unclear = true;
                    word.text.push(c);
                }
                _ => word.text.push(c),
            }
        }
        word
    }

    fn quoted(&mut self, word: &mut Word) {
        for c in self.chars.by_ref().take_while(|c| *c != '\'') {
            word.text.push(c);
        }
    }

    fn double_quoted(&mut self, word: &mut Word) {
        while let Some(c) = self.chars.next().filter(|c| *c != '"') {
            match c {
                '\\' if self.chars.peek().is_some_and(|c| matches!(c, '$' | '`' | '"' | '\\')) => {
                    word.text.extend(self.chars.next());
                }
                '$' | '`' => self.expansion(c, word),
                _ => word.text.push(c),
            }
        }
    }

    fn expansion(&mut self, sign: char, word: &mut Word) {
        word.unclear = true;
        word.text.push(sign);
        let (inner, end) = if sign == '`' {
            (self.chars.by_ref().take_while(|c| *c != '`').collect::<String>(), '`')
        } else if self.chars.next_if_eq(&'(').is_some() {
            word.text.push('(');
            (self.substituted(), ')')
        } else {
            return;
        };
        word.text.push_str(&inner);
        word.text.push(end);
        // `$((…))` computes.
        if !inner.starts_with('(') {
            word.inner.push(inner);
        }
    }

    /// What stands before the bracket that closes.
    fn substituted(&mut self) -> String {
        let mut depth = 1_usize;
        let is_inside = |c: &char| {
            depth = match c {
                '(' => depth.saturating_add(1),
                ')' => depth.saturating_sub(1),
                _ => depth,
            };
            depth > 0
        };
        self.chars.by_ref().take_while(is_inside).collect()
    }
}

fn is_end_of_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(' | ')' | '<' | '>')
}

/// Words that come before a command.
const BEFORE: [&str; 11] = ["if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "exec"];
/// What the shell does itself, and words that end what others began.
const BUILT_IN: [&str; 36] = [
    "cd", "test", "[", "[[", "echo", "printf", "exit", "return", "set", "unset", "true", "false", ":", "export",
    "umask", "ulimit", "wait", "kill", "trap", "read", "shift", "local", "declare", "pwd", "type", "fi", "done",
    "esac", "}", "for", "case", "select", "function", "break", "continue", "alias",
];
/// Programs that run what stands behind their options.
const WRAPPERS: [(&str, &str); 11] = [
    ("nice", "n"),
    ("ionice", "cnpPu"),
    ("nohup", ""),
    ("setsid", ""),
    ("chronic", ""),
    ("env", "uCS"),
    ("command", ""),
    ("timeout", "ks"),
    ("flock", "wE"),
    ("sudo", "ugChprtUTD"),
    ("systemd-cat", "tp"),
];

/// A command with its arguments.
fn simple(words: &[Word], depth: usize, found: &mut Vec<Program>) {
    if depth > MAX_DEPTH {
        found.push(Program::Unclear);
        return;
    }
    let is_assignment = |word: &Word| {
        word.text.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    };
    let mut words = words;
    while let Some((first, rest)) = words.split_first() {
        if !(is_assignment(first) || (BEFORE.contains(&first.text.as_str()) && !first.unclear)) {
            break;
        }
        words = rest;
    }
    let Some((first, arguments)) = words.split_first() else { return };
    let name = first.text.rsplit('/').next().unwrap_or_default();
    if matches!(first.text.as_str(), "." | "source") {
        found.extend(arguments.first().map(file));
        return;
    }
    if first.text == "eval" {
        found.push(Program::Unclear);
        return;
    }
    if BUILT_IN.contains(&first.text.as_str()) || (first.text.is_empty() && !first.unclear) {
        return;
    }
    found.push(program(first));
    if let Some((_, valued)) = WRAPPERS.iter().find(|(wrapper, _)| *wrapper == name) {
        wrapped(name, valued, arguments, depth, found);
    } else if is_shell(name) || matches!(name, "su" | "runuser") {
        shell(name, arguments, depth, found);
    } else if is_interpreter(name) {
        let operand = arguments.iter().take_while(|word| !is_inline(&word.text));
        let mut operand = operand.filter(|word| !word.text.starts_with('-'));
        found.extend(operand.next().map(file));
    } else if name == "run-parts" {
        let directory = arguments.iter().rfind(|word| !word.text.starts_with('-'));
        found.extend(directory.map(file));
    }
}

/// What a wrapper runs: behind its options, their values, assignments, and what `flock` and `timeout` take first.
fn wrapped(name: &str, valued: &str, arguments: &[Word], depth: usize, found: &mut Vec<Program>) {
    let mut rest = arguments;
    let mut skip = usize::from(matches!(name, "flock" | "timeout"));
    while let Some((word, after)) = rest.split_first() {
        let text = word.text.as_str();
        if name == "flock" && matches!(text, "-c" | "--command") {
            after.iter().take(1).for_each(|inner| script(&inner.text, depth + 1, found));
            return;
        }
        if text == "--" {
            rest = after;
            break;
        }
        if let Some(option) = text.strip_prefix('-').filter(|option| !option.is_empty()) {
            let takes_next = option.len() == 1 && valued.contains(option);
            rest = if takes_next { after.get(1..).unwrap_or_default() } else { after };
        } else if name == "env" && text.contains('=') {
            rest = after;
        } else if skip > 0 {
            skip -= 1;
            rest = after;
        } else {
            break;
        }
    }
    simple(rest.get(skip..).unwrap_or_default(), depth + 1, found);
}

/// A shell's script: what follows `-c`, or a file.
fn shell(name: &str, arguments: &[Word], depth: usize, found: &mut Vec<Program>) {
    let is_command = |word: &Word| {
        let letters = word.text.strip_prefix('-').filter(|option| !option.starts_with('-'));
        letters.is_some_and(|letters| letters.ends_with('c')) || word.text == "--command"
    };
    if let Some(at) = arguments.iter().position(is_command) {
        match arguments.get(at + 1) {
            Some(word) => script(&word.text, depth + 1, found),
            None => found.push(Program::Unclear),
        }
    } else if is_shell(name) {
        found.extend(arguments.iter().find(|word| !word.text.starts_with('-')).map(file));
    } else if let Some(at) = arguments.iter().position(|word| word.text == "--") {
        simple(arguments.get(at + 1..).unwrap_or_default(), depth + 1, found);
    }
}

fn is_shell(name: &str) -> bool {
    ["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh"].contains(&name)
}

fn is_interpreter(name: &str) -> bool {
    ["python", "perl", "ruby", "php", "node"]
        .iter()
        .any(|one| name.strip_prefix(one).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.')))
}

/// Options after which an interpreter reads no file.
fn is_inline(option: &str) -> bool {
    ["-c", "-e", "-E", "-m", "-r"].contains(&option)
}

fn program(word: &Word) -> Program {
    match word.unclear {
        false if word.text.starts_with('/') => Program::Path(word.text.clone()),
        false if !word.text.contains('/') && !word.text.starts_with('~') => Program::Name(word.text.clone()),
        _ => Program::Unclear,
    }
}

fn file(word: &Word) -> Program {
    if !word.unclear && word.text.starts_with('/') { Program::Path(word.text.clone()) } else { Program::Unclear }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(command: &str) -> String {
        let one = |program: &Program| match program {
            Program::Path(path) => path.clone(),
            Program::Name(name) => name.clone(),
            Program::Unclear => "?".to_owned(),
        };
        programs(command).iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn programs_stand_where_commands_do() {
        for (command, expected) in [
            ("/usr/bin/backup --all", "/usr/bin/backup"),
            ("cd / && run-parts --report /etc/cron.hourly", "run-parts /etc/cron.hourly"),
            (
                "test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }",
                "run-parts /etc/cron.daily",
            ),
            ("[ -x /usr/bin/x ] && if /y; then z; fi", "/y z"),
            ("A=1 B=\"x y\" /srv/job >/dev/null 2>&1", "/srv/job"),
            ("/x >> /var/log/y; /z &", "/x /z"),
            ("sh -c '/a | /b'", "sh /a /b"),
            ("/bin/bash -lc \"/a; /b\"", "/bin/bash /a /b"),
            ("bash /srv/run.sh now", "bash /srv/run.sh"),
            ("python3 -u /srv/x.py", "python3 /srv/x.py"),
            ("python3 -m x /y", "python3"),
            ("nice -n 19 ionice -c2 -n7 /usr/bin/x /data", "nice ionice /usr/bin/x"),
            ("flock -n /run/lock /usr/bin/x", "flock /usr/bin/x"),
            ("flock /run/lock -c '/a'", "flock /a"),
            ("timeout 5m /x", "timeout /x"),
            ("sudo -u bob /x", "sudo /x"),
            ("su - bob -c '/x y'", "su /x"),
            ("env -i A=b /x", "env /x"),
            ("$HOME/bin/x", "?"),
            ("./x && ~/y", "? ?"),
            ("pg_dump -f /backup/$(date +%F).sql db", "date pg_dump"),
            ("echo `/x`", "/x"),
            (". /etc/profile; 'a b'", "/etc/profile a b"),
            ("/x # /y", "/x"),
            ("", ""),
        ] {
            assert_eq!(shown(command), expected, "{command}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([ -~\n]|sh -c |\\$\\(){0,60}|\\PC{0,40}") {
            prop_assert!(programs(&text).len() <= MAX_PROGRAMS);
        }
    }
}
