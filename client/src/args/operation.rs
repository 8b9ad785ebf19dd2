//! `daymark operation`: what is being done to the cluster.

use clap::Subcommand;

use super::Output;

/// `daymark operation`
#[derive(Debug, Subcommand)]
pub enum Operation {
    /// List running operations and those that ended within the last hour
    List(OperationList),
    /// Follow an operation until it ends
    Watch(OperationId),
    /// Cancel an operation; what it has done so far is not undone
    Cancel(OperationId),
}

/// `daymark operation list`
#[derive(Debug, clap::Args)]
pub struct OperationList {
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// `daymark operation watch` and `cancel`
#[derive(Debug, clap::Args)]
pub struct OperationId {
    /// ID of the operation
    #[arg(value_name = "ID")]
    pub id: String,
    /// Output format of the result
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}
