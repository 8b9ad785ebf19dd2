//! What is asked of objects: which, what they are to be, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::criterion::{Asked, parse};
use crate::duration;

/// Which objects, and what they are to be.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct Question {
    /// KIND/NAME..., KIND NAME..., or KIND,KIND... for all of a kind
    #[arg(value_name = "KIND[/NAME]", required_unless_present = "files")]
    pub words: Vec<String>,
    /// The objects of these manifests: a file, a folder, or - for standard input. What
    /// `kubectl apply -o json` printed says which version counts
    #[arg(short = 'f', long = "filename", value_name = "PATH", conflicts_with = "words")]
    pub files: Vec<PathBuf>,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// All objects of the kinds, which is meant without it, too
    #[arg(long, conflicts_with = "files")]
    pub all: bool,
    /// Only objects with such labels, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// What these objects own is to be ready, too, and what that owns: of these kinds
    /// [default: workloads, claims, Services and the like, and custom resources]
    #[arg(long, value_name = "KINDS", value_delimiter = ',', num_args = 0.., require_equals = true)]
    pub owned: Option<Vec<String>>,
    #[command(flatten)]
    pub policy: Policy,
    /// The same and more from a YAML file; flags go before
    #[arg(long = "policy", value_name = "FILE")]
    pub policy_file: Option<PathBuf>,
}

/// What a wait does while no daemon, or no cluster behind it, can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IfUnreachable {
    /// Try again until the deadline
    Wait,
    /// End with 4, if no daemon answers at first; one that is lost later is waited for
    Fail,
    /// End with 0 and a warning: nothing was checked. One that is lost later is waited for
    Pass,
}

/// What objects are to be, and for how long.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct Policy {
    /// What each object is to be: ready, rollout, complete, exists, deleted, drained,
    /// condition=TYPE[=VALUE], jsonpath={PATH}[=VALUE], cel=EXPRESSION, or
    /// connect=HOST:PORT, which is tried from here. Repeated: all of them at the same time
    /// [default: ready]
    #[arg(long = "for", value_name = "CRITERION", value_parser = parse)]
    pub all_of: Vec<Asked>,
    /// And one of these
    #[arg(long = "for-any", value_name = "CRITERION", value_parser = parse)]
    pub any_of: Vec<Asked>,
    /// An object of which this is true has failed, at once
    #[arg(long, value_name = "CRITERION", value_parser = parse)]
    pub fail_on: Vec<Asked>,
    /// No failure ends it but those of --fail-on
    #[arg(long)]
    pub ignore_failures: bool,
    /// How long each object must have been so without interruption
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub stable_for: Option<Duration>,
    /// How long a failure is borne that waiting cannot heal, such as an image that is not
    /// there; what has ended counts at once [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub fatal_after: Option<Duration>,
    /// How long a failure that may pass, such as a crash loop, is borne [default: 2m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub tolerate: Option<Duration>,
    /// How often a container may be restarted meanwhile [default: 2]
    #[arg(long, value_name = "NUMBER")]
    pub tolerate_restarts: Option<i32>,
    /// How long an object may be without any progress
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub no_progress: Option<Duration>,
    /// The deadline, for all objects together, connecting included; 0 to look once, none to
    /// wait for as long as it takes [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_or_none)]
    pub timeout: Option<Duration>,
    /// How many objects there must be; 0 if there may be none [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub min: Option<i32>,
}
