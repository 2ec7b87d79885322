use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::facts::Extent;
use crate::target::host::tests::host;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn repository(root: &Path, top: &str) {
    write(root, &format!("{top}/.git/HEAD"), "ref: refs/heads/main\n");
    for folder in ["objects", "refs"] {
        fs::create_dir_all(root.join(top).join(".git").join(folder)).unwrap();
    }
}

fn get(listing: &Listing, field: &str) -> String {
    let [seen] = listing.subjects.as_slice() else { panic!("{listing:?}") };
    assert!(!seen.fields.fields.contains(&Observed::unknown("not read")), "{seen:?}");
    seen.fields.get(field).unwrap().to_string()
}

#[test]
fn what_is_not_ignored_is_exposed() {
    let (root, host) = host();
    let root = root.path();
    assert!(matches!(look(&host, "/srv/[x]", &[]).extent, Extent::Absent(_)));
    repository(root, "srv/{x}");
    let top = "srv/{x}";
    write(root, &format!("{top}/.env"), "A=1\n");
    write(root, &format!("{top}/a/.env.local"), "A=1\n");
    write(root, &format!("{top}/b/.env"), "A=1\n");
    write(root, &format!("{top}/b/.gitignore"), ".env\n");
    write(root, &format!("{top}/key.pem"), &format!("-----BEGIN PRIVATE KEY-----\n{}\n", "aB3dE5fG7h".repeat(6)));
    write(root, &format!("{top}/cert.pem"), "-----BEGIN CERTIFICATE-----\n");
    write(root, &format!("{top}/build/id_rsa"), "x");
    write(root, &format!("{top}/.git/info/exclude"), "/build/\n");
    repository(root, "srv/{x}/other");
    write(root, &format!("{top}/other/.env"), "A=1\n");
    write(
        root,
        &format!("{top}/.git/config"),
        "[remote \"origin\"]\n\turl = https://bob:hunter2@git.example/x.git\n[remote \"b\"]\n\turl = git@git.example:x.git\n",
    );
    write(root, &format!("{top}/.git/hooks/pre-commit"), "#!/bin/sh\nexec pre-commit run\n");
    write(root, &format!("{top}/.pre-commit-config.yaml"), "repos: [{ repo: https://x/gitleaks }]\n");
    let hook = root.join(top).join(".git/hooks/pre-commit");
    let seen =
        look(&host, "/srv/{x}", &[".env".to_owned(), "b/.env".to_owned(), "build/".to_owned(), "x.key".to_owned()]);
    assert_eq!(get(&seen, "hooks"), "none");
    fs::set_permissions(hook, fs::Permissions::from_mode(0o755)).unwrap();
    let seen =
        look(&host, "/srv/{x}", &[".env".to_owned(), "b/.env".to_owned(), "build/".to_owned(), "x.key".to_owned()]);
    assert_eq!(seen.extent, Extent::Complete);
    assert!(!format!("{seen:?}").contains("hunter2"));
    let exposed = get(&seen, "exposed_secrets");
    for (path, there) in [
        ("=.env ", true),
        ("a/.env.local", true),
        ("b/.env", false),
        ("key.pem", true),
        ("cert.pem", false),
        ("id_rsa", false),
        ("other", false),
    ] {
        assert_eq!(format!("{} ", exposed.replace(',', " ")).contains(path), there, "{path}: {exposed}");
    }
    assert_eq!(get(&seen, "unignored"), ".env, x.key");
    assert_eq!(
        get(&seen, "remotes"),
        "name=origin, url=https://bob:***@git.example/x.git, has_password=true, name=b, url=git@git.example:x.git, has_password=false"
    );
    assert_eq!((get(&seen, "hooks").as_str(), get(&seen, "secret_scanner").as_str()), ("pre-commit", "true"));
    assert_eq!((get(&seen, "tracked").as_str(), get(&seen, "shallow").as_str()), ("0", "false"));
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let (root, host) = host();
    let root = root.path();
    repository(root, "srv/x");
    write(root, "srv/x/.git/index", "DIRC nonsense that is long enough for a checksum");
    assert!(get(&look(&host, "/srv/x", &[]), "tracked_secrets").starts_with("unknown"));
    write(root, "srv/x/.git/index", "");
    write(root, "srv/x/.git/config", "[core\n");
    assert!(get(&look(&host, "/srv/x", &[]), "remotes").starts_with("unknown (cannot parse"));
    // A bare repository has no index.
    for folder in ["objects", "refs"] {
        fs::create_dir_all(root.join("srv/bare.git").join(folder)).unwrap();
    }
    write(root, "srv/bare.git/HEAD", "ref: refs/heads/main\n");
    let seen = look(&host, "/srv/bare.git", &[]);
    assert_eq!(get(&seen, "bare"), "true");
    assert!(get(&seen, "tracked").starts_with("unknown"));
    fs::create_dir_all(root.join("srv/none")).unwrap();
    assert!(matches!(look(&host, "/srv/none", &[]).extent, Extent::Absent(_)));
    write(root, "srv/led/.git", "gitdir: ../x/.git\n");
    assert_eq!(get(&look(&host, "/srv/led", &[]), "git_directory"), "/srv/led/../x/.git");
}
