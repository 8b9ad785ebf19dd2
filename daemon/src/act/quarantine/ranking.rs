//! Which of its pods a controller removes when it has too many: a prediction, by its own order.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;

use jiff::Timestamp;

use crate::diagnose::Object;
use crate::diagnose::fields::{condition, condition_is, list, number, text, time};

/// What a pod says it costs to remove it (core/v1, `PodDeletionCost`).
const COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Whether a pod counts for its controller: it has not ended, and is not to.
pub(super) fn is_active(pod: &Object) -> bool {
    !pod.is_deleted() && !matches!(text(&pod.value, "/status/phase"), "Succeeded" | "Failed")
}

/// The pods of a ReplicaSet in the order in which it would remove them; `related` are all pods of
/// its Deployment.
///
/// Kubernetes' `pkg/controller/controller_utils.go`, `ActivePodsWithRanks`.
pub(super) fn of_replica_set<'a>(pods: &[&'a Object], related: &[Object], now: Timestamp) -> Vec<&'a Object> {
    let mut on_nodes: HashMap<&str, usize> = HashMap::new();
    for pod in related.iter().filter(|pod| is_active(pod)) {
        *on_nodes.entry(node(pod)).or_default() += 1;
    }
    let mut pods = pods.to_vec();
    pods.sort_by(|one, two| {
        (!node(one).is_empty())
            .cmp(&!node(two).is_empty())
            .then_with(|| phase(one).cmp(&phase(two)))
            .then_with(|| is_ready(one).cmp(&is_ready(two)))
            .then_with(|| cost(one).cmp(&cost(two)))
            .then_with(|| on_nodes.get(node(two)).cmp(&on_nodes.get(node(one))))
            .then_with(|| match is_ready(one) && is_ready(two) {
                true => younger_first((ready_since(one), one), (ready_since(two), two), now),
                false => Ordering::Equal,
            })
            .then_with(|| restarts(two).cmp(&restarts(one)))
            .then_with(|| younger_first((one.created(), one), (two.created(), two), now))
    });
    pods
}

/// The pods of a DaemonSet on one node in the order in which it would remove them: it keeps the
/// oldest (`pkg/controller/daemon/daemon_controller.go`, `podsShouldBeOnNode`).
pub(super) fn of_daemon_set<'a>(pods: &[&'a Object]) -> Vec<&'a Object> {
    let mut pods = pods.to_vec();
    pods.sort_by_key(|pod| (!node(pod).is_empty(), Reverse(pod.created()), Reverse(pod.name.name.clone())));
    pods
}

pub(super) fn node(pod: &Object) -> &str {
    text(&pod.value, "/spec/nodeName")
}

pub(super) fn is_ready(pod: &Object) -> bool {
    condition_is(&pod.value, "Ready", "True")
}

fn phase(pod: &Object) -> u8 {
    match text(&pod.value, "/status/phase") {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    }
}

fn cost(pod: &Object) -> i32 {
    pod.annotation(COST).parse().unwrap_or(0)
}

fn ready_since(pod: &Object) -> Option<Timestamp> {
    time(condition(&pod.value, "Ready")?, "/lastTransitionTime")
}

/// The most restarts of a container, then those of a sidecar.
fn restarts(pod: &Object) -> (i64, i64) {
    let count = |status: &serde_json::Value| number(status, "/restartCount").unwrap_or(0);
    let most = list(&pod.value, "/status/containerStatuses").iter().map(count).max().unwrap_or(0);
    let is_sidecar = |status: &&serde_json::Value| {
        let name = text(status, "/name");
        let mut containers = list(&pod.value, "/spec/initContainers").iter();
        containers.any(|it| text(it, "/name") == name && text(it, "/restartPolicy") == "Always")
    };
    let of_sidecars = list(&pod.value, "/status/initContainerStatuses").iter().filter(is_sidecar).map(count).max();
    (most, of_sidecars.unwrap_or(0))
}

