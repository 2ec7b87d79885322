//! HCL's native syntax (the configuration of Terraform, Vault, OpenBao, Consul, Nomad): attributes and blocks, with
//! literal values. What is computed (`var.x`, functions, templates) is unclear, since nothing is evaluated here.

use super::Text;
use super::node::{Document, Kind, LABELS, MAX_DEPTH, Node, Place};

/// Blocks of one type are a list of maps, since most may be repeated; their labels are under `_labels`.
pub(super) fn read(text: &Text<'_>) -> Result<Document, String> {
    let mut reader = Reader { text, rest: text.body };
    let root = reader.body(0)?;
    if !reader.rest.is_empty() {
        return Err(reader.fault("a bracket that nothing opened"));
    }
    Ok(Document { name: None, root: Node { kind: Kind::Map(root), place: text.line(1) }, hole: None })
}

const COMPUTED: &str = "it is computed, which harden does not do";

struct Reader<'r, 't> {
    text: &'r Text<'t>,
    rest: &'t str,
}

impl Reader<'_, '_> {
    fn place(&self) -> Place {
        self.text.at(self.text.body.len() - self.rest.len())
    }

    fn fault(&self, what: &str) -> String {
        format!("it is not HCL that harden reads (line {}: {what})", self.place().line)
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest.starts_with(token);
        if found {
            self.skip(token.len());
        }
        found
    }

