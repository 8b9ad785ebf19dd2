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
    /// Show which pods are in quarantine, by whom, and why
    List(QuarantineList),
}

/// `daymark quarantine list`
#[derive(Debug, clap::Args)]
pub struct QuarantineList {
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// `daymark quarantine POD`
#[derive(Debug, clap::Args)]
pub struct QuarantineStart {
    /// The pod: pod/NAME, or pod NAME
    #[arg(value_name = "POD", conflicts_with = "to")]
    pub words: Vec<String>,
    /// Those pods of a workload, such as deploy/web, that fail, or have not been ready for a minute
    #[arg(long, value_name = "KIND/NAME")]
    pub to: Option<String>,
    /// At most so many of them, so that the workload is not emptied [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max: Option<u32>,
    /// Give a label this value, instead of the smallest change that does it; can be given often
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Why, for those who find the pod
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub why: String,
    /// Let the API server check it, and change nothing
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_value_t = DryRun::None, default_missing_value = "server")]
    pub dry_run: DryRun,
    /// How long it may take until the replacement is ready; 0 for a day, which is the most
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration::parse)]
    pub timeout: Duration,
    /// Begin, print the operation's id, and do not wait: it goes on in the daemon
    #[arg(long)]
    pub detach: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// `daymark release`
#[derive(Debug, clap::Args)]
pub struct Release {
    /// The pod: pod/NAME, or pod NAME
    #[arg(value_name = "POD", required = true)]
    pub words: Vec<String>,
    /// Let the API server check it, and change nothing
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_value_t = DryRun::None, default_missing_value = "server")]
    pub dry_run: DryRun,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}
