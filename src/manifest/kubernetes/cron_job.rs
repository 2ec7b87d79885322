//! What a CronJob (batch/v1) plans: one entry for each container of its pod.

use super::Workload;
use super::pod::follow;
use crate::manifest::tree::Node;
use crate::manifest::{Container, Read};
use crate::value::{Observed, Reason};

/// A container that is started at its time.
#[derive(Debug, Clone)]
pub struct CronJob {
    /// That of the CronJob.
    pub name: String,
    /// That of the container in it: `cronjob/backup/dump`.
    pub title: String,
    /// `path:line`.
    pub origin: String,
    pub schedule: Read<Option<String>>,
    pub suspended: Read<bool>,
    /// As whom the container runs.
    pub user: Observed,
    /// `command` and `args`; `None` where the image decides both.
    pub command: Read<Option<Vec<String>>>,
}

/// The entries of a workload, if it is a CronJob. `containers` are those of its pod.
pub(super) fn read(workload: &Workload, containers: &[Container]) -> Vec<CronJob> {
    if workload.kind != "CronJob" {
        return Vec::new();
    }
    let object = &workload.object;
    let schedule = object.at("spec.schedule").json_text().map(|text| text.map(str::to_owned));
    let suspended = object.at("spec.suspend").json_bool().map(Option::unwrap_or_default);
    let nodes = ["initContainers", "containers"].into_iter().filter_map(|list| follow(object, workload.pod)?.get(list));
    let nodes: Vec<&Node> = nodes.filter_map(|list| list.itself("containers").items().ok()).flatten().collect();
    let entry = |container: &Container| {
        let node = nodes.iter().find(|node| node.place.to_string() == container.origin);
        let user = container.fields.iter().find(|(name, _)| *name == "user").map(|(_, user)| user.clone());
        CronJob {
            name: workload.name.clone(),
            title: container.title.clone(),
            origin: container.origin.clone(),
            schedule: schedule.clone(),
            suspended: suspended.clone(),
            user: user.unwrap_or(Observed::Absent),
            command: node.map_or_else(|| Err(Reason::new("the container cannot be read")), |node| command(node)),
        }
    };
    containers.iter().map(entry).collect()
}

fn command(container: &Node) -> Read<Option<Vec<String>>> {
    let texts = |key: &str| -> Read<Vec<String>> {
        let items = container.at(key).items()?;
        items.iter().map(|item| Ok(item.itself(key).json_text()?.unwrap_or_default().to_owned())).collect()
    };
    let (mut command, arguments) = (texts("command")?, texts("args")?);
    if command.is_empty() && arguments.is_empty() {
        return Ok(None);
    }
    if command.is_empty() {
        return Err(Reason::new("the image decides which program gets the arguments"));
    }
    command.extend(arguments);
    Ok(Some(command))
}
