//! What can be wrong, in a word each, and how deep it lies.

/// How deep a cause lies: what comes first here explains what comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Somebody stops it, or asked that nothing be done.
    Held,
    /// A machine or the network is broken.
    Infrastructure,
    /// Objects cannot be created at all.
    Admission,
    /// A pod cannot be placed, or has no storage.
    Placement,
    /// A newer revision fails where the one before works.
    Rollout,
    /// What a container is started with is missing.
    Ingredients,
    /// A container's process ends.
    Process,
    /// A run has failed as a whole.
    Run,
    /// A process runs, and does not answer.
    Readiness,
    /// Nobody is reached.
    Wiring,
    /// What watches over others cannot do its work.
    Upkeep,
}

/// Makes the enum, its words and their depths of one table.
macro_rules! reasons {
    ($($depth:ident { $($name:ident: $meaning:literal,)* })*) => {
        /// What is wrong, in a word that programs compare.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(
                #[doc = $meaning]
                $name,
            )*)*
        }

        impl Reason {
            /// All of them, the deepest first.
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// The word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($(Self::$name => stringify!($name),)*)* }
            }

            /// How deep it lies.
            #[must_use]
            pub fn depth(self) -> Depth {
                match self { $($(Self::$name => Depth::$depth,)*)* }
            }
        }
    };
}

reasons! {
    Held {
        FinalizerStuck: "An object that is being deleted waits for its finalizers.",
        RollbackBlocked: "A StatefulSet waits for a pod of a broken revision before it goes on.",
        Paused: "Somebody has paused or suspended it, or scaled it to nothing.",
    }
    Infrastructure {
        NetworkUnavailable: "The network of pods does not work on a node.",
        NodeNotReady: "A node's kubelet is not ready, or silent.",
        NodePressure: "A node is short of memory, disk or processes.",
        NoNodes: "There are no nodes.",
        DnsUnavailable: "The cluster's DNS does not answer.",
        Evicted: "A kubelet has put a pod out of its node.",
    }
    Admission {
        QuotaExceeded: "A ResourceQuota leaves no room.",
        LimitRangeViolated: "A LimitRange forbids what is asked for.",
        WebhookUnavailable: "An admission webhook that has to be asked does not answer.",
        AdmissionDenied: "An admission webhook or policy says no.",
        DependencyMissing: "Something that pods need to be created is missing, such as a ServiceAccount.",
    }
    Placement {
        ClaimMissing: "There is no such PersistentVolumeClaim.",
        StorageClassMissing: "There is no such StorageClass.",
        ClaimWithoutClass: "A claim names no StorageClass, and none is the default.",
        ClaimPending: "A claim has no volume.",
        VolumeNodeConflict: "A volume is where no node is that could take the pod.",
        VolumeNotMounted: "A volume cannot be attached or mounted.",
        NodeUnschedulable: "Nodes are cordoned.",
        UntoleratedTaint: "Nodes have taints that the pod does not tolerate.",
        NodeSelectorUnmatched: "No node has the labels that the pod selects nodes by.",
        NodeAffinityUnmatched: "No node meets the pod's node affinity.",
        PodAffinityUnmatched: "No node has the pods that the pod is to be beside.",
        PodAntiAffinityUnmatched: "Every node has a pod that the pod is not to be beside.",
        TopologySpreadUnsatisfiable: "Every place would spread the pods too unevenly.",
        InsufficientCpu: "No node has as much CPU left.",
        InsufficientMemory: "No node has as much memory left.",
        InsufficientResource: "No node has as much left of another resource.",
        TooManyPods: "Nodes take no more pods.",
        PortTaken: "The host's port that the pod asks for is taken on every node.",
        Unschedulable: "The scheduler finds no node, for another reason.",
    }
    Rollout {
        BadRollout: "The newest revision fails, while one before serves.",
    }
    Ingredients {
        InvalidImageName: "What stands for an image is no image's name.",
        MissingSecret: "There is no such Secret.",
        MissingSecretKey: "The Secret has no such key.",
        MissingConfigMap: "There is no such ConfigMap.",
        MissingConfigMapKey: "The ConfigMap has no such key.",
        ImagePullForbidden: "The registry does not let the image be pulled.",
        RegistryUnreachable: "The registry does not answer.",
        ImageNotFound: "The registry has no such image.",
        ContainerNotCreated: "The container cannot be created from its configuration.",
    }
    Process {
        OutOfMemory: "A process was killed for using more memory than it may.",
        CommandNotFound: "There is no such command in the image.",
        CommandEnded: "The command ended well, where a server was expected to stay.",
        StartupProbeFailing: "A startup probe fails until the container is killed.",
        LivenessProbeFailing: "A liveness probe fails, and the container is killed.",
        InitContainerWaiting: "An init container waits for something.",
        InitContainerFailing: "An init container fails.",
    }
    Run {
        CronJobFailing: "The last runs of a CronJob have failed.",
        JobFailed: "A Job has failed.",
        CrashOnStart: "A process fails soon after it was started.",
    }
    Readiness {
        ReadinessProbeFailing: "A readiness probe fails.",
    }
    Wiring {
        SelectorMatchesNothing: "A Service selects no pods.",
        PortMismatch: "A Service's port leads to none of its pods' ports.",
        NoReadyEndpoint: "A Service has no endpoint that is ready.",
    }
    Upkeep {
        HpaWithoutMetrics: "An autoscaler gets no metrics.",
        DisruptionBlocked: "A disruption budget allows none.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_depth() {
        assert!(Reason::ALL.is_sorted_by_key(|reason| reason.depth()));
        assert_eq!(Reason::ImageNotFound.as_str(), "ImageNotFound");
    }
}
