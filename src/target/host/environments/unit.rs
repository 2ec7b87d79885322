//! The environment that systemd gives a unit: its file with drop-ins, `Environment=`, `EnvironmentFile=`,
//! `PassEnvironment=` and `UnsetEnvironment=` (systemd.exec(5)), found where systemd.unit(5) says. What the manager adds
//! by itself (`PATH`, `DefaultEnvironment=`, `systemctl set-environment`) is not in it.

use super::{assignments, last_of_each, variable};
use crate::facts::Basis;
use crate::format::dotenv::Dialect;
use crate::format::unit;
use crate::target::host::units::{self, Sourced, section};
use crate::target::host::{Host, Trouble};
use crate::target::{Environment, Variable, unresolved};
use crate::value::Reason;

/// `None` when there is no such unit, or it is masked.
pub(super) fn read(host: &Host, name: &str) -> Result<Option<Environment>, Reason> {
    let Some(unit) = units::read(host, name, None)?.filter(|unit| !unit.masked) else { return Ok(None) };
    let origin = unit.path.display().to_string();
    let variables = unit.directives.and_then(|directives| environment(host, name, &directives));
    Ok(Some(Environment {
        owner: format!("unit {name}"),
        origin,
        basis: Basis::Declared,
        variables,
        unseen: Vec::new(),
    }))
}

fn environment(host: &Host, name: &str, directives: &[Sourced]) -> Result<Vec<Variable>, Reason> {
    let (mut set, mut passed, mut files, mut unset) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for Sourced { path, directive } in directives.iter().filter(|one| one.directive.section == section(name)) {
        let origin = format!("{}:{}", path.display(), directive.line);
        let of_words = |words: Vec<String>| words.into_iter().map(|name| (name, origin.clone()));
        match (directive.key.as_str(), directive.value.as_str()) {
            // An empty assignment takes back what was set before.
            ("Environment", "") => set.clear(),
            ("PassEnvironment", "") => passed.clear(),
            ("EnvironmentFile", "") => files.clear(),
            ("UnsetEnvironment", "") => unset.clear(),
            ("Environment", value) => set.extend(unit::assignments(value).into_iter().map(|one| Variable {
                name: one.name,
                value: one.value.ok_or_else(unresolved),
                origin: Some(origin.clone()),
            })),
            ("PassEnvironment", value) => passed.extend(of_words(unit::words(value))),
            ("EnvironmentFile", value) => files.push(value.to_owned()),
            ("UnsetEnvironment", value) => unset.extend(unit::words(value)),
            _ => {}
        }
    }
    // What the manager's own environment holds is not known here.
    let passed =
        passed.into_iter().map(|(name, origin)| Variable { name, value: Err(unresolved()), origin: Some(origin) });
    let mut all: Vec<Variable> = passed.chain(set).collect();
    for file in &files {
        all.extend(environment_file(host, file)?);
    }
    let mut all = last_of_each(all);
    all.retain(|variable| !unset.contains(&variable.name));
    // `NAME=value` in UnsetEnvironment= removes the name only with this very value.
    if unset.iter().any(|word| word.contains('=')) {
        return Err(Reason::new("UnsetEnvironment= removes values that harden does not compare"));
    }
    Ok(all)
}

