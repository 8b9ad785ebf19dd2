//! Nodes that are emptied, as kubectl empties them: by the eviction API, which heeds disruption
//! budgets.

pub mod budget;
mod evict;
mod goings;
mod kubelet;
mod newcomers;
pub mod plan;
pub mod read;
mod run;

use std::time::Duration;

pub use self::kubelet::NotReady;
pub use self::run::{Drain, Kinds};

/// How a node is drained. What is not said of it means what it means to `kubectl drain`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Pods of DaemonSets are left where they are.
    pub ignore_daemonsets: bool,
    /// Pods go that have emptyDir volumes.
    pub delete_emptydir_data: bool,
    /// Pods go that nothing manages.
    pub force: bool,
    /// Seconds that each pod is given to end.
    pub grace_period: Option<u32>,
    /// A label selector of the pods that are meant; empty for all.
    pub pod_selector: String,
    /// Pods are deleted, whatever budgets say.
    pub disable_eviction: bool,
    /// Nothing is changed.
    pub dry_run: bool,
    /// Pods whose deletion timestamp is more than so many seconds ago are not waited for; 0 for none.
    pub skip_wait_for_delete_timeout: u32,
    /// How long it may take.
    pub timeout: Duration,
}
