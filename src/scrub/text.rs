//! Replacing a text token by token. What stays is what is known; every other token is replaced, whatever it is.

use std::net::IpAddr;

use super::addresses::{Addresses, Key};
use super::fields::Scrub;
use super::known::Known;
use super::names::{Kind, Names};
use super::words::CERTIFICATE_NAMES;

/// Digits of a number that stays: ports, lines, modes, and versions part by part.
const NUMBER: usize = 5;
/// Digits of the numbers of one token that stay: a date has eight.
const NUMBERS: usize = 8;
/// Hexadecimal digits from which on they are an id; docker's short ones have as many.
const ID: usize = 12;
/// Characters of an address.
const ADDRESS: usize = 64;
/// What stands before the name of an account in a path.
const ACCOUNTS: [&str; 7] = [
    "/home/",
    "/Users/",
    "/var/mail/",
    "/var/spool/mail/",
    "/var/spool/cron/crontabs/",
    "/var/spool/cron/tabs/",
    "/run/user/",
];

/// Replaces texts by one table.
pub(super) struct Scrubber<'k> {
    known: &'k Known,
    names: Names,
    addresses: Addresses<'k>,
}

/// What a part of a token is, between `-` and `_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Known,
    Number,
    Id,
    Unknown,
}

impl<'k> Scrubber<'k> {
    /// Each round replaces addresses differently.
    pub(super) fn new(known: &'k Known, key: &'k Key, round: u32) -> Self {
        Scrubber { known, names: Names::default(), addresses: Addresses::new(key, round) }
    }

    /// Whether an address came to be another one that was there.
    pub(super) fn repeats(&self) -> bool {
        self.addresses.repeats()
    }

    /// Notes the names that a text holds, so that they are replaced where they stand among other words too.
    pub(super) fn note(&mut self, text: &str, scrub: Scrub) {
        match scrub {
            Scrub::Name(_) | Scrub::Host => drop(self.scrub(text, scrub)),
            Scrub::Text | Scrub::Prose | Scrub::Setting | Scrub::Distinguished | Scrub::Fingerprint | Scrub::Tls => {
                for prefix in ACCOUNTS {
                    for rest in text.split(prefix).skip(1) {
                        self.account(rest);
                    }
                }
            }
        }
    }

    /// The text with everything replaced that is not known.
    pub(super) fn scrub(&mut self, text: &str, scrub: Scrub) -> String {
        match scrub {
            _ if self.known.is_text(text) => text.to_owned(),
            Scrub::Tls if crate::tls::is_word(text) => text.to_owned(),
            Scrub::Text | Scrub::Tls => self.scan(text, false),
            Scrub::Prose => self.scan(text, true),
            Scrub::Setting if is_number(text) => text.to_owned(),
            Scrub::Setting => self.scan(text, false),
            Scrub::Name(kind) => self.name(text, kind),
            Scrub::Host => self.host(text),
            Scrub::Distinguished => self.distinguished(text),
            Scrub::Fingerprint => match text.split_once(':') {
                Some((algorithm, print)) => {
                    format!("{}:{}", self.scan(algorithm, false), self.names.replace(print, Kind::Name))
                }
                None => self.scan(text, false),
            },
        }
    }

    /// Hexadecimal digits by others; anything else as text.
    pub(super) fn id(&mut self, text: &str) -> String {
        if is_hex(text) { self.addresses.hex(text) } else { self.scan(text, false) }
    }

    fn name(&mut self, text: &str, kind: Kind) -> String {
        // What pg_hba.conf writes before a group, a name or a file.
        if let Some(mark) = text.chars().next().filter(|c| matches!(c, '+' | '@' | '!')) {
            let rest = text.get(mark.len_utf8()..).unwrap_or_default();
            return format!("{mark}{}", self.scrub(rest, Scrub::Name(kind)));
        }
        let is_account = matches!(kind, Kind::User | Kind::Group);
        if text.is_empty() || (is_account && is_number(text)) {
            return text.to_owned();
        }
        match text.split_once(':') {
            // `user:group`, as containers and images have it.
            Some((user, group)) if is_account && !group.contains([':', '/']) => {
                let user = self.scrub(user, Scrub::Name(Kind::User));
                format!("{user}:{}", self.scrub(group, Scrub::Name(Kind::Group)))
            }
            _ if text.contains(['/', ':', ',', '"', '*', '^', '$', '\\']) => self.scan(text, false),
            _ => self.names.replace(text, kind),
        }
    }

