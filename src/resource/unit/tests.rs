use std::fs;

use proptest::prelude::*;

use super::*;
use crate::facts::Extent;
use crate::target::host::Host;
use crate::target::host::tests::host;

/// A root with these files; a text `-> PATH` is a link.
fn world(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let (root, host) = host();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text.strip_prefix("-> ") {
            Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
            None => fs::write(path, text).unwrap(),
        }
    }
    (root, host)
}

fn text(subject: &Subject, field: &str) -> String {
    subject.fields.get(field).unwrap().to_string()
}

fn one(host: &Host, name: &str) -> Subject {
    let listing = look(host, name);
    assert_eq!(listing.extent, Extent::Complete);
    listing.subjects.into_iter().next().unwrap()
}

const LIB: &str = "usr/lib/systemd/system";
const ETC: &str = "etc/systemd/system";

#[test]
fn the_last_that_counts_counts_and_says_where() {
    let (_root, host) = world(&[
        (
            &format!("{LIB}/app.service"),
            "[Service]\nUser=one\nNoNewPrivileges=no\nReadWritePaths=/a /b\nExecStart=/bin/app --token=abc\nProtectSystem=full\nUMask=0077\nCapabilityBoundingSet=CAP_CHOWN CAP_KILL\nEnvironment=PASSWORD=x\n",
        ),
        (
            &format!("{ETC}/app.service.d/10.conf"),
            "[Service]\nUser=\nUser=two\nNoNewPrivileges=maybe\nNoNewPrivileges=yes\nReadWritePaths=\nReadWritePaths=/c\nCapabilityBoundingSet=~CAP_KILL\nExecStart=\nExecStart=/bin/app \\\n  --password hunter2\n",
        ),
        (&format!("{ETC}/multi-user.target.wants/app.service"), "-> /usr/lib/systemd/system/app.service"),
    ]);
    let seen = one(&host, "app.service");
    assert_eq!((text(&seen, "user"), text(&seen, "no_new_privileges")), ("two".into(), "true".into()));
    assert_eq!(text(&seen, "read_write_paths"), "/c");
    assert_eq!(text(&seen, "exec_start"), "/bin/app --password ***");
    assert_eq!((text(&seen, "protect_system"), text(&seen, "umask")), ("full".into(), "0077".into()));
    assert_eq!(
        (text(&seen, "capability_bounding_set"), text(&seen, "ambient_capabilities")),
        ("CAP_CHOWN".into(), "none".into())
    );
    assert_eq!((text(&seen, "enabled"), text(&seen, "wanted_by")), ("true".into(), "multi-user.target".into()));
    let origins = text(&seen, "origins");
    assert!(origins.contains("user=/etc/systemd/system/app.service.d/10.conf:3"), "{origins}");
    assert!(origins.contains("private_tmp=default"), "{origins}");
    let settings = text(&seen, "settings");
    assert!(settings.contains("Service.Environment=***") && !settings.contains("hunter2"), "{settings}");
}

#[test]
fn the_directory_decides_before_the_folder_in_it() {
    let (_root, host) = world(&[
        (&format!("{LIB}/a-b-c.service"), "[Service]\nUser=main\n"),
        (&format!("{LIB}/a-b-c.service.d/x.conf"), "[Service]\nUser=specific\n"),
        (&format!("{ETC}/a-.service.d/x.conf"), "[Service]\nUser=generic\n"),
        (&format!("{ETC}/service.d/zz.conf"), "[Service]\nGroup=all\n"),
        (&format!("{LIB}/masked.service.d/a.conf"), "[Service]\nUser=x\n"),
        (&format!("{ETC}/masked.service.d/a.conf"), "-> /dev/null"),
        (&format!("{LIB}/masked.service"), "[Service]\n"),
    ]);
    let seen = one(&host, "a-b-c.service");
    assert_eq!((text(&seen, "user"), text(&seen, "group")), ("generic".into(), "all".into()));
    assert_eq!(text(&one(&host, "masked.service"), "user"), "absent");
}

#[test]
fn other_names_bring_their_drop_ins_along() {
    let (_root, host) = world(&[
        (&format!("{LIB}/real.service"), "[Service]\n"),
        (&format!("{ETC}/other.service"), "-> /usr/lib/systemd/system/real.service"),
        (&format!("{ETC}/other.service.d/x.conf"), "[Service]\nUser=x\n"),
        (&format!("{ETC}/real.service.d/y.conf"), "[Service]\nGroup=y\n"),
        (&format!("{ETC}/m.target.requires/other.service"), "-> ../other.service"),
    ]);
    for name in ["real.service", "other.service"] {
        let seen = one(&host, name);
        assert_eq!(
            (text(&seen, "user"), text(&seen, "group"), text(&seen, "enabled")),
            ("x".into(), "y".into(), "true".into()),
            "{name}"
        );
    }
}

#[test]
fn masks_templates_specifiers_and_dynamic_users() {
    let (_root, host) = world(&[
        (&format!("{LIB}/gone.service"), "[Service]\nUser=x\n"),
        (&format!("{ETC}/gone.service"), "-> /dev/null"),
        (&format!("{LIB}/t@.service"), "[Service]\nUser=%i\nDynamicUser=yes\nPrivateDevices=1\nProtectSystem=no\n"),
        (&format!("{ETC}/m.target.wants/t@one.service"), "-> /usr/lib/systemd/system/t@.service"),
        (&format!("{LIB}/s.socket"), "[Socket]\nListenStream=80\nListenStream=\nListenStream=[::]:81\n"),
        (&format!("{LIB}/odd.service"), "[Service]\nProtectHome=sometimes\nMemoryMax=1G\n"),
    ]);
    let gone = one(&host, "gone.service");
    assert_eq!((text(&gone, "masked"), text(&gone, "no_new_privileges")), ("true".into(), "absent".into()));
    let instance = one(&host, "t@one.service");
    assert!(text(&instance, "user").starts_with("unknown"));
    assert_eq!(
        (text(&instance, "protect_system"), text(&instance, "protect_home")),
        ("strict".into(), "read-only".into())
    );
    assert_eq!(text(&instance, "capability_bounding_set").split(", ").count(), 39);
    assert_eq!(text(&one(&host, "s.socket"), "listen"), "[::]:81");
    let odd = one(&host, "odd.service");
    assert!(text(&odd, "protect_home").starts_with("unknown"));
    assert_eq!(text(&odd, "memory_max"), "1G");
    let names: Vec<_> = look(&host, "*.service").subjects.into_iter().map(|subject| subject.name.to_string()).collect();
    assert_eq!(names, ["gone.service", "odd.service", "t@.service", "t@one.service"]);
    assert!(matches!(look(&host, "none.service").extent, Extent::Absent(_)));
    assert!(matches!(look(&host, "../x").extent, Extent::Failed(_)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(text in "(\\[Service\\]\n|User=|ExecStart=|UMask=|CapabilityBoundingSet=|~|CAP_KILL|DynamicUser=yes|ProtectSystem=|%i|[a-z\"'\\\\ \n=]){0,30}") {
        let (_root, host) = world(&[(&format!("{LIB}/a.service"), &text)]);
        let _ = look(&host, "a.service");
    }
}
