use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::resource::docker_engine::Engine;
use crate::resource::{Field, Type};
use crate::target::docker::fake::{Fake, Reply, world};
use crate::value::Value;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn list(replies: impl IntoIterator<Item = (String, Reply)>, with: &[(&str, &str)]) -> Listing {
    let fake = Fake::of(replies);
    let with: With = with.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    run(async { observe(&Door::Docker(Box::new(fake.docker())), &with).await })
}

fn shown(listing: &Listing, container: &str, field: &str) -> String {
    let subject = listing.subjects.iter().find(|subject| &*subject.name == container);
    subject.unwrap_or_else(|| panic!("no {container}")).fields.get(field).unwrap().to_string()
}

/// Fields that a loader did not set say "not read".
fn assert_all_set(listing: &Listing) {
    for subject in &listing.subjects {
        for field in CONTAINER.fields {
            let observed = subject.fields.get(field.name).unwrap();
            assert_ne!(observed, &Observed::unknown("not read"), "{} of {}", field.name, subject.name);
        }
    }
}

#[test]
fn a_daemon_of_20_10() {
    let listing = list(world("docker-20.10"), &[]);
    assert_eq!(listing.extent, crate::facts::Extent::Complete);
    assert_eq!(listing.subjects.len(), 11);
    assert_all_set(&listing);
    for (container, field, expected) in [
        ("hardened", "user", "1000:1000"),
        ("hardened", "root_in_container", "false"),
        ("hardened", "cap_drop", "ALL"),
        ("hardened", "cap_add", "none"),
        ("hardened", "no_new_privileges", "true"),
        ("hardened", "readonly_rootfs", "true"),
        ("hardened", "memory", "64MiB"),
        ("hardened", "memory_swap", "64MiB"),
        ("hardened", "cpu_limited", "true"),
        ("hardened", "pids_limit", "64"),
        ("hardened", "ulimits", "name=nofile, soft=512, hard=512"),
        ("hardened", "tmpfs", "/tmp=rw,noexec,nosuid,nodev,size=8m"),
        ("hardened", "restart_policy", "on-failure"),
        ("hardened", "restart_retries", "5"),
        ("hardened", "healthcheck", "true"),
        ("hardened", "networks", "internal"),
        ("hardened", "on_default_bridge", "false"),
        ("hardened", "log_options", "max-size=1m"),
        ("privileged", "privileged", "true"),
        ("privileged", "seccomp", "unconfined"),
        ("privileged", "selinux_disabled", "false"),
        ("privileged", "masked_paths", "none"),
        ("root-by-image", "user", "root"),
        ("root-by-image", "memory", "absent"),
        ("root-by-image", "pids_limit", "absent"),
        ("root-by-image", "cpu_limited", "false"),
        ("root-by-image", "seccomp", "default"),
        ("root-by-image", "apparmor", "absent"),
        ("root-by-image", "userns_remapped", "false"),
        ("socket", "docker_socket_mounted", "true"),
        ("socket", "sensitive_mounts", "/run/docker.sock"),
        ("host-net", "host_network", "true"),
        ("host-net", "on_default_bridge", "false"),
        ("host-pid", "host_pid", "true"),
        ("host-pid", "selinux_disabled", "false"),
        ("host-pid", "pid_mode", "host"),
        ("pub-all", "published_on_all", "8080->80/tcp"),
        ("stopped", "running", "false"),
        ("stopped", "effective_uid", "absent"),
        ("stopped", "root_in_container", "true"),
        ("stopped", "restart_policy", "no"),
        ("created", "status", "created"),
        ("created", "ports", "host_ip=127.0.0.1, host_port=9000, container_port=9000, protocol=tcp"),
        ("created", "published_on_all", "none"),
        ("stopped", "network_mode", "bridge"),
        ("stopped", "healthcheck", "false"),
    ] {
        assert_eq!(shown(&listing, container, field), expected, "{field} of {container}");
    }
    // The stored process numbers are of another machine.
    assert!(shown(&listing, "root-by-image", "effective_uid").starts_with("unknown"));
    assert!(shown(&listing, "root-by-image", "no_new_privileges").starts_with("unknown"));
    assert_eq!(shown(&listing, "joins", "joins").len(), 64);
}

#[test]
fn a_daemon_of_28() {
    let listing = list(world("docker-28"), &[]);
    assert_all_set(&listing);
    for (container, field, expected) in [
        ("root-by-image", "no_new_privileges", "true"),
        ("root-by-image", "apparmor", "docker-default"),
        ("root-by-image", "seccomp", "default"),
        ("root-by-image", "host_cgroupns", "false"),
        ("root-by-image", "network_mode", "bridge"),
        ("root-by-image", "on_default_bridge", "true"),
        ("pub-all", "published_on_all", "8080->80/tcp"),
        ("stopped", "status", "hibernated"),
        ("stopped", "apparmor", "unknown (the daemon names the profile only once the container has run)"),
        ("hardened", "cap_drop", "ALL"),
    ] {
        assert_eq!(shown(&listing, container, field), expected, "{field} of {container}");
    }
}

