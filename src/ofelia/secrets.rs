//! Secrets that stand where everybody reads them: in an INI file, or in a label.

use std::collections::BTreeMap;

use super::settings::{Configuration, Setting};

/// Keys that hold a secret as a whole, folded.
const SECRETS: [&str; 3] = ["websecretkey", "smtppassword", "secret"];
/// Keys of addresses that hold a secret when the service behind them asks for nothing else.
const ADDRESSES: [&str; 2] = ["slackwebhook", "url"];

/// The keys of the files whose secret is written out, with their places: `[global] smtp-password (path:line)`.
pub fn in_files(configuration: &Configuration) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |section: String, settings: &BTreeMap<String, Setting>| {
        let written =
            settings.iter().filter(|(key, setting)| setting.values.iter().any(|value| is_written(key, value)));
        found.extend(written.map(|(_, setting)| format!("[{section}] {} ({})", setting.key, setting.place)));
    };
    look("global".to_owned(), &configuration.global);
    for webhook in &configuration.webhooks {
        look(format!("webhook \"{}\"", webhook.name), &webhook.settings);
    }
    for job in &configuration.jobs {
        look(format!("{} \"{}\"", job.kind.word(), job.name), &job.settings);
    }
    found
}

fn is_written(key: &str, value: &super::expand::Expanded) -> bool {
    if SECRETS.contains(&key) {
        return value.literal;
    }
    // An address around a reference to its secret part is no secret.
    let text = value.text.as_deref().unwrap_or_default();
    ADDRESSES.contains(&key)
        && value.references.is_empty()
        && (key == "slackwebhook" || has_token(text))
        && !text.is_empty()
}

/// Whether an address carries what only its owner should know: user information, a query, a long part of mixed letters
/// and digits.
fn has_token(url: &str) -> bool {
    const TOKEN: usize = 16;
    let Some((_, rest)) = url.split_once("://") else { return false };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_token = |part: &str| {
        part.len() >= TOKEN
            && part.contains(|c: char| c.is_ascii_digit())
            && part.contains(|c: char| c.is_ascii_alphabetic())
    };
    host.contains('@') || path.contains('?') || path.split('/').any(is_token)
}

/// Labels that hold a secret: whoever may ask the daemon about containers reads them.
pub fn in_labels(container: &str, labels: &BTreeMap<String, String>) -> Vec<String> {
    let is_secret = |(label, value): &(&String, &String)| {
        let key = label.rsplit('.').next().unwrap_or_default();
        let key = super::fold(key);
        label.starts_with("ofelia.")
            && !value.is_empty()
            && (SECRETS.contains(&key.as_str())
                || key == "slackwebhook"
                || key.contains("password")
                || (key == "url" && has_token(value)))
    };
    let found = labels.iter().filter(is_secret);
    found.map(|(label, _)| format!("{label} (container {container})")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::expand::tests::environment;
    use super::super::settings::tests::file;
    use super::*;

    #[test]
    fn a_secret_is_a_reference_or_it_is_told() {
        let text = "[global]\nsmtp-password = hunter2\nweb-secret-key = ${KEY}\nslack-webhook = https://hooks.slack.com/services/T/B/x\n\
                    [webhook \"a\"]\nsecret = ${S:-x}\nurl = https://ntfy.internal/jobs\n\
                    [webhook \"b\"]\nsecret = ${S:-}\nurl = https://discord.com/api/webhooks/1234567890123456a/${T}\n\
                    [webhook \"c\"]\nurl = https://example.org/hook?key=1\n";
        let read = Configuration::read(&[file(text)], &environment(&[("KEY", "k")], false));
        let place = |line: usize| format!("(/etc/ofelia/config.ini:{line})");
        assert_eq!(
            in_files(&read),
            [
                format!("[global] slack-webhook {}", place(4)),
                format!("[global] smtp-password {}", place(2)),
                format!("[webhook \"a\"] secret {}", place(6)),
                format!("[webhook \"c\"] url {}", place(12)),
            ]
        );
    }

    #[test]
    fn labels_are_no_place_for_secrets() {
        let labels = [
            ("ofelia.webhook.x.secret", "s"),
            ("ofelia.smtp-password", ""),
            ("ofelia.job-run.a.image", "x"),
            ("app.secret", "s"),
        ];
        let labels = labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        assert_eq!(in_labels("web", &labels), ["ofelia.webhook.x.secret (container web)"]);
    }
}
