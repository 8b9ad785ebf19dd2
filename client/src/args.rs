//! The words of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::duration;

/// The states of a Kubernetes cluster's objects, as a daymarkd holds them.
#[derive(Debug, Parser)]
#[command(name = "daymark", version, max_term_width = 100)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// Where the daemon listens: unix:PATH or HOST:PORT
    /// [default: unix:$XDG_RUNTIME_DIR/daymark.sock, else unix:/tmp/daymark-$UID/daymark.sock]
    #[arg(long, global = true, env = "DAYMARK_ADDRESS", value_name = "ADDRESS", hide_env_values = true)]
    pub address: Option<String>,
    /// A file that holds a bearer token and that only its owner can read
    #[arg(long, global = true, env = "DAYMARK_TOKEN_FILE", value_name = "FILE", hide_env_values = true)]
    pub token_file: Option<PathBuf>,
    /// The namespace [default: that of the kubeconfig which the daemon serves]
    #[arg(short, long, global = true, env = "DAYMARK_NAMESPACE", hide_env_values = true)]
    pub namespace: Option<String>,
    /// How long a single call may take; 0 for no limit
    #[arg(long, global = true, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    pub request_timeout: Duration,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show objects and their states
    Get(Get),
    /// Wait until objects are as needed
    Wait(Wait),
    /// Ask for one verdict on a set of objects, to be had by a token
    #[command(subcommand)]
    Gate(Gate),
    /// Look after the daemon
    #[command(subcommand)]
    Daemon(Daemon),
    /// Show the versions of client and daemon
    Version(Version),
}

/// `daymark gate`
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// Open a gate, and print its token
    Open(GateOpen),
    /// Tell a gate what was applied
    Arm(GateArm),
    /// Wait for a gate's verdict
    Wait(GateToken),
    /// Show how a gate stands
    Show(GateToken),
    /// End a gate
    Cancel(GateToken),
}

/// `daymark gate open`
#[derive(Debug, clap::Args)]
pub struct GateOpen {
    /// KIND/NAME..., KIND NAME..., or KIND,KIND...
    #[arg(required = true, value_name = "KIND[/NAME]")]
    pub words: Vec<String>,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only objects with such labels, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// What each object is to be
    #[arg(long = "for", value_enum, default_value_t = GateGoal::Ready, value_name = "GOAL")]
    pub goal: GateGoal,
    /// Decide nothing before `daymark gate arm` says what was applied
    #[arg(long)]
    pub await_arming: bool,
    /// How long each object must have been so without interruption
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub stable_for: Option<Duration>,
    /// How long a failure that may pass, such as a crash loop, is borne [default: 2m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub tolerate: Option<Duration>,
    /// How long an object may be without any progress
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub no_progress: Option<Duration>,
    /// The deadline, for all objects together [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// How many objects there must be [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub min: Option<i32>,
    /// No failure ends the gate
    #[arg(long)]
    pub ignore_failures: bool,
}

/// What an object of a gate is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GateGoal {
    /// Ready, in the words of its kind's rule
    Ready,
    /// The newest revision is rolled out: for Deployments, StatefulSets and DaemonSets
    Rollout,
    /// It has completed: for Jobs
    Complete,
    /// It exists
    Exists,
    /// It does not exist any more
    Deleted,
}

/// `daymark gate arm`
#[derive(Debug, clap::Args)]
pub struct GateArm {
    /// The gate's token
    pub token: String,
    /// What `kubectl apply -o json` printed: a file, or - for standard input
    #[arg(short = 'f', long = "filename", value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
}

/// `daymark gate wait`, `show` and `cancel`
#[derive(Debug, clap::Args)]
pub struct GateToken {
    /// The gate's token
    pub token: String,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Report::Text, value_name = "FORMAT")]
    pub output: Report,
}

/// `daymark daemon`
#[derive(Debug, Subcommand)]
pub enum Daemon {
    /// Show what the daemon follows, and how well
    Status(DaemonStatus),
}

/// `daymark daemon status`
#[derive(Debug, clap::Args)]
pub struct DaemonStatus {
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Report::Text, value_name = "FORMAT")]
    pub output: Report,
}

/// `daymark get`
#[derive(Debug, clap::Args)]
pub struct Get {
    /// KIND, KIND,KIND..., KIND NAME..., or KIND/NAME...
    #[arg(required = true, value_name = "KIND[/NAME]")]
    pub words: Vec<String>,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only objects with such labels, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Only objects with such fields, such as spec.nodeName=n1,status.phase!=Running
    #[arg(long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub field_selector: String,
    /// Only objects of which this expression in CEL is true, such as
    /// 'object.spec.replicas > 1'
    #[arg(long, value_name = "EXPRESSION", default_value = "", hide_default_value = true)]
    pub cel: String,
    /// Only objects in one of these states
    #[arg(long, value_enum, ignore_case = true, value_delimiter = ',', value_name = "STATES")]
    pub state: Vec<StateArg>,
    /// Go on with what changes
    #[arg(short, long)]
    pub watch: bool,
    /// Skip no change that the daemon has seen, and say where some may be missing
    #[arg(long, requires = "watch")]
    pub history: bool,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub output: Format,
    /// Leave the table's header out
    #[arg(long)]
    pub no_headers: bool,
    /// End the watch after this long; 0 for no limit
    #[arg(long, requires = "watch", value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
}

/// A state to select by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StateArg {
    /// As the specification asks
    Ready,
    /// On its way
    InProgress,
    /// Failed
    Failed,
    /// Being deleted
    Terminating,
    /// Held back on purpose
    Paused,
    /// Nothing can judge it
    Unknown,
}

/// How `get` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table of states
    Table,
    /// A table with more columns
    Wide,
    /// The Kubernetes objects, as kubectl prints them
    Json,
    /// The Kubernetes objects, as YAML
    Yaml,
    /// The Kubernetes objects, one a line
    Ndjson,
    /// Names, as kubectl prints them
    Name,
    /// The states, as JSON
    StatusJson,
}

/// `daymark wait`
#[derive(Debug, clap::Args)]
pub struct Wait {
    /// KIND/NAME..., or KIND NAME...
    #[arg(required = true, value_name = "KIND/NAME")]
    pub words: Vec<String>,
    /// What to wait for [default: rollout for Deployments, StatefulSets and DaemonSets, else ready]
    #[arg(long = "for", value_enum, value_name = "GOAL")]
    pub goal: Option<Goal>,
    /// The deadline; 0 to look once
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse)]
    pub timeout: Duration,
    /// How long a failure that may pass, such as a crash loop, is borne; one that cannot counts at once
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration::parse)]
    pub tolerate: Duration,
    /// How to print the verdict
    #[arg(short, long, value_enum, default_value_t = Report::Text, value_name = "FORMAT")]
    pub output: Report,
}

/// What `wait` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Goal {
    /// The object is ready
    Ready,
    /// The newest revision is rolled out and ready
    Rollout,
}

/// `daymark version`
#[derive(Debug, clap::Args)]
pub struct Version {
    /// Do not ask the daemon
    #[arg(long)]
    pub client: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Report::Text, value_name = "FORMAT")]
    pub output: Report,
}

/// How `wait` and `version` print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Report {
    /// Lines for people
    Text,
    /// One JSON document
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_words_are_consistent() {
        super::Args::command().debug_assert();
    }
}
