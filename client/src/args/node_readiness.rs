//! `daymark node list` and `wait`: whether nodes are usable.

use std::time::Duration;

use clap::ValueEnum;

use crate::ci::CiArg;
use crate::duration;

/// `daymark node list`
#[derive(Debug, clap::Args)]
pub struct NodeList {
    /// Only nodes with such labels, such as pool=gpu,zone!=b
    #[arg(id = "node_selector", short = 'l', long = "selector", value_name = "SELECTOR")]
    #[arg(default_value = "", hide_default_value = true)]
    pub selector: String,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = NodeListFormat::Table, value_name = "FORMAT")]
    pub output: NodeListFormat,
    /// Leave the table's header out
    #[arg(long)]
    pub no_headers: bool,
}

/// How `node list` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NodeListFormat {
    /// A table
    Table,
    /// A table with more columns
    Wide,
    /// One JSON document
    Json,
}

/// `daymark node wait`
#[derive(Debug, clap::Args)]
pub struct NodeWait {
    /// The nodes, which need not exist yet: NAME or node/NAME
    #[arg(value_name = "NODE", required_unless_present = "node_selector", conflicts_with = "node_selector")]
    pub names: Vec<String>,
    /// All nodes with such labels, such as pool=gpu, whatever their names will be
    #[arg(id = "node_selector", short = 'l', long = "selector", value_name = "SELECTOR")]
    #[arg(default_value = "", hide_default_value = true)]
    pub selector: String,
    /// How many there must be with such labels [default: 1]
    #[arg(long, conflicts_with = "names", value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    pub min: Option<i32>,
    /// A pod must have become ready on each that was pulled, mounted and probed by its kubelet
    #[arg(long)]
    pub first_pod: bool,
    /// A taint that is meant: KEY, KEY=VALUE, KEY:EFFECT or KEY=VALUE:EFFECT. Repeated: any of them
    #[arg(long = "tolerate", value_name = "TAINT")]
    pub tolerated: Vec<String>,
    /// The deadline, connecting included; 0 to look once [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// How to print what came of it
    #[arg(short, long, value_enum, default_value_t = NodeWaitFormat::Text, value_name = "FORMAT")]
    pub output: NodeWaitFormat,
    /// Which CI system reads the output: what comes from the cluster cannot become a command to it
    #[arg(long, value_enum, default_value_t = CiArg::Auto, value_name = "SYSTEM")]
    pub ci: CiArg,
}

/// How `node wait` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NodeWaitFormat {
    /// Lines for people
    Text,
    /// One JSON document
    Json,
}
