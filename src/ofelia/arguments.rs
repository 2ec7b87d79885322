//! The daemon's flags, as go-flags reads them: `--name value`, `--name=value`, and boolean ones without a value.

use crate::manifest::Read;
use crate::value::Reason;

/// What the daemon is started with after its own name.
#[derive(Debug, Clone)]
pub struct Arguments(Read<Vec<String>>);

/// Flags that need no value.
const BOOLEAN: [&str; 6] =
    ["enable-web", "web-auth-enabled", "enable-pprof", "docker-events", "docker-no-poll", "docker-include-stopped"];

impl Arguments {
    /// Those of a command line, of which those before the program itself (an init, a shell) are left out.
    pub fn of(command: Read<Vec<String>>) -> Self {
        Arguments(command.and_then(|words| {
            let is_ofelia = |word: &String| word.rsplit('/').next() == Some("ofelia");
            let at = words.iter().position(is_ofelia).map_or(0, |at| at + 1);
            let rest: Vec<String> = words.into_iter().skip(at).collect();
            match rest.iter().any(|word| word == "daemon") {
                true => Ok(rest),
                false => Err(Reason::new("it is not started as `ofelia daemon`, so that its flags are not known")),
            }
        }))
    }

    /// No flags at all.
    pub fn none() -> Self {
        Arguments(Ok(Vec::new()))
    }

    /// Flags that nobody sees.
    pub fn unseen(reason: Reason) -> Self {
        Arguments(Err(reason))
    }

    /// What the flag is given, the last time that it is; `true` for a boolean one without a value.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn flag(&self, name: &str) -> Read<Option<String>> {
        let words = self.0.as_ref().map_err(Clone::clone)?;
        let mut value = None;
        let mut words = words.iter().take_while(|word| *word != "--").peekable();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix("--") else { continue };
            match flag.split_once('=') {
                Some((flag, given)) if flag == name => value = Some(given.to_owned()),
                Some(_) => {}
                None if BOOLEAN.contains(&flag) => {
                    if flag == name {
                        value = Some("true".to_owned());
                    }
                }
                None => {
                    let given = words.next();
                    if flag == name {
                        value = given.cloned();
                    }
                }
            }
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flag(command: &str, name: &str) -> Option<String> {
        Arguments::of(Ok(command.split(' ').map(str::to_owned).collect())).flag(name).unwrap()
    }

    #[test]
    fn flags_have_their_values_beside_or_behind_them() {
        let command = "/sbin/tini -g -- /usr/bin/ofelia daemon --config=/a.ini --enable-web --web-address :80 -f x";
        assert_eq!(flag(command, "config").as_deref(), Some("/a.ini"));
        assert_eq!(flag(command, "enable-web").as_deref(), Some("true"));
        assert_eq!(flag(command, "web-address").as_deref(), Some(":80"));
        assert_eq!(flag(command, "web-auth-enabled"), None);
        assert_eq!(flag("daemon --enable-web=false", "enable-web").as_deref(), Some("false"));
        assert_eq!(flag("daemon --web-username --config", "config"), None, "a flag's value is no flag");
    }

    #[test]
    fn another_program_has_other_flags() {
        assert!(Arguments::of(Ok(vec!["sh".into(), "-c".into()])).flag("config").is_err());
    }

    proptest! {
        #[test]
        fn no_words_make_it_panic(words in proptest::collection::vec("-{0,2}[a=/é ]{0,5}|ofelia|daemon", 0..6)) {
            let _ = Arguments::of(Ok(words)).flag("a");
        }
    }
}
