//! The settings that the daemon ends up with.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;

use super::arguments::Arguments;
use super::jobs::DEFAULT_USER;
use super::settings::Configuration;
use super::{fold, go_bool};
use crate::manifest::Read;
use crate::target::Environment;
use crate::value::{Reason, Value};

/// A daemon with everything that it is told.
pub struct Daemon {
    pub arguments: Arguments,
    pub environment: Environment,
    pub configuration: Configuration,
    /// Those of its own container.
    pub labels: Read<BTreeMap<String, String>>,
}

/// What a setting is: a text that the daemon would not take for its type is one too.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<T> {
    Is(T),
    /// The text, which ends the daemon or its configuration.
    Invalid(String),
    Unknown(Reason),
}

impl<T> Answer<T> {
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Answer::Is(value) => Answer::Is(change(value)),
            Answer::Invalid(text) => Answer::Invalid(text),
            Answer::Unknown(reason) => Answer::Unknown(reason),
        }
    }
}

impl<T: Into<Value>> From<Answer<T>> for crate::value::Observed {
    fn from(answer: Answer<T>) -> Self {
        match answer {
            Answer::Is(value) => value.into().into(),
            Answer::Invalid(text) => Value::Invalid(text.into()).into(),
            Answer::Unknown(reason) => crate::value::Observed::Unknown(reason),
        }
    }
}

impl Daemon {
    /// What the flag is given, else the variable that stands for it.
    fn started_with(&self, flag: &str, variable: &str) -> Read<Option<String>> {
        if let Some(given) = self.arguments.flag(flag)? {
            return Ok(Some(given));
        }
        match self.environment.variable(variable).map_err(Clone::clone)? {
            None => Ok(None),
            Some(variable) => match &variable.value {
                Ok(value) => Ok(Some(value.expose_secret().to_owned())),
                Err(reason) => Err(reason.clone()),
            },
        }
    }

    /// `--web-address` and `OFELIA_WEB_ADDRESS`, by the key of the file.
    fn given(&self, key: &str) -> Read<Option<String>> {
        self.started_with(key, &format!("OFELIA_{}", key.to_uppercase().replace('-', "_")))
    }

