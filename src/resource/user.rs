//! `user`: an account of the account files, and how it can be logged in to.

use crate::facts::{Basis, Listing, Subject};
use crate::format::accounts::{self, Password, Shadow, User};
use crate::glob::Glob;
use crate::resource::accounts::{Accounts, PASSWD, SHADOW, groups, text, users};
use crate::resource::{Accepts, Field, Param, Resource, With, field};
use crate::target::host::Host;
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Reason, Record, Type, Value};

const BOOL: Type = Type::Bool(Dialect::Plain);
const DAY: i64 = 86_400;
/// Programs that end a log-in instead of serving it.
const NO_SHELLS: [&str; 5] = ["nologin", "false", "sync", "halt", "shutdown"];

/// What the password field lets in, the most first.
static PASSWORD: Vocabulary = Vocabulary { name: "password", words: &["none", "set", "locked"], ordered: false };
/// Methods of crypt(5).
static HASH: Vocabulary = Vocabulary {
    name: "password_hash",
    words: &["des", "md5", "nt", "sha1", "bcrypt", "sha256", "sha512", "scrypt", "gost-yescrypt", "yescrypt", "other"],
    ordered: false,
};

const FIELDS: &[Field] = &[
    field("name", Type::Text, "", "the name to log in with"),
    field("uid", Type::Integer, "", "its number; 0 is root whatever the name"),
    field("gid", Type::Integer, "", "the number of its own group"),
    field("group", Type::Text, "", "the name of its own group; absent when no group has the number"),
    field("home", Type::Text, "", "its home directory"),
    field("shell", Type::Text, "", "the program that a log-in starts; absent when none is named, which is /bin/sh"),
    field(
        "login_shell",
        BOOL,
        "",
        "whether that program serves a log-in: all do but nologin, false, sync, halt and shutdown",
    ),
    field("uid_shared", BOOL, "", "whether another account has the same number"),
    field("name_repeated", BOOL, "", "whether the file names it twice"),
    field(
        "password",
        Type::Word(&PASSWORD),
        "shadow(5)",
        "`none` is let in without one, `locked` by none; absent when shadow(5) has no line for it, which lets in nobody",
    ),
    field("hash", Type::Word(&HASH), "shadow(5)", "how its password is hashed (crypt(5)); absent when none is set"),
    field(
        "hash_in_passwd",
        BOOL,
        "passwd(5)",
        "whether the hash stands in /etc/passwd, which every user reads, or no password is asked for there",
    ),
    field("password_changed", Type::Time, "shadow(5)", "the day on which its password was set; absent when not noted"),
    field("password_max_age", Type::Duration, "shadow(5)", "after which it has to be changed; absent when never"),
    field(
        "password_inactive",
        Type::Duration,
        "shadow(5)",
        "how long after that a log-in is still let in to change it; absent when for ever",
    ),
    field("expires", Type::Time, "shadow(5)", "the day on which the account ends; absent when never"),
];

pub(super) static USER: Resource = Resource {
    name: "user",
    about: "An account of /etc/passwd, with what /etc/shadow says of it. Accounts of a directory service are not asked for; where there is one, the list is open.",
    privilege: "any user; root, or group shadow, for what /etc/shadow says",
    params: &[Param {
        name: "name",
        accepts: Accepts::Text,
        required: false,
        about: "the account's name (`*` allowed); every account when not given",
    }],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("accounts are those of a host")) };
    let name = crate::resource::text(with, "name").to_owned();
    host.run(move |host| look(host, &name)).await.unwrap_or_else(Listing::failed)
}

fn look(host: &Host, name: &str) -> Listing {
    let Accounts { entries, more } = match users(host) {
        Ok(Some(accounts)) => accounts,
        Ok(None) => return Listing::absent(format!("{PASSWD} does not exist")),
        Err(reason) => return Listing::failed(reason),
    };
    let shadows = shadows(host);
    let groups = groups(host).map(|groups| groups.map(|groups| groups.entries).unwrap_or_default());
    let glob = Glob::new(if name.is_empty() { "*" } else { name });
    let subject = |user: &User| {
        let origin = format!("{PASSWD}:{}", user.line);
        let mut subject = Subject::new(&USER, user.name.as_str(), origin, Basis::Live);
        set_passwd(&mut subject.fields, user, &entries);
        let named = groups.as_ref().map(|groups| groups.iter().find(|group| group.gid == user.gid));
        subject.fields.set(
            "group",
            match named {
                Ok(group) => Observed::from_option(group.map(|group| group.name.as_str())),
                Err(reason) => Observed::Unknown(reason.clone()),
            },
        );
        set_password(&mut subject.fields, user, &shadows);
        subject
    };
    let subjects: Vec<Subject> = entries.iter().filter(|user| glob.matches(&user.name)).map(subject).collect();
    match more {
        Some(reason) if subjects.is_empty() => Listing::failed(reason),
        Some(reason) => Listing::partial(subjects, reason),
        None if subjects.is_empty() => Listing::absent(format!("{PASSWD} has no account {name}")),
        None => Listing::complete(subjects),
    }
}

fn set_passwd(fields: &mut Record, user: &User, all: &[User]) {
    let others = |same: &dyn Fn(&User) -> bool| all.iter().filter(|other| same(other)).count() > 1;
    let program = user.shell.rsplit('/').next().unwrap_or_default();
    fields.set("name", user.name.as_str());
    fields.set("uid", i64::from(user.uid));
    fields.set("gid", i64::from(user.gid));
    fields.set("home", user.home.as_str());
    fields.set("shell", Observed::from_option(Some(user.shell.as_str()).filter(|shell| !shell.is_empty())));
    fields.set("login_shell", !NO_SHELLS.contains(&program));
    fields.set("uid_shared", others(&|other| other.uid == user.uid));
    fields.set("name_repeated", others(&|other| other.name == user.name));
    fields.set("hash_in_passwd", Password::of(&user.password) != Password::Locked);
}

