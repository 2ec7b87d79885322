//! What a container may do: its user, capabilities, and the filters on it.

use serde_json::Value as Json;

use crate::manifest::SECCOMP;
use crate::resource::capabilities::names;
use crate::resource::docker_engine::Engine;
use crate::resource::docker_json::{Read, at, is_root_user, maybe, seen, seen_or_absent, seen_texts};
use crate::target::docker::Process;
use crate::value::types::word;
use crate::value::{Observed, Reason, Record};

/// What Podman gives every container (containers.conf(5), `default_capabilities`, as shipped).
const PODMAN_DEFAULTS: [&str; 11] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// As many as one adds back by name after dropping all.
const ADDED_BACK: usize = 3;

/// What the fields are made of.
pub(super) struct Subject<'a> {
    pub(super) inspected: &'a Json,
    pub(super) daemon: &'a Engine,
    /// `None` when it does not run.
    pub(super) process: Read<Option<&'a Process>>,
}

/// Sets the fields about the user and what it may do.
pub(super) fn set(fields: &mut Record, of: &Subject<'_>) {
    let json = of.inspected;
    let process = of.process.clone();
    let user = at(json, "Config.User").text().map(|user| if user.is_empty() { "0" } else { user });
    fields.set("user", seen(user));
    fields.set("effective_uid", seen_or_absent(process.clone().map(|p| p.map(|p| i64::from(p.uid)))));
    fields.set("root_in_container", seen(of.is_root()));
    fields.set("userns_remapped", seen(of.is_remapped()));
    fields.set("privileged", seen(at(json, "HostConfig.Privileged").bool()));
    let (added, dropped) = of.capabilities();
    fields.set("cap_add", seen_texts(added));
    fields.set("cap_drop", seen_texts(dropped));
    let held = |bits: fn(&Process) -> u64| of.process.clone().map(|p| p.map(|p| names(bits(p))));
    fields.set("effective_capabilities", seen_or_absent(held(|process| process.effective)));
    fields.set("bounding_capabilities", seen_or_absent(held(|process| process.bounding)));
    fields.set("security_opt", seen_texts(options(json).map(|options| options.into_iter().map(shorten))));
    fields.set("no_new_privileges", seen(of.no_new_privileges()));
    fields.set("seccomp", of.seccomp().map_or_else(Observed::Unknown, |name| word(&SECCOMP, name).into()));
    fields.set("apparmor", seen_or_absent(of.apparmor()));
    fields.set("selinux_disabled", seen(of.selinux_disabled()));
    fields.set("masked_paths", seen_texts(of.paths("HostConfig.MaskedPaths")));
    fields.set("readonly_paths", seen_texts(of.paths("HostConfig.ReadonlyPaths")));
}

/// Upper case and without `CAP_`: the daemon accepts both spellings and older ones keep what they were given.
fn capabilities(json: &Json, path: &str) -> Read<Vec<String>> {
    let bare = |name: &str| {
        let upper = name.to_ascii_uppercase();
        upper.strip_prefix("CAP_").map_or(upper.clone(), str::to_owned)
    };
    Ok(at(json, path).texts()?.into_iter().map(bare).collect())
}

fn options(json: &Json) -> Read<Vec<&str>> {
    at(json, "HostConfig.SecurityOpt").texts()
}

/// A seccomp profile is kept as the whole JSON document; nobody wants to read it here.
fn shorten(option: &str) -> String {
    match split(option) {
        ("seccomp", Some(profile)) if profile.trim_start().starts_with('{') => "seccomp=<profile>".to_owned(),
        _ => option.to_owned(),
    }
}

/// `name=value`, in older spelling `name:value`.
fn split(option: &str) -> (&str, Option<&str>) {
    match option.find(['=', ':']).and_then(|at| Some((option.get(..at)?, option.get(at + 1..)))) {
        Some((name, value)) => (name, value),
        None => (option, None),
    }
}

