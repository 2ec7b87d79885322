use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::target::host::tests::host;
use crate::target::manifest::Source;
use crate::value::secret::Salt;

fn ask(files: &[(&str, &str)], path: &str) -> Listing {
    let (root, host) = host();
    for (name, content) in files {
        let path = root.path().join(name.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    run(&Door::Host(host), path)
}

fn run(door: &Door, path: &str) -> Listing {
    let with: With = serde_json::from_value(json!({ "path": path })).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let listing = runtime.block_on(observe(door, &with));
    for subject in &listing.subjects {
        assert!(subject.fields.fields.iter().all(|field| *field != Observed::unknown("not read")), "{subject:?}");
    }
    listing
}

/// Fields of the subjects of a stanza, each with its name.
fn show(listing: &Listing, stanza: &str, fields: &[&str]) -> Vec<String> {
    let wanted = listing.subjects.iter().filter(|one| one.fields.get("stanza") == Some(&stanza.into()));
    let one = |subject: &Subject| {
        let fields = fields.iter().map(|name| subject.fields.get(name).unwrap().to_string());
        std::iter::once(subject.name.to_string()).chain(fields).collect::<Vec<_>>().join(" | ")
    };
    wanted.map(one).collect()
}

const GOOD: &str = r#"
api_addr = "https://bao-0.example.com:8200"
listener "tcp" {
  address = "10.0.1.5:8200"
  tls_cert_file = "/etc/openbao/tls/fullchain.pem"
  tls_key_file = "/etc/openbao/tls/key.pem"
  tls_min_version = "tls13"
}
listener "unix" { address = "/run/bao.sock" }
storage "raft" {
  path = "/var/lib/openbao"
  retry_join { leader_api_addr = "https://bao-1:8200" }
  retry_join { auto_join = "provider=k8s" }
}
seal "awskms" { kms_key_id = "alias/x" }
audit "file" "main" { options { file_path = "/var/log/bao.log" } }
audit "syslog" "second" { }
"#;

#[test]
fn stanzas_are_read_with_their_defaults() {
    let seen = ask(&[("/b.hcl", GOOD)], "/b.hcl");
    assert_eq!(
        show(
            &seen,
            "listener",
            &[
                "type",
                "address",
                "local",
                "tls",
                "tls_certificate",
                "tls_min_version",
                "unauthenticated",
                "cors_origins"
            ]
        ),
        [
            "/b.hcl listener tcp 10.0.1.5:8200 | tcp | 10.0.1.5:8200 | false | true | /etc/openbao/tls/fullchain.pem | TLSv1.3 | none | none",
            "/b.hcl listener unix /run/bao.sock | unix | /run/bao.sock | true | true | absent | TLSv1.2 | none | none",
        ]
    );
    assert_eq!(
        show(&seen, "storage", &["type", "join_addresses"]),
        ["/b.hcl storage raft | raft | https://bao-1:8200"]
    );
    assert_eq!(
        show(&seen, "seal", &["type", "key_sources", "disabled"]),
        ["/b.hcl seal awskms | awskms | absent | false"]
    );
    assert_eq!(
        show(&seen, "audit", &["type", "label", "log_raw", "hmac_accessor", "file_path"]),
        [
            "/b.hcl audit file main | file | main | false | true | /var/log/bao.log",
            "/b.hcl audit syslog second | syslog | second | false | true | absent",
        ]
    );
    assert_eq!(
        show(&seen, "server", &["api_address", "audit_devices", "raw_storage", "dev"]),
        ["/b.hcl server | https://bao-0.example.com:8200 | 2 | false | absent"]
    );
    assert_eq!(&*seen.subjects[0].origin, "/b.hcl:3");
}

#[test]
fn every_spelling_of_true_disables_tls() {
    for off in ["1", "true", "\"1\"", "\"true\"", "\"TRUE\"", "2", "\"t\""] {
        let seen = ask(&[("/b.hcl", &format!("listener \"tcp\" {{\n tls_disable = {off}\n}}"))], "/b.hcl");
        assert_eq!(show(&seen, "listener", &["tls"]), ["/b.hcl listener tcp 127.0.0.1:8200 | false"], "{off}");
    }
    for on in ["0", "false", "\"0\"", "\"\"", "null"] {
        let seen = ask(&[("/b.hcl", &format!("Listener \"TCP\" {{\n TLS_Disable = {on}\n}}"))], "/b.hcl");
        assert_eq!(
            show(&seen, "listener", &["type", "tls"]),
            ["/b.hcl listener TCP 127.0.0.1:8200 | tcp | true"],
            "{on}"
        );
    }
    for (text, shown) in [("\"yes\"", "yes"), ("var.x", "unknown"), ("\"${x}\"", "unknown")] {
        let seen = ask(&[("/b.hcl", &format!("listener \"tcp\" {{\n tls_disable = {text}\n}}"))], "/b.hcl");
        assert!(show(&seen, "listener", &["tls"])[0].contains(shown), "{seen:?}");
    }
}

#[test]
fn json_has_the_same_stanzas_in_its_own_forms() {
    for listener in [
        r#"{"tcp": {"address": "[::]:8200", "tls_disable": "1"}}"#,
        r#"[{"tcp": {"address": "[::]:8200", "tls_disable": 1}}]"#,
        r#"[{"tcp": [{"address": "[::]:8200", "tls_disable": true}]}]"#,
        r#"[{"type": "tcp", "address": "[::]:8200", "tls_disable": "true"}]"#,
    ] {
        let text = format!(
            r#" {{"listener": {listener}, "audit": [{{"file": {{"a": {{"options": {{"log_raw": "true"}}}}}}}}, {{"type": "socket", "path": "b"}}]}}"#
        );
        let seen = ask(&[("/b.json", &text)], "/b.json");
        assert_eq!(
            show(&seen, "listener", &["address", "local", "tls"]),
            ["/b.json listener tcp [::]:8200 | [::]:8200 | false | false"]
        );
        assert_eq!(
            show(&seen, "audit", &["type", "label", "log_raw"]),
            ["/b.json audit file a | file | a | true", "/b.json audit socket | socket | b | false"]
        );
    }
}

#[test]
fn what_needs_no_token_is_listed() {
    let text = "listener \"tcp\" {\n telemetry { unauthenticated_metrics_access = true }\n profiling { unauthenticated_pprof_access = 1 }\n\
        inflight_requests_logging { unauthenticated_in_flight_requests_access = \"true\" }\n disable_unauthed_rekey_endpoints = false\n\
        cors_enabled = true\n cors_allowed_origins = [\"*\"]\n}\nraw_storage_endpoint = true\nintrospection_endpoint = \"1\"\n";
    let seen = ask(&[("/b.hcl", text)], "/b.hcl");
    assert_eq!(
        show(&seen, "listener", &["unauthenticated", "cors_origins"]),
        ["/b.hcl listener tcp 127.0.0.1:8200 | metrics, pprof, in-flight-requests, rekey | *"]
    );
    assert_eq!(
        show(&seen, "server", &["raw_storage", "introspection", "audit_by_api"]),
        ["/b.hcl server | true | true | false"]
    );
}

#[test]
fn keys_of_a_seal_are_never_told() {
    let seal = |key: &str| ask(&[("/b.hcl", &format!("seal \"static\" {{\n current_key = \"{key}\"\n}}"))], "/b.hcl");
    let fields = ["key_sources", "key_files"];
    assert_eq!(show(&seal("file:///k/a.key"), "seal", &fields), ["/b.hcl seal static | file | /k/a.key"]);
    assert_eq!(show(&seal("env://KEY"), "seal", &fields), ["/b.hcl seal static | env | none"]);
    let inline = seal("0123456789abcdef0123456789abcdef");
    assert_eq!(show(&inline, "seal", &fields), ["/b.hcl seal static | inline | none"]);
    assert!(!format!("{inline:?}").contains("0123456789"));
}

const VALUES: &str = "server:\n  auditStorage: {enabled: true}\n  ha:\n    enabled: true\n    raft:\n      enabled: true\n      config: |\n        ui = true\n\n        \
    listener \"tcp\" {\n          tls_disable = 1\n          address = \"[::]:8200\"\n        }\n        seal \"static\" {\n          current_key = \"file:///openbao/secrets/u.key\"\n        }\n";

#[test]
fn the_charts_values_hold_one_by_its_mode() {
    let seen = ask(&[("/v.yaml", VALUES)], "/*.yaml");
    assert_eq!(show(&seen, "listener", &["tls"]), ["/v.yaml server.ha.raft.config listener tcp [::]:8200 | false"]);
    assert_eq!(&*seen.subjects[0].origin, "/v.yaml:10");
    assert_eq!(show(&seen, "server", &["audit_devices", "dev"]), ["/v.yaml server.ha.raft.config server | 0 | false"]);
    let nested = format!("openbao:\n  {}", VALUES.replace('\n', "\n  "));
    assert_eq!(show(&ask(&[("/v.yaml", &nested)], "/v.yaml"), "listener", &["tls"]).len(), 1);
    // Another mode, whose configuration is the chart's own.
    let standalone = VALUES.replacen("enabled: true\n    raft", "enabled: false\n    raft", 1);
    let seen = ask(&[("/v.yaml", &standalone)], "/v.yaml");
    assert!(matches!(&seen.extent, Extent::Partial(why) if why.to_string().contains("standalone")), "{seen:?}");
    assert!(show(&seen, "server", &["audit_devices"])[0].contains("unknown"));
    let dev = "server:\n  dev:\n    enabled: true\n  dataStorage: {}\n";
    assert_eq!(show(&ask(&[("/v.yaml", dev)], "/v.yaml"), "server", &["dev"]), ["/v.yaml server | true"]);
    let other = "server:\n  port: 80\n---\nkind: Ingress\nmetadata: {name: a}\n";
    assert!(matches!(ask(&[("/v.yaml", other)], "/v.yaml").extent, Extent::Absent(_)));
}

#[test]
fn files_of_a_directory_are_one_configuration() {
    let one = "audit \"file\" \"a\" { options { file_path = \"/x\" } }\n";
    let two = "listener \"tcp\" { address = \":8200\" }\nunsafe_allow_api_audit_creation = true\n";
    let seen = ask(&[("/d/1.hcl", one), ("/d/2.hcl", two)], "/d/*.hcl");
    assert_eq!(show(&seen, "server", &["audit_devices", "audit_by_api"]), ["/d/1.hcl server | 1 | true"]);
    assert_eq!(show(&seen, "listener", &["local"]), ["/d/2.hcl listener tcp :8200 | false"]);
    let seen = ask(&[("/d/1.hcl", one), ("/d/2.hcl", "listener {\n")], "/d/*.hcl");
    assert!(matches!(seen.extent, Extent::Partial(_)));
    assert!(show(&seen, "server", &["audit_devices"])[0].contains("unknown"), "{seen:?}");
    assert!(matches!(ask(&[], "/none.hcl").extent, Extent::Absent(_)));
    assert!(
        matches!(ask(&[("/b.hcl", "hunter2 {")], "/b.hcl").extent, Extent::Failed(why) if !why.to_string().contains("hunter2"))
    );
}

#[test]
fn config_maps_of_manifests_are_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("m.yaml");
    let map = "kind: ConfigMap\nmetadata: {name: openbao-config}\ndata:\n  extraconfig-from-values.hcl: |\n    listener \"tcp\" {\n      tls_disable = 1\n    }\n    storage \"file\" {}\n  other.json: '{}'\n";
    fs::write(&path, map).unwrap();
    let manifest = Manifest::new(Source::Kubernetes(vec![path]), Arc::new(Salt::random().unwrap()));
    let seen = run(&Door::Manifest(Box::new(manifest)), MANIFEST);
    assert_eq!(seen.extent, Extent::Complete);
    assert_eq!(seen.subjects.len(), 3, "{seen:?}");
    assert!(
        show(&seen, "listener", &["tls"])[0]
            .ends_with("data.extraconfig-from-values.hcl listener tcp 127.0.0.1:8200 | false"),
        "{seen:?}"
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        for name in ["b.hcl", "b.yaml"] {
            let parts = held(name, text.as_bytes()).map(|held| held.parts).unwrap_or_default();
            answer(parts, Extent::Complete, name);
        }
    }

    #[test]
    fn any_structure_is_read(text in r#"(listener|storage|seal|audit|server|config|"a"|\{|\}|\n| = |: |  |1|\[|\]|,|"type"){0,40}"#) {
        for name in ["b.hcl", "b.json", "b.yaml"] {
            let parts = held(name, text.as_bytes()).map(|held| held.parts).unwrap_or_default();
            answer(parts, Extent::Complete, name);
        }
    }
}
