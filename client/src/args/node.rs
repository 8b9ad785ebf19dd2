//! `daymark node`: nodes that are taken into use, and out of it for a while.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use super::{NodeList, NodeWait, Output};
use crate::duration;

/// `daymark node`
#[derive(Debug, Subcommand)]
pub enum Node {
    /// Show nodes, what they are made of, and which part is missing
    List(NodeList),
    /// Wait until nodes are usable
    Wait(NodeWait),
    /// Have no more pods scheduled to nodes
    Cordon(Cordon),
    /// Have pods scheduled to nodes again
    Uncordon(Cordon),
    /// Empty nodes, one after another: cordon each, and evict its pods
    Drain(Box<Drain>),
}

/// Which nodes.
#[derive(Debug, Clone, clap::Args)]
pub struct NodeNames {
    /// The nodes: NAME or node/NAME
    #[arg(value_name = "NODE", required_unless_present = "node_selector", conflicts_with = "node_selector")]
    pub names: Vec<String>,
    /// The nodes with such labels, such as pool=old
    #[arg(id = "node_selector", short = 'l', long = "selector", value_name = "SELECTOR")]
    pub selector: Option<String>,
}

/// `daymark node cordon` and `uncordon`
#[derive(Debug, clap::Args)]
pub struct Cordon {
    #[command(flatten)]
    pub nodes: NodeNames,
    /// Let the API server check it, and change nothing
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_value_t = DryRun::None, default_missing_value = "server")]
    pub dry_run: DryRun,
}

/// `daymark node drain`
#[derive(Debug, clap::Args)]
pub struct Drain {
    #[command(flatten)]
    pub nodes: NodeNames,
    /// Show what would become of each pod, and what is in the way, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// Leave pods of DaemonSets where they are: they would come back
    #[arg(long)]
    pub ignore_daemonsets: bool,
    /// Also evict pods with emptyDir volumes, whose data is lost
    #[arg(long)]
    pub delete_emptydir_data: bool,
    /// Also evict pods that nothing manages, and that will not come back
    #[arg(long)]
    pub force: bool,
    /// Seconds that each pod is given to end; less than 0 for what it asks for itself
    #[arg(long, value_name = "SECONDS", default_value_t = -1, allow_negative_numbers = true)]
    pub grace_period: i32,
    /// Only pods with such labels
    #[arg(long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub pod_selector: String,
    /// Delete pods instead of evicting them, whatever disruption budgets say
    #[arg(long)]
    pub disable_eviction: bool,
    /// Let the API server check it, and change nothing
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_value_t = DryRun::None, default_missing_value = "server")]
    pub dry_run: DryRun,
    /// How long each node may take; 0 for a week, which is the most
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration::parse)]
    pub timeout: Duration,
    /// What is awaited before the next node has its turn: that what manages the pods which went
    /// is ready again, or nothing
    #[arg(long, value_enum, default_value_t = Between::Ready, value_name = "WHAT")]
    pub between: Between,
    /// Begin, print the operation's id, and do not wait: it goes on in the daemon
    #[arg(long, conflicts_with_all = ["plan", "node_selector"])]
    pub detach: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// Whether something is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// It is
    None,
    /// The API server only checks it
    Server,
}

/// What is awaited between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Between {
    /// What manages the pods that went is ready again
    Ready,
    /// Nothing
    Nothing,
}
