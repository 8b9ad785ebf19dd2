//! What is asked of objects: which, what they are to be, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::criterion::{Asked, parse};
use crate::duration;

/// Which objects, and what they are to be.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct Question {
    /// KIND/NAME..., KIND NAME..., or KIND,KIND... for all objects of these kinds
    #[arg(value_name = "KIND[/NAME]", required_unless_present = "files")]
    pub words: Vec<String>,
    /// Objects of these manifests: a file, a directory, or - for standard input
    ///
    /// With the output of `kubectl apply -o json`, only the applied versions and newer ones count.
    #[arg(short = 'f', long = "filename", value_name = "PATH", conflicts_with = "words")]
    pub files: Vec<PathBuf>,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// All objects of the kinds, which is the default; accepted as in `kubectl wait`
    #[arg(long, conflicts_with = "files")]
    pub all: bool,
    /// Only objects matching this label selector, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Also require the owned objects to be ready, recursively, of these kinds [default: workloads,
    /// claims, Services and the like, and custom resources]
    #[arg(long, value_name = "KINDS", value_delimiter = ',', num_args = 0.., require_equals = true)]
    pub owned: Option<Vec<String>>,
    #[command(flatten)]
    pub policy: Policy,
    /// Read these settings from a YAML file; flags take precedence
    #[arg(long = "policy", value_name = "FILE")]
    pub policy_file: Option<PathBuf>,
}

/// What a wait does while no daemon, or no cluster behind it, can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IfUnreachable {
    /// Retry until the deadline
    Wait,
    /// Exit with 4 if the daemon cannot be reached at first; retry if it is lost later
    Fail,
    /// Exit with 0 and a warning that nothing was checked; retry if the daemon is lost later
    Pass,
}

/// What objects are to be, and for how long.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct Policy {
    /// Criterion that each object must meet; repeatable, all must hold at the same time [default:
    /// ready, or settled with --filename]
    ///
    /// One of: ready, settled (ready, or nothing is left to wait for), rollout, complete, exists, deleted, drained, condition=TYPE[=VALUE],
    /// jsonpath={PATH}[=VALUE], cel=EXPRESSION, or connect=HOST:PORT, which is tried from this
    /// machine.
    #[arg(long = "for", value_name = "CRITERION", value_parser = parse)]
    pub all_of: Vec<Asked>,
    /// Criterion of which at least one must also be met; repeatable
    #[arg(long = "for-any", value_name = "CRITERION", value_parser = parse)]
    pub any_of: Vec<Asked>,
    /// Criterion that makes an object fail at once; repeatable
    #[arg(long, value_name = "CRITERION", value_parser = parse)]
    pub fail_on: Vec<Asked>,
    /// Never fail, except by --fail-on
    #[arg(long)]
    pub ignore_failures: bool,
    /// How long each object must meet the criteria without interruption
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub stable_for: Option<Duration>,
    /// How long to tolerate failures that waiting cannot fix, such as a missing image [default:
    /// 30s]
    ///
    /// Finished failures, such as a failed Job, count at once.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub fatal_after: Option<Duration>,
    /// How long to tolerate failures that may pass, such as a crash loop [default: 2m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub tolerate: Option<Duration>,
    /// Number of container restarts to tolerate [default: 2]
    #[arg(long, value_name = "NUMBER")]
    pub tolerate_restarts: Option<i32>,
    /// How long an object may go without progress [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub no_progress: Option<Duration>,
    /// Time limit for all objects together, connecting included; 0 to check once, none for no limit
    /// [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_or_none)]
    pub timeout: Option<Duration>,
    /// Minimum number of objects; 0 to accept none [default: 1, or 0 with --for deleted]
    #[arg(long, value_name = "NUMBER")]
    pub min: Option<i32>,
}
