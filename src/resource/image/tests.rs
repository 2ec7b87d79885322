use serde_json::json;

use super::*;
use crate::target::docker::fake::{Fake, Reply, world};

fn list(replies: impl IntoIterator<Item = (String, Reply)>, with: &[(&str, &str)]) -> Listing {
    let fake = Fake::of(replies);
    let with: With = with.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { observe(&Door::Docker(Box::new(fake.docker())), &with).await })
}

fn shown(listing: &Listing, image: &str, field: &str) -> String {
    let subject = listing.subjects.iter().find(|subject| &*subject.name == image);
    let subject = subject
        .unwrap_or_else(|| panic!("no {image} in {:?}", listing.subjects.iter().map(|s| &s.name).collect::<Vec<_>>()));
    subject.fields.get(field).unwrap().to_string()
}

#[test]
fn a_daemon_of_20_10() {
    let listing = list(world("docker-20.10"), &[]);
    for subject in &listing.subjects {
        for field in IMAGE.fields {
            assert_ne!(subject.fields.get(field.name), Some(&Observed::unknown("not read")), "{}", field.name);
        }
    }
    for (image, field, expected) in [
        ("local/busybox:1", "registry", "docker.io"),
        ("local/busybox:1", "repository", "local/busybox"),
        ("local/busybox:1", "tag", "1"),
        ("local/busybox:1", "digest", "absent"),
        ("local/busybox:1", "pinned", "false"),
        ("local/busybox:1", "floating_tag", "false"),
        ("local/busybox:1", "local", "true"),
        ("local/busybox:1", "root", "true"),
        ("local/busybox:1", "user", "0"),
        ("local/root:1", "used_by", "root-by-image"),
        ("local/root:1", "user", "root"),
        ("local/app-number:1", "root", "false"),
        ("local/app-number:1", "used_by", "none"),
    ] {
        assert_eq!(shown(&listing, image, field), expected, "{field} of {image}");
    }
    let used = list(world("docker-20.10"), &[("only_used", "true")]);
    assert!(used.subjects.iter().all(|subject| &*subject.name != "local/app-number:1"));
    let one = list(world("docker-20.10"), &[("reference", "docker.io/local/root:*")]);
    assert_eq!(one.subjects.len(), 1);
}

#[test]
fn newer_daemons_leave_out_what_is_empty() {
    let listing = list(world("docker-28"), &[]);
    assert_eq!(shown(&listing, "local/busybox:1", "user"), "0");
    assert_eq!(shown(&listing, "local/root:1", "user"), "root");
    assert_eq!(shown(&listing, "local/busybox:1", "healthcheck"), "false");
    assert!(shown(&listing, "local/busybox:1", "local").starts_with("unknown"), "this store has digests of everything");
    let podman = list(world("podman-4.3"), &[]);
    assert_eq!(shown(&podman, "localhost/busybox:1", "registry"), "localhost");
}

const ID: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn one(image: &Json, reference: &str) -> Listing {
    list(
        [
            ("/containers/json?all=1".to_owned(), Reply::Status(200, r#"[{"Id":"a","Names":["/web"]}]"#.to_owned())),
            (
                "/containers/a/json".to_owned(),
                Reply::Status(200, json!({ "Image": ID, "Config": { "Image": reference } }).to_string()),
            ),
            ("/images/json".to_owned(), Reply::Status(200, "[]".to_owned())),
            ("/info".to_owned(), Reply::Status(200, "{}".to_owned())),
            (format!("/images/{ID}/json"), Reply::Status(200, image.to_string())),
        ],
        &[],
    )
}

#[test]
fn an_image_known_by_its_id_is_pinned_and_of_unknown_origin() {
    let listing = one(&json!({ "Config": {}, "RepoTags": null }), "0123456789ab");
    for (field, expected) in [
        ("pinned", "true"),
        ("tag", "absent"),
        ("registry", "unknown (known by its id only)"),
        ("created", "absent"),
        ("user", "0"),
    ] {
        assert_eq!(shown(&listing, "0123456789ab", field), expected, "{field}");
    }
    let tagged = json!({ "Config": {}, "RepoTags": ["ghcr.io/a/b:1"], "RepoDigests": [format!("ghcr.io/a/b@{ID}")] });
    assert_eq!(shown(&one(&tagged, "0123456789ab"), "0123456789ab", "registry"), "ghcr.io");
    let torn = json!({ "Config": {}, "RepoTags": ["ghcr.io/a/b:1", "c:1"] });
    assert!(shown(&one(&torn, "0123456789ab"), "0123456789ab", "registry").starts_with("unknown"));
}

#[test]
fn dates_that_say_nothing_are_absent() {
    for date in ["1970-01-01T00:00:00Z", "1980-01-01T00:00:01Z", "0001-01-01T00:00:00Z", ""] {
        assert_eq!(shown(&one(&json!({ "Created": date }), "nginx"), "nginx", "created"), "absent", "{date}");
    }
    assert!(shown(&one(&json!({ "Created": 7 }), "nginx"), "nginx", "created").starts_with("unknown"));
    assert_eq!(shown(&one(&json!({}), "nginx"), "nginx", "floating_tag"), "true");
    assert!(shown(&one(&json!({}), "nginx"), "nginx", "root").starts_with("unknown"), "no Config, no claim");
}

#[test]
fn a_container_that_cannot_be_inspected_leaves_a_gap() {
    let replies = [
        ("/containers/json?all=1".to_owned(), Reply::Status(200, r#"[{"Id":"a","Names":["/web"]}]"#.to_owned())),
        ("/containers/a/json".to_owned(), Reply::Status(500, "{}".to_owned())),
        ("/images/json".to_owned(), Reply::Status(200, "[]".to_owned())),
    ];
    let listing = list(replies, &[]);
    assert!(matches!(listing.extent, crate::facts::Extent::Partial(reason) if reason.text.contains("web")));
}