    /// The account that a path below the folder of all of them begins with; `None` when it is a pattern.
    fn account(&mut self, rest: &str) -> Option<(usize, String)> {
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | ':' | ',' | ';' | ')' | '(' | '"' | '\'' | '`');
        let name = rest.split(ends).next().filter(|name| !name.is_empty())?;
        if name.contains(['*', '?', '[', '{', '$']) {
            return None;
        }
        Some((name.len(), self.scrub(name, Scrub::Name(Kind::User))))
    }

    fn host(&mut self, text: &str) -> String {
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if is_number(port) && port.len() <= NUMBER => (name, Some(port)),
            _ => (text, None),
        };
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.') || !c.is_ascii();
        let is_name = name.chars().all(plain) && name.chars().any(char::is_alphabetic);
        if !is_name || name.parse::<IpAddr>().is_ok() {
            return self.scan(text, false);
        }
        // `.example.org` is every host of the domain.
        let (dot, bare) = name.strip_prefix('.').map_or(("", name), |bare| (".", bare));
        let replaced = if self.known.is_text(bare) || bare.is_empty() {
            bare.to_owned()
        } else {
            self.names.replace(bare, Kind::Host)
        };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{dot}{replaced}{port}")
    }

    /// Part by part, since programs that make certificates for themselves are known by a whole one.
    fn distinguished(&mut self, text: &str) -> String {
        let parts = text.split(',').map(|part| match part.split_once('=') {
            Some((_, value)) if CERTIFICATE_NAMES.iter().any(|known| known.eq_ignore_ascii_case(value)) => {
                part.to_owned()
            }
            _ => self.scan(part, false),
        });
        parts.collect::<Vec<_>>().join(",")
    }

    /// Every token of the text that is not known is replaced; what is between tokens stays.
    fn scan(&mut self, text: &str, prose: bool) -> String {
        let is_url = text.contains("://");
        let mut scrubbed = String::with_capacity(text.len());
        let mut at = 0;
        while let Some((before, rest)) = text.split_at_checked(at).filter(|(_, rest)| !rest.is_empty()) {
            let account = ACCOUNTS.iter().any(|prefix| before.ends_with(prefix));
            let account = if account { self.account(rest) } else { None };
            let replaced = account.or_else(|| self.address(rest)).or_else(|| {
                let length = self.token_length(rest, is_url)?;
                let (token, after) = rest.split_at_checked(length)?;
                let sentence = prose && is_sentence(before, token, after);
                Some((length, self.token(token, sentence)))
            });
            match replaced {
                Some((length, text)) => {
                    scrubbed.push_str(&text);
                    at += length;
                }
                None => {
                    let c = rest.chars().next().unwrap_or_default();
                    scrubbed.push(c);
                    at += c.len_utf8();
                }
            }
        }
        scrubbed
    }

    /// Bytes of the token that the text begins with. It ends before an address that follows a hyphen.
    fn token_length(&mut self, text: &str, is_url: bool) -> Option<usize> {
        let is_token = |c: char| is_letter(c) || matches!(c, '-' | '.' | '_') || (is_url && c == '%');
        if !text.starts_with(|c| is_letter(c) || c == '_' || (is_url && c == '%')) {
            return None;
        }
        let mut length = 0;
        for (at, c) in text.char_indices().take_while(|(_, c)| is_token(*c)) {
            let (_, rest) = text.split_at_checked(at + c.len_utf8())?;
            if matches!(c, '-' | '_') && address_length(rest).is_some() {
                break;
            }
            if !matches!(c, '-' | '.') {
                length = at + c.len_utf8();
            }
        }
        Some(length)
    }

    /// The address that the text begins with, with its prefix.
    fn address(&mut self, text: &str) -> Option<(usize, String)> {
        let length = address_length(text)?;
        let (written, rest) = text.split_at_checked(length)?;
        let Ok(address) = written.parse::<IpAddr>() else {
            return Some((length, self.names.replace(written, Kind::Name)));
        };
        let width = if address.is_ipv4() { 32 } else { 128 };
        let digits = rest.strip_prefix('/').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        let prefix = rest.get(1..=digits).filter(|_| digits > 0).and_then(|text| text.parse::<u32>().ok());
        match prefix.filter(|prefix| *prefix <= width) {
            Some(prefix) => {
                Some((length + 1 + digits, format!("{}/{prefix}", self.addresses.network(address, prefix))))
            }
            None => Some((length, self.addresses.address(address).to_string())),
        }
    }

    fn token(&mut self, token: &str, prose: bool) -> String {
        if let Some(replaced) = self.settled(token, prose) {
            return replaced;
        }
        let labels: Vec<&str> = token.split('.').collect();
        let is_host = labels.len() > 1 && labels.last().is_some_and(|last| self.known.is_domain(last));
        if is_host {
            return self.names.replace(token, Kind::Host);
        }
        let parts: Vec<&str> = token.split(['-', '_', '.']).collect();
        if is_much(&parts, &labels) && !self.kinds(&parts, prose).contains(&Part::Unknown) {
            return self.names.replace(token, Kind::Name);
        }
        let labels = labels.into_iter().map(|label| match self.settled(label, prose) {
            Some(replaced) => replaced,
            None => self.label(label, prose),
        });
        labels.collect::<Vec<_>>().join(".")
    }

    /// The token as it is, when nothing in it tells anything; its replacement, when it is a name that was met before.
    fn settled(&mut self, token: &str, prose: bool) -> Option<String> {
        let short = token.len() == 1 || (is_number(token) && token.len() <= NUMBER);
        if token.is_empty() || short || self.known.is_text(token) || self.known.is_judged(token) {
            return Some(token.to_owned());
        }
        if let Some(replaced) = self.names.get_name(token) {
            return Some(replaced.to_owned());
        }
        let parts: Vec<&str> = token.split(['-', '_', '.']).collect();
        let kinds = self.kinds(&parts, prose);
        let stays = kinds.iter().all(|kind| matches!(kind, Part::Known | Part::Number));
        let labels: Vec<&str> = token.split('.').collect();
        if stays && !is_much(&parts, &labels) {
            return Some(token.to_owned());
        }
        self.names.get(token).map(str::to_owned)
    }

    /// A part of a token between dots: known words and ids in it stay what they are, what is between them is one name.
    fn label(&mut self, label: &str, prose: bool) -> String {
        let parts: Vec<&str> = label.split(['-', '_']).collect();
        let mut kinds = self.kinds(&parts, prose);
        if is_much(&parts, &[label]) {
            kinds.fill(Part::Unknown);
        }
        spread(&mut kinds);
        let mut scrubbed = String::with_capacity(label.len());
        let mut run: Option<(usize, usize)> = None;
        let mut at = 0;
        for (part, kind) in parts.iter().zip(&kinds) {
            let end = at + part.len();
            if *kind == Part::Unknown {
                run = Some((run.map_or(at, |(start, _)| start), end));
            } else {
                self.flush(label, &mut run, &mut scrubbed);
                if *kind == Part::Id {
                    scrubbed.push_str(&self.addresses.hex(part));
                } else {
                    scrubbed.push_str(part);
                }
            }
            // Within a run the separators are part of the name.
            match label.get(end..=end) {
                Some(separator) if run.is_none() => scrubbed.push_str(separator),
                _ => {}
            }
            at = end + 1;
        }
        self.flush(label, &mut run, &mut scrubbed);
        // The separator behind a run was left to it.
        scrubbed
    }

    /// Ends a run of unknown parts with the name that stands for it, and the separator that follows it.
    fn flush(&mut self, label: &str, run: &mut Option<(usize, usize)>, scrubbed: &mut String) {
        if let Some((start, end)) = run.take() {
            let name = label.get(start..end).unwrap_or_default();
            scrubbed.push_str(&self.names.replace(name, Kind::Name));
            scrubbed.push_str(label.get(end..=end).unwrap_or_default());
        }
    }

    fn kinds(&self, parts: &[&str], prose: bool) -> Vec<Part> {
        let kind = |part: &&str| {
            if part.len() <= 1 && part.is_ascii() {
                if is_number(part) { Part::Number } else { Part::Known }
            } else if is_number(part) {
                if part.len() <= NUMBER { Part::Number } else { Part::Unknown }
            } else if is_amount(part) {
                Part::Number
            } else if self.known.is_word(part) || (prose && self.known.is_prose(part)) {
                Part::Known
            } else if part.len() >= ID && is_hex(part) {
                Part::Id
            } else {
                Part::Unknown
            }
        };
        let mut kinds: Vec<Part> = parts.iter().map(kind).collect();
        // What looks like a replacement is none of ours: two things must not become one.
        for (i, pair) in parts.windows(2).enumerate() {
            if let [stem, number] = pair
                && is_number(number)
                && Kind::ALL.iter().any(|kind| kind.stem().eq_ignore_ascii_case(stem))
            {
                kinds.iter_mut().skip(i).take(2).for_each(|kind| *kind = Part::Unknown);
            }
        }
        kinds
    }
}

