//! `daymark node list` and `wait`: whether nodes are usable.

use std::time::Duration;

use clap::ValueEnum;

use crate::ci::CiArg;
use crate::duration;

/// `daymark node list`
#[derive(Debug, clap::Args)]
pub struct NodeList {
    /// Only nodes matching this label selector, such as pool=gpu,zone!=b
    #[arg(id = "node_selector", short = 'l', long = "selector", value_name = "SELECTOR")]
    #[arg(default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = NodeListFormat::Table, value_name = "FORMAT")]
    pub output: NodeListFormat,
    /// Omit the header row of tables
    #[arg(long)]
    pub no_headers: bool,
}

/// How `node list` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NodeListFormat {
    /// A table
    Table,
    /// A table with additional columns
    Wide,
    /// A single JSON document
    Json,
}

/// `daymark node wait`
#[derive(Debug, clap::Args)]
pub struct NodeWait {
    /// Nodes, as NAME or node/NAME; they need not exist yet
    #[arg(value_name = "NODE", required_unless_present = "node_selector", conflicts_with = "node_selector")]
    pub names: Vec<String>,
    /// All nodes matching this label selector, such as pool=gpu, whatever their names
    #[arg(id = "node_selector", short = 'l', long = "selector", value_name = "SELECTOR")]
    #[arg(default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Minimum number of nodes that match -l [default: 1]
    #[arg(long, conflicts_with = "names", value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    pub min: Option<i32>,
    /// Require on each node a ready pod that its kubelet has pulled, mounted and probed
    #[arg(long)]
    pub first_pod: bool,
    /// Taint to accept: KEY, KEY=VALUE, KEY:EFFECT or KEY=VALUE:EFFECT; repeatable
    #[arg(long = "tolerate", value_name = "TAINT")]
    pub tolerated: Vec<String>,
    /// Time limit, connecting included; 0 to check once [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// Output format of the result
    #[arg(short, long, value_enum, default_value_t = NodeWaitFormat::Text, value_name = "FORMAT")]
    pub output: NodeWaitFormat,
    /// CI system that reads the output. Text from the cluster is escaped so that it cannot act as a
    /// CI command
    #[arg(long, value_enum, default_value_t = CiArg::Auto, value_name = "SYSTEM")]
    pub ci: CiArg,
}

/// How `node wait` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NodeWaitFormat {
    /// Human-readable text
    Text,
    /// A single JSON document
    Json,
}