    /// The path, or the pattern, of the files that it loads.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn config(arguments: &Arguments, environment: &Environment) -> Read<String> {
        if let Some(given) = arguments.flag("config")? {
            return Ok(given);
        }
        match environment.variable("OFELIA_CONFIG").map_err(Clone::clone)? {
            Some(variable) => {
                variable.value.as_ref().map(|value| value.expose_secret().to_owned()).map_err(Clone::clone)
            }
            None => Ok(super::CONFIG.to_owned()),
        }
    }

    /// A switch that is off unless a flag, a variable or the files turn it on: none of them turns it off again.
    pub fn switch(&self, key: &str) -> Answer<bool> {
        let given = match self.given(key) {
            // A variable that is set to nothing is a flag without a value.
            Ok(Some(text)) if text.is_empty() => Ok(true),
            Ok(Some(text)) => match go_bool(&text) {
                Some(on) => Ok(on),
                None => return Answer::Invalid(text),
            },
            Ok(None) => Ok(false),
            Err(reason) => Err(reason),
        };
        match (given, self.in_files(key)) {
            (Ok(true), _) => Answer::Is(true),
            (_, Answer::Is(true)) => Answer::Is(true),
            (Err(reason), _) => Answer::Unknown(reason),
            (Ok(false), files) => files,
        }
    }

    /// A boolean of `[global]`, off when it is not set.
    pub fn in_files(&self, key: &str) -> Answer<bool> {
        match self.configuration.global(key) {
            Ok(None) => Answer::Is(false),
            Ok(Some(setting)) => match setting.text() {
                Ok("") => Answer::Is(false),
                Ok(text) => go_bool(text).map_or_else(|| Answer::Invalid(text.to_owned()), Answer::Is),
                Err(reason) => Answer::Unknown(reason),
            },
            Err(reason) => Answer::Unknown(reason),
        }
    }

    /// The same where a label of its container may turn it on.
    pub fn in_files_or_labels(&self, key: &str) -> Answer<bool> {
        let files = self.in_files(key);
        match (&files, self.label(key)) {
            (Answer::Is(true), _) => files,
            (_, Ok(Some(text))) if go_bool(&text) == Some(true) => Answer::Is(true),
            (Answer::Is(false), Err(reason)) => Answer::Unknown(reason),
            (_, _) => files,
        }
    }

    /// A number, by a flag, a variable or the files. The default counts as not given wherever it stands.
    pub fn number(&self, key: &str, default: i64) -> Answer<i64> {
        match self.given(key).map(|given| given.map(|text| text.trim().parse::<i64>().map_err(|_| text))) {
            Ok(Some(Ok(number))) if number != default => return Answer::Is(number),
            Ok(Some(Err(text))) => return Answer::Invalid(text),
            Ok(_) => {}
            Err(reason) => return Answer::Unknown(reason),
        }
        match self.configuration.global(key) {
            Ok(None) => Answer::Is(default),
            Ok(Some(setting)) => match setting.text() {
                Ok(text) => match text.parse() {
                    Ok(0) => Answer::Is(default),
                    Ok(number) => Answer::Is(number),
                    Err(_) => Answer::Invalid(text.to_owned()),
                },
                Err(reason) => Answer::Unknown(reason),
            },
            Err(reason) => Answer::Unknown(reason),
        }
    }

    /// A text, by a flag, a variable or the files; `None` when all leave it at the default.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub fn text(&self, key: &str, default: &str) -> Read<Option<String>> {
        match self.given(key)? {
            Some(text) if text != default && !text.is_empty() => Ok(Some(text)),
            _ => self.of_files(key),
        }
    }

    /// A text of `[global]`; `None` when it is not set, or set to nothing.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub fn of_files(&self, key: &str) -> Read<Option<String>> {
        let Some(setting) = self.configuration.global(key)? else { return Ok(None) };
        Ok(Some(setting.text()?.to_owned()).filter(|text| !text.is_empty()))
    }

    /// The same where a label of its container counts when the files say nothing.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub fn of_files_or_labels(&self, key: &str) -> Read<Option<String>> {
        match self.of_files(key)? {
            Some(text) => Ok(Some(text)),
            None => self.label(key),
        }
    }

    /// Items of a list, by flags, a variable or the files.
    ///
    /// # Errors
    /// Why they cannot be told.
    pub fn list(&self, key: &str) -> Read<Vec<String>> {
        let items = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        };
        match self.given(key)? {
            Some(text) if !text.is_empty() => Ok(items(&text)),
            _ => match self.configuration.global(key)? {
                None => Ok(Vec::new()),
                Some(setting) => {
                    Ok(setting.texts().collect::<Read<Vec<&str>>>()?.into_iter().flat_map(items).collect())
                }
            },
        }
    }

    /// Whether it listens to the engine's events: a variable or a flag counts before the files here.
    pub fn docker_events(&self) -> Answer<bool> {
        let text = match self.started_with("docker-events", "OFELIA_DOCKER_EVENTS") {
            Ok(Some(text)) => text,
            Err(reason) => return Answer::Unknown(reason),
            Ok(None) => match (&self.configuration.unread, self.configuration.docker.get("events")) {
                (Some(reason), _) => return Answer::Unknown(reason.clone()),
                (None, None) => return Answer::Is(true),
                (None, Some(setting)) => match setting.text() {
                    Ok(text) => text.to_owned(),
                    Err(reason) => return Answer::Unknown(reason),
                },
            },
        };
        go_bool(&text).map_or(Answer::Invalid(text), Answer::Is)
    }

    /// The user of jobs that name none; empty when it is left to the image or the container.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub fn default_user(&self) -> Read<String> {
        match self.configuration.global("default-user")? {
            None => Ok(DEFAULT_USER.to_owned()),
            Some(setting) => Ok(setting.text()?.to_owned()),
        }
    }

    /// What the label `ofelia.KEY` of its own container says.
    fn label(&self, key: &str) -> Read<Option<String>> {
        let labels = self.labels.as_ref().map_err(Clone::clone)?;
        let wanted = fold(key);
        let mut found = labels.iter().filter_map(|(label, value)| Some((label.strip_prefix("ofelia.")?, value)));
        Ok(found.find(|(name, _)| fold(name) == wanted).map(|(_, value)| value.clone()).filter(|text| !text.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::expand::tests::environment;
    use super::super::settings::tests::file;
    use super::*;

    fn daemon(variables: &[(&str, &str)], ini: &str) -> Daemon {
        let environment = environment(variables, false);
        let configuration = Configuration::read(&[file(ini)], &environment);
        Daemon { arguments: Arguments::none(), environment, configuration, labels: Ok(BTreeMap::new()) }
    }

    #[test]
    fn a_switch_that_the_file_turns_on_stays_on() {
        let both = daemon(&[("OFELIA_ENABLE_WEB", "false")], "[global]\nenable-web = true\n");
        assert_eq!(both.switch("enable-web"), Answer::Is(true));
        assert_eq!(daemon(&[("OFELIA_ENABLE_WEB", "")], "").switch("enable-web"), Answer::Is(true));
        assert_eq!(daemon(&[("OFELIA_ENABLE_WEB", "0")], "").switch("enable-web"), Answer::Is(false));
        assert_eq!(daemon(&[("OFELIA_ENABLE_WEB", "yes")], "").switch("enable-web"), Answer::Invalid("yes".into()));
        assert_eq!(daemon(&[], "[global]\nEnable_Web = t\n").switch("enable-web"), Answer::Is(true));
    }

    #[test]
    fn a_number_that_is_the_default_counts_as_not_given() {
        let ini = "[global]\nweb-token-expiry = 8760\n";
        assert_eq!(daemon(&[("OFELIA_WEB_TOKEN_EXPIRY", "24")], ini).number("web-token-expiry", 24), Answer::Is(8760));
        assert_eq!(daemon(&[("OFELIA_WEB_TOKEN_EXPIRY", "8")], ini).number("web-token-expiry", 24), Answer::Is(8));
        assert_eq!(daemon(&[], "").number("web-token-expiry", 24), Answer::Is(24));
        assert_eq!(daemon(&[], "[global]\nweb-token-expiry = 0\n").number("web-token-expiry", 24), Answer::Is(24));
    }

    #[test]
    fn flags_go_before_variables_before_files() {
        let mut daemon = daemon(&[("OFELIA_WEB_ADDRESS", ":8080")], "[global]\nweb-address = 127.0.0.1:1\n");
        assert_eq!(daemon.text("web-address", ":8081"), Ok(Some(":8080".into())));
        daemon.arguments = Arguments::of(Ok(vec!["daemon".into(), "--web-address=:9".into()]));
        assert_eq!(daemon.text("web-address", ":8081"), Ok(Some(":9".into())));
        daemon.arguments = Arguments::of(Ok(vec!["daemon".into(), "--web-address=:8081".into()]));
        assert_eq!(daemon.text("web-address", ":8081"), Ok(Some("127.0.0.1:1".into())));
    }

    #[test]
    fn what_was_not_seen_is_decided_only_where_it_cannot_matter() {
        let environment = environment(&[], true);
        let configuration = Configuration::read(&[file("[global]\nenable-web = true\n")], &environment);
        let daemon =
            Daemon { arguments: Arguments::none(), environment, configuration, labels: Err(Reason::new("not seen")) };
        assert_eq!(daemon.switch("enable-web"), Answer::Is(true));
        assert!(matches!(daemon.switch("web-auth-enabled"), Answer::Unknown(_)));
        assert!(matches!(daemon.number("web-token-expiry", 24), Answer::Unknown(_)));
        assert!(daemon.of_files_or_labels("smtp-host").is_err());
        assert!(matches!(daemon.in_files_or_labels("enable-strict-validation"), Answer::Unknown(_)));
    }

    #[test]
    fn labels_only_add() {
        let mut daemon = daemon(&[], "[global]\nsmtp-host = a\nenable-strict-validation = true\n");
        daemon.labels = Ok([
            ("ofelia.smtp-host", "b"),
            ("ofelia.smtp-tls-skip-verify", "true"),
            ("ofelia.enable-strict-validation", "false"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into());
        assert_eq!(daemon.of_files_or_labels("smtp-host"), Ok(Some("a".into())));
        assert_eq!(daemon.in_files_or_labels("smtp-tls-skip-verify"), Answer::Is(true));
        assert_eq!(daemon.in_files_or_labels("enable-strict-validation"), Answer::Is(true));
    }
}