#[test]
fn podman_speaks_the_same_language_with_an_accent() {
    let listing = list(world("podman-4.3"), &[]);
    assert_all_set(&listing);
    for (container, field, expected) in [
        ("plain", "pid_mode", "private"),
        ("plain", "host_pid", "false"),
        ("plain", "pids_limit", "2048"),
        ("plain", "cap_add", "none"),
        ("plain", "cap_drop", "none"),
        ("plain", "security_opt", "none"),
        ("plain", "no_new_privileges", "false"),
        ("plain", "seccomp", "default"),
        ("plain", "root_in_container", "true"),
        ("plain", "restart_policy", "no"),
        ("plain", "healthcheck", "false"),
        ("plain", "health", "absent"),
        ("plain", "masked_paths", "unknown (Podman does not tell HostConfig.MaskedPaths)"),
        ("plain", "networks", "none"),
        ("app", "cap_drop", "ALL"),
        ("app", "cap_add", "none"),
        ("app", "no_new_privileges", "true"),
        ("app", "readonly_rootfs", "true"),
        ("app", "root_in_container", "false"),
        ("priv", "seccomp", "unconfined"),
        ("hostns", "host_pid", "true"),
        ("hostns", "host_network", "true"),
        ("hostns", "on_default_bridge", "false"),
        ("hostns", "memory", "64MiB"),
        ("health", "healthcheck", "true"),
        ("health", "on_default_bridge", "true"),
        ("ports", "published_on_all", "8080->80/tcp"),
    ] {
        assert_eq!(shown(&listing, container, field), expected, "{field} of {container}");
    }
    assert!(shown(&listing, "plain", "ulimits").contains("name=nofile, soft=1024"));
}

#[test]
fn patterns_select_by_name_and_by_image() {
    let names = |with: &[(&str, &str)]| -> Vec<String> {
        list(world("docker-20.10"), with).subjects.iter().map(|subject| subject.name.to_string()).collect()
    };
    assert_eq!(names(&[("name", "host-*")]), ["host-net", "host-pid"]);
    assert_eq!(names(&[("image", "*/app:*")]), Vec::<String>::new());
    assert_eq!(names(&[("image", "local/root*")]), ["root-by-image"]);
    assert!(names(&[("name", "nothing")]).is_empty());
    assert!(matches!(
        list(world("docker-20.10"), &[("name", "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}")]).extent,
        crate::facts::Extent::Failed(_)
    ));
}

#[test]
fn a_container_that_cannot_be_inspected_is_unknown_in_every_field() {
    let mut replies = world("docker-20.10");
    let (path, _) = replies.iter().find(|(_, reply)| matches!(reply, Reply::Status(_, body) if body.contains("\"/socket\"") && body.starts_with('{'))).unwrap().clone();
    replies.push((path, Reply::Status(500, "{\"message\":\"layer not known\"}".into())));
    let listing = list(replies, &[]);
    assert_eq!(listing.subjects.len(), 11);
    assert!(shown(&listing, "socket", "privileged").contains("HTTP 500: layer not known"));
    assert_eq!(shown(&listing, "socket", "name"), "socket");
    assert_all_set(&listing);
    let no_info = world("docker-20.10").into_iter().filter(|(path, _)| path != "/info");
    let listing = list(no_info, &[]);
    assert!(shown(&listing, "root-by-image", "seccomp").starts_with("unknown"));
    assert_eq!(shown(&listing, "root-by-image", "privileged"), "false");
}

/// Whether a value is one that its field's type allows.
fn fits(ty: Type, value: &Value) -> bool {
    let all = |observed: &[Observed], ty: Type| {
        observed.iter().all(|observed| !matches!(observed, Observed::Known(value) if !fits(ty, value)))
    };
    match (ty, value) {
        (Type::List(item), Value::List(list)) => all(&list.items, *item),
        (Type::Map(item), Value::Map(map)) => map.values().all(|value| all(std::slice::from_ref(value), *item)),
        (Type::Record(table), Value::Record(record)) => record_fits(table, record),
        (Type::Bool(_), Value::Bool(_))
        | (Type::Integer, Value::Int(_))
        | (Type::Size, Value::Size(_))
        | (Type::Time, Value::Time(_))
        | (Type::Text, Value::Text(_))
        | (Type::Net, Value::Net(_))
        | (Type::Word(_), Value::Word(_) | Value::Invalid(_)) => true,
        _ => false,
    }
}