/// The first line of each name counts, as getspnam(3) reads it.
fn shadows(host: &Host) -> Result<Vec<Shadow>, Reason> {
    let text = text(host, SHADOW)?.unwrap_or_default();
    let lines = accounts::shadows(&text);
    match lines.strange {
        Some(line) => Err(Reason::new(format!("cannot parse {SHADOW}:{line}"))),
        None => Ok(lines.entries),
    }
}

fn set_password(fields: &mut Record, user: &User, shadows: &Result<Vec<Shadow>, Reason>) {
    let days = |days: Option<i64>| Observed::from_option(days.map(|days| Value::Time(days.saturating_mul(DAY))));
    let span = |days: Option<i64>| Observed::from_option(days.map(|days| Value::Duration(days.saturating_mul(DAY))));
    let names = ["password", "hash", "password_changed", "password_max_age", "password_inactive", "expires"];
    // Only `x` sends to shadow(5); pam_unix(8) takes anything else for the hash itself.
    let (field, shadow) = match (user.password.as_str(), shadows) {
        ("x", Err(reason)) => {
            names.iter().for_each(|name| fields.set(name, Observed::Unknown(reason.clone())));
            return;
        }
        ("x", Ok(shadows)) => match shadows.iter().find(|shadow| shadow.name == user.name) {
            Some(shadow) => (shadow.password.as_str(), Some(shadow)),
            None => {
                names.iter().for_each(|name| fields.set(name, Observed::Absent));
                return;
            }
        },
        (own, _) => (own, None),
    };
    let (password, hash) = match Password::of(field) {
        Password::None => ("none", Observed::Absent),
        Password::Locked => ("locked", Observed::Absent),
        Password::Set(method) => ("set", word(&HASH, method).into()),
    };
    fields.set("password", word(&PASSWORD, password));
    fields.set("hash", hash);
    fields.set("password_changed", days(shadow.and_then(|shadow| shadow.changed)));
    fields.set("password_max_age", span(shadow.and_then(|shadow| shadow.max_days).filter(|days| *days < 99_999)));
    fields.set("password_inactive", span(shadow.and_then(|shadow| shadow.inactive_days)));
    fields.set("expires", days(shadow.and_then(|shadow| shadow.expires)));
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::facts::Extent;
    use crate::target::host::tests::host;

    fn get(listing: &Listing, name: &str, field: &str) -> String {
        let seen = listing.subjects.iter().find(|subject| &*subject.name == name).unwrap();
        assert!(!seen.fields.fields.contains(&Observed::unknown("not read")), "{seen:?}");
        seen.fields.get(field).unwrap().to_string()
    }

    #[test]
    fn an_account_is_told_with_its_password() {
        let (root, host) = host();
        let write = |path: &str, text: &str| {
            fs::create_dir_all(root.path().join("etc")).unwrap();
            fs::write(root.path().join(path), text).unwrap();
        };
        assert!(matches!(look(&host, "").extent, Extent::Absent(_)));
        write(
            "etc/passwd",
            "root:x:0:0::/root:/bin/bash\ntoor:x:0:0::/:\nold:ab01FAX.bQRSU:7:70::/:/usr/sbin/nologin\nopen::8:0::/:/bin/sh\nlost:x:9:0::/:/bin/false\n",
        );
        write("etc/group", "root:x:0:\n");
        write("etc/shadow", "root:$y$j9T$a$b:19000:0:90:7:30:20000:\ntoor:!:19000:0:99999:7:::\n");
        let seen = look(&host, "");
        assert_eq!(seen.extent, Extent::Complete);
        for (name, field, expected) in [
            ("root", "password", "set"),
            ("root", "hash", "yescrypt"),
            ("root", "hash_in_passwd", "false"),
            ("root", "password_changed", "2022-01-08T00:00:00Z"),
            ("root", "password_max_age", "90d"),
            ("root", "password_inactive", "30d"),
            ("root", "expires", "2024-10-04T00:00:00Z"),
            ("root", "uid_shared", "true"),
            ("root", "login_shell", "true"),
            ("toor", "password", "locked"),
            ("toor", "hash", "absent"),
            ("toor", "shell", "absent"),
            ("toor", "login_shell", "true"),
            ("toor", "password_max_age", "absent"),
            ("old", "hash", "des"),
            ("old", "hash_in_passwd", "true"),
            ("old", "login_shell", "false"),
            ("old", "group", "absent"),
            ("open", "password", "none"),
            ("open", "hash_in_passwd", "true"),
            ("lost", "password", "absent"),
        ] {
            assert_eq!(get(&seen, name, field), expected, "{name} {field}");
        }
        assert!(!format!("{seen:?}").contains("j9T"), "no part of a hash is kept");
        assert_eq!(look(&host, "ro*").subjects.len(), 1);
        assert!(matches!(look(&host, "nobody").extent, Extent::Absent(_)));
        write("etc/nsswitch.conf", "passwd: files sss\n");
        assert!(matches!(look(&host, "").extent, Extent::Partial(_)));
        assert!(matches!(look(&host, "nobody").extent, Extent::Failed(_)), "the directory may have it");
        write("etc/shadow", "nonsense\n");
        assert!(get(&look(&host, ""), "root", "password").contains("cannot parse /etc/shadow:1"));
    }
}
