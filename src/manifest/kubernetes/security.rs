//! Security contexts: a container's own settings go before its pod's, each by itself ("Configure a Security Context for
//! a Pod or Container").

use super::Objects;
use super::pod::{Context, Fields, follow, none, seen, seen_or_absent};
use crate::manifest::options::{bare_capability, system_paths};
use crate::manifest::tree::{At, Kind};
use crate::manifest::{Read, SECCOMP};
use crate::value::types::word;
use crate::value::{List, Observed, Reason, Value};

pub(super) fn set(context: &Context<'_>, fields: &mut Fields) {
    let privileged = own(context, "privileged").json_bool().map(Option::unwrap_or_default);
    fields.push(("privileged", seen(privileged.clone())));
    fields.push(("cap_add", capabilities(context, "add")));
    fields.push(("cap_drop", capabilities(context, "drop")));
    fields.push(("security_opt", none()));
    users(context, fields);
    let escalation = own(context, "allowPrivilegeEscalation").json_bool();
    fields.push(("no_new_privileges", seen(escalation.map(|allowed| allowed == Some(false)))));
    fields.push(("seccomp", seccomp(context, privileged.clone())));
    fields.push(("apparmor", seen_or_absent(apparmor(context))));
    let selinux = merged(context, "seLinuxOptions.type", At::json_text);
    fields.push(("selinux_disabled", seen(selinux.map(|kind| kind == Some("spc_t")))));
    let unmasked = own(context, "procMount").json_text().map(|mount| mount == Some("Unmasked"));
    for (name, one) in [("masked_paths", "/proc/kcore"), ("readonly_paths", "/proc/sysrq-trigger")] {
        fields.push((
            name,
            match (&unmasked, &privileged) {
                (Ok(unmasked), Ok(privileged)) => system_paths(*unmasked || *privileged, one),
                (Err(reason), _) | (_, Err(reason)) => Observed::Unknown(reason.clone()),
            },
        ));
    }
    fields.push(("sysctls", sysctls(context)));
    fields.push(("service_account_token", seen(mounts_token(context))));
}

fn own<'a>(context: &Context<'a>, key: &str) -> At<'a> {
    context.container.at(&format!("securityContext.{key}"))
}

/// A setting of the container's, or else of the pod's.
fn merged<'a, T>(context: &Context<'a>, key: &str, read: impl Fn(&At<'a>) -> Read<Option<T>>) -> Read<Option<T>> {
    match read(&own(context, key))? {
        None => read(&context.pod.at(&format!("securityContext.{key}"))),
        own => Ok(own),
    }
}

fn capabilities(context: &Context<'_>, key: &str) -> Observed {
    let items = match own(context, &format!("capabilities.{key}")).items() {
        Ok(items) => items,
        Err(reason) => return Observed::Unknown(reason),
    };
    let name = |item: &crate::manifest::tree::Node| match item.itself(key).text() {
        Ok(text) => bare_capability(text.unwrap_or_default()).into(),
        Err(reason) => Observed::Unknown(reason),
    };
    Value::List(List { items: items.iter().map(name).collect(), more: None }).into()
}

fn users(context: &Context<'_>, fields: &mut Fields) {
    let user = merged(context, "runAsUser", At::int);
    let group = merged(context, "runAsGroup", At::int);
    let non_root = merged(context, "runAsNonRoot", At::json_bool);
    let of_image = || {
        Reason::new("the manifest leaves the user to the image").with_grant("write `runAsNonRoot: true` or `runAsUser`")
    };
    let shown = match (&user, &group) {
        (Ok(Some(user)), Ok(Some(group))) => Ok(format!("{user}:{group}")),
        (Ok(Some(user)), Ok(None)) => Ok(user.to_string()),
        (Ok(None), Ok(_)) => Err(of_image()),
        (Err(reason), _) | (_, Err(reason)) => Err(reason.clone()),
    };
    fields.push(("user", seen(shown)));
    // The kubelet starts nothing as root where that is forbidden, whatever the image says.
    let is_root = user.and_then(|user| match user {
        Some(user) => Ok(user == 0),
        None if non_root.clone()? == Some(true) => Ok(false),
        None => Err(of_image()),
    });
    fields.push(("root_in_container", seen(is_root)));
    let own_users = context.pod.at("hostUsers").json_bool();
    fields.push(("userns_remapped", seen(own_users.map(|host| host == Some(false)))));
    let mut groups = Vec::new();
    let listed = context.pod.at("securityContext.supplementalGroups").items();
    let listed = listed.and_then(|items| {
        items
            .iter()
            .map(|item| Ok(item.itself("supplementalGroups").int()?.unwrap_or_default()))
            .collect::<Read<Vec<_>>>()
    });
    let group_add = listed.and_then(|listed| {
        groups.extend(listed);
        groups.extend(context.pod.at("securityContext.fsGroup").int()?);
        Ok(groups.into_iter().map(|group: i64| Observed::from(group.to_string())).collect::<Value>())
    });
    fields.push(("group_add", seen(group_add)));
}