/// Numbers, single letters and ids beside an unknown part belong to its name.
fn spread(kinds: &mut [Part]) {
    let joins = |kind: Part| matches!(kind, Part::Number | Part::Id);
    for _ in 0..2 {
        let mut unknown = false;
        for kind in kinds.iter_mut() {
            if unknown && joins(*kind) {
                *kind = Part::Unknown;
            }
            unknown = *kind == Part::Unknown;
        }
        kinds.reverse();
    }
}

/// Whether the numbers of a token could be somebody's: a phone number, an address within a longer name.
fn is_much(parts: &[&str], labels: &[&str]) -> bool {
    // Object identifiers begin so.
    let is_oid = labels.len() > 4 && matches!(labels.first(), Some(&("0" | "1" | "2")));
    let numbers = parts.iter().filter(|part| is_number(part));
    let (count, digits) = numbers.fold((0, 0), |(count, digits), part| (count + 1, digits + part.len()));
    let quad = labels.windows(4).any(|four| four.iter().all(is_byte));
    !is_oid
        && (quad
            || labels.iter().any(|label| has_quad(label))
            || digits > NUMBERS
            || (count > 3 && count == parts.len() && digits > NUMBER))
}

/// Whether the number could be a part of an address.
fn is_byte(part: &&str) -> bool {
    is_number(part) && part.parse::<u16>().is_ok_and(|number| number < 256)
}

