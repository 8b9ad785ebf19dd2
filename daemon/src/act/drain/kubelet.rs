//! Whether a node's kubelet can end its pods, by what the node's conditions tell, and which pods
//! are not waited for because it does not.

use jiff::Timestamp;

use super::Options;
use crate::diagnose::Object;
use crate::diagnose::fields::{brief, condition, text, time};

/// A node that is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    /// Whether its kubelet does not answer: then none of its pods can end.
    pub is_silent: bool,
    /// Why it is not ready, and what that means for its pods.
    pub message: String,
}

impl NotReady {
    /// What is wrong with a node; `None` if it is ready, or has never said.
    #[must_use]
    pub fn of(node: &Object, options: &Options) -> Option<Self> {
        let ready = condition(&node.value, "Ready")?;
        let since = text(ready, "/lastTransitionTime");
        match text(ready, "/status") {
            "True" => None,
            // The node controller's word (kubernetes `pkg/controller/nodelifecycle`).
            "Unknown" => {
                let way_out = match options.skip_wait_for_delete_timeout {
                    0 => ": --skip-wait-for-delete-timeout does not wait for them",
                    _ => "",
                };
                let message = format!(
                    "its kubelet does not answer (Ready is Unknown since {since}), so its pods cannot end{way_out}"
                );
                Some(Self { is_silent: true, message })
            }
            _ => {
                let (reason, why) = (text(ready, "/reason"), brief(text(ready, "/message")));
                let message = format!("{reason} since {since}: {why}; its pods may not end");
                Some(Self { is_silent: false, message })
            }
        }
    }
}

/// Whether a pod should have ended so long ago that it is not waited for (k8s.io/kubectl
/// `pkg/drain/filters.go`, `shouldSkipPod`). Its deletion timestamp is the end of its grace period.
pub(super) fn is_not_awaited(pod: &Object, options: &Options, now: Timestamp) -> bool {
    let longest = i64::from(options.skip_wait_for_delete_timeout);
    let deleted = time(&pod.value, "/metadata/deletionTimestamp");
    longest > 0 && deleted.is_some_and(|deleted| now.duration_since(deleted).as_secs() > longest)
}

/// What is said of a pod that is not waited for.
pub(super) fn not_awaited(pod: &Object) -> String {
    format!("it should have terminated by {}, and is not waited for", text(&pod.value, "/metadata/deletionTimestamp"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(kind: &str, rest: &Value) -> Object {
        let mut value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "uid": "x"}});
        value.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        Object::read(value).unwrap()
    }

    fn node(status: &str) -> Object {
        let ready = json!({
            "type": "Ready", "status": status, "reason": "KubeletNotReady", "message": "PLEG is not healthy",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        object("Node", &json!({"status": {"conditions": [ready]}}))
    }

    fn skipping(seconds: u32) -> Options {
        Options { skip_wait_for_delete_timeout: seconds, ..Options::default() }
    }

    #[test]
    fn a_kubelet_that_does_not_answer_is_told_from_one_that_is_not_ready() {
        let of = |status| NotReady::of(&node(status), &skipping(0));
        assert_eq!(of("True"), None);
        assert_eq!(NotReady::of(&object("Node", &json!({})), &skipping(0)), None, "it never said");
        let silent = of("Unknown").unwrap();
        assert!(silent.is_silent && silent.message.contains("does not answer (Ready is Unknown since 2026-"));
        assert!(silent.message.contains("--skip-wait-for-delete-timeout"), "{silent:?}");
        let known = NotReady::of(&node("Unknown"), &skipping(1)).unwrap();
        assert!(known.message.ends_with("its pods cannot end"), "whoever has given the flag knows it: {known:?}");
        let complains = of("False").unwrap();
        let message = "KubeletNotReady since 2026-01-01T00:00:00Z: PLEG is not healthy; its pods may not end";
        assert_eq!((complains.is_silent, &*complains.message), (false, message));
    }

    #[test]
    fn a_pod_is_not_awaited_once_its_deletion_timestamp_is_older_than_that() {
        let deleted = object("Pod", &json!({"metadata": {"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z"}}));
        let at = |time: &str| time.parse().unwrap();
        for (time, seconds, expected) in [
            ("2026-01-01T00:00:30.9Z", 30, false),
            ("2026-01-01T00:00:31Z", 30, true),
            // Its grace period is not over.
            ("2025-12-31T23:00:00Z", 1, false),
            ("2027-01-01T00:00:00Z", 0, false),
        ] {
            assert_eq!(is_not_awaited(&deleted, &skipping(seconds), at(time)), expected, "{time} {seconds}");
        }
        let lives = object("Pod", &json!({}));
        assert!(!is_not_awaited(&lives, &skipping(1), at("2027-01-01T00:00:00Z")));
    }
}
