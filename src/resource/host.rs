//! `host`: what runs here and whether it still gets security updates, and has them.

mod support;
mod updates;

use std::path::Path;

use crate::facts::{Basis, Listing, Subject};
use crate::resource::{Field, Resource, With, field};
use crate::target::host::{Host, Trouble};
use crate::target::{Door, Kind};
use crate::value::types::Dialect;
use crate::value::{Observed, Reason, Record, Type, Value, Version};

/// Where os-release(5) is; the first that exists counts.
const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
/// Bytes of it, and of the small files in /proc.
const LIMIT: u64 = 64 << 10;
/// What asks for a reboot on Debian and Ubuntu, and what puts that there.
const REBOOT_REQUIRED: &str = "/run/reboot-required";
const REBOOT_NOTIFIERS: [&str; 2] =
    ["/usr/share/update-notifier/notify-reboot-required", "/etc/kernel/postinst.d/unattended-upgrades"];
/// Lists of an archive that are older tell nothing of today.
const MAX_AGE: i64 = 7 * 86_400;

static TEXT: Type = Type::Text;

const FIELDS: &[Field] = &[
    field("os_id", Type::Text, "ID", "the distribution: `debian`, `alpine`; absent when os-release(5) does not say"),
    field("os_version", Type::Version, "VERSION_ID", "its version; absent on rolling ones"),
    field("os_codename", Type::Text, "VERSION_CODENAME", "the name of that version; absent when it has none"),
    field(
        "end_of_life",
        Type::Time,
        "",
        "the end of the security updates that everybody gets (Debian's LTS included, Ubuntu's Pro not), by the vendors' tables as of November 2026; unknown for what these do not have",
    ),
    field("kernel", Type::Text, "/proc/sys/kernel/osrelease", "the running kernel's release; absent with --root"),
    field("boot_time", Type::Time, "/proc/stat btime", "when the system was started; absent with --root"),
    field(
        "reboot_required",
        Type::Bool(Dialect::Plain),
        "/run/reboot-required",
        "whether an update asked for a reboot; unknown where nothing is installed that would note it; absent with --root",
    ),
    field(
        "security_updates",
        Type::List(&TEXT),
        "",
        "installed packages that the lists of the security archive have in a later version, `openssl 3.0.11-1 -> 3.0.13-1`, pinned ones too; unknown without such lists, when they are older than a week, and without dpkg",
    ),
    field(
        "security_lists_made",
        Type::Time,
        "Date",
        "when the archive made the security lists that apt fetched last, the oldest of several",
    ),
];

pub(super) static HOST: Resource = Resource {
    name: "host",
    about: "The operating system: its release and end of life, its kernel, and security updates that wait (Debian and Ubuntu).",
    privilege: "any user",
    params: &[],
    fields: FIELDS,
    can_be_absent: false,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, _: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("an operating system is that of a host")) };
    let now = crate::value::time::now();
    host.run(move |host| look(host, host.is_live(), now)).await.unwrap_or_else(Listing::failed)
}

fn look(host: &Host, live: bool, now: i64) -> Listing {
    let release = OsRelease::read(host);
    let codename = release.value("VERSION_CODENAME");
    let mut subject = Subject::new(&HOST, "this host", release.origin(), Basis::Live);
    let fields = &mut subject.fields;
    release.set(fields);
    set_running(fields, host, live);
    set_updates(fields, host, codename, now);
    Listing::complete(vec![subject])
}

/// The text of a small file.
fn text(host: &Host, path: &str) -> Result<Option<String>, Reason> {
    match host.read(Path::new(path), LIMIT) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(Trouble::Absent) => Ok(None),
        Err(Trouble::Unseen(reason)) => Err(reason),
    }
}

/// What os-release(5) says.
struct OsRelease {
    path: &'static str,
    /// Empty when there is none.
    text: Result<String, Reason>,
}

