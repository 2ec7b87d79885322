//! What looks like a secret: files by their names, and private keys and tokens by their form. Nothing of a text is handed
//! on but the number of the line.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

/// Bytes of a private key's text that have to be there, so that a mention of its first line is none.
const KEY: usize = 40;
/// Different characters of a token; placeholders have fewer.
const DIFFERENT: usize = 8;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// A word of the resource's vocabulary.
    pub kind: &'static str,
    /// From 1; `None` where the file as a whole is one.
    pub line: Option<usize>,
}

/// Words for all kinds.
pub const KINDS: &[&str] = &[
    "env-file",
    "credentials-file",
    "key-store",
    "kubeconfig",
    "terraform-state",
    "private-key",
    "github-token",
    "gitlab-token",
    "aws-key",
    "slack-token",
    "vault-token",
    "pullbase-token",
    "pulumi-token",
    "stripe-key",
    "google-key",
    "npm-token",
    "pypi-token",
    "digitalocean-token",
    "sendgrid-key",
    "docker-token",
    "age-key",
];

/// Names of files, in lower case, that hold secrets whatever is in them.
const NAMES: [(&str, &str); 17] = [
    ("id_rsa", "private-key"),
    ("id_dsa", "private-key"),
    ("id_ecdsa", "private-key"),
    ("id_ed25519", "private-key"),
    ("kubeconfig", "kubeconfig"),
    (".netrc", "credentials-file"),
    ("_netrc", "credentials-file"),
    (".pgpass", "credentials-file"),
    (".my.cnf", "credentials-file"),
    (".htpasswd", "credentials-file"),
    (".git-credentials", "credentials-file"),
    (".dockercfg", "credentials-file"),
    (".dockerconfigjson", "credentials-file"),
    (".vault_pass", "credentials-file"),
    (".vault-token", "credentials-file"),
    (".pypirc", "credentials-file"),
    (".s3cfg", "credentials-file"),
];
const ENDS: [(&str, &str); 12] = [
    (".env", "env-file"),
    (".p12", "key-store"),
    (".pfx", "key-store"),
    (".jks", "key-store"),
    (".keystore", "key-store"),
    (".kdbx", "key-store"),
    (".ppk", "private-key"),
    (".tfstate", "terraform-state"),
    (".tfstate.backup", "terraform-state"),
    (".kubeconfig", "kubeconfig"),
    (".aws/credentials", "credentials-file"),
    (".kube/config", "kubeconfig"),
];
/// Parts of names of files that are examples.
const EXAMPLES: [&str; 9] = ["example", "sample", "template", "dist", "default", "defaults", "tmpl", "schema", "test"];

/// Whether a file by this path holds secrets, by its name alone.
pub fn by_path(path: &str) -> Option<&'static str> {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    if name.split(['.', '-', '_']).any(|part| EXAMPLES.contains(&part)) {
        return None;
    }
    if name.starts_with(".env.") {
        return Some("env-file");
    }
    let by_name = NAMES.iter().find(|(wanted, _)| *wanted == name);
    let by_end = || ENDS.iter().find(|(end, _)| lower.ends_with(end));
    by_name.or_else(by_end).map(|(_, kind)| *kind)
}

/// Forms of tokens: the part that is random is the group.
const TOKENS: [(&str, &str); 18] = [
    ("github-token", r"\bgh[pousr]_([A-Za-z0-9]{36,255})\b"),
    ("github-token", r"\bgithub_pat_([A-Za-z0-9_]{60,255})\b"),
    ("gitlab-token", r"\bgl(?:pat|rt|dt|ptt|soat)-([A-Za-z0-9_-]{20,64})"),
    ("aws-key", r"\b(?:AKIA|ASIA)([A-Z2-7]{16})\b"),
    ("slack-token", r"\bxox[abprs]-([0-9A-Za-z-]{20,255})"),
    ("slack-token", r"https://hooks\.slack\.com/services/(T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,})"),
    ("vault-token", r"\bhv[sbr]\.([A-Za-z0-9_-]{24,255})"),
    ("pullbase-token", r"\bpbt_([A-Za-z0-9_-]{16,255})"),
    ("pulumi-token", r"\bpul-([0-9a-f]{40})\b"),
    ("stripe-key", r"\b[sr]k_live_([A-Za-z0-9]{20,255})\b"),
    ("google-key", r"\bAIza([A-Za-z0-9_-]{35})\b"),
    ("npm-token", r"\bnpm_([A-Za-z0-9]{36})\b"),
    ("pypi-token", r"\bpypi-AgE([A-Za-z0-9_-]{50,500})"),
    ("digitalocean-token", r"\bdo[opr]_v1_([a-f0-9]{64})\b"),
    ("sendgrid-key", r"\bSG\.([A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})\b"),
    ("docker-token", r"\bdckr_pat_([A-Za-z0-9_-]{20,64})"),
    ("age-key", r"\bAGE-SECRET-KEY-1([0-9A-Z]{58})\b"),
    // The header of a key, an end of line as a text may write it, and what is encoded.
    ("private-key", r"-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH) )?PRIVATE KEY-----(?:\s|\\[nr])*([A-Za-z0-9+/=\s\\]{40,})"),
];