fn record_fits(table: &'static [Field], record: &Record) -> bool {
    let mut fields = table.iter().zip(&record.fields);
    fields.all(|(field, observed)| !matches!(observed, Observed::Known(value) if !fits(field.ty, value)))
}

fn judge(inspected: &Json) -> Record {
    let engine = Engine::read(Ok(&json!({ "SecurityOptions": [] })), Ok(&json!({ "Version": "27.0" })));
    let mut record = Record::new(CONTAINER.fields);
    let endpoint = Endpoint::Unix("/run/docker.sock".into());
    let daemon = Daemon { engine, volumes: Ok(BTreeMap::new()), endpoint: &endpoint };
    set_all(&mut record, inspected, &daemon, &HostView::default());
    record
}

/// Which fields each leaf of an inspection may decide is not repeated here; but none of them may survive as a known
/// default when the whole configuration has another shape.
#[test]
fn a_wrong_shape_is_never_a_default() {
    let wrong = [json!("x"), json!(7), json!([1]), json!(true)];
    for value in wrong {
        let record = judge(&json!({
            "Config": value, "HostConfig": value, "NetworkSettings": value, "State": value, "Mounts": { "a": 1 },
            "Id": 1, "Image": 7, "Created": 7, "AppArmorProfile": 7,
        }));
        for (field, observed) in record.table.iter().zip(&record.fields) {
            if matches!(field.name, "name" | "id" | "service_account_token") {
                continue;
            }
            assert!(matches!(observed, Observed::Unknown(_)), "{} is {observed} for {value}", field.name);
        }
    }
}

/// The same for each field alone: its own source with another shape, in an inspection that is right otherwise.
#[test]
fn each_field_is_unknown_when_its_source_has_another_shape() {
    let body = world("docker-20.10").into_iter().find_map(|(path, reply)| match reply {
        Reply::Status(_, body)
            if path.starts_with("/containers/") && body.contains("\"/hardened\"") && !path.contains('?') =>
        {
            Some(body)
        }
        _ => None,
    });
    let inspected: Json = serde_json::from_str(&body.unwrap()).unwrap();
    let mut tried = 0;
    for field in CONTAINER.fields {
        let pointer = format!("/{}", field.source.replace('.', "/"));
        let mut wrong = inspected.clone();
        let Some(place) = wrong.pointer_mut(&pointer).filter(|_| !matches!(field.name, "name" | "id" | "joins")) else {
            continue;
        };
        *place = if field.name == "cpu_limited"
            || matches!(field.ty, Type::Integer | Type::Size) && field.name != "device_requests"
        {
            json!("x")
        } else {
            json!(7)
        };
        let record = judge(&wrong);
        let observed = record.get(field.name).unwrap();
        assert!(matches!(observed, Observed::Unknown(_)), "{} is {observed}", field.name);
        tried += 1;
    }
    assert!(tried > 50, "{tried}");
}

fn arbitrary_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
        prop::sample::select(vec![
            "host",
            "container:x",
            "80/tcp",
            "",
            "no-new-privileges:",
            "seccomp=",
            "0",
            "/etc",
            "bind"
        ])
        .prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop_oneof!["[A-Z][a-z]{0,5}", "80/tcp", "HostIp", "HostPort", "Type", "Source", "\\PC{0,5}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

/// Every place of a document that holds something.
fn paths(json: &Json, at: &str, into: &mut Vec<String>) {
    if let Json::Object(object) = json {
        for (key, value) in object {
            let path = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            into.push(path.clone());
            paths(value, &path, into);
        }
    }
}

proptest! {
    #[test]
    fn any_json_is_read_without_a_panic(json in arbitrary_json()) {
        prop_assert!(record_fits(CONTAINER.fields, &judge(&json)));
    }

    #[test]
    fn any_value_anywhere_gives_fields_of_their_type(pick in any::<prop::sample::Index>(), value in arbitrary_json(), which in any::<prop::sample::Index>()) {
        let inspections: Vec<Json> = world("docker-20.10").into_iter().filter_map(|(path, reply)| match reply {
            Reply::Status(_, body) if path.starts_with("/containers/") && !path.contains('?') => serde_json::from_str(&body).ok(),
            _ => None,
        }).collect();
        let mut inspected = which.get(inspections.as_slice()).clone();
        let mut places = Vec::new();
        paths(&inspected, "", &mut places);
        let place: &String = pick.get(places.as_slice());
        *inspected.pointer_mut(place).unwrap() = value;
        prop_assert!(record_fits(CONTAINER.fields, &judge(&inspected)));
    }
}