impl OsRelease {
    fn read(host: &Host) -> Self {
        for path in OS_RELEASE {
            match text(host, path) {
                Ok(Some(text)) => return OsRelease { path, text: Ok(text) },
                Ok(None) => {}
                Err(reason) => return OsRelease { path, text: Err(reason) },
            }
        }
        OsRelease { path: "", text: Ok(String::new()) }
    }

    fn origin(&self) -> &'static str {
        if self.path.is_empty() { "/" } else { self.path }
    }

    /// What the last line that sets the name sets it to; quotes as a shell has them around a whole word.
    fn value(&self, name: &str) -> Option<&str> {
        let lines = self.text.as_deref().unwrap_or_default().lines().filter_map(|line| line.trim().split_once('='));
        let own = lines.filter(|(key, _)| *key == name);
        own.map(|(_, value)| value.trim_matches(['"', '\''])).next_back().filter(|value| !value.is_empty())
    }

    fn set(&self, fields: &mut Record) {
        if let Err(reason) = &self.text {
            for name in ["os_id", "os_version", "os_codename", "end_of_life"] {
                fields.set(name, Observed::Unknown(reason.clone()));
            }
            return;
        }
        let (id, version) = (self.value("ID"), self.value("VERSION_ID"));
        fields.set("os_id", Observed::from_option(id));
        let parsed =
            version.map(|text| Version::parse(text).map_or_else(|| Value::Invalid(text.into()), Value::Version));
        fields.set("os_version", Observed::from_option(parsed));
        fields.set("os_codename", Observed::from_option(self.value("VERSION_CODENAME")));
        let (id, version) = (id.unwrap_or("a system without a name"), version.unwrap_or_default());
        let end = support::end(id, version).map(|end| Observed::from(Value::Time(end)));
        let missing = || Observed::unknown(format!("harden does not know until when {id} {version} is supported"));
        fields.set("end_of_life", end.unwrap_or_else(missing));
    }
}