/// What each of them has in it: most files hold none, and are looked through once.
static MARKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let marks = "gh[pousr]_|github_pat_|gl(?:pat|rt|dt|ptt|soat)-|A[KS]IA|xox[abprs]-|hooks\\.slack|hv[sbr]\\.|pbt_|pul-|k_live_|\
                 AIza|npm_|pypi-AgE|do[opr]_v1_|SG\\.|dckr_pat_|AGE-SECRET|PRIVATE KEY-----";
    RegexBuilder::new(marks).unicode(false).build().ok()
});

static FORMS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let form =
        |(kind, text): &(&'static str, &str)| Some((*kind, RegexBuilder::new(text).unicode(false).build().ok()?));
    TOKENS.iter().filter_map(form).collect()
});

/// Whether a file keeps its content encrypted: SOPS, git-crypt, Ansible's vault, age.
fn is_encrypted(content: &[u8]) -> bool {
    let starts: [&[u8]; 4] =
        [b"\0GITCRYPT\0", b"$ANSIBLE_VAULT;", b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----"];
    starts.iter().any(|start| content.starts_with(start))
        || (contains(content, b"ENC[AES256_GCM,") && contains(content, b"sops"))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The secrets of a file with this path and content. Binary content is not looked into, as git would not show it.
pub fn find(path: &str, content: &[u8]) -> Vec<Secret> {
    if is_encrypted(content) {
        return Vec::new();
    }
    let mut found: Vec<Secret> = Vec::new();
    if let Some(kind) = by_path(path).filter(|_| !content.is_empty()) {
        found.push(Secret { kind, line: None });
    }
    if content.iter().take(8000).any(|byte| *byte == 0) {
        return found;
    }
    if MARKS.as_ref().is_some_and(|marks| !marks.is_match(content)) {
        return found;
    }
    for (kind, form) in FORMS.iter() {
        for captures in form.captures_iter(content) {
            let (Some(whole), Some(random)) = (captures.get(0), captures.get(1)) else { continue };
            if is_placeholder(random.as_bytes(), kind) {
                continue;
            }
            let before = content.get(..whole.start()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            if !found.iter().any(|one| one.kind == *kind && one.line == Some(line)) {
                found.push(Secret { kind, line: Some(line) });
            }
        }
    }
    found
}

/// Texts of documentation: `AKIAIOSFODNN7EXAMPLE`, `ghp_xxxxxxxx…`.
fn is_placeholder(random: &[u8], kind: &str) -> bool {
    if kind == "private-key" {
        let encoded =
            random.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')).count();
        return encoded < KEY;
    }
    let different: BTreeSet<u8> = random.iter().copied().collect();
    let upper = random.to_ascii_uppercase();
    different.len() < DIFFERENT || contains(&upper, b"EXAMPLE") || contains(&upper, b"XXXXXX")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_files() {
        for (path, kind) in [
            (".env", Some("env-file")),
            ("app/.env.production", Some("env-file")),
            ("prod.env", Some("env-file")),
            (".env.example", None),
            ("env.sample.env", None),
            ("deploy/id_rsa", Some("private-key")),
            ("id_rsa.pub", None),
            ("x/terraform.tfstate", Some("terraform-state")),
            (".kube/config", Some("kubeconfig")),
            ("config", None),
            ("environment.rs", None),
            ("server.p12", Some("key-store")),
        ] {
            assert_eq!(by_path(path), kind, "{path}");
        }
    }

    #[test]
    fn forms_of_tokens() {
        let body = "aB3dE5fG7hI9jK1lM2nO4pQ6rS8tU0vW2xY4";
        let short = "aB3dE5fG7hI9jK1lM2nO";
        let find = |text: &str| {
            find("notes.txt", text.as_bytes()).into_iter().map(|one| (one.kind, one.line)).collect::<Vec<_>>()
        };
        assert_eq!(find(&format!("x\ntoken = ghp_{}\n", body)), [("github-token", Some(2))]);
        assert_eq!(find(&format!("glpat-{}", short)), [("gitlab-token", Some(1))]);
        assert_eq!(find("id AKIA2345ABCDEFGHIJKL"), [("aws-key", Some(1))]);
        assert_eq!(find("AKIAIOSFODNN7EXAMPLE ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), []);
        let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{body}{body}\n");
        assert_eq!(find(&key), [("private-key", Some(1))]);
        assert_eq!(find(&key.replace('\n', "\\n")), [("private-key", Some(1))]);
        assert_eq!(find("text.contains(\"-----BEGIN PRIVATE KEY-----\")"), []);
        assert_eq!(find(&format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}{body}")), []);
        assert_eq!(super::find(".env", b""), []);
        assert_eq!(super::find(".env", b"A=1").len(), 1);
        assert_eq!(super::find("s.env", b"A=ENC[AES256_GCM,data:x]\nsops_version=3\n"), []);
        assert!(FORMS.len() == TOKENS.len() && MARKS.is_some());
        assert!(TOKENS.iter().chain(&ENDS.map(|(_, kind)| (kind, ""))).all(|(kind, _)| KINDS.contains(kind)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(path in "\\PC{0,20}", content in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = find(&path, &content);
        }
    }
}
