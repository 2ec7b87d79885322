//! What the security options of a container mean when nothing but a file is known.

use super::Read;
use crate::value::types::word;
use crate::value::vocabulary::Vocabulary;
use crate::value::{List, Observed, Reason, Value};

/// Whether the system calls of a container are filtered.
pub static SECCOMP: Vocabulary =
    Vocabulary { name: "seccomp", words: &["unconfined", "default", "custom"], ordered: false };

/// Upper case and without `CAP_`.
pub(super) fn bare_capability(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.strip_prefix("CAP_").map_or(upper.clone(), str::to_owned)
}

/// The `security_opt` of a service.
pub(super) struct Options {
    pub(super) given: Read<Vec<String>>,
    pub(super) privileged: Read<bool>,
}

impl Options {
    /// The value of the last option of a name, in either spelling; `Some(None)` when it stands alone.
    fn last(&self, name: &str) -> Read<Option<Option<String>>> {
        let given = self.given.clone()?;
        let of = |option: &String| {
            let (own, value) = match option.find(['=', ':']).and_then(|at| option.split_at_checked(at)) {
                Some((own, value)) => (own, value.get(1..).map(str::to_owned)),
                None => (option.as_str(), None),
            };
            (own == name).then_some(value)
        };
        Ok(given.iter().filter_map(of).next_back())
    }

    /// By the option; without one the daemon's configuration decides.
    pub(super) fn no_new_privileges(&self) -> Read<bool> {
        match self.last("no-new-privileges")? {
            Some(None) => Ok(true),
            Some(Some(value)) => match value.as_str() {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
                "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
                _ => Err(Reason::new("`no-new-privileges` is neither true nor false")),
            },
            None => Err(Reason::new("the file leaves it to the daemon, whose default is off")
                .with_grant("write `security_opt: [no-new-privileges:true]`")),
        }
    }

    /// Absent where the engine's own filter is left in place.
    pub(super) fn seccomp(&self) -> Observed {
        let known = |name| word(&SECCOMP, name).into();
        match (self.last("seccomp"), &self.privileged) {
            (Err(reason), _) => Observed::Unknown(reason),
            (Ok(Some(Some(profile))), _) if profile == "unconfined" => known("unconfined"),
            (_, Err(reason)) => Observed::Unknown(reason.clone()),
            (Ok(None), Ok(true)) => known("unconfined"),
            (Ok(Some(_)), Ok(true)) => {
                Observed::unknown("whether a privileged container's own seccomp profile counts depends on the daemon")
            }
            (Ok(Some(Some(profile))), Ok(false)) if matches!(profile.as_str(), "default" | "builtin") => {
                known("default")
            }
            (Ok(Some(_)), Ok(false)) => known("custom"),
            (Ok(None), Ok(false)) => Observed::Absent,
        }
    }

    pub(super) fn apparmor(&self) -> Read<Option<String>> {
        Ok(self.last("apparmor")?.flatten())
    }

    pub(super) fn selinux_disabled(&self) -> Read<bool> {
        let given = self.given.clone()?;
        Ok(given.iter().any(|option| matches!(option.as_str(), "label=disable" | "label:disable")))
    }

    /// Paths of /proc and /sys that are hidden or read-only: none, or the engine's own list with at least this one.
    pub(super) fn system_paths(&self, one: &str) -> Observed {
        let unconfined = match (self.last("systempaths"), &self.privileged) {
            (Err(reason), _) => return Observed::Unknown(reason),
            (_, Err(reason)) => return Observed::Unknown(reason.clone()),
            (Ok(given), Ok(privileged)) => *privileged || given.flatten().as_deref() == Some("unconfined"),
        };
        system_paths(unconfined, one)
    }
}

/// None, or a list of which one entry is known.
pub(super) fn system_paths(unconfined: bool, one: &str) -> Observed {
    let own = Reason::new("the list is the engine's own");
    let list = match unconfined {
        true => List::default(),
        false => List { items: vec![one.into()], more: Some(own) },
    };
    Observed::Known(Value::List(list))
}
