//! Images that cannot be had.
//!
//! The words are the kubelet's (k8s.io/kubernetes `pkg/kubelet/images`), and behind them those
//! of container runtimes and registries, which differ: what they have in common is looked for.

use super::cause::{Cause, Certainty, Evidence};
use super::containers::{ContainerOfPod, containers};
use super::fields::{brief, list, text, word};
use super::object::{Name, Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::target::{Pod, Target};

/// Why containers wait for their image.
const WAITS: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];
/// A registry that is there, and says no. Docker's says of an image that is not there that it
/// may require authorization, too.
const FORBIDDEN: &[&str] = &[
    "unauthorized",
    "401",
    "403",
    "forbidden",
    "access denied",
    "authorization failed",
    "authentication required",
    "no basic auth credentials",
    "denied:",
];
/// A registry that is there, and knows no such image.
const NOT_FOUND: &[&str] = &["not found", "notfound", "manifest unknown", "manifest_unknown", "name unknown", "404"];
/// Nobody is reached.
const UNREACHABLE: &[&str] = &[
    "dial tcp",
    "no such host",
    "i/o timeout",
    "connection refused",
    "connection reset",
    "tls handshake",
    "x509",
    "deadline exceeded",
    "client.timeout",
    "network is unreachable",
    "no route to host",
    "toomanyrequests",
    "429 too many requests",
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "registryunavailable",
];

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for pod in &target.troubled {
        for container in containers(pod.object) {
            if WAITS.contains(&container.waits().0) {
                causes.push(cause(observation, pod, &container));
            }
        }
    }
    causes
}

fn cause(observation: &Observation, pod: &Pod<'_>, container: &ContainerOfPod<'_>) -> Cause {
    let (waits, message) = container.waits();
    let image = container.image();
    // The back-off may say less than the events before it.
    let failures: Vec<_> = observation
        .events(pod.object)
        .filter(|event| event.reason == "Failed" && event.message.contains(image) && !image.is_empty())
        .collect();
    let told = failures.last().map_or("", |event| &*event.message);
    let (reason, certainty) = find(waits, message).or_else(|| find(waits, told)).unwrap_or_else(|| guess(waits));
    let secrets = missing_secrets(observation, pod.object);
    let said = match (reason, secrets.first()) {
        (Reason::ImagePullForbidden, Some(secret)) => {
            format!("image {image:?} may not be pulled: the pull Secret {secret:?} does not exist")
        }
        _ => sentence(reason, image, secrets.first()),
    };
    let status = Evidence::container(pod.object, format!("{}: {waits}: {}", container.spoken(), brief(message)));
    let named = secrets.iter().map(|secret| {
        Evidence::field(pod.object, format!("spec.imagePullSecrets names {secret:?}, and there is no such Secret"))
    });
    let mut cause = Cause::new(reason, pod.object, said)
        .keyed(format!("{}/{image}", pod.object.namespace()))
        .is(certainty)
        .because([status])
        .because(named)
        .because(failures.last().map(|event| Evidence::event(pod.object, event)))
        .then(next(reason, pod.object, image, &secrets));
    cause.is_old = pod.is_old;
    cause
}

/// What a text tells of the registry's answer. What is not there is told from what is not
/// allowed by the words for the latter: registries hide the former behind them.
fn find(waits: &str, message: &str) -> Option<(Reason, Certainty)> {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match () {
        () if waits == "InvalidImageName" => Some((Reason::InvalidImageName, Certainty::Certain)),
        () if says(UNREACHABLE) => Some((Reason::RegistryUnreachable, Certainty::Certain)),
        () if says(FORBIDDEN) => Some((Reason::ImagePullForbidden, Certainty::Certain)),
        () if says(NOT_FOUND) => Some((Reason::ImageNotFound, Certainty::Certain)),
        () => None,
    }
}

/// What it is most often, where nobody says.
fn guess(waits: &str) -> (Reason, Certainty) {
    match waits {
        "RegistryUnavailable" => (Reason::RegistryUnreachable, Certainty::Likely),
        // It is not to be pulled, and is not on the node.
        "ErrImageNeverPull" => (Reason::ImageNotFound, Certainty::Certain),
        _ => (Reason::ImageNotFound, Certainty::Likely),
    }
}

