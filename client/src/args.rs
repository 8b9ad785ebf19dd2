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
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// The context: a connection with a name, of which other flags and variables change parts
    /// [env: DAYMARK_CONTEXT] [default: the one in use]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show objects and their states
    Get(Get),
    /// Follow the transitions of objects from one state to another
    Watch(Watch),
    /// Say of objects what there is to be known
    Describe(Describe),
    /// Show an object with all that it owns
    Tree(Tree),
    /// Show what has happened, as events tell it
    Events(Events),
    /// Wait until objects are as needed
    Wait(Wait),
    /// Tell what is wrong, why, and what to try next
    Diagnose(Diagnose),
    /// Tell how the cluster's control plane is
    ControlPlane(ControlPlane),
    /// Run a command at each transition of objects
    On(On),
    /// Show the logs of pods, by whatever is above them
    Logs(Logs),
    /// See whether nodes are usable, and take them out of use for a while
    #[command(subcommand)]
    Node(Node),
    /// Take a pod out of its services and away from its controller, to look at it
    Quarantine(Box<Quarantine>),
    /// Put a pod back that is in quarantine
    Release(Release),
    /// Look after what is being done to the cluster
    #[command(subcommand)]
    Operation(Operation),
    /// Write all that may be seen of the cluster into a folder: objects, and the logs of pods
    Dump(Dump),
    /// Carry connections to what runs in the cluster, for debugging
    Tunnel(Tunnel),
    /// Serve the API on this machine to be read, for debugging
    Proxy(Proxy),
    /// Ask for one verdict on a set of objects, to be had by a token
    #[command(subcommand)]
    Gate(Gate),
    /// Look after connections that have a name
    #[command(subcommand)]
    Context(Context),
    /// Look after the daemon
    #[command(subcommand)]
    Daemon(Daemon),
    /// Show the versions of client and daemon
    Version(Version),
    /// Print what a shell needs to complete commands, flags, and what is in the cluster
    Completion(Completion),
    /// Print the manual, or write its pages
    Man(Man),
    /// What shells ask while somebody types
    #[command(name = "__complete", hide = true)]
    Complete(Complete),
}

/// `daymark gate`
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// Open a gate, and print its token
    Open(Box<GateOpen>),
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
    #[command(flatten)]
    pub question: Question,
    /// Decide nothing before `daymark gate arm` says what was applied
    #[arg(long)]
    pub await_arming: bool,
}

/// `daymark gate arm`
#[derive(Debug, clap::Args)]
pub struct GateArm {
    /// The gate's token
    pub token: String,
    /// What `kubectl apply -o json` printed: a file, a folder, or - for standard input
    #[arg(short = 'f', long = "filename", value_name = "PATH", default_value = "-")]
    pub files: Vec<PathBuf>,
}

/// `daymark gate wait`, `show` and `cancel`
#[derive(Debug, clap::Args)]
pub struct GateToken {
    /// The gate's token
    pub token: String,
    #[command(flatten)]
    pub report: Report,
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
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// `daymark wait`
#[derive(Debug, clap::Args)]
pub struct Wait {
    #[command(flatten)]
    pub question: Question,
    #[command(flatten)]
    pub report: Report,
    /// Say one line when it begins and one when it ends, and what goes wrong
    #[arg(short, long)]
    pub quiet: bool,
    /// What to do while no daemon can be reached
    #[arg(long, value_enum, default_value_t = IfUnreachable::Fail, value_name = "WHAT")]
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
    /// Only objects with such labels, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Only transitions after which this expression in CEL is true, such as
    /// 'state == "FAILED"' [default: all, deletions included]
    #[arg(long, value_name = "EXPRESSION", default_value = "", hide_default_value = true)]
    pub when: String,
    /// Run it for what matches already, too
    #[arg(long)]
    pub initial: bool,
    /// End after the first run, with 0 if it succeeded, else with 1
    #[arg(long)]
    pub once: bool,
    /// End with 1 when a run fails
    #[arg(long)]
    pub exit_on_error: bool,
    /// Keep in this file what was done, and go on from there after a restart
    #[arg(long, value_name = "FILE")]
    pub state_file: Option<PathBuf>,
    /// End after this long; 0 for no limit
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// What to run. It gets the transition as JSON on standard input, and in
    /// variables that begin with DAYMARK_
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// `daymark version`
#[derive(Debug, clap::Args)]
pub struct Version {
    /// Do not ask the daemon
    #[arg(long)]
    pub client: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// How `version`, `describe` and `daemon status` print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
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
