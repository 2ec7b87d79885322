//! Arguments of a process without the secrets among them. Every user of a machine can read the arguments of every process
//! (proc_pid_cmdline(5)), and so can harden; what may be a secret ends here.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::resource::sensitive::{is_secret_name, show};

const HIDDEN: &str = "***";
/// Characters from which a word without a meaning is taken for a key, and different ones among them.
const RANDOM: usize = 16;
const DIFFERENT: usize = 9;
/// Names and values inside of an argument: JSON, headers, scripts.
static PAIR: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"([A-Za-z0-9_.-]+)(["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&}"']+)"#).ok());
/// What comes after the name of such a header is a secret as a whole (RFC 9110, section 11.6.2).
static HEADER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(authorization|cookie)\s*:\s*[^\r\n]+").ok());
/// Options of a letter whose value is a password.
const OPTIONS: [SecretOption; 6] = [
    // Alone it asks for the password.
    SecretOption {
        programs: &["mysql", "mysqldump", "mysqladmin", "mysqlcheck", "mariadb", "mariadb-dump", "mariadb-admin"],
        option: "-p",
        separate: false,
        behind: "",
    },
    SecretOption { programs: &["sshpass"], option: "-p", separate: true, behind: "" },
    SecretOption { programs: &["redis-cli"], option: "-a", separate: true, behind: "" },
    SecretOption { programs: &["curl"], option: "-u", separate: true, behind: ":" },
    SecretOption {
        programs: &["ldapsearch", "ldapadd", "ldapmodify", "ldapwhoami"],
        option: "-w",
        separate: true,
        behind: "",
    },
    SecretOption { programs: &["smbclient", "rpcclient"], option: "-U", separate: true, behind: "%" },
];
/// What options whose names speak of secrets are set to without being given one.
const SWITCHES: [&str; 16] = [
    "yes", "no", "true", "false", "on", "off", "none", "stdin", "prompt", "file", "env", "ask", "required", "optional",
    "default", "auto",
];

/// An option of some programs that is set to a password.
#[derive(Debug, Clone, Copy)]
struct SecretOption {
    programs: &'static [&'static str],
    option: &'static str,
    /// Whether the value may be the next argument.
    separate: bool,
    /// What stands between a user's name and the password.
    behind: &'static str,
}

/// Arguments as they may be shown.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::resource) struct Shown {
    pub(in crate::resource) arguments: Vec<String>,
    /// Whether one of them gives a secret by its name (`--password=…`, `mysql -p…`), and not only by its look.
    pub(in crate::resource) gives_secret: bool,
}

/// Hides what may be a secret: the values of options and variables with the name of one, what some programs take as a
/// password, user information of URLs, and words that look like keys.
pub(in crate::resource) fn redact(arguments: &[String]) -> Shown {
    let program = arguments.first().map(String::as_str).unwrap_or_default();
    let mut redactor = Redactor { option: option_of(program), awaits: None, gives_secret: false };
    let shown = arguments.iter().map(|argument| redactor.argument(argument)).collect();
    Shown { arguments: shown, gives_secret: redactor.gives_secret }
}

fn option_of(program: &str) -> Option<SecretOption> {
    let name = program.rsplit('/').next().unwrap_or_default();
    OPTIONS.iter().find(|option| option.programs.contains(&name)).copied()
}

struct Redactor {
    option: Option<SecretOption>,
    /// The next word is a secret, behind this.
    awaits: Option<&'static str>,
    gives_secret: bool,
}

impl Redactor {
    /// An argument may be a whole script (`sh -c '…'`): its words are looked at like arguments.
    fn argument(&mut self, argument: &str) -> String {
        if self.awaits.is_some() {
            return self.word(argument);
        }
        let is_one_word = !argument.contains(char::is_whitespace);
        if is_one_word && !argument.contains(['"', '{']) {
            return self.word(argument);
        }
        let argument = self.pairs(argument);
        let own = self.option;
        let words: Vec<&str> = argument.split_whitespace().collect();
        let shown = words.iter().map(|word| {
            self.option = option_of(word).or(self.option);
            self.word(word)
        });
        let shown: Vec<String> = shown.collect();
        self.option = own;
        shown.join(" ")
    }