fn sentence(reason: Reason, image: &str, secret: Option<&String>) -> String {
    match reason {
        Reason::InvalidImageName => format!("{image:?} is not a valid image name"),
        Reason::RegistryUnreachable => format!("the registry of image {image:?} does not answer as it should"),
        Reason::ImagePullForbidden => {
            format!("the registry does not let image {image:?} be pulled, or there is no such repository")
        }
        _ => {
            let secret = secret.map(|name| format!("; there is no pull Secret {name:?}, either")).unwrap_or_default();
            format!("image {image:?} does not exist{secret}")
        }
    }
}

/// The Secrets that are to let the image be pulled, and are not there.
fn missing_secrets(observation: &Observation, pod: &Object) -> Vec<String> {
    let secrets = list(&pod.value, "/spec/imagePullSecrets").iter().map(|secret| text(secret, "/name"));
    let is_missing = |name: &&str| !name.is_empty() && observation.lacks(kinds::SECRET, pod.namespace(), name);
    let told = observation.events(pod).filter(|event| event.reason == "FailedToRetrieveImagePullSecret");
    let named = told.flat_map(|event| {
        let (_, names) = event.message.split_once('(').unwrap_or_default();
        let names = names.split_once(')').unwrap_or_default().0;
        names.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    });
    let mut missing: Vec<_> = secrets.filter(is_missing).map(str::to_owned).chain(named).collect();
    missing.sort();
    missing.dedup();
    missing
}

fn next(reason: Reason, pod: &Object, image: &str, secrets: &[String]) -> Vec<String> {
    let image = word(image);
    match (reason, secrets.first()) {
        (Reason::ImagePullForbidden, Some(secret)) => {
            let secret = word(secret);
            vec![pod.name.kubectl(&format!(
                "create secret docker-registry {secret} --docker-server=REGISTRY --docker-username=USER --docker-password=TOKEN"
            ))]
        }
        (Reason::ImagePullForbidden, None) => vec![
            pod.name.kubectl(&format!("get pod {} -o jsonpath='{{.spec.imagePullSecrets}}'", word(&pod.name.name))),
            format!("docker login REGISTRY && docker pull {image}"),
        ],
        (Reason::RegistryUnreachable, _) => {
            let node = text(&pod.value, "/spec/nodeName");
            vec![format!("kubectl debug node/{} -it --image=busybox:1.36 -- nslookup REGISTRY", word(node))]
        }
        _ => {
            let owner = owner(pod);
            vec![format!("docker manifest inspect {image}"), pod.name.kubectl(&format!("edit {}", owner.short()))]
        }
    }
}

/// What is to be changed so that other pods are made: the workload, as far as its name tells.
pub(super) fn owner(pod: &Object) -> Name {
    let owners = list(&pod.value, "/metadata/ownerReferences");
    let Some(owner) = owners.first() else { return pod.name.clone() };
    let group = text(owner, "/apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
    let (kind, name) = (text(owner, "/kind"), text(owner, "/name"));
    let hash = pod.label("pod-template-hash");
    // A ReplicaSet of a Deployment is called by it, and by the hash of its template.
    let (kind, name) = match name.strip_suffix(hash).and_then(|name| name.strip_suffix('-')) {
        Some(deployment) if kind == "ReplicaSet" && !hash.is_empty() => ("Deployment", deployment),
        _ => (kind, name),
    };
    Name {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: pod.namespace().to_owned(),
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_understood() {
        for (message, reason) in [
            (
                "rpc error: code = NotFound desc = failed to pull and unpack image \"x\": not found",
                Reason::ImageNotFound,
            ),
            ("manifest for nginx:nope not found: manifest unknown: manifest unknown", Reason::ImageNotFound),
            (
                "failed to resolve reference \"docker.io/a/b:1\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
                Reason::ImagePullForbidden,
            ),
            ("unexpected status from HEAD request to https://r/v2/x: 403 Forbidden", Reason::ImagePullForbidden),
            (
                "failed to do request: Head \"https://r/v2/x\": dial tcp: lookup r: no such host",
                Reason::RegistryUnreachable,
            ),
            ("429 Too Many Requests - Server message: toomanyrequests", Reason::RegistryUnreachable),
        ] {
            assert_eq!(find("ErrImagePull", message).map(|it| it.0), Some(reason), "{message}");
        }
        assert_eq!(find("ImagePullBackOff", "Back-off pulling image \"x\""), None);
    }
}
