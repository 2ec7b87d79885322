//! INI files as gopkg.in/ini.v1 reads them with the options that Ofelia gives it: keys in lower case, repeated keys keep
//! all their values, `#` and `;` start a comment anywhere in a value, a backslash at the end goes on in the next line.

/// Values of one file.
const MAX_VALUES: usize = 20_000;

/// The section before the first header.
pub const DEFAULT: &str = "DEFAULT";

/// A `[section]`. One that is there twice is one section.
#[derive(Clone)]
pub struct Section {
    pub name: String,
    /// Of its first header.
    pub line: usize,
    pub keys: Vec<Key>,
}

/// A key with every value that it is given, in order.
#[derive(Clone)]
pub struct Key {
    /// In lower case.
    pub name: String,
    pub values: Vec<Value>,
}

/// A value. It may be a secret: nothing prints it.
#[derive(Clone)]
pub struct Value {
    pub text: String,
    pub line: usize,
}

/// Reads a file. The error says where, and no part of the text: with one, the daemon drops the whole file.
pub fn parse(text: &str) -> Result<Vec<Section>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { lines: text.lines().collect(), at: 0 };
    let mut sections = vec![Section { name: DEFAULT.to_owned(), line: 1, keys: Vec::new() }];
    let (mut current, mut count) = (0, 0);
    while let Some((line, number)) = reader.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let end = header.rfind(']').ok_or_else(|| format!("line {number}: a section without `]`"))?;
            current = enter(&mut sections, header.get(..end).unwrap_or_default(), number);
            continue;
        }
        count += 1;
        if count > MAX_VALUES {
            return Err(format!("it sets more than {MAX_VALUES} values"));
        }
        let (name, rest) = key(line).ok_or_else(|| format!("line {number}: neither a section nor `key = value`"))?;
        let value = Value { text: reader.value(rest)?, line: number };
        if let Some(section) = sections.get_mut(current) {
            section.add(name.to_lowercase(), value);
        }
    }
    Ok(sections)
}

fn enter(sections: &mut Vec<Section>, name: &str, line: usize) -> usize {
    sections.iter().position(|section| section.name == name).unwrap_or_else(|| {
        sections.push(Section { name: name.to_owned(), line, keys: Vec::new() });
        sections.len() - 1
    })
}

impl Section {
    fn add(&mut self, name: String, value: Value) {
        match self.keys.iter_mut().find(|key| key.name == name) {
            // A value that is there already is not kept twice.
            Some(key) if key.values.iter().any(|known| known.text == value.text) => {}
            Some(key) => key.values.push(value),
            None => self.keys.push(Key { name, values: vec![value] }),
        }
    }
}

/// The name, which may be quoted, and what follows `=` or `:`.
fn key(line: &str) -> Option<(&str, &str)> {
    for quote in ["\"\"\"", "\"", "`"] {
        if let Some(rest) = line.strip_prefix(quote) {
            let (name, rest) = rest.split_once(quote)?;
            let at = rest.find(['=', ':'])?;
            return Some((name, rest.get(at + 1..)?));
        }
    }
    let (name, rest) = line.split_once(['=', ':'])?;
    Some((name.trim(), rest))
}

struct Reader<'t> {
    lines: Vec<&'t str>,
    at: usize,
}

impl<'t> Reader<'t> {
    /// The next line and its number.
    fn next(&mut self) -> Option<(&'t str, usize)> {
        let line = self.lines.get(self.at).copied()?;
        self.at += 1;
        Some((line, self.at))
    }

    fn value(&mut self, text: &str) -> Result<String, String> {
        let text = text.trim();
        for quote in ["\"\"\"", "`"] {
            if let Some(rest) = text.strip_prefix(quote).filter(|rest| !rest.is_empty()) {
                return match rest.rfind(quote) {
                    Some(end) => Ok(rest.get(..end).unwrap_or_default().to_owned()),
                    None => self.many_lines(rest, quote),
                };
            }
        }
        if let Some(begun) = text.strip_suffix('\\') {
            return Ok(self.continued(begun));
        }
        let value = text.find(['#', ';']).and_then(|at| text.get(..at)).unwrap_or(text).trim();
        Ok(unquoted(value).to_owned())
    }

    fn many_lines(&mut self, begun: &str, quote: &str) -> Result<String, String> {
        let (mut value, from) = (begun.to_owned(), self.at);
        while let Some((line, _)) = self.next() {
            value.push('\n');
            if let Some(end) = line.rfind(quote) {
                value.push_str(line.get(..end).unwrap_or_default());
                return Ok(value);
            }
            value.push_str(line);
        }
        Err(format!("line {from}: a quoted value without an end"))
    }

    fn continued(&mut self, begun: &str) -> String {
        let mut value = begun.to_owned();
        while let Some((line, _)) = self.next() {
            let line = line.trim();
            if line.is_empty() {
                break;
            }
            match line.strip_suffix('\\') {
                Some(more) => value.push_str(more),
                None => {
                    value.push_str(line);
                    break;
                }
            }
        }
        value
    }
}

/// Without the quotes around it, unless there is another one inside.
fn unquoted(value: &str) -> &str {
    let within = |quote: char| {
        value.strip_prefix(quote)?.strip_suffix(quote).filter(|inside| value.len() >= 2 && !inside.contains(quote))
    };
    within('\'').or_else(|| within('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn look(text: &str, section: &str, key: &str) -> Vec<String> {
        let sections = parse(text).unwrap();
        let section = sections.iter().find(|one| one.name == section);
        let key = section.and_then(|section| section.keys.iter().find(|one| one.name == key));
        key.map(|key| key.values.iter().map(|value| value.text.clone()).collect()).unwrap_or_default()
    }

    #[test]
    fn values_end_where_a_comment_begins() {
        let text = "[global]\nWeb-Token-Expiry = 24  # hours\na=b;c\nq = \"x # y\"\nu = 'it''s'\nk: v\n";
        assert_eq!(look(text, "global", "web-token-expiry"), ["24"]);
        assert_eq!(look(text, "global", "a"), ["b"]);
        assert_eq!(look(text, "global", "q"), ["\"x"], "quotes do not hide a comment sign");
        assert_eq!(look(text, "global", "u"), ["'it''s'"]);
        assert_eq!(look(text, "global", "k"), ["v"]);
    }

    #[test]
    fn sections_and_keys_come_together() {
        let text = "top = 1\n[job-run \"a b\"]\nvolume = /a:/a\n[x]\n[job-run \"a b\"]\nvolume = /b:/b\nvolume = /a:/a\nempty =\n";
        assert_eq!(look(text, "job-run \"a b\"", "volume"), ["/a:/a", "/b:/b"]);
        assert_eq!(look(text, "job-run \"a b\"", "empty"), [""]);
        assert_eq!(look(text, DEFAULT, "top"), ["1"]);
    }

    #[test]
    fn lines_go_on_behind_a_backslash_and_in_quotes() {
        assert_eq!(look("a = b \\\n  c\nd = e\n", DEFAULT, "a"), ["b c"]);
        assert_eq!(look("a = `b\nc#d`\nd = e\n", DEFAULT, "a"), ["b\nc#d"]);
        assert_eq!(look("a = `b\nc#d`\nd = e\n", DEFAULT, "d"), ["e"]);
    }

    #[test]
    fn what_the_daemon_refuses_is_refused() {
        for text in ["[global\n", "word\n", "a = \"\"\"b\n"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(!parse("[a]\nhunter2\n").err().unwrap().contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]=:#;\"'`\\\\a\\n \u{feff}é]{0,60}|\\PC*") {
            let _ = parse(&text);
        }
    }
}