    /// Passes blanks and comments, and line breaks where they mean nothing.
    fn blanks(&mut self, lines: bool) -> Result<(), String> {
        loop {
            let end = self.rest.find(|c: char| !(c == ' ' || c == '\t' || c == '\r' || (lines && c == '\n')));
            self.skip(end.unwrap_or(self.rest.len()));
            if self.rest.starts_with('#') || self.rest.starts_with("//") {
                self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                let end = self.rest.find("*/").ok_or_else(|| self.fault("a comment that is never closed"))?;
                self.skip(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    /// Attributes and blocks, up to a closing brace or the end.
    fn body(&mut self, depth: usize) -> Result<Vec<(String, Node)>, String> {
        if depth > MAX_DEPTH {
            return Err(self.fault("nested too deep"));
        }
        let mut members: Vec<(String, Node)> = Vec::new();
        loop {
            self.blanks(true)?;
            if self.rest.is_empty() || self.rest.starts_with('}') {
                return Ok(members);
            }
            let place = self.place();
            let name = self.name()?;
            self.blanks(false)?;
            if self.rest.starts_with('=') && !self.rest.starts_with("==") {
                self.skip(1);
                let value = self.expression(depth + 1, "\n}")?;
                self.blanks(false)?;
                members.push((name, Node { place, ..value }));
            } else {
                let block = self.block(place.clone(), depth)?;
                let known = members.iter_mut().find(|(known, _)| *known == name).map(|(_, node)| &mut node.kind);
                match known {
                    Some(Kind::List(blocks)) => blocks.push(block),
                    _ => members.push((name, Node { kind: Kind::List(vec![block]), place })),
                }
            }
        }
    }

    fn name(&mut self) -> Result<String, String> {
        if self.rest.starts_with('"') {
            // HCL 1 takes quoted names for attributes too.
            let Node { kind: Kind::Text { text, .. }, .. } = self.quoted()? else {
                return Err(self.fault("a name that is computed"));
            };
            return Ok(text);
        }
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-' || c == '.'));
        let name = self.rest.get(..end.unwrap_or(self.rest.len())).unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(self.fault("no name where one is expected"));
        }
        self.skip(name.len());
        Ok(name)
    }

    fn block(&mut self, place: Place, depth: usize) -> Result<Node, String> {
        let mut labels = Vec::new();
        loop {
            self.blanks(false)?;
            if self.eat("{") {
                break;
            }
            let at = self.place();
            labels.push(Node::text(self.name()?, false, at));
        }
        let mut members = vec![(LABELS.to_owned(), Node { kind: Kind::List(labels), place: place.clone() })];
        members.extend(self.body(depth + 1)?);
        if !self.eat("}") {
            return Err(self.fault("a block that is never closed"));
        }
        Ok(Node { kind: Kind::Map(members), place })
    }

    /// A value. One that is more than a literal is passed up to what ends it, and unclear.
    fn expression(&mut self, depth: usize, ends: &str) -> Result<Node, String> {
        self.blanks(false)?;
        let place = self.place();
        let start = self.rest;
        let node = match self.peek() {
            _ if depth > MAX_DEPTH => return Err(self.fault("nested too deep")),
            Some('"') => self.quoted()?,
            Some('[') => self.list(depth)?,
            Some('{') => self.object(depth)?,
            Some('<') if self.rest.starts_with("<<") => return self.heredoc(),
            Some(c) if c.is_ascii_alphanumeric() || c == '-' => {
                let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+')));
                let word = self.rest.get(..end.unwrap_or(self.rest.len())).unwrap_or_default().to_owned();
                self.skip(word.len());
                let number = word.parse::<f64>().is_ok() && !word.contains(['n', 'i']);
                match word.as_str() {
                    "null" => Node { kind: Kind::Null, place: place.clone() },
                    "true" | "false" => Node::text(word, true, place.clone()),
                    _ if number => Node::text(word, true, place.clone()),
                    _ => Node::unclear(COMPUTED, place.clone()),
                }
            }
            _ => Node::unclear(COMPUTED, place.clone()),
        };
        self.blanks(false)?;
        if self.peek().is_none_or(|c| ends.contains(c)) {
            return Ok(node);
        }
        self.rest = start;
        self.pass(ends)?;
        Ok(Node::unclear(COMPUTED, place))
    }

    /// Passes an expression up to one of `ends` outside of any bracket.
    fn pass(&mut self, ends: &str) -> Result<(), String> {
        let mut open = Vec::new();
        loop {
            self.blanks(!open.is_empty())?;
            let Some(c) = self.peek() else { return Ok(()) };
            if open.is_empty() && ends.contains(c) {
                return Ok(());
            }
            match c {
                '"' => drop(self.quoted()?),
                '<' if self.rest.starts_with("<<") => drop(self.heredoc()?),
                '(' | '[' | '{' => {
                    open.push(c);
                    self.skip(1);
                }
                ')' | ']' | '}' => {
                    if open.pop().is_none() {
                        return Err(self.fault("a bracket that nothing opened"));
                    }
                    self.skip(1);
                }
                c => self.skip(c.len_utf8()),
            }
        }
    }

    /// A quoted text. With a template in it (`${…}`, `%{…}`) the text is kept as it stands.
    fn quoted(&mut self) -> Result<Node, String> {
        let place = self.place();
        let fault = self.fault("a quote that is never closed");
        self.skip(1);
        let mut text = String::new();
        let mut nested = 0_usize;
        loop {
            let c = self.peek().ok_or_else(|| fault.clone())?;
            self.skip(c.len_utf8());
            match c {
                '"' if nested == 0 => return Ok(Node::text(text, false, place)),
                '\n' if nested == 0 => return Err(fault),
                '\\' if nested == 0 => text.push(self.escape(&fault)?),
                '$' | '%' if self.rest.starts_with('{') => {
                    // `$${` is a literal `${`.
                    let literal = nested == 0 && text.ends_with(c);
                    if !literal {
                        nested += 1;
                        text.push(c);
                    }
                    text.push('{');
                    self.skip(1);
                }
                '{' if nested > 0 => {
                    nested += 1;
                    text.push(c);
                }
                '}' if nested > 0 => {
                    nested -= 1;
                    text.push(c);
                }
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self, fault: &str) -> Result<char, String> {
        let c = self.peek().ok_or_else(|| fault.to_owned())?;
        self.skip(c.len_utf8());
        let digits = match c {
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            'u' => 4,
            'U' => 8,
            c => return Ok(c),
        };
        let code = self.rest.get(..digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.skip(digits);
        code.and_then(char::from_u32).ok_or_else(|| fault.to_owned())
    }

    fn list(&mut self, depth: usize) -> Result<Node, String> {
        let place = self.place();
        let start = self.rest;
        self.skip(1);
        let mut items = Vec::new();
        loop {
            self.blanks(true)?;
            if self.eat("]") {
                return Ok(Node { kind: Kind::List(items), place });
            }
            if self.rest.starts_with("for ") {
                self.rest = start;
                return Ok(Node::unclear(COMPUTED, place));
            }
            items.push(self.expression(depth + 1, ",]\n")?);
            self.blanks(true)?;
            if !self.eat(",") && !self.rest.starts_with(']') {
                return Err(self.fault("a list that is not closed"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node, String> {
        let place = self.place();
        let start = self.rest;
        self.skip(1);
        let mut members = Vec::new();
        loop {
            self.blanks(true)?;
            if self.eat("}") {
                return Ok(Node { kind: Kind::Map(members), place });
            }
            if self.rest.starts_with("for ") || self.rest.starts_with('(') {
                self.rest = start;
                return Ok(Node::unclear(COMPUTED, place));
            }
            let at = self.place();
            let name = self.name()?;
            self.blanks(false)?;
            if !self.eat("=") && !self.eat(":") {
                return Err(self.fault("an object's name without a value"));
            }
            let value = self.expression(depth + 1, ",}\n")?;
            members.push((name, Node { place: at, ..value }));
            self.blanks(true)?;
            self.eat(",");
        }
    }

    /// `<<END` and `<<-END` up to a line that is the word. It ends at that line's break.
    fn heredoc(&mut self) -> Result<Node, String> {
        let place = self.place();
        let fault = self.fault("a text that is never closed");
        self.skip(2);
        let indented = self.eat("-");
        let line = self.rest.lines().next().unwrap_or_default();
        let word = line.trim().to_owned();
        self.skip(line.len());
        let (mut lines, mut at) = (Vec::new(), 0);
        for line in self.rest.split_inclusive('\n') {
            let content = line.trim_end_matches(['\n', '\r']);
            if at > 0 && content.trim() == word {
                self.skip(at + content.len());
                let indent = |line: &&&str| !line.trim().is_empty();
                let least = lines.iter().filter(indent).map(|line: &&str| line.len() - line.trim_start().len()).min();
                let cut = if indented { least.unwrap_or(0) } else { 0 };
                let text: Vec<&str> = lines.iter().map(|line| line.get(cut..).unwrap_or_default()).collect();
                return Ok(Node::text(text.join("\n"), false, place));
            }
            if at > 0 {
                lines.push(content);
            }
            at += line.len();
        }
        Err(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::node::{Names, select};
    use proptest::prelude::*;

    const VAULT: &str = r#"
# a server
ui = true // shown
api_addr = "https://vault:8200"
max_lease_ttl = "10h"
listener "tcp" {
  address     = "0.0.0.0:8200"
  tls_disable = 1
  tls_cipher_suites = [
    "A", # first
    "B",
  ]
}
listener "unix" { address = "/run/x" }
seal "awskms" {
  kms_key_id = var.key
  secret     = "${env.X}"
}
/* nothing */
telemetry {
  labels = { a = 1, "b" : two }
}
policy = <<-EOT
    path "x" {
    }
  EOT
port = 8200 + 1
after = "x\ty"
"#;

    fn get(text: &str, key: &str) -> Vec<String> {
        let root = read(&Text::new("f", text)).unwrap().root;
        let show = |node: &Node| match &node.kind {
            Kind::Text { text, .. } => format!("{text}@{}", node.place.line),
            Kind::List(items) => format!("{} items", items.len()),
            Kind::Unclear(why) => why.clone(),
            Kind::Map(_) | Kind::Null | Kind::Encrypted => "other".to_owned(),
        };
        select(&root, key, Names::Exact).iter().flat_map(|found| found.nodes.iter().map(show)).collect()
    }

    #[test]
    fn blocks_are_lists_of_maps() {
        assert_eq!(get(VAULT, "ui"), ["true@3"]);
        assert_eq!(get(VAULT, "listener.tcp.tls_disable"), ["1@8"]);
        assert_eq!(get(VAULT, "listener.*.address"), ["0.0.0.0:8200@7", "/run/x@14"]);
        assert_eq!(get(VAULT, "listener.address"), ["0.0.0.0:8200@7", "/run/x@14"]);
        assert_eq!(get(VAULT, "listener.1.address"), ["/run/x@14"]);
        assert_eq!(get(VAULT, "listener.tcp.tls_cipher_suites"), ["2 items"]);
        assert_eq!(get(VAULT, "telemetry.labels.a"), ["1@21"]);
        assert_eq!(get(VAULT, "after"), ["x\ty@28"]);
        assert_eq!(get(VAULT, "seal.tls"), [""; 0]);
    }

    #[test]
    fn what_is_computed_is_unclear() {
        for key in ["seal.kms_key_id", "telemetry.labels.b", "port"] {
            assert_eq!(get(VAULT, key), [COMPUTED], "{key}");
        }
        assert_eq!(get("a = [for x in y : x]\nb = 1\n", "b"), ["1@2"]);
        assert_eq!(get("a = f(\n 1,\n \"}\"\n)\nb = { (x) = 1 }\nc = 1", "c"), ["1@6"]);
        assert_eq!(get("a = [[1], {b = 2}]\n", "a.1.b"), ["2@1"]);
        assert_eq!(get("a = x ? \"1\" : \"2\"\n", "a"), [COMPUTED]);
    }

    #[test]
    fn what_is_no_hcl_is_refused() {
        for text in ["a = \"x", "a {", "}", "= 1", "a = [1", "a = <<X\nno end", "/* x", "a b c"] {
            assert!(read(&Text::new("f", text)).is_err(), "{text}");
        }
        assert!(read(&Text::new("f", &"a {\n".repeat(100_000))).is_err());
        assert!(read(&Text::new("f", &format!("a = {}", "[".repeat(100_000)))).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ab=\\[\\]{}()\"#/*$%,:<\\-\n 1\\\\ä]{0,80}") {
            let _ = read(&Text::new("f", &text));
        }
    }
}
