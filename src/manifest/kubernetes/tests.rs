//! What manifests come out as, by the API's own rules.

use std::path::Path;

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::manifest::HostPath;
use crate::value::{Observed, Value};

struct Imagined(Vec<(&'static str, Vec<u8>)>);

impl Files for Imagined {
    fn read(&self, path: &Path) -> Read<Option<Vec<u8>>> {
        Ok(self.0.iter().find(|(name, _)| Path::new(name) == path).map(|(_, bytes)| bytes.clone()))
    }
}

fn manifests(text: &str) -> Manifests {
    read(&Imagined(vec![("m.yaml", text.as_bytes().to_vec())]), &["m.yaml".into()]).unwrap()
}

/// The one container of a pod that is written as flow mappings.
fn container(pod: &str, container: &str) -> Container {
    let pod = if pod.is_empty() { String::new() } else { format!("{pod}, ") };
    let container = if container.is_empty() { String::new() } else { format!(", {container}") };
    let text = format!("kind: Pod\nmetadata: {{name: p}}\nspec: {{{pod}containers: [{{name: c{container}}}]}}\n");
    let mut seen = manifests(&text);
    assert_eq!(seen.containers.len(), 1, "{text}");
    seen.containers.remove(0)
}

fn show(observed: &Observed) -> String {
    match observed {
        Observed::Absent => "absent".to_owned(),
        Observed::Unknown(_) => "unknown".to_owned(),
        Observed::Known(Value::List(list)) => {
            let items: Vec<String> = list.items.iter().map(show).collect();
            format!("[{}]", items.join(", "))
        }
        Observed::Known(value) => value.to_string(),
    }
}

fn field(container: &Container, name: &str) -> String {
    show(&container.fields.iter().find(|(known, _)| *known == name).unwrap().1)
}

/// The pod's part, the container's part, the field and what it comes out as.
#[test]
fn contexts_are_merged_as_kubernetes_merges_them() {
    for (pod, own, name, expected) in [
        ("", "", "user", "unknown"),
        ("", "", "root_in_container", "unknown"),
        ("securityContext: {runAsUser: 5}", "", "user", "5"),
        ("securityContext: {runAsUser: 5, runAsGroup: 6}", "securityContext: {runAsUser: 7}", "user", "7:6"),
        ("securityContext: {runAsUser: 5}", "securityContext: {runAsUser: 0}", "root_in_container", "true"),
        ("securityContext: {runAsNonRoot: true}", "", "root_in_container", "false"),
        (
            "securityContext: {runAsNonRoot: true}",
            "securityContext: {runAsNonRoot: false}",
            "root_in_container",
            "unknown",
        ),
        ("securityContext: {runAsNonRoot: \"true\"}", "", "root_in_container", "unknown"),
        ("", "securityContext: {privileged: true}", "privileged", "true"),
        ("", "securityContext: {privileged: yes}", "privileged", "true"),
        ("", "securityContext: {privileged: 'true'}", "privileged", "unknown"),
        ("", "", "privileged", "false"),
        ("", "", "no_new_privileges", "false"),
        ("", "securityContext: {allowPrivilegeEscalation: false}", "no_new_privileges", "true"),
        ("", "securityContext: {allowPrivilegeEscalation: true}", "no_new_privileges", "false"),
        (
            "",
            "securityContext: {capabilities: {add: [NET_ADMIN, CAP_SYS_TIME], drop: [all]}}",
            "cap_add",
            "[NET_ADMIN, SYS_TIME]",
        ),
        ("", "securityContext: {capabilities: {drop: [all]}}", "cap_drop", "[ALL]"),
        ("", "", "seccomp", "unknown"),
        ("securityContext: {seccompProfile: {type: RuntimeDefault}}", "", "seccomp", "default"),
        (
            "securityContext: {seccompProfile: {type: RuntimeDefault}}",
            "securityContext: {seccompProfile: {type: Unconfined}}",
            "seccomp",
            "unconfined",
        ),
        ("securityContext: {seccompProfile: {type: Localhost, localhostProfile: p}}", "", "seccomp", "custom"),
        (
            "securityContext: {seccompProfile: {type: RuntimeDefault}}",
            "securityContext: {privileged: true}",
            "seccomp",
            "unconfined",
        ),
        ("", "securityContext: {appArmorProfile: {type: Unconfined}}", "apparmor", "unconfined"),
        ("", "", "apparmor", "absent"),
        ("", "securityContext: {readOnlyRootFilesystem: true}", "readonly_rootfs", "true"),
        ("", "", "readonly_rootfs", "false"),
        ("", "securityContext: {procMount: Unmasked}", "masked_paths", "[]"),
        ("", "", "masked_paths", "[/proc/kcore]"),
        ("hostPID: true", "", "host_pid", "true"),
        ("hostIPC: true", "", "host_ipc", "true"),
        ("hostNetwork: true", "", "host_network", "true"),
        ("hostNetwork: true", "", "network_mode", "host"),
        ("", "", "host_uts", "false"),
        ("hostUsers: false", "", "userns_remapped", "true"),
        ("", "", "userns_remapped", "false"),
        ("", "resources: {limits: {memory: 128Mi, cpu: 500m, nvidia.com/gpu: 1}}", "memory", "128MiB"),
        ("", "resources: {limits: {cpu: 500m}}", "cpu_limited", "true"),
        ("", "resources: {limits: {nvidia.com/gpu: 1}}", "device_requests", "1"),
        ("resources: {limits: {memory: 1Gi}}", "", "memory", "1GiB"),
        ("", "resources: {limits: {memory: lots}}", "memory", "unknown"),
        ("", "", "memory", "absent"),
        ("", "", "cpu_limited", "false"),
        ("restartPolicy: OnFailure", "", "restart_policy", "on-failure"),
        ("", "", "restart_policy", "always"),
        ("", "livenessProbe: {}", "healthcheck", "true"),
        ("", "", "healthcheck", "false"),
        ("securityContext: {supplementalGroups: [1, 2], fsGroup: 3}", "", "group_add", "[1, 2, 3]"),
        ("securityContext: {sysctls: [{name: kernel.x, value: '1'}]}", "", "sysctls", "kernel.x=1"),
        ("automountServiceAccountToken: false", "", "service_account_token", "false"),
        ("automountServiceAccountToken: true", "", "service_account_token", "true"),
        ("", "", "service_account_token", "unknown"),
        ("", "image: yes", "image", "unknown"),
        ("securityContext: {seccompProfile: {type: 1}}", "", "seccomp", "unknown"),
        ("securityContext: 7", "", "user", "unknown"),
        ("", "securityContext: []", "privileged", "unknown"),
    ] {
        assert_eq!(field(&container(pod, own), name), expected, "{pod} | {own} | {name}");
    }
}

const KINDS: &str = r#"
apiVersion: v1
kind: List
items:
- {kind: Deployment, metadata: {name: d, namespace: n}, spec: {replicas: 0, template: {spec: {containers: [{name: a, image: x}]}}}}
- {kind: StatefulSet, metadata: {name: s}, spec: {template: {spec: {initContainers: [{name: i, image: x}], containers: [{name: a, image: x}]}}}}
---
{"kind": "CronJob", "metadata": {"name": "c"}, "spec": {"suspend": true, "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "x"}]}}}}}}
---
kind: Job
metadata: {generateName: j-}
spec: {template: {spec: {containers: [{name: a, image: x}], ephemeralContainers: [{name: e, image: x}]}}}
---
kind: DaemonSet
metadata: {name: ds}
spec: {template: {spec: {containers: [{name: a, image: x}]}}}
---
kind: ReplicaSet
metadata: {name: r}
spec: {template: {spec: {containers: [{name: a, image: x}]}}}
---
kind: Service
metadata: {name: not}
spec: {ports: []}
---
some: values
"#;

#[test]
fn every_kind_that_makes_pods() {
    let seen = manifests(KINDS);
    let titles: Vec<&str> = seen.containers.iter().map(|one| one.title.as_str()).collect();
    let expected = [
        "n/deployment/d/a",
        "statefulset/s/i",
        "statefulset/s/a",
        "cronjob/c/a",
        "job/j-/a",
        "job/j-/e",
        "daemonset/ds/a",
        "replicaset/r/a",
    ];
    assert_eq!(titles, expected);
    let runs: Vec<String> = seen.containers.iter().map(|one| field(one, "running")).collect();
    assert_eq!(runs[..4], ["false", "true", "true", "false"]);
    assert_eq!(seen.containers[1].origin, "m.yaml:6");
    assert!(seen.more.is_none());
}

#[test]
fn ports_of_the_host() {
    let ports = |pod: &str, ports: &str| {
        let seen = container(pod, &format!("ports: {ports}")).ports;
        let one = |port: &Read<crate::manifest::Port>| {
            let port = port.as_ref().unwrap();
            format!("{}:{}:{}/{}", port.host_ip, port.host_port.unwrap(), port.container_port, port.protocol)
        };
        seen.items.iter().map(one).collect::<Vec<_>>()
    };
    assert!(ports("", "[{containerPort: 80}]").is_empty());
    assert_eq!(ports("", "[{containerPort: 80, hostPort: 8080, hostIP: 127.0.0.1}]"), ["127.0.0.1:8080:80/tcp"]);
    assert_eq!(ports("hostNetwork: true", "[{containerPort: 53, protocol: UDP}]"), [":53:53/udp"]);
    assert!(container("", "image: a, ports: [{hostPort: 99999, containerPort: 1}]").ports.items[0].is_err());
}

#[test]
fn volumes_of_the_host() {
    let pod = "volumes: [{name: h, hostPath: {path: /var/run}}, {name: e, emptyDir: {medium: Memory}}, {name: s, secret: {secretName: x, defaultMode: 420}}]";
    let own = "volumeMounts: [{name: h, mountPath: /h, readOnly: true, subPath: docker.sock}, {name: e, mountPath: /e}, {name: s, mountPath: /s}, {name: h, mountPath: /x, mountPropagation: Bidirectional, subPathExpr: $(A)}]";
    let mounts = container(pod, own).mounts;
    let mounts: Vec<_> = mounts.items.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        (mounts[0].kind, &mounts[0].host, &mounts[0].rw),
        ("bind", &HostPath::Path("/var/run/docker.sock".into()), &Ok(false))
    );
    assert_eq!((mounts[1].kind, mounts[2].kind), ("tmpfs", "volume"));
    assert!(matches!(mounts[3].host, HostPath::Unsure(_)));
    assert_eq!((&mounts[2].secret_mode, &mounts[0].secret_mode), (&Ok(Some(0o644)), &Ok(None)));
    for (mode, expected) in
        [("0400", Some(0o400)), ("0o440", Some(0o440)), ("256", Some(0o400)), ("'0400'", Some(400)), ("9999", None)]
    {
        let pod = format!("volumes: [{{name: s, secret: {{secretName: x, defaultMode: {mode}}}}}]");
        let mounts = container(&pod, "volumeMounts: [{name: s, mountPath: /s}]").mounts;
        assert_eq!(mounts.items[0].as_ref().unwrap().secret_mode.clone().ok().flatten(), expected, "{mode}");
    }
    assert_eq!(mounts[3].propagation, Ok(Some("rshared".to_owned())));
}

#[test]
fn variables_of_all_sources() {
    let text = r#"
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: c
    image: a
    envFrom:
    - {configMapRef: {name: settings}, prefix: P_}
    - {secretRef: {name: gone, optional: true}}
    env:
    - {name: A, value: "1"}
    - {name: B, value: "$(A)-$(P_MODE)-$$(A)-$(NOWHERE"}
    - {name: NUMBER, value: 1}
    - {name: S, valueFrom: {secretKeyRef: {name: keys, key: password}}}
    - {name: T, valueFrom: {secretKeyRef: {name: keys, key: text}}}
    - {name: G, valueFrom: {secretKeyRef: {name: other, key: x}}}
    - {name: O, valueFrom: {configMapKeyRef: {name: settings, key: none, optional: true}}}
    - {name: F, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: E}
---
{kind: ConfigMap, metadata: {name: settings}, data: {MODE: fast}}
---
{kind: Secret, metadata: {name: keys}, data: {password: aHVudGVyMg==}, stringData: {text: plain}}
"#;
    let seen = manifests(text);
    let environment = &seen.containers[0].environment;
    let value = |name: &str| {
        let variable = environment.variable(name).unwrap().unwrap();
        variable.value.as_ref().map(|value| value.expose_secret().to_owned()).map_err(|reason| reason.text.to_string())
    };
    for (name, expected) in
        [("A", "1"), ("P_MODE", "fast"), ("B", "1-fast-$(A)-$(NOWHERE"), ("S", "hunter2"), ("T", "plain"), ("E", "")]
    {
        assert_eq!(value(name).as_deref(), Ok(expected), "{name}");
    }
    assert!(value("NUMBER").unwrap_err().contains("no text"));
    assert!(value("G").unwrap_err().contains("the Secret `other` is not in the manifests"));
    assert!(value("F").unwrap_err().contains("when the container starts"));
    // A Secret that may exist may set anything.
    assert!(environment.variable("ANYTHING").unwrap_err().text.contains("`gone`"));
    assert!(!format!("{environment:?}").contains("hunter2"));
}

#[test]
fn what_cannot_be_read_hides_only_itself() {
    let files = Imagined(vec![("good.yaml", KINDS.into()), ("bad.yaml", b"a: [".to_vec())]);
    let both = read(&files, &["bad.yaml".into(), "good.yaml".into()]).unwrap();
    assert_eq!(both.containers.len(), 8);
    assert!(both.more.unwrap().text.contains("bad.yaml"));
    assert!(read(&files, &["bad.yaml".into(), "none.yaml".into()]).is_err());
    let helm = read(&Imagined(vec![("t.yaml", b"a: {{ .Values.x }}\nb: {{ y }}: z".to_vec())]), &["t.yaml".into()]);
    assert!(helm.unwrap_err().to_string().contains("helm template"));
}

#[test]
fn an_account_may_forbid_its_token() {
    let text = "kind: Pod\nmetadata: {name: p}\nspec: {serviceAccountName: s, containers: [{name: c, image: a}]}\n---\n{kind: ServiceAccount, metadata: {name: s}, automountServiceAccountToken: false}\n";
    assert_eq!(field(&manifests(text).containers[0], "service_account_token"), "false");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&Imagined(vec![("m", bytes)]), &["m".into()]);
    }

    #[test]
    fn any_shape_is_read(
        key in prop::sample::select(vec![
            "image", "securityContext", "ports", "volumeMounts", "env", "envFrom", "resources", "name",
        ]),
        value in r#"[a-z0-9:{}\[\],'" /-]{0,30}"#,
    ) {
        let text = format!("kind: Pod\nspec:\n  containers:\n  - name: c\n    {key}: {value}\n  volumes: {value}\n  securityContext: {value}\n");
        let _ = read(&Imagined(vec![("m", text.into_bytes())]), &["m".into()]);
    }
}
