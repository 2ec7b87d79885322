use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::facts::Extent;
use crate::target::manifest::Source;

fn ask(files: &[&str], with: &serde_json::Value) -> Listing {
    let folder = tempfile::tempdir().unwrap();
    let write = |(number, text): (usize, &&str)| -> PathBuf {
        let path = folder.path().join(format!("{number}.yaml"));
        fs::write(&path, text).unwrap();
        path
    };
    let paths = files.iter().enumerate().map(write).collect();
    let manifest = Manifest::new(Source::Kubernetes(paths), Arc::new(Salt::random().unwrap()));
    let with: With = serde_json::from_value(with.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let listing = runtime.block_on(observe(&Door::Manifest(Box::new(manifest)), &with));
    for subject in &listing.subjects {
        assert!(subject.fields.fields.iter().all(|field| *field != Observed::unknown("not read")), "{subject:?}");
    }
    listing
}

fn show(listing: &Listing, fields: &[&str]) -> Vec<String> {
    let one = |subject: &Subject| {
        let fields = fields.iter().map(|name| subject.fields.get(name).unwrap().to_string());
        std::iter::once(subject.name.to_string()).chain(fields).collect::<Vec<_>>().join(" | ")
    };
    listing.subjects.iter().map(one).collect()
}

const MIDDLEWARE: &str = "\u{feff}apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata:\n  name: hq\n  namespace: kube-system\n  \
    annotations: {a/b: x}\nspec:\n  ipAllowList:\n    sourceRange:\n      - ${HQ}/32\n      - 10.0.1.0/24\n";

#[test]
fn each_value_is_a_subject_and_says_where_it_is() {
    let with = json!({ "kind": "Middleware", "key": "spec.ipAllowList.sourceRange.*", "as": "address" });
    let seen = ask(&[MIDDLEWARE], &with);
    assert_eq!(
        show(&seen, &["value", "unresolved"]),
        [
            "Middleware kube-system/hq spec.ipAllowList.sourceRange.0 | unknown (it refers to `HQ`, which only the program's surroundings tell) | HQ",
            "Middleware kube-system/hq spec.ipAllowList.sourceRange.1 | 10.0.1.0/24 | none",
        ]
    );
    assert!(seen.subjects[1].origin.ends_with("0.yaml:11"), "{}", seen.subjects[1].origin);
}

#[test]
fn an_object_without_the_key_is_there_all_the_same() {
    let with = json!({ "kind": "*", "key": "spec.none.*" });
    let seen = ask(&[MIDDLEWARE, "kind: Namespace\nmetadata: {name: a, labels: {l: m}}\n"], &with);
    assert_eq!(
        show(&seen, &["namespace", "labels", "annotations", "key", "value"]),
        [
            "Middleware kube-system/hq | kube-system | {} | {a/b: x} | absent | absent",
            "Namespace a | absent | {l: m} | {} | absent | absent"
        ]
        .map(|line| line.replace("{}", &Value::Map(BTreeMap::new()).to_string()))
        .map(|line| line.replace("{a/b: x}", &Value::Map([("a/b".into(), "x".into())].into()).to_string()))
        .map(|line| line.replace("{l: m}", &Value::Map([("l".into(), "m".into())].into()).to_string()))
    );
    assert!(matches!(ask(&[MIDDLEWARE], &json!({ "kind": "Ingress" })).extent, Extent::Complete));
}

#[test]
fn yaml_inside_of_a_text_is_looked_into() {
    let chart = "kind: HelmChartConfig\nmetadata: {name: traefik}\nspec:\n  valuesContent: |-\n    ports:\n      web:\n        \
        proxyProtocol:\n          trustedIPs: [10.0.0.0/8]\n";
    let with = json!({ "kind": "HelmChartConfig", "inside": "spec.valuesContent", "key": "ports.*.proxyProtocol.trustedIPs.*" });
    assert_eq!(
        show(&ask(&[chart], &with), &["value"]),
        ["HelmChartConfig traefik ports.web.proxyProtocol.trustedIPs.0 | 10.0.0.0/8"]
    );
    let broken = "kind: HelmChartConfig\nmetadata: {name: traefik}\nspec: {valuesContent: 'a: [hunter2'}\n";
    let seen = show(&ask(&[broken], &with), &["value"]);
    assert!(seen[0].contains("unknown") && !seen[0].contains("hunter2"), "{seen:?}");
}

#[test]
fn settings_are_told_together_and_secrets_by_none() {
    let objects = "kind: List\nitems:\n- kind: ClusterRoleBinding\n  metadata: {name: x}\n  roleRef: {name: cluster-admin}\n  subjects: [{name: a}, {name: b}]\n\
        - kind: Secret\n  metadata: {name: s, annotations: {kubectl.kubernetes.io/last-applied-configuration: 'aHVudGVyMg=='}}\n  data: {foo: aHVudGVyMg==, bar_path: aHVudGVyMg==}\n\
        - kind: Deployment\n  metadata: {name: d}\n  spec: {template: {spec: {containers: [{env: [{name: P, value: aHVudGVyMg==}]}]}}}\n";
    let with = json!({ "kind": "ClusterRoleBinding", "settings": "roleRef.name, subjects.*.name, none" });
    let seen = ask(&[objects], &with);
    let Some(Observed::Known(Value::Map(map))) = seen.subjects[0].fields.get("settings") else { panic!("{seen:?}") };
    assert_eq!(
        map.keys().map(|key| &**key).collect::<Vec<_>>(),
        ["roleRef.name", "subjects.0.name", "subjects.1.name"]
    );
    for key in ["data.*", "data", "*", "spec.template.spec.containers.*.env.*.value"] {
        let with = json!({ "kind": "*", "key": key, "settings": key });
        let seen = format!("{:?}", ask(&[objects], &with));
        assert!(!seen.contains("aHVudGVyMg"), "{key}: {seen}");
    }
}

#[test]
fn what_could_not_be_read_may_hold_more() {
    let with = json!({ "kind": "Middleware" });
    assert!(matches!(ask(&[MIDDLEWARE, "a: {{ template }}\nb: [\n"], &with).extent, Extent::Partial(_)));
    assert!(matches!(ask(&["a: {{ template }}\nb: [\n"], &with).extent, Extent::Failed(_)));
}