impl Subject<'_> {
    /// Added and dropped, as they were asked for. Podman tells only how the outcome differs from its defaults: when few of
    /// those are left, all were dropped and the rest added back, or the same was said in more words.
    fn capabilities(&self) -> (Read<Vec<String>>, Read<Vec<String>>) {
        let added = capabilities(self.inspected, "HostConfig.CapAdd");
        let dropped = capabilities(self.inspected, "HostConfig.CapDrop");
        let (Ok(true), Ok(gone), Ok(extra)) = (self.daemon.is_podman(), &dropped, &added) else {
            return (added, dropped);
        };
        let is_gone = |name: &&str| gone.iter().any(|gone| gone == name);
        let kept: Vec<String> =
            PODMAN_DEFAULTS.iter().filter(|name| !is_gone(name)).map(|name| (*name).to_owned()).collect();
        if kept.len() > ADDED_BACK {
            return (added, dropped);
        }
        (Ok(extra.iter().cloned().chain(kept).collect()), Ok(vec!["ALL".to_owned()]))
    }

    /// Podman leaves these out of its answer whether they are hidden or not.
    fn paths(&self, path: &str) -> Read<Vec<&str>> {
        let paths = at(self.inspected, path).texts()?;
        if paths.is_empty() && self.daemon.is_podman()? {
            return Err(Reason::new(format!("Podman does not tell {path}")));
        }
        Ok(paths)
    }

    /// By the process when it can be seen, else by the configured user.
    fn is_root(&self) -> Read<bool> {
        if let Ok(Some(process)) = &self.process {
            return process.uid_inside.map(|uid| uid == 0).ok_or_else(|| {
                Reason::new(format!("user {} outside has no number inside the container", process.uid))
            });
        }
        let user = at(self.inspected, "Config.User").text()?;
        is_root_user(user).ok_or_else(|| {
            let why = match &self.process {
                Err(reason) => reason.text.to_string(),
                Ok(_) => "it does not run".to_owned(),
            };
            Reason::new(format!("only the image knows the number of the user `{user}`, and {why}"))
        })
    }

    fn is_remapped(&self) -> Read<bool> {
        if let Ok(Some(process)) = &self.process {
            return Ok(process.remapped);
        }
        if self.daemon.option("rootless")?.is_some() {
            return Ok(true);
        }
        match at(self.inspected, "HostConfig.UsernsMode").text()? {
            "host" => Ok(false),
            "" => Ok(self.daemon.option("userns")?.is_some()),
            // Podman's auto, keep-id, nomap, private: a user namespace of the container's own.
            _ => Ok(true),
        }
    }

    /// The option counts, the last of several; else the process; else the daemon's default.
    fn no_new_privileges(&self) -> Read<bool> {
        let given = options(self.inspected)?.into_iter().map(split).rfind(|(name, _)| *name == "no-new-privileges");
        match given {
            Some((_, None)) => return Ok(true),
            Some((_, Some(value))) => {
                return match value {
                    "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
                    "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
                    _ => Err(Reason::new(format!("`no-new-privileges={value}` is neither true nor false"))),
                };
            }
            None => {}
        }
        if let Ok(Some(Process { no_new_privileges: Some(set), .. })) = self.process {
            return Ok(*set);
        }
        self.daemon.no_new_privileges()
    }

    fn seccomp(&self) -> Read<&'static str> {
        let given = options(self.inspected)?.into_iter().map(split).rfind(|(name, _)| *name == "seccomp");
        let privileged = at(self.inspected, "HostConfig.Privileged").bool()?;
        let running = match &self.process {
            Ok(Some(process)) => process.seccomp,
            Ok(None) | Err(_) => None,
        };
        match given {
            Some((_, Some("unconfined"))) => Ok("unconfined"),
            _ if running == Some(0) => Ok("unconfined"),
            Some((_, Some("default" | "builtin"))) if !privileged => Ok("default"),
            Some((_, Some(_))) if !privileged || running == Some(2) => Ok("custom"),
            Some(_) => {
                Err(Reason::new("whether a privileged container's own seccomp profile counts depends on the daemon"))
            }
            None if privileged => Ok("unconfined"),
            None => Ok(match self.daemon.option("seccomp")? {
                None | Some("unconfined") => "unconfined",
                Some("" | "default" | "builtin") => "default",
                Some(_) => "custom",
            }),
        }
    }

    /// Absent where the daemon has no AppArmor, unless the container was told to go without.
    fn apparmor(&self) -> Read<Option<String>> {
        let given = options(self.inspected)?.into_iter().map(split).rfind(|(name, _)| *name == "apparmor");
        let profile = match given {
            Some((_, Some(profile))) => Some(profile),
            Some((_, None)) | None => maybe(self.inspected, "AppArmorProfile").some_text()?,
        };
        if profile.is_some() {
            return Ok(profile.map(str::to_owned));
        }
        if self.daemon.option("apparmor")?.is_none() {
            return Ok(None);
        }
        if at(self.inspected, "HostConfig.Privileged").bool()? {
            return Ok(Some("unconfined".to_owned()));
        }
        Err(Reason::new("the daemon names the profile only once the container has run"))
    }

    /// The daemon adds one `label=disable` of its own for privileged containers and the host's pid or ipc namespace.
    fn selinux_disabled(&self) -> Read<bool> {
        let options = options(self.inspected)?;
        let disabled = options.iter().filter(|option| matches!(split(option), ("label", Some("disable")))).count();
        let is_host = |path| maybe(self.inspected, path).some_text().map(|mode| mode == Some("host"));
        let implied = at(self.inspected, "HostConfig.Privileged").bool()?
            || is_host("HostConfig.PidMode")?
            || is_host("HostConfig.IpcMode")?;
        Ok(disabled > usize::from(implied))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn daemon(options: &[&str], version: &str) -> Engine {
        Engine::read(Ok(&json!({ "SecurityOptions": options })), Ok(&json!({ "Version": version })))
    }

    fn container(user: &str, options: &[&str], privileged: bool) -> Json {
        json!({
            "Config": { "User": user },
            "AppArmorProfile": "",
            "HostConfig": { "SecurityOpt": options, "Privileged": privileged, "UsernsMode": "", "PidMode": "", "IpcMode": "private" },
        })
    }

    fn process(uid: u32) -> Process {
        Process {
            uid,
            uid_inside: Some(uid),
            remapped: false,
            effective: 0,
            bounding: 1 << 13 | 1 << 50,
            no_new_privileges: Some(false),
            seccomp: Some(2),
        }
    }

    fn ask<'a, T>(
        json: &'a Json,
        daemon: &'a Engine,
        process: Option<&'a Process>,
        question: impl FnOnce(&Subject<'a>) -> T,
    ) -> T {
        question(&Subject { inspected: json, daemon, process: Ok(process) })
    }

    #[test]
    fn the_process_decides_who_it_is() {
        let daemon = daemon(&[], "20.10.24");
        let root = container("", &[], false);
        assert_eq!(ask(&root, &daemon, None, Subject::is_root), Ok(true));
        assert_eq!(ask(&root, &daemon, Some(&process(999)), Subject::is_root), Ok(false));
        let named = container("app", &[], false);
        assert!(ask(&named, &daemon, None, Subject::is_root).unwrap_err().text.contains("does not run"));
        assert_eq!(ask(&named, &daemon, Some(&process(0)), Subject::is_root), Ok(true));
        assert_eq!(ask(&container("1000:0", &[], false), &daemon, None, Subject::is_root), Ok(false));
    }

    #[test]
    fn no_new_privileges_has_three_spellings_and_a_default() {
        let old = daemon(&["name=seccomp,profile=default"], "20.10.24+dfsg1");
        let judge = |options: &[&str], daemon: &Engine, process: Option<&Process>| {
            ask(&container("", options, false), daemon, process, Subject::no_new_privileges)
        };
        for on in ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true", "no-new-privileges=1"] {
            assert_eq!(judge(&[on], &old, None), Ok(true), "{on}");
        }
        assert_eq!(judge(&["no-new-privileges:false"], &daemon(&["name=no-new-privileges"], "27.0"), None), Ok(false));
        assert!(judge(&["no-new-privileges:yes"], &old, None).is_err());
        assert!(judge(&[], &old, None).is_err(), "an old daemon does not tell");
        assert_eq!(judge(&[], &old, Some(&process(0))), Ok(false));
        assert_eq!(judge(&[], &daemon(&["name=no-new-privileges"], "24.0.1"), None), Ok(true));
        assert_eq!(judge(&[], &daemon(&[], "24.0.1"), None), Ok(false));
    }

    #[test]
    fn the_filters_that_apply() {
        let seccomp = |options: &[&str], privileged, daemon: &Engine| {
            ask(&container("", options, privileged), daemon, None, Subject::seccomp)
        };
        let default = daemon(&["name=seccomp,profile=builtin"], "24.0");
        assert_eq!(seccomp(&[], false, &default), Ok("default"));
        assert_eq!(seccomp(&["seccomp=unconfined"], false, &default), Ok("unconfined"));
        assert_eq!(seccomp(&["seccomp:unconfined"], false, &default), Ok("unconfined"));
        assert_eq!(seccomp(&["seccomp={\"x\":1}"], false, &default), Ok("custom"));
        assert_eq!(seccomp(&[], true, &default), Ok("unconfined"));
        assert_eq!(seccomp(&[], false, &daemon(&[], "24.0")), Ok("unconfined"));
        assert_eq!(seccomp(&[], false, &daemon(&["name=seccomp,profile=/etc/p.json"], "24.0")), Ok("custom"));
        assert_eq!(shorten("seccomp={\"x\":1}"), "seccomp=<profile>");
        let apparmor = |json: &Json, daemon: &Engine| ask(json, daemon, None, Subject::apparmor);
        assert_eq!(apparmor(&container("", &[], false), &default), Ok(None));
        let armed = daemon(&["name=apparmor"], "24.0");
        assert_eq!(apparmor(&container("", &[], true), &armed), Ok(Some("unconfined".into())));
        assert!(apparmor(&container("", &[], false), &armed).is_err());
        let given = container("", &["apparmor=unconfined"], false);
        assert_eq!(apparmor(&given, &default), Ok(Some("unconfined".into())));
    }

    #[test]
    fn a_label_that_nobody_asked_for() {
        let daemon = daemon(&[], "24.0");
        let disabled = |json: &Json| ask(json, &daemon, None, Subject::selinux_disabled);
        assert_eq!(disabled(&container("", &["label=disable"], false)), Ok(true));
        assert_eq!(disabled(&container("", &["label=disable"], true)), Ok(false));
        assert_eq!(disabled(&container("", &["label=disable", "label=disable"], true)), Ok(true));
        let mut host = container("", &["label=disable"], false);
        host["HostConfig"]["PidMode"] = json!("host");
        assert_eq!(disabled(&host), Ok(false));
    }

    #[test]
    fn capabilities_have_one_spelling() {
        let json = json!({ "HostConfig": { "CapAdd": ["cap_net_admin", "SYS_TIME", "all"], "CapDrop": null } });
        assert_eq!(capabilities(&json, "HostConfig.CapAdd").unwrap(), ["NET_ADMIN", "SYS_TIME", "ALL"]);
        assert!(capabilities(&json, "HostConfig.CapDrop").unwrap().is_empty());
        assert!(capabilities(&json, "HostConfig.CapX").is_err());
    }
}
