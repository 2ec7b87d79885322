//! systemd unit files (systemd.syntax(7)): sections, continued lines, quoted words.

use secrecy::SecretString;

/// One `Key=value` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    pub section: String,
    pub key: String,
    pub value: String,
    /// From 1; the first of a continued line.
    pub line: usize,
}

/// Every directive in the file's order. Lines that systemd ignores with a warning are left out here too.
pub fn parse(text: &str) -> Vec<Directive> {
    let mut directives = Vec::new();
    let mut section = String::new();
    for (line, text) in logical_lines(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        let text = text.trim();
        if let Some(header) = text.strip_prefix('[') {
            // systemd gives up on a file from a header on that is not closed; what stands before counts.
            let Some(name) = header.strip_suffix(']') else { break };
            section = name.to_owned();
        } else if let Some((key, value)) = text.split_once('=') {
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            directives.push(Directive { section: section.clone(), key, value, line });
        }
    }
    directives
}

/// Lines with their continuations joined by a blank; comments are dropped, between continued lines too.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (i, raw) in text.lines().enumerate() {
        if raw.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let (part, goes_on) = match raw.trim_end_matches('\r').strip_suffix('\\') {
            Some(part) => (part, true),
            None => (raw, false),
        };
        let (line, mut whole) = open.take().unwrap_or((i + 1, String::new()));
        whole.push_str(part);
        if goes_on {
            whole.push(' ');
            open = Some((line, whole));
        } else {
            lines.push((line, whole));
        }
    }
    lines.extend(open);
    lines
}

/// A word of a value that may hold a specifier (`%i`).
#[derive(Debug)]
pub struct Assignment {
    pub name: String,
    /// `None` when it holds a specifier other than `%%`.
    pub value: Option<SecretString>,
}

/// The assignments of an `Environment=` line (systemd.exec(5)). From a word that is not well-formed on the rest of the
/// line is ignored, as systemd does.
pub fn assignments(value: &str) -> Vec<Assignment> {
    let split = |word: &String| {
        let (name, value) = word.split_once('=')?;
        is_variable(name).then(|| Assignment { name: name.to_owned(), value: without_specifiers(value) })
    };
    words(value).iter().filter_map(split).collect()
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn without_specifiers(text: &str) -> Option<SecretString> {
    resolve_specifiers(text).map(SecretString::from)
}

/// The text with `%%` as `%`, unless it holds another specifier (systemd.unit(5), "Specifiers").
pub fn resolve_specifiers(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        plain.push(c);
        match chars.peek() {
            Some('%') if c == '%' => drop(chars.next()),
            Some(next) if c == '%' && next.is_ascii_alphabetic() => return None,
            _ => {}
        }
    }
    Some(plain)
}

/// Blank-separated words with quotes removed and C escapes read (systemd.syntax(7), "Quoting").
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.peek().is_some_and(|c| c.is_whitespace()) {
            chars.next();
        }
        if chars.peek().is_none() {
            return words;
        }
        match word(&mut chars) {
            Some(word) => words.push(word),
            None => return words,
        }
    }
}

type Chars<'t> = std::iter::Peekable<std::str::Chars<'t>>;

fn word(chars: &mut Chars<'_>) -> Option<String> {
    let mut word: Vec<u8> = Vec::new();
    let mut quote = None;
    let push = |word: &mut Vec<u8>, c: char| word.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
    loop {
        match (chars.next(), quote) {
            (None, None) => break,
            (None, Some(_)) => return None,
            (Some(c), Some(open)) if c == open => quote = None,
            (Some(c @ ('"' | '\'')), None) => quote = Some(c),
            (Some('\\'), _) => escape(chars, &mut word)?,
            (Some(c), None) if c.is_whitespace() => break,
            (Some(c), _) => push(&mut word, c),
        }
    }
    String::from_utf8(word).ok()
}

fn escape(chars: &mut Chars<'_>, word: &mut Vec<u8>) -> Option<()> {
    let byte = match chars.next()? {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        '"' => b'"',
        '\'' => b'\'',
        's' => b' ',
        'x' => u8::try_from(number(chars, 2, 16, 0)?).ok()?,
        'u' => return unicode(chars, 4, word),
        'U' => return unicode(chars, 8, word),
        first @ '0'..='7' => u8::try_from(number(chars, 2, 8, first.to_digit(8)?)?).ok()?,
        _ => return None,
    };
    (byte != 0).then(|| word.push(byte))
}

fn unicode(chars: &mut Chars<'_>, digits: usize, word: &mut Vec<u8>) -> Option<()> {
    let c = char::from_u32(number(chars, digits, 16, 0)?).filter(|c| *c != '\0')?;
    word.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}

fn number(chars: &mut Chars<'_>, digits: usize, radix: u32, first: u32) -> Option<u32> {
    (0..digits).try_fold(first, |sum, _| sum.checked_mul(radix)?.checked_add(chars.next()?.to_digit(radix)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    #[test]
    fn lines_go_on_over_comments() {
        let text = "[Unit]\nA=1\n[Service]\n# x\nExecStart=/bin/a \\\n; comment\n  -b\r\nnonsense\nB =  2 \n";
        let seen: Vec<_> = parse(text).into_iter().map(|d| (d.section, d.key, d.value, d.line)).collect();
        let expected = [("Unit", "A", "1", 2), ("Service", "ExecStart", "/bin/a    -b", 5), ("Service", "B", "2", 9)];
        let expected: Vec<_> =
            expected.iter().map(|(s, k, v, l)| ((*s).into(), (*k).into(), (*v).into(), *l)).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn words_are_quoted_anywhere() {
        assert_eq!(
            words(r#""VAR1=word1 word2" VAR2=word3 VAR3="$word 5 6""#),
            ["VAR1=word1 word2", "VAR2=word3", "VAR3=$word 5 6"]
        );
        assert_eq!(words(r"a\x20b \u00e4 \101 'x\'y'"), ["a b", "ä", "A", "x'y"]);
        assert_eq!(words(r#"ok "never closed"#), ["ok"]);
        assert_eq!(words(r"ok b\q c"), ["ok"]);
    }

    #[test]
    fn specifiers_stay_unresolved() {
        let seen: Vec<_> = assignments("A=%i B=100%% C=5% 1=x D").into_iter().collect();
        assert_eq!(seen.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["A", "B", "C"]);
        assert!(seen[0].value.is_none());
        assert_eq!(seen[1].value.as_ref().unwrap().expose_secret(), "100%");
        assert_eq!(seen[2].value.as_ref().unwrap().expose_secret(), "5%");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[A=\\[\\]'\"\\\\ux0-9%# \n\r;ä]{0,80}") {
            for directive in parse(&text) {
                let _ = assignments(&directive.value);
            }
            let _ = assignments(&text);
        }
    }
}