/// Without a profile the kubelet decides: none, unless it was started with `seccompDefault`.
fn seccomp(context: &Context<'_>, privileged: Read<bool>) -> Observed {
    let name = |name| Observed::Known(word(&SECCOMP, name));
    let kind = match (privileged, merged(context, "seccompProfile.type", At::json_text)) {
        (Ok(true), _) => return name("unconfined"),
        (Ok(false), Ok(kind)) => kind,
        (Err(reason), _) | (_, Err(reason)) => return Observed::Unknown(reason),
    };
    match kind {
        Some("RuntimeDefault") => name("default"),
        Some("Localhost") => name("custom"),
        Some("Unconfined") => name("unconfined"),
        Some(_) => Observed::unknown("this is no kind of profile that Kubernetes knows"),
        None => Observed::Unknown(
            Reason::new("the manifest names no profile: without `seccompDefault` the kubelet filters nothing")
                .with_grant("write `seccompProfile: { type: RuntimeDefault }`"),
        ),
    }
}

/// The annotation is how it was written before Kubernetes 1.30.
fn apparmor(context: &Context<'_>) -> Read<Option<String>> {
    let kind = merged(context, "appArmorProfile.type", At::json_text)?;
    let named = match kind {
        Some("RuntimeDefault") => Some("runtime/default".to_owned()),
        Some("Unconfined") => Some("unconfined".to_owned()),
        Some(_) => merged(context, "appArmorProfile.localhostProfile", At::json_text)?.map(str::to_owned),
        None => None,
    };
    if named.is_some() {
        return Ok(named);
    }
    let name = context.container.at("name").json_text()?.unwrap_or_default();
    let key = format!("container.apparmor.security.beta.kubernetes.io/{name}");
    let annotations =
        follow(&context.workload.object, context.workload.metadata).and_then(|node| node.get("annotations"));
    let annotation = annotations.and_then(|annotations| annotations.get(&key));
    Ok(annotation.map(|node| node.itself(&key).text()).transpose()?.flatten().map(str::to_owned))
}

fn sysctls(context: &Context<'_>) -> Observed {
    let entries = match context.pod.at("securityContext.sysctls").items() {
        Ok(entries) => entries,
        Err(reason) => return Observed::Unknown(reason),
    };
    let entry = |node: &crate::manifest::tree::Node| {
        let name = node.at("name").text().ok().flatten().unwrap_or_default();
        let value = node.at("value").text();
        (name.into(), value.map_or_else(Observed::Unknown, |value| value.unwrap_or_default().into()))
    };
    Value::Map(entries.iter().map(entry).collect()).into()
}

/// The pod decides, then its account, and else it is mounted.
fn mounts_token(context: &Context<'_>) -> Read<bool> {
    if let Some(set) = context.pod.at("automountServiceAccountToken").json_bool()? {
        return Ok(set);
    }
    let account = match context.pod.at("serviceAccountName").json_text()? {
        None => context.pod.at("serviceAccount").json_text()?.unwrap_or("default"),
        Some(account) => account,
    };
    let objects = &context.objects.service_accounts;
    match Objects::find(objects, &context.workload.namespace, account) {
        Some(object) => Ok(object.at("automountServiceAccountToken").json_bool()?.unwrap_or(true)),
        // The account that every namespace has mounts it, unless somebody changed that.
        None => match context.unread {
            Some(reason) => Err(reason.clone()),
            None if matches!(context.pod.kind, Kind::Unknown(_)) => Err(Reason::new("the pod cannot be read")),
            None => {
                Err(Reason::new(format!("whether the account `{account}` mounts its token is not in the manifests"))
                    .with_grant("write `automountServiceAccountToken: false` in the pod"))
            }
        },
    }
}
