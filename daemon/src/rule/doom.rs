//! What waiting is worth, by the kubelet's reasons: data, with their sources.

use crate::state::Doom;

/// A reason, and what waiting longer is worth.
#[derive(Debug)]
pub struct Reason {
    /// The reason, as a container's state gives it.
    pub reason: &'static str,
    /// If there are any, the message has one of them.
    pub says: &'static [&'static str],
    /// What waiting is worth.
    pub doom: Doom,
    /// Where the reason, or the text, comes from.
    pub source: &'static str,
}

const fn reason(reason: &'static str, says: &'static [&'static str], doom: Doom, source: &'static str) -> Reason {
    Reason { reason, says, doom, source }
}

/// How the kubelet's reasons begin when a node lacks a resource.
const OUT_OF: &str = "OutOf";
const PREDICATE: &str = "kubernetes pkg/kubelet/lifecycle/predicate.go";
/// What registries answer for an image that does not exist.
const NO_IMAGE: &[&str] = &[": not found", "manifest unknown", "NotFound", "no matching manifest"];
const IMAGES: &str = "kubernetes pkg/kubelet/images/types.go";
const REGISTRIES: &str = "kubernetes pkg/kubelet/images/types.go; the text is containerd's or docker's";
const CONTAINERS: &str = "kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go";
const SYNC: &str = "kubernetes pkg/kubelet/container/sync_result.go";
const NON_ROOT: &str = "kubernetes pkg/kubelet/kuberuntime/security_context.go";

/// Why a container waits, the more special first; a reason that is not here is
/// one that passes.
pub const WAITING: &[Reason] = &[
    reason("InvalidImageName", &[], Doom::Fatal, IMAGES),
    reason("ErrImageNeverPull", &[], Doom::Fatal, IMAGES),
    reason("ErrImagePull", NO_IMAGE, Doom::Fatal, REGISTRIES),
    reason("ErrImagePull", &[], Doom::Persistent, IMAGES),
    reason("ImagePullBackOff", NO_IMAGE, Doom::Fatal, REGISTRIES),
    reason("ImagePullBackOff", &[], Doom::Persistent, IMAGES),
    reason("ImageInspectError", &[], Doom::Persistent, IMAGES),
    reason("RegistryUnavailable", &[], Doom::Persistent, IMAGES),
    reason("SignatureValidationFailed", &[], Doom::Persistent, IMAGES),
    reason(
        "CreateContainerConfigError",
        &["failed to sync configmap cache", "failed to sync secret cache"],
        Doom::Transient,
        "kubernetes pkg/kubelet/util/manager/watch_based_manager.go",
    ),
    reason("CreateContainerConfigError", &["couldn't find key"], Doom::Fatal, "kubernetes pkg/kubelet/kubelet_pods.go"),
    reason("CreateContainerConfigError", &["runAsNonRoot", "breaks non-root policy"], Doom::Fatal, NON_ROOT),
    reason("CreateContainerConfigError", &[], Doom::Persistent, CONTAINERS),
    reason("CreateContainerError", &["no command specified"], Doom::Fatal, "containerd pkg/cri"),
    reason("CreateContainerError", &[], Doom::Persistent, CONTAINERS),
    reason("PreCreateHookError", &[], Doom::Persistent, CONTAINERS),
    reason("PreStartHookError", &[], Doom::Persistent, CONTAINERS),
    reason("PostStartHookError", &[], Doom::Persistent, CONTAINERS),
    reason("RunContainerError", NO_PROGRAM, Doom::Fatal, SYNC),
    reason("RunContainerError", &[], Doom::Persistent, SYNC),
    reason("CrashLoopBackOff", &[], Doom::Persistent, SYNC),
];

/// What the runtime says when the program does not exist in the image.
const NO_PROGRAM: &[&str] = &["exec: \"", "executable file not found", "exec format error"];

/// How a container ended that is in a crash loop for good.
pub const ENDED: &[Reason] = &[
    reason("StartError", NO_PROGRAM, Doom::Fatal, "containerd internal/cri/server/container_start.go"),
    reason("ContainerCannotRun", NO_PROGRAM, Doom::Fatal, "docker, by cri-dockerd"),
];

/// What the API server says when an admission webhook does not answer.
pub const NO_ANSWER: &str = "failed calling webhook";
/// What it says when the ServiceAccount of a pod does not exist.
pub const NO_ACCOUNT: &str = "error looking up service account";
/// What it says when the PriorityClass or RuntimeClass of a pod does not exist.
pub const NO_CLASS: &[&str] = &["no PriorityClass with name", "pod rejected: RuntimeClass"];

/// Why the API server does not let pods be created, the more special first. What is only not there yet, or out
/// of order, may come: during an installation it often does.
pub const REFUSED: &[Reason] = &[
    reason("FailedCreate", &[NO_ANSWER], Doom::Persistent, "k8s.io/apiserver pkg/util/webhook/error.go"),
    reason("FailedCreate", &[NO_ACCOUNT], Doom::Persistent, "kubernetes plugin/pkg/admission/serviceaccount"),
    reason("FailedCreate", NO_CLASS, Doom::Persistent, "kubernetes plugin/pkg/admission/{priority,runtimeclass}"),
    reason(
        "FailedCreate",
        &["Internal error occurred"],
        Doom::Persistent,
        "k8s.io/apimachinery pkg/api/errors/errors.go",
    ),
    reason("FailedCreate", &[], Doom::Fatal, "kubernetes pkg/controller/replicaset/replica_set.go"),
];

const EVENTS: &str = "kubernetes pkg/kubelet/events/event.go";
const REGISTERED: &str = "kubernetes pkg/kubelet/util/manager/cache_based_manager.go, watch_based_manager.go";

/// Events that tell why a pod's containers cannot be created, the more special first.
pub const HELD: &[Reason] = &[
    // Of older kubelets, which so only add that another cause lasts (pkg/kubelet/kubelet.go); of any, while
    // it has yet to read the ConfigMap or Secret.
    reason("FailedMount", &["timed out waiting for the condition"], Doom::Transient, REGISTERED),
    reason(
        "FailedMount",
        &["failed to sync configmap cache", "failed to sync secret cache"],
        Doom::Transient,
        REGISTERED,
    ),
    reason("FailedMount", &["not registered"], Doom::Transient, REGISTERED),
    reason(
        "FailedMount",
        &["no relationship found between node"],
        Doom::Transient,
        "kubernetes plugin/pkg/auth/authorizer/node/node_authorizer.go",
    ),
    reason("FailedMount", &[], Doom::Persistent, EVENTS),
    reason("FailedMapVolume", &[], Doom::Persistent, EVENTS),
    reason("FailedAttachVolume", &[], Doom::Persistent, EVENTS),
    reason("FailedCreatePodSandBox", &[], Doom::Persistent, EVENTS),
];

/// Events that tell that this is over: an image is pulled when there is a sandbox, for which
/// volumes are awaited.
pub const GOES_ON: &[&str] = &["Pulling", ATTACHED];
/// The one of them that is about one volume.
pub const ATTACHED: &str = "SuccessfulAttachVolume";

/// Why a pod is over that was well: its controller makes another one.
pub const DISRUPTED: &[Reason] = &[
    reason("Evicted", &[], Doom::Transient, "kubernetes pkg/kubelet/eviction/helpers.go"),
    reason("Preempting", &[], Doom::Transient, "kubernetes pkg/kubelet/preemption/preemption.go"),
    reason("NodeShutdown", &[], Doom::Transient, "kubernetes pkg/kubelet/nodeshutdown"),
    reason("Terminated", &[], Doom::Transient, "kubernetes pkg/kubelet/nodeshutdown"),
    reason("NodeLost", &[], Doom::Transient, "kubernetes pkg/util/node/node.go"),
    reason("NodeAffinity", &[], Doom::Transient, PREDICATE),
    reason("NodePorts", &[], Doom::Transient, PREDICATE),
    // `OutOfcpu`, `OutOfpods`, and so on for each resource.
    reason(OUT_OF, &[], Doom::Transient, PREDICATE),
    reason("TopologyAffinityError", &[], Doom::Transient, "kubernetes pkg/kubelet/cm/topologymanager/scope.go"),
    reason("UnexpectedAdmissionError", &[], Doom::Transient, PREDICATE),
];

/// What the first of `reasons` that fits says.
#[must_use]
pub fn find(reasons: &[Reason], reason: &str, message: &str) -> Option<Doom> {
    let says = |known: &&Reason| known.says.is_empty() || known.says.iter().any(|text| message.contains(text));
    reasons.iter().filter(|known| known.reason == reason).find(says).map(|known| known.doom)
}

/// Whether a pod that is over for that reason was disrupted.
#[must_use]
pub fn is_disruption(reason: &str) -> bool {
    let reason = if reason.starts_with(OUT_OF) { OUT_OF } else { reason };
    find(DISRUPTED, reason, "").is_some()
}

/// Whether an event of that reason tells something of a pod's start.
#[must_use]
pub fn is_of_starts(reason: &str) -> bool {
    GOES_ON.contains(&reason) || HELD.iter().any(|known| known.reason == reason)
}

/// Whether a pod of that reason has not come to run, and will not by being
/// restarted.
#[must_use]
pub fn keeps_from_starting(reason: &str) -> bool {
    let other = ["Unschedulable", "NodeNotReady"].contains(&reason);
    other || (reason != "CrashLoopBackOff" && WAITING.iter().chain(HELD).any(|known| known.reason == reason))
}
