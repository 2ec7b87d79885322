//! One rule: what it matches, and what it does.

use super::Elements;
use super::tokens::{Token, elements};
use crate::packets::region::{ALL_PORTS, Protocol, Range, Shape, addresses};
use crate::packets::{Action, Services, Sure};

/// What a statement says. A verdict map is as many rules as it has elements.
pub(super) struct Read {
    pub(super) rules: Vec<(Shape, Sure, Action)>,
    pub(super) translates: bool,
}

/// What the words before values ask of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Source,
    Port,
    Interface,
    State,
    Protocol,
    Family,
    /// Something that some packets have.
    Partial,
}

/// Words that end the values of a condition that is not looked into.
const STOPS: [&str; 22] = [
    "accept", "drop", "reject", "return", "continue", "jump", "goto", "queue", "counter", "log", "comment", "ip",
    "ip6", "tcp", "udp", "meta", "iifname", "iif", "ct", "dnat", "redirect", "vmap",
];

pub(super) fn read(statement: &[Token], services: &Services, set: impl Fn(&str) -> Elements) -> Read {
    let mut reader = Reader {
        tokens: statement,
        at: 0,
        services,
        set: &set,
        shape: Shape::all(),
        sure: Sure::Whole,
        translates: false,
    };
    let rules = reader.rules();
    Read { rules, translates: reader.translates }
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    services: &'a Services,
    set: &'a dyn Fn(&str) -> Elements,
    shape: Shape,
    sure: Sure,
    translates: bool,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token.text.as_str())
    }

    fn peek(&self) -> &'a str {
        self.tokens.get(self.at).map_or("", |token| token.text.as_str())
    }

    fn doubt(&mut self) {
        self.sure = Sure::Doubtful;
    }

    fn partly(&mut self) {
        if self.sure == Sure::Whole {
            self.sure = Sure::Some;
        }
    }

    fn rules(&mut self) -> Vec<(Shape, Sure, Action)> {
        while let Some(word) = self.next() {
            if let Some(action) = self.verdict(word) {
                return vec![(self.shape.clone(), self.sure, action)];
            }
            if let Some(key) = self.key(word) {
                if self.peek() == "vmap" {
                    self.next();
                    return self.map(key);
                }
                self.condition(key);
            }
        }
        // A statement that is not known may decide as well.
        let action = if self.sure == Sure::Doubtful { Action::Unknown } else { Action::Next };
        vec![(self.shape.clone(), self.sure, action)]
    }

    fn verdict(&mut self, word: &str) -> Option<Action> {
        let name = |reader: &mut Self| reader.next().unwrap_or_default().to_owned();
        Some(match word {
            "accept" => Action::Accept,
            "drop" | "reject" => Action::Drop,
            "return" => Action::Return,
            "continue" => Action::Next,
            "jump" => Action::Jump(name(self)),
            "goto" => Action::Goto(name(self)),
            "queue" | "synproxy" | "tproxy" | "fwd" => Action::Unknown,
            "dnat" | "redirect" => {
                self.translates = true;
                Action::Unknown
            }
            "snat" | "masquerade" => Action::Next,
            _ => return None,
        })
    }

    /// The key that a word begins, with what it says by itself; `None` for statements, which are passed over.
    fn key(&mut self, word: &str) -> Option<Key> {
        match word {
            "meta" => {
                let next = self.next().unwrap_or_default();
                if self.peek() == "set" {
                    self.skip();
                    return None;
                }
                self.meta(next)
            }
            "iifname" | "iif" | "l4proto" | "nfproto" | "mark" | "pkttype" | "oifname" | "oif" | "skuid"
            | "iifgroup" => self.meta(word),
            "ip" | "ip6" => {
                match word {
                    "ip" => self.shape.v6.clear(),
                    _ => self.shape.v4.clear(),
                }
                Some(match self.next().unwrap_or_default() {
                    "saddr" => Key::Source,
                    "protocol" | "nexthdr" => Key::Protocol,
                    _ => Key::Partial,
                })
            }
            "tcp" | "udp" | "th" => {
                match word {
                    "tcp" => self.shape.with_protocols(&[Protocol::Tcp], false),
                    "udp" => self.shape.with_protocols(&[Protocol::Udp], false),
                    _ => {}
                }
                Some(if self.next() == Some("dport") { Key::Port } else { Key::Partial })
            }
            "icmp" | "icmpv6" | "igmp" | "sctp" | "dccp" | "esp" | "ah" | "comp" | "udplite" | "arp" => {
                self.shape = Shape::none();
                self.skip();
                None
            }
            "ct" => match self.next().unwrap_or_default() {
                "state" => Some(Key::State),
                "mark" | "helper" | "zone" | "event" | "timeout" | "expectation" if self.peek() == "set" => {
                    self.skip();
                    None
                }
                _ => Some(Key::Partial),
            },
            "limit" | "quota" | "fib" | "ether" | "vlan" | "numgen" | "jhash" | "rt" | "hour" | "time" | "day" => {
                Some(Key::Partial)
            }
            // Elements are added where a rate allows it.
            "add" | "update" | "delete" => Some(Key::Partial),
            "counter" | "log" | "notrack" | "dup" | "flow" => {
                self.skip();
                None
            }
            "comment" => {
                self.next();
                None
            }
            _ => {
                self.doubt();
                None
            }
        }
    }

    fn meta(&mut self, word: &str) -> Option<Key> {
        Some(match word {
            "iifname" | "iif" => Key::Interface,
            "l4proto" => Key::Protocol,
            "nfproto" | "protocol" => Key::Family,
            "pkttype" | "oifname" | "oif" | "length" | "hour" | "time" | "day" | "cpu" => Key::Partial,
            _ => {
                self.doubt();
                Key::Partial
            }
        })
    }

    /// To the next word that begins something.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.tokens.get(self.at) {
            if token.is("{") || token.is("(") {
                depth += 1;
            } else if token.is("}") || token.is(")") {
                depth = depth.saturating_sub(1);
            } else if depth == 0 && STOPS.contains(&token.text.as_str()) {
                return;
            }
            self.at += 1;
        }
    }

    fn condition(&mut self, key: Key) {
        if key == Key::Partial {
            self.partly();
            return self.skip();
        }
        let negated = match self.peek() {
            "!=" | "ne" => {
                self.next();
                true
            }
            "==" | "eq" => {
                self.next();
                false
            }
            "<" | ">" | "<=" | ">=" => return self.comparison(key),
            // Concatenations and bits.
            "." | "&" | "and" | "map" => {
                self.doubt();
                return self.skip();
            }
            _ => false,
        };
        match self.values() {
            Some(values) => self.apply(key, &values, negated),
            None => self.doubt(),
        }
    }

    fn comparison(&mut self, key: Key) {
        let (operator, number) = (self.next().unwrap_or_default(), self.next().unwrap_or_default());
        let bounds = self.services.port(number).filter(|_| key == Key::Port).and_then(|port| match operator {
            "<" => Some((0, port.checked_sub(1)?)),
            "<=" => Some((0, port)),
            ">" => Some((port + 1, ALL_PORTS.1)),
            _ => Some((port, ALL_PORTS.1)),
        });
        match bounds {
            Some(range) => self.shape.with_ports(&[range], false),
            None => self.doubt(),
        }
    }

    /// One value, a list of them with commas, what braces hold, or the elements of a set.
    fn values(&mut self) -> Option<Vec<String>> {
        let first = self.tokens.get(self.at)?;
        if first.is("{") {
            let rest = self.tokens.get(self.at..)?;
            let values = elements(rest);
            self.skip_block();
            return Some(values);
        }
        let word = self.next()?;
        if let Some(name) = word.strip_prefix('@') {
            return (self.set)(name);
        }
        if word.starts_with('$') {
            return None;
        }
        let mut values = vec![word.to_owned()];
        while self.peek() == "," {
            self.next();
            values.push(self.next()?.to_owned());
        }
        Some(values)
    }

    fn skip_block(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            if token.is("{") {
                depth += 1;
            } else if token.is("}") {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return;
                }
            }
        }
    }

    fn apply(&mut self, key: Key, values: &[String], negated: bool) {
        if self.apply_to_shape(key, values, negated).is_none() {
            self.doubt();
        }
    }

    fn apply_to_shape(&mut self, key: Key, values: &[String], negated: bool) -> Option<()> {
        match key {
            Key::Source => {
                let all: Vec<(Range, bool)> = values.iter().map(|text| addresses(text)).collect::<Option<_>>()?;
                let of = |v4: bool| all.iter().filter(|(_, is)| *is == v4).map(|(range, _)| *range).collect::<Vec<_>>();
                self.shape.with_sources(&of(true), &of(false), negated);
            }
            Key::Port => {
                let port = |text: &String| {
                    if let Some(port) = self.services.port(text) {
                        return Some((port, port));
                    }
                    let (first, last) = text.split_once('-')?;
                    Some((self.services.port(first.trim())?, self.services.port(last.trim())?))
                };
                let ports: Vec<Range> = values.iter().map(port).collect::<Option<_>>()?;
                self.shape.with_ports(&ports, negated);
            }
            Key::Interface => {
                if values.iter().any(|name| name.ends_with('*')) {
                    return None;
                }
                // Packets of others never come in by the loopback interface.
                let others: Vec<String> = values.iter().filter(|name| *name != "lo").cloned().collect();
                match negated {
                    false if others.is_empty() => self.shape = Shape::none(),
                    _ => self.shape.with_interfaces(others, negated),
                }
            }
            Key::State => {
                if values.iter().any(|state| state == "new") == negated {
                    self.shape = Shape::none();
                }
            }
            Key::Protocol => {
                let known = |text: &String| match text.as_str() {
                    "tcp" | "6" => Some(Protocol::Tcp),
                    "udp" | "17" => Some(Protocol::Udp),
                    _ => None,
                };
                let of: Vec<Protocol> = values.iter().filter_map(known).collect();
                self.shape.with_protocols(&of, negated);
            }
            Key::Family => {
                let has = |names: [&str; 2]| values.iter().any(|text| names.contains(&text.as_str()));
                if has(["ipv4", "ip"]) == negated {
                    self.shape.v4.clear();
                }
                if has(["ipv6", "ip6"]) == negated {
                    self.shape.v6.clear();
                }
            }
            Key::Partial => self.partly(),
        }
        Some(())
    }

    /// A verdict for each value, in any order: values do not overlap.
    fn map(&mut self, key: Key) -> Vec<(Shape, Sure, Action)> {
        let inline = self.tokens.get(self.at).is_some_and(|token| token.is("{"));
        if !inline {
            return vec![(self.shape.clone(), Sure::Doubtful, Action::Unknown)];
        }
        let all = elements(self.tokens.get(self.at..).unwrap_or_default());
        let one = |text: &String| {
            let mut reader = Reader { tokens: &[], at: 0, shape: self.shape.clone(), ..*self };
            let split = text.rsplit_once(" : ").or_else(|| text.rsplit_once(": ")).or_else(|| text.rsplit_once(" :"));
            let Some((value, verdict)) = split else { return (reader.shape, Sure::Doubtful, Action::Unknown) };
            reader.apply(key, &[value.trim().to_owned()], false);
            let mut words = verdict.split_whitespace();
            let action = match (words.next(), words.next()) {
                (Some("accept"), _) => Action::Accept,
                (Some("drop" | "reject"), _) => Action::Drop,
                (Some("return"), _) => Action::Return,
                (Some("continue"), _) => Action::Next,
                (Some("jump"), Some(name)) => Action::Jump(name.to_owned()),
                (Some("goto"), Some(name)) => Action::Goto(name.to_owned()),
                _ => Action::Unknown,
            };
            (reader.shape, reader.sure, action)
        };
        all.iter().map(one).collect()
    }
}