fn set_running(fields: &mut Record, host: &Host, live: bool) {
    if !live {
        ["kernel", "boot_time", "reboot_required"].iter().for_each(|name| fields.set(name, Observed::Absent));
        return;
    }
    let seen =
        |path: &str| text(host, path).and_then(|text| text.ok_or_else(|| Reason::new(format!("there is no {path}"))));
    let kernel = seen("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned());
    fields.set("kernel", kernel.map_or_else(Observed::Unknown, Observed::from));
    fields.set("boot_time", boot_time(host).map_or_else(Observed::Unknown, |time| Value::Time(time).into()));
    fields.set("reboot_required", reboot_required(host));
}

/// `/proc/stat` is long on large machines: one line for each interrupt.
fn boot_time(host: &Host) -> Result<i64, Reason> {
    let unread = || Reason::new("cannot read btime in /proc/stat");
    let bytes = host.read(Path::new("/proc/stat"), 16 << 20).map_err(|_| unread())?;
    let text = String::from_utf8_lossy(&bytes);
    let time = text.lines().find_map(|line| line.strip_prefix("btime "));
    time.and_then(|time| time.trim().parse().ok()).ok_or_else(unread)
}

fn reboot_required(host: &Host) -> Observed {
    let is_there = |path: &str| host.resolve(Path::new(path));
    match is_there(REBOOT_REQUIRED) {
        Ok(_) => true.into(),
        Err(Trouble::Unseen(reason)) => Observed::Unknown(reason),
        Err(Trouble::Absent) if REBOOT_NOTIFIERS.iter().any(|path| is_there(path).is_ok()) => false.into(),
        Err(Trouble::Absent) => Observed::Unknown(
            Reason::new("nothing on this host notes that a reboot is needed")
                .with_grant("install unattended-upgrades or update-notifier-common"),
        ),
    }
}

fn set_updates(fields: &mut Record, host: &Host, codename: Option<&str>, now: i64) {
    let (made, waiting) = match updates::lists(host, codename) {
        Ok(lists) => {
            let days = now.saturating_sub(lists.made) / 86_400;
            let waiting = if now.saturating_sub(lists.made) > MAX_AGE {
                let reason = Reason::new(format!("the lists of the security archive are {days} days old"));
                Observed::Unknown(reason.with_grant("run apt-get update"))
            } else {
                let list = updates::pending(host, &lists).map(|all| all.into_iter().collect::<Value>());
                list.map_or_else(Observed::Unknown, Observed::from)
            };
            (Value::Time(lists.made).into(), waiting)
        }
        Err(Some(reason)) => (Observed::Unknown(reason.clone()), Observed::Unknown(reason)),
        Err(None) => {
            let reason = Reason::new("its packages are not dpkg's, and harden reads no other database");
            (Observed::Unknown(reason.clone()), Observed::Unknown(reason))
        }
    };
    fields.set("security_lists_made", made);
    fields.set("security_updates", waiting);
}

#[cfg(test)]
mod tests {
    use super::updates::tests::{RELEASE_TEXT, STATUS_TEXT, write};
    use super::*;
    use crate::target::host::tests::host;

    fn get(host: &Host, live: bool, now: &str, field: &str) -> String {
        let listing = look(host, live, crate::value::time::parse(now).unwrap());
        let [seen] = listing.subjects.as_slice() else { panic!("{listing:?}") };
        assert!(!seen.fields.fields.contains(&Observed::unknown("not read")), "{seen:?}");
        seen.fields.get(field).unwrap().to_string()
    }

    const TODAY: &str = "2026-11-22T00:00:00Z";

    #[test]
    fn the_system_is_told_as_far_as_it_is_known() {
        let (root, host) = host();
        let root = root.path();
        assert_eq!(get(&host, false, TODAY, "os_id"), "absent");
        assert!(get(&host, false, TODAY, "end_of_life").starts_with("unknown"));
        assert!(get(&host, false, TODAY, "security_updates").contains("not dpkg's"));
        write(root, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n");
        for (field, expected) in [
            ("os_id", "debian"),
            ("os_version", "12"),
            ("os_codename", "bookworm"),
            ("end_of_life", "2028-07-01T00:00:00Z"),
            ("kernel", "absent"),
            ("reboot_required", "absent"),
        ] {
            assert_eq!(get(&host, false, TODAY, field), expected, "{field}");
        }
        assert!(get(&host, true, TODAY, "kernel").starts_with("unknown"), "a running system has a kernel");
        write(root, "proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
        write(root, "proc/stat", "cpu 1 2\nbtime 1700000000\n");
        assert_eq!(get(&host, true, TODAY, "kernel"), "6.1.0-18-amd64");
        assert_eq!(get(&host, true, TODAY, "boot_time"), "2023-11-14T22:13:20Z");
        assert!(get(&host, true, TODAY, "reboot_required").contains("nothing on this host notes"));
        write(root, "etc/kernel/postinst.d/unattended-upgrades", "");
        assert_eq!(get(&host, true, TODAY, "reboot_required"), "false");
        write(root, "run/reboot-required", "");
        assert_eq!(get(&host, true, TODAY, "reboot_required"), "true");
    }

    #[test]
    fn old_lists_tell_nothing_of_today() {
        let (root, host) = host();
        let stem = "var/lib/apt/lists/deb.debian.org_debian-security_dists_bookworm-security";
        write(root.path(), "var/lib/dpkg/status", STATUS_TEXT);
        write(root.path(), &format!("{stem}_InRelease"), RELEASE_TEXT);
        write(root.path(), &format!("{stem}_main_binary-amd64_Packages"), "Package: x\n");
        assert_eq!(get(&host, false, TODAY, "security_updates"), "none");
        assert_eq!(get(&host, false, TODAY, "security_lists_made"), "2026-11-21T10:11:12Z");
        assert!(get(&host, false, "2026-11-29T00:00:00Z", "security_updates").contains("7 days old"));
    }
}
