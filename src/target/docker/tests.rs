use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::target::docker::fake::{self, Fake};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn docker_at(socket: &Path) -> Docker {
    let address = DockerAddress { endpoint: Endpoint::Unix(socket.to_path_buf()), tls: None };
    Docker::connect(address, Arc::new(Salt::random().unwrap())).unwrap()
}

#[test]
fn a_daemon_that_answers_is_reached() {
    let fake = Fake::of(fake::world("docker-20.10"));
    run(async {
        let docker = fake.docker();
        assert_eq!(docker.reach().await, Reach::Ok);
        assert!(docker.is_encrypted());
    });
}

#[test]
fn missing_refused_and_denied_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.sock");
    assert!(matches!(run(docker_at(&missing).reach()), Reach::Absent(_)));
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(run(docker_at(&file.join("x.sock")).reach()), Reach::Absent(_)));
    let refused = folder.path().join("refused.sock");
    drop(UnixListener::bind(&refused).unwrap());
    assert!(matches!(run(docker_at(&refused).reach()), Reach::Absent(_)));
    let denied = Failure::from_io(&std::io::ErrorKind::PermissionDenied.into());
    assert!(denied.reason().grant.unwrap().contains("group docker"));
    let forbidden =
        Fake::of([("/version".to_owned(), fake::Reply::Status(403, json!({ "message": "no\n" }).to_string()))]);
    match run(async { forbidden.docker().reach().await }) {
        Reach::Denied(reason) => assert!(reason.text.contains("HTTP 403: no"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_servers_are_unreachable_and_cost_little() {
    for (reply, words) in [
        (fake::Reply::Raw(b"220 mail.example.org ESMTP\r\n".to_vec()), "no Docker daemon"),
        (fake::Reply::Raw(b"\xff\xfe\x00\x01".to_vec()), "no Docker daemon"),
        (fake::Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"Api".to_vec()), "connection"),
        (fake::Reply::Status(200, "<html>".to_owned()), "not JSON"),
        (fake::Reply::Status(200, "[]".to_owned()), "no ApiVersion"),
        (fake::Reply::Status(500, "{\"message\":\"disk full\"}".to_owned()), "HTTP 500: disk full"),
        (fake::Reply::Endless, "exceeds 32MiB"),
        (fake::Reply::Hang, "did not answer in time"),
    ] {
        let started = Instant::now();
        let fake = Fake::of([("/version".to_owned(), reply)]);
        match run(async { fake.docker().reach().await }) {
            Reach::Unreachable(reason) => assert!(reason.text.contains(words), "{reason}"),
            other => panic!("{words}: {other:?}"),
        }
        assert!(started.elapsed() < Duration::from_secs(6), "{words}");
    }
}

#[test]
fn only_get_is_ever_sent_and_each_path_once() {
    let fake = Fake::of(fake::world("docker-20.10"));
    run(async {
        let docker = fake.docker();
        for _ in 0..3 {
            docker.containers().await.unwrap();
            docker.info().await.unwrap();
        }
    });
    let asked = fake.asked();
    assert!(asked.iter().all(|line| line.starts_with("GET /")), "{asked:?}");
    let mut once = asked.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), asked.len(), "{asked:?}");
}

#[test]
fn a_container_that_vanishes_is_left_out_and_one_that_fails_is_kept() {
    let list = json!([
        { "Id": "a", "Names": ["/other/alias", "/web"], "Image": "nginx", "State": "a state of the future" },
        { "Id": "b", "Names": ["/gone"], "Image": "x" },
        { "Id": "c", "Names": null, "Image": "x" },
    ]);
    let fake = Fake::of([
        ("/containers/json?all=1".to_owned(), fake::Reply::Status(200, list.to_string())),
        ("/containers/a/json".to_owned(), fake::Reply::Status(200, json!({ "Id": "a" }).to_string())),
        (
            "/containers/b/json".to_owned(),
            fake::Reply::Status(404, json!({ "message": "No such container" }).to_string()),
        ),
        ("/containers/c/json".to_owned(), fake::Reply::Status(500, "{}".to_owned())),
    ]);
    let containers = run(async { fake.docker().containers().await.unwrap() });
    let seen: Vec<_> = containers.iter().map(|c| (c.name.as_str(), c.inspected.is_ok())).collect();
    assert_eq!(seen, [("c", false), ("web", true)]);
    let broken = Fake::of([("/containers/json?all=1".to_owned(), fake::Reply::Status(200, "[{}]".to_owned()))]);
    assert!(run(async { broken.docker().containers().await.is_err() }));
}

#[test]
fn one_container_that_hangs_hides_no_other() {
    let list: Json =
        (0..40).map(|i| json!({ "Id": format!("{i:02}"), "Names": [format!("/c{i:02}")], "Image": "x" })).collect();
    let mut replies = vec![("/containers/json?all=1".to_owned(), fake::Reply::Status(200, list.to_string()))];
    for i in 0..40 {
        let reply = if i % 20 == 3 { fake::Reply::Hang } else { fake::Reply::Status(200, "{}".to_owned()) };
        replies.push((format!("/containers/{i:02}/json"), reply));
    }
    let fake = Fake::of(replies);
    let started = Instant::now();
    let containers = run(async { fake.docker().containers().await.unwrap() });
    assert!(started.elapsed() < Duration::from_secs(8));
    assert_eq!(containers.len(), 40);
    assert_eq!(containers.iter().filter(|container| container.inspected.is_err()).count(), 2);
}

#[test]
fn the_last_of_a_repeated_variable_counts() {
    let list = json!([{ "Id": "a", "Names": ["/web"] }, { "Id": "b", "Names": ["/job"] }]);
    let web = json!({ "Config": { "Env": ["A=1", "B=x=y", "A=2", "C=3", "C"] } });
    let fake = Fake::of([
        ("/containers/json?all=1".to_owned(), fake::Reply::Status(200, list.to_string())),
        ("/containers/a/json".to_owned(), fake::Reply::Status(200, web.to_string())),
        ("/containers/b/json".to_owned(), fake::Reply::Status(200, json!({ "Config": { "Env": [7] } }).to_string())),
    ]);
    let environments = run(async { fake.docker().environments("w*").await.unwrap() });
    let [web] = environments.as_slice() else { panic!("{environments:?}") };
    let variables = web.variables.as_ref().unwrap();
    let seen: Vec<_> = variables.iter().map(|v| (v.name.as_str(), v.value.as_ref().unwrap().expose_secret())).collect();
    assert_eq!(seen, [("A", "2"), ("B", "x=y")]);
    assert_eq!(web.owner, "container web");
    let all = run(async { fake.docker().environments("").await.unwrap() });
    assert!(all.iter().any(|environment| environment.variables.is_err()));
    assert!(run(async { fake.docker().environments(&"{a,b}".repeat(11)).await.is_err() }));
}

#[test]
fn tls_files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let connect = |files| {
        let endpoint = Endpoint::Tcp { host: "localhost".into(), port: 1 };
        Docker::connect(DockerAddress { endpoint, tls: Some(files) }, Arc::new(Salt::random().unwrap()))
    };
    let reason = connect(TlsFiles::in_directory(folder.path())).unwrap_err();
    assert!(reason.text.contains("ca.pem"), "{reason}");
    std::fs::write(folder.path().join("ca.pem"), "nothing\n").unwrap();
    let reason = connect(TlsFiles::in_directory(PathBuf::from(folder.path()))).unwrap_err();
    assert!(reason.text.contains("no certificate"), "{reason}");
}