/// The variables of an `EnvironmentFile=`; `-` before it says that it may be missing, else the unit does not start.
fn environment_file(host: &Host, value: &str) -> Result<Vec<Variable>, Reason> {
    let (pattern, optional) = value.strip_prefix('-').map_or((value, false), |pattern| (pattern, true));
    let pattern = unit::resolve_specifiers(pattern.trim_matches('"')).ok_or_else(|| {
        Reason::new(format!("EnvironmentFile={value} holds a specifier that harden does not resolve"))
    })?;
    if !pattern.starts_with('/') {
        return Ok(Vec::new());
    }
    let matches = host.find(&pattern)?;
    if let Some(reason) = matches.more {
        return Err(reason);
    }
    if matches.paths.is_empty() && !optional {
        return Err(Reason::new(format!("EnvironmentFile={value} does not exist, so that the unit does not start")));
    }
    let mut all = Vec::new();
    for path in matches.paths {
        match assignments(host, &path, Dialect::Systemd) {
            Ok(read) => all.extend(read.into_iter().map(|one| variable(one, &path))),
            Err(Trouble::Absent) => {}
            Err(Trouble::Unseen(reason)) => return Err(reason),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret;

    use super::super::super::tests::host;
    use super::*;

    fn values(environment: Environment) -> Vec<(String, Option<String>, String)> {
        let show = |v: Variable| (v.name, v.value.ok().map(|v| v.expose_secret().to_owned()), v.origin.unwrap());
        environment.variables.unwrap().into_iter().map(show).collect()
    }

    fn unit_world() -> (tempfile::TempDir, Host) {
        let (root, host) = host();
        for dir in [
            "etc/systemd/system/app.service.d",
            "usr/lib/systemd/system/app.service.d",
            "run/systemd/system",
            "etc/systemd/system/service.d",
        ] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        (root, host)
    }

    #[test]
    fn drop_ins_and_files_take_effect_in_systemds_order() {
        let (root, host) = unit_world();
        let write = |path: &str, text: &str| fs::write(root.path().join(path), text).unwrap();
        write(
            "usr/lib/systemd/system/app.service",
            "[Unit]\nEnvironment=NO=1\n[Service]\nEnvironment=A=vendor \"B=x y\" C=c\nEnvironmentFile=-/etc/none\nEnvironmentFile=/etc/app.env\nPassEnvironment=P\nUnsetEnvironment=C\n",
        );
        write("usr/lib/systemd/system/app.service.d/10-a.conf", "[Service]\nEnvironment=A=hidden\n");
        write("etc/systemd/system/app.service.d/10-a.conf", "[Service]\nEnvironment=A=site I=%i\n");
        write("etc/systemd/system/service.d/00.conf", "[Service]\nEnvironment=A=type D=type\n");
        write("etc/app.env", "# x\nB='from file'\n");
        let seen = values(read(&host, "app.service").unwrap().unwrap());
        let expected = [
            ("P", None, "/usr/lib/systemd/system/app.service:7"),
            ("A", Some("site"), "/etc/systemd/system/app.service.d/10-a.conf:2"),
            ("B", Some("from file"), "/etc/app.env:2"),
            ("D", Some("type"), "/etc/systemd/system/service.d/00.conf:2"),
            ("I", None, "/etc/systemd/system/app.service.d/10-a.conf:2"),
        ];
        let expected: Vec<_> =
            expected.iter().map(|(n, v, o)| ((*n).into(), v.map(str::to_owned), (*o).into())).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_empty_assignment_resets_and_a_missing_file_stops_the_unit() {
        let (root, host) = unit_world();
        let write = |path: &str, text: &str| fs::write(root.path().join(path), text).unwrap();
        write("etc/systemd/system/app.service", "[Service]\nEnvironment=A=1\nEnvironmentFile=/etc/none\n");
        assert!(read(&host, "app.service").unwrap().unwrap().variables.is_err());
        write(
            "etc/systemd/system/app.service.d/x.conf",
            "[Service]\nEnvironment=\nEnvironmentFile=\nEnvironment=B=2\n",
        );
        assert_eq!(values(read(&host, "app.service").unwrap().unwrap())[0].0, "B");
    }

    #[test]
    fn templates_masks_and_missing_units() {
        let (root, host) = unit_world();
        let units = root.path().join("etc/systemd/system");
        fs::write(units.join("t@.service"), "[Service]\nEnvironment=A=1\n").unwrap();
        assert_eq!(values(read(&host, "t@one.service").unwrap().unwrap()).len(), 1);
        std::os::unix::fs::symlink("/dev/null", units.join("masked.service")).unwrap();
        fs::write(root.path().join("usr/lib/systemd/system/masked.service"), "[Service]\nEnvironment=A=1\n").unwrap();
        assert!(read(&host, "masked.service").unwrap().is_none());
        assert!(read(&host, "none.service").unwrap().is_none());
        assert!(read(&host, "../x").is_err());
    }
}
