//! `daymark node`: nodes that are taken into use, and out of it for a while.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use super::{NodeList, NodeWait, Output};
use crate::duration;

/// `daymark node`
#[derive(Debug, Subcommand)]
pub enum Node {
    /// List nodes, their resources, and what they lack to be usable
    List(NodeList),
    /// Wait until nodes are usable
    Wait(NodeWait),
    /// Mark nodes as unschedulable
    Cordon(Cordon),
    /// Mark nodes as schedulable
    Uncordon(Cordon),
    /// Drain nodes one after another: cordon each and evict its pods
    Drain(Box<Drain>),
}

/// Which nodes.
#[derive(Debug, Clone, clap::Args)]
pub struct NodeNames {
    /// Nodes, as NAME or node/NAME
    #[arg(value_name = "NODE", required_unless_present = "node_selector", conflicts_with = "node_selector")]
    pub names: Vec<String>,
    /// Nodes matching this label selector, such as pool=old
    #[arg(id = "node_selector", short = 'l', long = "selector", value_name = "SELECTOR")]
    pub selector: Option<String>,
}

/// `daymark node cordon` and `uncordon`
#[derive(Debug, clap::Args)]
pub struct Cordon {
    #[command(flatten)]
    pub nodes: NodeNames,
    /// Have the API server validate the request without persisting it
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_value_t = DryRun::None, default_missing_value = "server")]
    pub dry_run: DryRun,
}

/// `daymark node drain`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  # Show what a drain would do to each pod, without changing anything
  daymark node drain n1 --plan

  # Drain all nodes of a pool, one after another
  daymark node drain -l pool=old --ignore-daemonsets --timeout 30m

  # Drain a node that is down: its pods cannot end, and are not waited for
  daymark node drain n1 --ignore-daemonsets --skip-wait-for-delete-timeout 10s")]
pub struct Drain {
    #[command(flatten)]
    pub nodes: NodeNames,
    /// Show what would happen to each pod and what blocks the drain, without changing anything
    #[arg(long)]
    pub plan: bool,
    /// Ignore DaemonSet-managed pods, which would be recreated
    #[arg(long)]
    pub ignore_daemonsets: bool,
    /// Also evict pods with emptyDir volumes; their data is lost
    #[arg(long)]
    pub delete_emptydir_data: bool,
    /// Also evict pods without a controller; they are not recreated
    #[arg(long)]
    pub force: bool,
    /// Seconds each pod has to terminate; negative to use the pod's own grace period
    #[arg(long, value_name = "SECONDS", default_value_t = -1, allow_negative_numbers = true)]
    pub grace_period: i32,
    /// Only pods matching this label selector
    #[arg(long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub pod_selector: String,
    /// Delete pods instead of evicting them, bypassing disruption budgets
    #[arg(long)]
    pub disable_eviction: bool,
    /// Do not wait for pods whose deletion timestamp is older than this, such as those of a node that
    /// is down: a number of seconds, or a duration such as 30s; 0 to wait for all
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = duration::parse_seconds)]
    pub skip_wait_for_delete_timeout: i32,
    /// Have the API server validate the request without persisting it
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_value_t = DryRun::None, default_missing_value = "server")]
    pub dry_run: DryRun,
    /// Time limit per node; 0 for a week, the maximum
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration::parse)]
    pub timeout: Duration,
    /// What to wait for before draining the next node
    #[arg(long, value_enum, default_value_t = Between::Ready, value_name = "CONDITION")]
    pub between: Between,
    /// Start the operation, print its ID and exit; the daemon continues it
    #[arg(long, conflicts_with_all = ["plan", "node_selector"])]
    pub detach: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// Whether something is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Make the change
    None,
    /// Only have the API server validate it
    Server,
}

/// What is awaited between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Between {
    /// Until the controllers of the evicted pods are ready again
    Ready,
    /// Do not wait
    Nothing,
}
