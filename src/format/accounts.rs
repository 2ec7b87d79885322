//! The account files of a host: passwd(5), shadow(5), group(5), and where else accounts come from (nsswitch.conf(5)).

/// A line of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    /// The second field: `x` sends to shadow(5), empty is no password at all.
    pub password: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
    pub shell: String,
    pub line: usize,
}

/// A line of `/etc/shadow`; days are counted from 1970-01-01 and absent where the field is empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Shadow {
    pub name: String,
    pub password: String,
    pub changed: Option<i64>,
    pub max_days: Option<i64>,
    pub inactive_days: Option<i64>,
    pub expires: Option<i64>,
}

/// A line of `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
    pub line: usize,
}

/// Lines as entries, and the number of the first that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines<T> {
    pub entries: Vec<T>,
    pub strange: Option<usize>,
}

fn lines<T>(text: &str, read: impl Fn(&[&str], usize) -> Option<T>) -> Lines<T> {
    let mut lines = Lines { entries: Vec::new(), strange: None };
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
    {
        let fields: Vec<&str> = line.split(':').collect();
        match read(&fields, index + 1) {
            Some(entry) => lines.entries.push(entry),
            None => drop(lines.strange.get_or_insert(index + 1)),
        }
    }
    lines
}

/// Entries of `/etc/passwd`. Those of NIS (`+::::::`) name nobody here and count as strange.
pub fn users(text: &str) -> Lines<User> {
    lines(text, |fields, line| match fields {
        [name, password, uid, gid, _, home, shell] if is_name(name) => Some(User {
            name: (*name).to_owned(),
            password: (*password).to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: (*home).to_owned(),
            shell: (*shell).to_owned(),
            line,
        }),
        _ => None,
    })
}

/// Entries of `/etc/shadow`.
pub fn shadows(text: &str) -> Lines<Shadow> {
    let days = |text: &&str| text.parse().ok().filter(|days| *days >= 0);
    lines(text, |fields, _| match fields {
        [name, password, changed, _, max, _, inactive, expires, ..] if is_name(name) => Some(Shadow {
            name: (*name).to_owned(),
            password: (*password).to_owned(),
            changed: days(changed),
            max_days: days(max),
            inactive_days: days(inactive),
            expires: days(expires),
        }),
        _ => None,
    })
}

/// Entries of `/etc/group`.
pub fn groups(text: &str) -> Lines<Group> {
    lines(text, |fields, line| match fields {
        [name, _, gid, members] if is_name(name) => Some(Group {
            name: (*name).to_owned(),
            gid: gid.parse().ok()?,
            members: members.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            line,
        }),
        _ => None,
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['+', '-'])
}

/// The sources of a database other than the files (`group: files sss`): accounts that no file shows.
pub fn other_sources(nsswitch: &str, database: &str) -> Vec<String> {
    let line = |line: &str| {
        let (name, sources) = line.split('#').next()?.split_once(':')?;
        (name.trim() == database).then(|| sources.to_owned())
    };
    let Some(sources) = nsswitch.lines().filter_map(line).next_back() else { return Vec::new() };
    // `systemd` makes up the users of units and of nspawn, which have no password and no shell.
    let own = ["files", "systemd", "altfiles", "extrausers"];
    let words = sources.split_whitespace().filter(|word| !word.starts_with('[') && !word.ends_with(']'));
    words.filter(|word| !own.contains(word)).map(str::to_owned).collect()
}

/// What the password field lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Password {
    /// Anybody, without one.
    None,
    /// Nobody: no password has this hash.
    Locked,
    /// Who knows it; with the name of the method (crypt(5)).
    Set(&'static str),
}

impl Password {
    pub fn of(field: &str) -> Self {
        const METHODS: [(&str, &str); 14] = [
            ("$y$", "yescrypt"),
            ("$gy$", "gost-yescrypt"),
            ("$7$", "scrypt"),
            ("$6$", "sha512"),
            ("$5$", "sha256"),
            ("$2a$", "bcrypt"),
            ("$2b$", "bcrypt"),
            ("$2x$", "bcrypt"),
            ("$2y$", "bcrypt"),
            ("$sha1", "sha1"),
            ("$3$", "nt"),
            ("$1$", "md5"),
            ("$md5", "md5"),
            ("_", "des"),
        ];
        if field.is_empty() {
            return Password::None;
        }
        if let Some((_, method)) = METHODS.iter().find(|(prefix, _)| field.starts_with(prefix)) {
            return Password::Set(method);
        }
        let is_des = field.len() == 13 && field.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'));
        match field {
            _ if is_des => Password::Set("des"),
            _ if field.starts_with('$') => Password::Set("other"),
            _ => Password::Locked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read_and_strange_ones_told() {
        let seen = users("root:x:0:0:root:/root:/bin/bash\n\n# c\napp::100:100::/srv:\nbad:x:1\n+::::::\n");
        assert_eq!(seen.entries.len(), 2);
        assert_eq!((seen.entries[1].password.as_str(), seen.entries[1].line, seen.strange), ("", 4, Some(5)));
        let seen = groups("adm:x:4:syslog,ann\nx:y\n");
        assert_eq!((seen.entries[0].members.len(), seen.strange), (2, Some(2)));
        let seen = shadows("a:$6$x:19000:0:99999:7:30::\nb:!::::::1:\n");
        assert_eq!((seen.entries[0].changed, seen.entries[0].max_days), (Some(19_000), Some(99_999)));
        assert_eq!((seen.entries[0].inactive_days, seen.entries[1].expires), (Some(30), Some(1)));
    }

    #[test]
    fn passwords_are_told_by_their_hash() {
        for (field, expected) in [
            ("", Password::None),
            ("!", Password::Locked),
            ("*", Password::Locked),
            ("!$6$salt$hash", Password::Locked),
            ("x", Password::Locked),
            ("$6$salt$hash", Password::Set("sha512")),
            ("$y$j9T$a$b", Password::Set("yescrypt")),
            ("$1$a$b", Password::Set("md5")),
            ("ab01FAX.bQRSU", Password::Set("des")),
            ("$new$", Password::Set("other")),
        ] {
            assert_eq!(Password::of(field), expected, "{field}");
        }
    }

    #[test]
    fn other_sources_are_those_that_no_file_shows() {
        let text = "passwd: files systemd\ngroup:  files [SUCCESS=merge] sss # c\nshadow: files\n";
        assert_eq!(other_sources(text, "group"), ["sss"]);
        assert!(other_sources(text, "passwd").is_empty() && other_sources("", "passwd").is_empty());
        assert_eq!(other_sources("passwd: compat", "passwd"), ["compat"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([a-z+]{0,5}(:[a-z0-9,$]{0,6}){0,9}\n|\\PC*\n)*") {
            let _ = (users(&text), groups(&text), shadows(&text), other_sources(&text, "a"), Password::of(&text));
        }
    }
}
