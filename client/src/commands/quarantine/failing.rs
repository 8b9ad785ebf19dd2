//! `daymark quarantine --to`: which pods of a workload fail.

use std::time::Duration;

use daymark::Client;
use daymark::api::{
    GetStatusRequest, GetStatusResponse, ObjectRef, State, Status, TreeNode, View, WatchTreeRequest, WatchTreeResponse,
};
use serde_json::Value;

use crate::args::Global;
use crate::commands::session;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::targets::Selection;

/// How long a pod may not be ready before it counts as failing.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pods that are looked at whole.
const MOST: usize = 200;

/// The pods of a workload that fail, at most so many, the worst first.
pub async fn pods(
    global: &Global,
    client: &Client,
    workload: &str,
    most: u32,
    printer: &mut Printer,
) -> Result<Vec<ObjectRef>, Failure> {
    let Selection::Objects(targets) = Selection::parse(&[workload.to_owned()])? else {
        return Err(Failure::usage("--to takes KIND/NAME, such as deploy/web"));
    };
    let [target] = targets.as_slice() else {
        return Err(Failure::usage("--to takes one workload, such as deploy/web"));
    };
    let cluster = session::cluster(global).to_owned();
    let root = ObjectRef { cluster, ..target.object_ref(session::one_namespace(global)?) };
    let tree = tree(client, root).await?;
    tree.unreachable.iter().for_each(|kind| printer.problem(&session::unreachable(kind)));
    let newest = newest(client, &tree.nodes).await?;
    let mut failing: Vec<_> = newest.iter().filter(|pod| pod.state() == State::Failed).collect();
    failing.sort_by_key(|pod| std::cmp::Reverse(pod.doom));
    let doubtful = newest.iter().filter(|pod| matches!(pod.state(), State::InProgress | State::Unknown));
    for pod in doubtful.take(MOST) {
        if failing.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
            break;
        }
        if is_unready(&whole(client, pod).await?) {
            failing.push(pod);
        }
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if failing.len() > most {
        let count = failing.len();
        printer.note(&format!("{count} pods fail; at most {most} of them are quarantined: --max allows more"));
    }
    Ok(failing.into_iter().take(most).filter_map(|pod| pod.r#ref.clone()).collect())
}

/// A workload with all that it owns, as it is now.
async fn tree(client: &Client, root: ObjectRef) -> Result<WatchTreeResponse, Failure> {
    let watch = client.watch_tree(WatchTreeRequest { r#ref: Some(root), ..WatchTreeRequest::default() });
    // It is looked at once, and nothing has been done yet.
    Ok(watch.first().await?)
}

/// The pods of a tree; of a Deployment, those of its newest revision: others are on their way out.
async fn newest(client: &Client, nodes: &[TreeNode]) -> Result<Vec<Status>, Failure> {
    let mut groups: Vec<(Option<&Status>, Vec<Status>)> = Vec::new();
    let mut above: Vec<&Status> = Vec::new();
    for node in nodes {
        let Some(status) = &node.status else { continue };
        above.truncate(usize::try_from(node.depth).unwrap_or(0));
        if status.kind == "Pod" {
            let owner = above.last().copied().filter(|owner| owner.kind == "ReplicaSet");
            match groups.last_mut().filter(|(last, _)| last.map(uid) == owner.map(uid)) {
                Some((_, pods)) => pods.push(status.clone()),
                None => groups.push((owner, vec![status.clone()])),
            }
        }
        above.push(status);
    }
    if groups.len() < 2 {
        return Ok(groups.into_iter().flat_map(|(_, pods)| pods).collect());
    }
    let mut newest: (u64, Vec<Status>) = (0, Vec::new());
    for (owner, pods) in groups {
        let revision = match owner {
            Some(owner) => revision(&whole(client, owner).await?),
            None => 0,
        };
        if revision >= newest.0 {
            newest = (revision, pods);
        }
    }
    Ok(newest.1)
}

fn uid(status: &Status) -> &str {
    status.r#ref.as_ref().map_or("", |it| &it.uid)
}

/// An object as it is now.
async fn whole(client: &Client, status: &Status) -> Result<GetStatusResponse, Failure> {
    let request = GetStatusRequest { r#ref: status.r#ref.clone(), view: View::Full.into() };
    Ok(client.get_status(request).await?)
}

fn object(answer: &GetStatusResponse) -> Value {
    let json = answer.status.as_ref().map(|status| &status.object[..]).unwrap_or_default();
    serde_json::from_slice(json).unwrap_or_default()
}

/// Which revision of its Deployment a ReplicaSet is.
fn revision(answer: &GetStatusResponse) -> u64 {
    let object = object(answer);
    let revision = object.pointer("/metadata/annotations/deployment.kubernetes.io~1revision");
    revision.and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Whether a pod has not been ready for a while, by the daemon's time.
fn is_unready(answer: &GetStatusResponse) -> bool {
    let object = object(answer);
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions.into_iter().flatten().find(|it| it["type"] == "Ready");
    let Some(ready) = ready.filter(|it| it["status"] != "True") else { return false };
    let since: Option<jiff::Timestamp> = ready["lastTransitionTime"].as_str().and_then(|text| text.parse().ok());
    let now = answer.freshness.as_ref().and_then(|freshness| freshness.time);
    let now = now.and_then(|now| jiff::Timestamp::from_second(now.seconds).ok());
    match (since, now) {
        (Some(since), Some(now)) => now.duration_since(since).unsigned_abs() >= PATIENCE && now > since,
        _ => false,
    }
}