    /// Hides the values of pairs whose name is that of a secret.
    fn pairs(&mut self, text: &str) -> String {
        let (Some(pair), Some(header)) = (PAIR.as_ref(), HEADER.as_ref()) else { return HIDDEN.to_owned() };
        let text = header.replace_all(text, |found: &Captures<'_>| {
            self.gives_secret = true;
            format!("{}: {HIDDEN}", found.get(1).map_or("", |name| name.as_str()))
        });
        let hidden = pair.replace_all(&text, |found: &Captures<'_>| {
            let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
            if !is_secret_name(part(1).trim_start_matches('-')) || part(3) == HIDDEN {
                return part(0).to_owned();
            }
            self.gives_secret |= is_given(part(3));
            format!("{}{}{HIDDEN}", part(1), part(2))
        });
        hidden.into_owned()
    }

    fn word(&mut self, word: &str) -> String {
        if let Some(behind) = self.awaits.take().filter(|_| !word.starts_with('-')) {
            self.gives_secret |= is_given(word) && word.contains(behind);
            return HIDDEN.to_owned();
        }
        if let Some((of, value)) = self.option.and_then(|of| Some((of, word.strip_prefix(of.option)?))) {
            if value.is_empty() {
                self.awaits = of.separate.then_some(of.behind);
                return word.to_owned();
            }
            self.gives_secret |= value.contains(of.behind);
            return format!("{}{HIDDEN}", of.option);
        }
        if let Some((name, _)) = named_value(word) {
            self.gives_secret |= named_value(word).is_some_and(|(_, value)| is_given(value));
            return format!("{name}={HIDDEN}");
        }
        if word.starts_with('-') && !word.contains('=') && is_secret_option(word) {
            self.awaits = Some("");
            return word.to_owned();
        }
        let shown: Vec<&str> = word.split('/').map(|part| if looks_random(part) { HIDDEN } else { part }).collect();
        show("", &shown.join("/"))
    }
}

/// `--db-password=x`, `-Ddb.password=x`, `PGPASSWORD=x`: the name with its dashes, and the value.
fn named_value(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    (!value.is_empty() && is_secret_name(name.trim_start_matches('-'))).then_some((name, value))
}

fn is_secret_option(word: &str) -> bool {
    let name = word.trim_start_matches('-');
    name.len() > 1 && is_secret_name(name) && !["stdin", "prompt", "fd", "env"].iter().any(|end| name.ends_with(end))
}

/// Whether a value is more than a switch, the path of a file, or a reference.
fn is_given(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    let is_reference =
        value.starts_with(['/', '$', '~', '@', '%', '<', '{']) || value.starts_with("./") || value.contains("://");
    !(value.is_empty() || is_reference || SWITCHES.contains(&value.to_ascii_lowercase().as_str()))
}