/// Times are told apart by their logarithms, so that among pods which are about as old it is not
/// always the youngest; then UIDs decide (KEP-2185).
fn younger_first(
    (one, of_one): (Option<Timestamp>, &Object),
    (two, of_two): (Option<Timestamp>, &Object),
    now: Timestamp,
) -> Ordering {
    let (Some(one), Some(two)) = (one, two) else { return one.is_some().cmp(&two.is_some()) };
    if one == two {
        return Ordering::Equal;
    }
    let rank = |time: Timestamp| {
        let nanoseconds = now.duration_since(time).as_nanos();
        u128::try_from(nanoseconds).ok().and_then(u128::checked_ilog2).map_or(-1, i64::from)
    };
    rank(one).cmp(&rank(two)).then_with(|| of_one.uid.cmp(&of_two.uid))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-01-01T01:00:00Z";

    fn pod(name: &str, fields: &Value) -> Object {
        let mut value = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"nodeName": "n1"},
            "status": {"phase": "Running", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:10Z"}]},
        });
        for (path, field) in fields.as_object().unwrap() {
            let (parent, last) = path.rsplit_once('/').unwrap();
            value.pointer_mut(parent).unwrap()[last] = field.clone();
        }
        Object::read(value).unwrap()
    }

    fn first(one: &Value, two: &Value) -> String {
        // By UID alone, `b` would go last.
        let all = [pod("a", one), pod("b", two)];
        let order = of_replica_set(&all.iter().collect::<Vec<_>>(), &all, NOW.parse().unwrap());
        order[0].name.name.clone()
    }

    #[test]
    fn pods_go_in_the_order_of_their_controller() {
        let plain = json!({});
        let ready =
            |status: &str, since: &str| json!([{"type": "Ready", "status": status, "lastTransitionTime": since}]);
        let restarted = json!({"/status/containerStatuses": [{"name": "c", "restartCount": 3}]});
        let sidecar = json!({
            "/spec/initContainers": [{"name": "s", "restartPolicy": "Always"}],
            "/status/initContainerStatuses": [{"name": "s", "restartCount": 3}]});
        for (what, goes) in [
            ("without a node", json!({"/spec/nodeName": ""})),
            ("pending", json!({"/status/phase": "Pending"})),
            ("not ready", json!({"/status/conditions": ready("False", "2026-01-01T00:00:10Z")})),
            ("cheap", json!({"/metadata/annotations": {COST: "-1"}})),
            ("ready since lately", json!({"/status/conditions": ready("True", "2026-01-01T00:59:00Z")})),
            ("restarted", restarted),
            ("with a sidecar that was restarted", sidecar),
            ("young", json!({"/metadata/creationTimestamp": "2026-01-01T00:59:00Z"})),
        ] {
            assert_eq!(first(&plain, &goes), "b", "{what}");
            assert_eq!(first(&goes, &plain), "a", "{what}");
        }
        // Of two that are about as old, and have been ready for about as long, the UID decides.
        let about = json!({"/status/conditions": ready("True", "2026-01-01T00:00:11Z")});
        assert_eq!(first(&plain, &about), "a");
        assert_eq!(first(&about, &plain), "a");
    }

    #[test]
    fn a_node_with_more_of_them_loses_one() {
        let elsewhere = pod("c", &json!({"/spec/nodeName": "n2"}));
        let all = [pod("a", &json!({"/spec/nodeName": "n2"})), pod("b", &json!({})), elsewhere];
        let order = of_replica_set(&[&all[1], &all[0]], &all, NOW.parse().unwrap());
        assert_eq!(order[0].name.name, "a");
    }

    #[test]
    fn a_daemon_set_keeps_its_oldest_pod() {
        let young = pod("a", &json!({"/metadata/creationTimestamp": "2026-01-01T00:59:00Z"}));
        let old = pod("b", &json!({}));
        assert_eq!(of_daemon_set(&[&old, &young])[0].name.name, "a");
    }
}
