//! Structured fields (RFC 9651, section 4.2): the dictionaries and items that newer header fields are. Parsing is
//! strict: a field that breaks the grammar anywhere is ignored as a whole.

use super::headers::is_token_char;

/// Members of a dictionary and items of an inner list; a longer field is ignored like a broken one.
const MAX_MEMBERS: usize = 1024;

/// A bare item. Numbers, dates and bytes keep their text: no field that is read here gives them a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Token(String),
    Text(String),
    Bool(bool),
    Other(String),
}

/// The value of a dictionary's member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    Item(Item),
    List(Vec<Item>),
}

/// The members of a dictionary; of a repeated key the last counts. `None` when the text is no dictionary.
pub fn dictionary(text: &str) -> Option<Vec<(String, Member)>> {
    let mut reader = Reader::new(text);
    let mut members: Vec<(String, Member)> = Vec::new();
    reader.skip(' ');
    while !reader.is_at_end() {
        let key = reader.key()?;
        let member = if reader.take('=') { reader.member()? } else { Member::Item(Item::Bool(true)) };
        reader.parameters()?;
        members.retain(|(known, _)| *known != key);
        members.push((key, member));
        reader.skip_optional_whitespace();
        if reader.is_at_end() {
            break;
        }
        if !reader.take(',') || members.len() > MAX_MEMBERS {
            return None;
        }
        reader.skip_optional_whitespace();
        if reader.is_at_end() {
            return None;
        }
    }
    Some(members)
}

/// A single item, its parameters left out. `None` when the text is none.
pub fn item(text: &str) -> Option<Item> {
    let mut reader = Reader::new(text);
    reader.skip(' ');
    let item = reader.item()?;
    reader.parameters()?;
    reader.skip(' ');
    reader.is_at_end().then_some(item)
}

struct Reader<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Reader { rest: text.chars().peekable() }
    }

    fn is_at_end(&mut self) -> bool {
        self.rest.peek().is_none()
    }

    fn take(&mut self, wanted: char) -> bool {
        self.rest.next_if_eq(&wanted).is_some()
    }

    fn skip(&mut self, c: char) {
        while self.take(c) {}
    }

    fn skip_optional_whitespace(&mut self) {
        while self.rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> String {
        std::iter::from_fn(|| self.rest.next_if(|c| fits(*c))).collect()
    }

    fn key(&mut self) -> Option<String> {
        self.rest.peek().filter(|c| c.is_ascii_lowercase() || **c == '*')?;
        Some(self.take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c)))
    }

    fn member(&mut self) -> Option<Member> {
        if !self.take('(') {
            return self.item().map(Member::Item);
        }
        let mut items = Vec::new();
        loop {
            self.skip(' ');
            if self.take(')') {
                return Some(Member::List(items));
            }
            items.push(self.item()?);
            self.parameters()?;
            if !matches!(self.rest.peek()?, ' ' | ')') || items.len() > MAX_MEMBERS {
                return None;
            }
        }
    }

    fn item(&mut self) -> Option<Item> {
        match *self.rest.peek()? {
            '"' => self.text().map(Item::Text),
            c if c.is_ascii_alphabetic() || c == '*' => {
                Some(Item::Token(self.take_while(|c| is_token_char(c) || matches!(c, ':' | '/'))))
            }
            '?' => {
                self.rest.next();
                match self.rest.next()? {
                    '0' => Some(Item::Bool(false)),
                    '1' => Some(Item::Bool(true)),
                    _ => None,
                }
            }
            ':' => {
                self.rest.next();
                let bytes = self.take_while(|c| c.is_ascii_alphanumeric() || "+/=".contains(c));
                self.take(':').then_some(Item::Other(bytes))
            }
            '@' => {
                self.rest.next();
                self.number().filter(|number| !number.contains('.')).map(Item::Other)
            }
            _ => self.number().map(Item::Other),
        }
    }

    fn number(&mut self) -> Option<String> {
        let sign = if self.take('-') { "-" } else { "" };
        let whole = self.take_while(|c| c.is_ascii_digit());
        if whole.is_empty() || whole.len() > 15 {
            return None;
        }
        if !self.take('.') {
            return Some(format!("{sign}{whole}"));
        }
        let fraction = self.take_while(|c| c.is_ascii_digit());
        let fits = whole.len() <= 12 && (1..=3).contains(&fraction.len());
        fits.then(|| format!("{sign}{whole}.{fraction}"))
    }

    fn text(&mut self) -> Option<String> {
        self.rest.next();
        let mut text = String::new();
        loop {
            match self.rest.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.rest.next().filter(|c| matches!(c, '"' | '\\'))?),
                c if (' '..='~').contains(&c) => text.push(c),
                _ => return None,
            }
        }
    }

    fn parameters(&mut self) -> Option<()> {
        while self.take(';') {
            self.skip(' ');
            self.key()?;
            if self.take('=') {
                self.item()?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dictionaries() {
        let members = dictionary("a=(self \"https://x.example\"), b=*, c, d=?0;p=1, a=()").unwrap();
        assert_eq!(
            members,
            [
                ("b".into(), Member::Item(Item::Token("*".into()))),
                ("c".into(), Member::Item(Item::Bool(true))),
                ("d".into(), Member::Item(Item::Bool(false))),
                ("a".into(), Member::List(vec![])),
            ]
        );
        assert_eq!(dictionary(""), Some(vec![]));
        for broken in
            ["a=(", "a=", "A=1", "a=1,", "a=1 b=2", "a='x'", "a=(self,b)", "a=\"ä\"", "a=1.", "a=;", "camera 'none'"]
        {
            assert_eq!(dictionary(broken), None, "{broken}");
        }
    }

    #[test]
    fn items() {
        assert_eq!(item(" same-origin; report-to=\"x\" "), Some(Item::Token("same-origin".into())));
        assert_eq!(item("12.5"), Some(Item::Other("12.5".into())));
        assert_eq!(item(":YQ==:"), Some(Item::Other("YQ==".into())));
        for broken in ["", "a, b", "a b", "?2", "-", "\"a"] {
            assert_eq!(item(broken), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}", near in "[a-c=();,\"?:@*.0-9 \\\\-]{0,40}") {
            let _ = (dictionary(&text), item(&text), dictionary(&near), item(&near));
        }
    }
}