/// Letters and digits mixed, as many and as different as in keys and tokens; or a number that is made to be unique.
fn looks_random(text: &str) -> bool {
    let parts: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '+').collect();
    let is_key = |part: &&str| {
        let different: BTreeSet<char> = part.chars().collect();
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        let letters = part.bytes().filter(u8::is_ascii_alphabetic).count();
        part.len() >= RANDOM && different.len() >= DIFFERENT && digits >= 2 && letters >= 2
    };
    // RFC 9562: 8-4-4-4-12.
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    parts.iter().any(is_key) || lengths.windows(5).any(|five| five == [8, 4, 4, 4, 12])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(line: &[&str]) -> (String, bool) {
        let arguments: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        let shown = redact(&arguments);
        (shown.arguments.join(" "), shown.gives_secret)
    }

    #[test]
    fn what_is_a_secret_by_its_name_is_hidden() {
        for (line, expected) in [
            (&["app", "--db-password=hunter2"][..], "app --db-password=***"),
            (&["app", "--db-password", "hunter2", "run"], "app --db-password *** run"),
            (&["app", "--db-password", "hunter 2", "run"], "app --db-password *** run"),
            (&["java", "-Ddb.password=hunter2"], "java -Ddb.password=***"),
            (&["env", "PGPASSWORD=hunter2", "psql"], "env PGPASSWORD=*** psql"),
            (&["/usr/bin/mysql", "-uroot", "-phunter2"], "/usr/bin/mysql -uroot -p***"),
            (&["mariadb-dump", "--password=hunter2", "db"], "mariadb-dump --password=*** db"),
            (&["sshpass", "-p", "hunter2", "ssh", "h"], "sshpass -p *** ssh h"),
            (&["redis-cli", "-a", "hunter2"], "redis-cli -a ***"),
            (&["curl", "-u", "me:hunter2", "http://h"], "curl -u *** http://h"),
            (&["sh", "-c", "mysql -phunter2 db"], "sh -c mysql -p*** db"),
            (&["sh", "-c", "app --token hunter2"], "sh -c app --token ***"),
            (&["app", r#"{"a": 1, "db_password": "hunter 2", "b": 2}"#], r#"app {"a": 1, "db_password": ***, "b": 2}"#),
            (&["app", r#"{"apiKey":"hunter2"}"#], r#"app {"apiKey":***}"#),
            (&["curl", "-H", "Authorization: Bearer hunter2"], "curl -H Authorization: ***"),
        ] {
            assert_eq!(shown(line), (expected.to_owned(), true), "{line:?}");
        }
    }

    #[test]
    fn what_only_speaks_of_secrets_gives_none() {
        for line in [
            &["mysql", "-u", "root", "-p", "shop"][..],
            &["curl", "-u", "me", "http://h"],
            &["sshd", "-o", "PasswordAuthentication=no"],
            &["app", "--key=/etc/app/tls.key"],
            &["app", "--password-file=/run/secrets/db"],
            &["docker", "login", "--password-stdin", "registry"],
            &["nginx:", "worker", "process"],
            &["/usr/lib/systemd/systemd-journald"],
            &[
                "postgres",
                "-D",
                "/var/lib/postgresql/15/main",
                "-c",
                "config_file=/etc/postgresql/15/main/postgresql.conf",
            ],
        ] {
            assert!(!shown(line).1, "{line:?}");
        }
        let line = ["postgres", "-D", "/var/lib/postgresql/15/main"];
        assert_eq!(shown(&line).0, line.join(" "));
    }

    #[test]
    fn what_looks_like_a_key_is_hidden_and_told_of_no_name() {
        for line in [
            ["app", "sk_live_4eC39HqLyjWDarjtT1zdp7dc"],
            ["app", "--id=0123456789abcdef0123456789abcdef"],
            ["app", "7c9e6679-7425-40de-944b-e07fc1f90ae7"],
        ] {
            let (text, gives) = shown(&line);
            assert!(text.ends_with("***") && !gives, "{text}");
        }
        assert_eq!(shown(&["/x/x86_64-unknown-linux-gnu/bin/app"]).0, "/x/x86_64-unknown-linux-gnu/bin/app");
        assert_eq!(shown(&["app", "postgres://u:hunter2@h/d"]).0, "app postgres://u:***@h/d");
    }

    proptest! {
        #[test]
        fn no_named_secret_comes_through(secret in "[g-zG-Z]{8,20}", which in 0..7_usize) {
            let lines = [
                vec!["app".to_owned(), format!("--api-token={secret}")],
                vec!["app".to_owned(), "--api-token".to_owned(), secret.clone()],
                vec!["sh".to_owned(), "-c".to_owned(), format!("DB_PASSWORD={secret} app")],
                vec!["sh".to_owned(), "-c".to_owned(), format!("app --password {secret}")],
                vec!["mysql".to_owned(), format!("-p{secret}")],
                vec!["app".to_owned(), format!("redis://:{secret}@h:6379")],
                vec!["app".to_owned(), format!("{{\"x\":\"y\",\"client_secret\":\"{secret}\"}}")],
            ];
            let shown = redact(&lines[which]);
            prop_assert!(!shown.arguments.join(" ").contains(&secret), "{:?}", shown);
        }

        #[test]
        fn any_arguments_are_shown(arguments in proptest::collection::vec("\\PC{0,30}", 0..6)) {
            prop_assert_eq!(redact(&arguments).arguments.len(), arguments.len());
        }
    }
}