/// Whether an address stands in it with hyphens, as clouds name their machines.
fn has_quad(label: &str) -> bool {
    let parts: Vec<&str> = label.split(['-', '_']).collect();
    parts.windows(4).any(|four| four.iter().all(is_byte))
}

/// Whether a token is a word of a sentence: no part of a path, and not in quotes.
fn is_sentence(before: &str, token: &str, after: &str) -> bool {
    token.bytes().all(|b| b.is_ascii_alphabetic())
        && before.chars().next_back().is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '['))
        && after.chars().next().is_none_or(|c| c.is_whitespace() || ",.:;)]?!'".contains(c))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `10m`, `64k`: a number and its unit.
fn is_amount(part: &str) -> bool {
    part.len() <= NUMBER + 1
        && part.bytes().next_back().is_some_and(|b| b.is_ascii_alphabetic())
        && part.get(..part.len() - 1).is_some_and(is_number)
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Letters and digits of any script, and what may hide among them; punctuation of sentences is none.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || (!c.is_ascii() && !matches!(c, '\u{80}'..='\u{bf}' | '\u{d7}' | '\u{2000}'..='\u{23ff}'))
}

/// Bytes of the address that the text begins with: of the internet protocols, or six or more pairs of digits (a hardware
/// address, a fingerprint).
fn address_length(text: &str) -> Option<usize> {
    let is_part = |c: &char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    let length = text.chars().take_while(is_part).take(ADDRESS + 64).count();
    let mut candidate = text.get(..length)?;
    loop {
        candidate = candidate.trim_end_matches('.');
        if candidate.matches('.').count() < 3 && candidate.matches(':').count() < 2 {
            return None;
        }
        let after = text.get(candidate.len()..).and_then(|rest| rest.chars().next());
        let ends = !after.is_some_and(is_letter);
        let pairs = candidate.split(':').count() > 5 && candidate.split(':').all(|pair| pair.len() == 2);
        if ends && (candidate.parse::<IpAddr>().is_ok() || pairs) {
            return Some(candidate.len());
        }
        // The port behind it, or the end of a sentence.
        candidate = candidate.rsplit_once(':')?.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::compile::Options;
    use crate::rule::input::Inputs;
    use crate::rule::library::Library;

    fn known() -> Known {
        let options = Options { inputs: &Inputs::new(), cases: false };
        Known::new(&Library::load(&[]).unwrap().compile(options).unwrap().rules)
    }

    #[test]
    fn what_is_known_stays_and_the_rest_goes() {
        let (known, key) = (known(), Key::new(b"k"));
        for (text, wanted) in [
            ("/etc/passwd", "/etc/passwd"),
            ("/home/alice/.ssh/id_ed25519", "/home/user-1/.ssh/id_ed25519"),
            ("/home/max/.pgpass", "/home/user-1/.pgpass"),
            ("/home/*/.ssh", "/home/*/.ssh"),
            ("/srv/acme/acme-billing-ca.pem", "/srv/name-1/name-2-ca.pem"),
            ("ACME_DB_PASSWORD", "NAME_1_DB_PASSWORD"),
            ("acme_web_1", "name-1_web_1"),
            ("postgres://acme:***@db.acme.internal:5432/acme", "postgres://name-1:***@host-1.example:5432/name-1"),
            ("nginx:1.25.3-alpine", "nginx:1.25.3-alpine"),
            ("docker.io/acme/web@sha256:", "docker.io/name-1/web@sha256:"),
            ("com.docker.compose.project=acme", "com.docker.compose.project=name-1"),
            ("alice@acme.com", "name-1@host-1.example"),
            ("%m [%p] %q%u@%d/%a %-10u", "%m [%p] %q%u@%d/%a %-10u"),
            ("HIGH:!aNULL:ECDHE-RSA-AES256-GCM-SHA384", "HIGH:!aNULL:ECDHE-RSA-AES256-GCM-SHA384"),
            ("02:42:ac:11:00:02", "name-1"),
            ("ip-10-20-30-40", "name-1"),
            ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.1"),
            ("+49 171 1234567", "+49 171 name-1"),
            ("171-555-1234", "name-1"),
            ("name-1 name-2", "name-1 name-2"),
            ("http://%61cme/", "http://name-1/"),
            ("", ""),
        ] {
            let mut scrubber = Scrubber::new(&known, &key, 0);
            assert_eq!(scrubber.scrub(text, Scrub::Text), wanted, "{text}");
        }
    }

    #[test]
    fn names_are_met_again_in_sentences() {
        let (known, key) = (known(), Key::new(b"k"));
        let mut scrubber = Scrubber::new(&known, &key, 0);
        for (name, kind) in
            [("grant", Kind::Role), ("my role", Kind::Role), ("on", Kind::Role), ("mem", Kind::Container)]
        {
            scrubber.note(name, Scrub::Name(kind));
        }
        let said = scrubber.scrub("permission denied: GRANT SELECT TO grant", Scrub::Prose);
        assert_eq!(said, "permission denied: GRANT SELECT TO role-1", "a word that is a name goes too");
        assert_eq!(scrubber.scrub("my role", Scrub::Name(Kind::Role)), "role-2");
        assert_eq!(scrubber.scrub("on", Scrub::Setting), "on", "what rules compare with stays");
        assert_eq!(scrubber.scrub("/dev/mem", Scrub::Text), "/dev/mem", "what a rule's regex looks for stays");
        assert_eq!(scrubber.scrub("mem", Scrub::Name(Kind::Container)), "container-1");
        assert_eq!(scrubber.scrub("see \"cannot\" and /srv/cannot", Scrub::Prose), "see \"name-1\" and /srv/name-1");
    }

    #[test]
    fn each_kind_of_text_in_its_way() {
        let (known, key) = (known(), Key::new(b"k"));
        let mut scrubber = Scrubber::new(&known, &key, 0);
        for (text, scrub, wanted) in [
            ("1000:1000", Scrub::Name(Kind::User), "1000:1000"),
            ("acme:docker", Scrub::Name(Kind::User), "user-1:docker"),
            ("+acme", Scrub::Name(Kind::Role), "+user-1"),
            ("48213377", Scrub::Name(Kind::Container), "container-1"),
            ("48213377", Scrub::Setting, "48213377"),
            ("db7:5432", Scrub::Host, "host-1:5432"),
            (".acme.com", Scrub::Host, ".host-2.example"),
            ("localhost:5432", Scrub::Host, "localhost:5432"),
            ("/run/postgresql", Scrub::Host, "/run/postgresql"),
            ("CN=Acme Co", Scrub::Distinguished, "CN=Acme Co"),
            ("O=Acme Zorp,CN=acme.com", Scrub::Distinguished, "O=name-1 name-2,CN=host-2.example"),
            ("SHA256:ab+c/d", Scrub::Fingerprint, "SHA256:name-3"),
        ] {
            assert_eq!(scrubber.scrub(text, scrub), wanted, "{text}");
        }
    }
}
