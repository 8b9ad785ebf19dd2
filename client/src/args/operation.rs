//! `daymark operation`: what is being done to the cluster.

use clap::Subcommand;

use super::Output;

/// `daymark operation`
#[derive(Debug, Subcommand)]
pub enum Operation {
    /// Show what is being done, and what was in the last hour
    List(OperationList),
    /// Follow an operation to its end
    Watch(OperationId),
    /// End an operation; what it has done is not undone
    Cancel(OperationId),
}

/// `daymark operation list`
#[derive(Debug, clap::Args)]
pub struct OperationList {
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// `daymark operation watch` and `cancel`
#[derive(Debug, clap::Args)]
pub struct OperationId {
    /// The operation's id
    #[arg(value_name = "ID")]
    pub id: String,
    /// How to print how it has ended
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}
