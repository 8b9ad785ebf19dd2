//! The words of the command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::duration;

mod completion;
mod connection;
mod context;
mod control_plane;
mod describe;
mod diagnose;
mod dump;
mod events;
mod get;
mod logs;
mod node;
mod node_readiness;
mod operation;
mod quarantine;
mod question;
mod reading;
mod report;
mod tunnel;

pub use completion::{Complete, Completion, Man, Shell};
pub use connection::Connection;
pub use context::{Context, ContextAdd, ContextList, ContextTest};
pub use control_plane::{ControlPlane, Format as ControlPlaneFormat};
pub use describe::Describe;
pub use diagnose::{Diagnose, Format as DiagnoseFormat};
pub use dump::{Dump, DumpLogs};
pub use events::{EventFormat, EventType, Events};
pub use get::{ColumnArgs, Following, Get, Shown, StateArg, Tree, TreeFormat, Watch};
pub use logs::{LogFormat, Logs};
pub use node::{Between, Cordon, Drain, DryRun, Node, NodeNames};
pub use node_readiness::{NodeList, NodeListFormat, NodeWait, NodeWaitFormat};
pub use operation::{Operation, OperationId, OperationList};
pub use quarantine::{Quarantine, QuarantineCommand, QuarantineList, QuarantineStart, Release};
pub use question::{IfUnreachable, Policy, Question};
pub use report::{Format as ReportFormat, Report};
pub use tunnel::{Loopback, Proxy, Tunnel, Via};

/// Show, follow and wait for the state of Kubernetes objects, as tracked by daymarkd
#[derive(Debug, Parser)]
#[command(name = "daymark", version, max_term_width = 100)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct Global {
    /// Named connection to use; other flags and variables override its settings [env:
    /// DAYMARK_CONTEXT] [default: the current context]
    ///
    /// These are Daymark's own contexts (`daymark context`), not those of a kubeconfig.
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List objects and their states
    Get(Get),
    /// Follow state transitions of objects
    Watch(Watch),
    /// Show details of objects: state, conditions, related objects and events
    Describe(Describe),
    /// Show an object and everything it owns as a tree
    Tree(Tree),
    /// List events, including those of deleted objects
    Events(Events),
    /// Wait until objects are ready or meet other criteria
    Wait(Wait),
    /// Explain what is wrong, why, and what to try next
    Diagnose(Diagnose),
    /// Show the health of the control plane
    ControlPlane(ControlPlane),
    /// Run a command on each state transition of objects
    On(On),
    /// Print the logs of all pods below an object
    Logs(Logs),
    /// List, wait for, cordon and drain nodes
    #[command(subcommand)]
    Node(Node),
    /// Take a pod out of its Services and away from its controller for inspection
    Quarantine(Box<Quarantine>),
    /// Return a quarantined pod to its Services and controller
    Release(Release),
    /// List, follow and cancel running operations
    #[command(subcommand)]
    Operation(Operation),
    /// Dump all visible objects and pod logs to a directory
    Dump(Dump),
    /// Forward local ports to pods, Services and workloads, for debugging
    Tunnel(Tunnel),
    /// Serve the Kubernetes API locally, read-only, for debugging
    Proxy(Proxy),
    /// Open and manage gates: verdicts on a set of objects, found again by a token
    #[command(subcommand)]
    Gate(Gate),
    /// Manage contexts (named connections)
    #[command(subcommand)]
    Context(Context),
    /// Inspect the daemon
    #[command(subcommand)]
    Daemon(Daemon),
    /// Show the client and daemon versions
    Version(Version),
    /// Print a shell completion script
    Completion(Completion),
    /// Print the manual page, or write the pages of all commands
    Man(Man),
    /// Answer the completion scripts of shells
    #[command(name = "__complete", hide = true)]
    Complete(Complete),
}

/// `daymark gate`
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// Open a gate and print its token
    Open(Box<GateOpen>),
    /// Tell a gate which objects were applied
    Arm(GateArm),
    /// Wait for a gate's verdict
    Wait(GateToken),
    /// Show a gate's current status
    Show(GateToken),
    /// Cancel a gate
    Cancel(GateToken),
}

/// `daymark gate open`
#[derive(Debug, clap::Args)]
pub struct GateOpen {
    #[command(flatten)]
    pub question: Question,
    /// Decide nothing until `daymark gate arm` reports what was applied
    #[arg(long)]
    pub await_arming: bool,
}

/// `daymark gate arm`
#[derive(Debug, clap::Args)]
pub struct GateArm {
    /// Token of the gate
    pub token: String,
    /// Output of `kubectl apply -o json`: a file, a directory, or - for standard input
    #[arg(short = 'f', long = "filename", value_name = "PATH", default_value = "-")]
    pub files: Vec<PathBuf>,
}

/// `daymark gate wait`, `show` and `cancel`
#[derive(Debug, clap::Args)]
pub struct GateToken {
    /// Token of the gate
    pub token: String,
    #[command(flatten)]
    pub report: Report,
}

/// `daymark daemon`
#[derive(Debug, Subcommand)]
pub enum Daemon {
    /// Show the daemon's caches and their health
    Status(DaemonStatus),
}

/// `daymark daemon status`
#[derive(Debug, clap::Args)]
pub struct DaemonStatus {
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// `daymark wait`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  # Wait until a rollout is complete and has been stable for 30 seconds
  daymark wait deployment/web --timeout 5m --stable-for 30s

  # Wait for exactly what was applied
  kubectl apply -f release/ -o json | daymark wait -f -")]
pub struct Wait {
    #[command(flatten)]
    pub question: Question,
    #[command(flatten)]
    pub report: Report,
    /// Print only a line at the start, a line at the end, and problems
    #[arg(short, long)]
    pub quiet: bool,
    /// What to do while no daemon can be reached
    #[arg(long, value_enum, default_value_t = IfUnreachable::Fail, value_name = "ACTION")]
    pub if_unreachable: IfUnreachable,
}

/// `daymark on`
#[derive(Debug, clap::Args)]
pub struct On {
    /// KIND, KIND,KIND..., KIND NAME..., or KIND/NAME...
    #[arg(required = true, value_name = "KIND[/NAME]")]
    pub words: Vec<String>,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only objects matching this label selector, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Run only for transitions after which this CEL expression is true, such as 'state ==
    /// "FAILED"' [default: all transitions, deletions included]
    #[arg(long, value_name = "EXPRESSION", default_value = "", hide_default_value = true)]
    pub when: String,
    /// Run only when an object begins to match, and again only after it has stopped matching
    #[arg(long)]
    pub entered: bool,
    /// Run only when an object has matched for this long without interruption; implies --entered
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    pub lasting: Option<Duration>,
    /// Also run for objects that already match at the start
    #[arg(long)]
    pub initial: bool,
    /// Exit after the first run: with 0 if it succeeded, otherwise with 1
    #[arg(long)]
    pub once: bool,
    /// Exit with 1 when a run fails
    #[arg(long)]
    pub exit_on_error: bool,
    /// Record progress in this file, and resume from it after a restart
    #[arg(long, value_name = "FILE")]
    pub state_file: Option<PathBuf>,
    /// Exit after this long; 0 for no limit
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// Command to run. It receives the transition as JSON on standard input and in environment
    /// variables that begin with DAYMARK_
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// `daymark version`
#[derive(Debug, clap::Args)]
pub struct Version {
    /// Print the client version only; do not contact the daemon
    #[arg(long)]
    pub client: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// How `version`, `describe` and `daemon status` print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Human-readable text
    Text,
    /// A single JSON document
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
