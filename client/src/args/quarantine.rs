//! `daymark quarantine` and `daymark release`: pods that are taken out of service, and put back.

use std::time::Duration;

use clap::Subcommand;

use super::{DryRun, Output};
use crate::duration;

/// `daymark quarantine`
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Quarantine {
    #[command(subcommand)]
    pub command: Option<QuarantineCommand>,
    #[command(flatten)]
    pub start: QuarantineStart,
}

/// What else there is of `daymark quarantine`.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List quarantined pods, who quarantined them, and why
    List(QuarantineList),
}

/// `daymark quarantine list`
#[derive(Debug, clap::Args)]
pub struct QuarantineList {
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// `daymark quarantine POD`
#[derive(Debug, clap::Args)]
pub struct QuarantineStart {
    /// Pod, as pod/NAME or pod NAME
    #[arg(value_name = "POD", conflicts_with = "to")]
    pub words: Vec<String>,
    /// Quarantine the pods of this workload, such as deploy/web, that fail or have been unready for
    /// a minute
    #[arg(long, value_name = "KIND/NAME")]
    pub to: Option<String>,
    /// Maximum number of pods to quarantine with --to, so that the workload keeps some [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max: Option<u32>,
    /// Set this label instead of making the smallest sufficient change; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Reason, for whoever finds the pod
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub why: String,
    /// Have the API server validate the request without persisting it
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_value_t = DryRun::None, default_missing_value = "server")]
    pub dry_run: DryRun,
    /// Time limit for the replacement to become ready; 0 for a day, the maximum
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration::parse)]
    pub timeout: Duration,
    /// Start the operation, print its ID and exit; the daemon continues it
    #[arg(long)]
    pub detach: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// `daymark release`
#[derive(Debug, clap::Args)]
pub struct Release {
    /// Pod, as pod/NAME or pod NAME
    #[arg(value_name = "POD", required = true)]
    pub words: Vec<String>,
    /// Have the API server validate the request without persisting it
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_value_t = DryRun::None, default_missing_value = "server")]
    pub dry_run: DryRun,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}
