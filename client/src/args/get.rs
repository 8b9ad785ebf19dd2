//! `daymark get`, `watch` and `tree`: what is to be shown, and how.

use std::time::Duration;

use clap::{ArgAction, ValueEnum};

use crate::duration;
use crate::output::OutputArg;

/// `daymark get`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  # List the Deployments in the namespace with their states
  daymark get deployments

  # Follow the failed pods of all namespaces
  daymark get pods -A --state failed --watch")]
pub struct Get {
    #[command(flatten)]
    pub shown: Shown,
    /// Keep printing changes after the initial list
    #[arg(short, long)]
    pub watch: bool,
    #[command(flatten)]
    pub following: Following,
    /// Output format: table, wide, json, yaml, ndjson, name, status-json, kubectl, kubectl-wide,
    /// or an expression [default: table]
    ///
    /// Expressions are jq=, jsonpath=, jsonpath-as-json=, go-template= or custom-columns= followed
    /// by the expression, or jq-file= and so on followed by the name of a file that holds it.
    #[arg(short, long, value_name = "FORMAT", value_parser = OutputArg::parse)]
    pub output: Option<OutputArg>,
    /// Expression for -o go-template, the default if -o is not given, or for -o jsonpath
    #[arg(long, value_name = "TEMPLATE")]
    pub template: Option<String>,
    /// Ignore missing fields in JSONPath and Go templates [default: true]
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_missing_value = "true", hide_default_value = true)]
    pub allow_missing_template_keys: bool,
    /// Print the strings that -o jq= yields without quotes
    #[arg(short, long)]
    pub raw_output: bool,
    #[command(flatten)]
    pub columns: ColumnArgs,
    /// Sort by the field at this JSONPath, such as .metadata.creationTimestamp
    #[arg(long, value_name = "JSONPATH")]
    pub sort_by: Option<String>,
}

/// `daymark watch`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  # Follow the state transitions of Deployments and Jobs in all namespaces
  daymark watch deploy,job -A

  # List the pods with a label first, and exit when one of them has failed
  daymark watch pods -l app=web --initial --until 'state == \"FAILED\"'")]
pub struct Watch {
    #[command(flatten)]
    pub shown: Shown,
    /// List the existing objects first
    #[arg(long)]
    pub initial: bool,
    #[command(flatten)]
    pub following: Following,
    /// Output format: table, wide, name, or status-json, one per line [default: table]
    #[arg(short, long, value_name = "FORMAT", value_parser = OutputArg::parse)]
    pub output: Option<OutputArg>,
    #[command(flatten)]
    pub columns: ColumnArgs,
}

/// Which objects are shown.
#[derive(Debug, Clone, clap::Args)]
pub struct Shown {
    /// KIND, KIND,KIND..., KIND NAME..., or KIND/NAME...
    #[arg(required = true, value_name = "KIND[/NAME]")]
    pub words: Vec<String>,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only objects matching this label selector, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Only objects matching this field selector, such as spec.nodeName=n1,status.phase!=Running
    #[arg(long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub field_selector: String,
    /// Only objects for which this CEL expression is true, such as 'object.spec.replicas > 1'
    #[arg(long, value_name = "EXPRESSION", default_value = "", hide_default_value = true)]
    pub cel: String,
    /// Only objects in one of these states
    #[arg(
        long,
        visible_alias = "states",
        value_enum,
        ignore_case = true,
        value_delimiter = ',',
        value_name = "STATES"
    )]
    pub state: Vec<StateArg>,
}

/// How changes are followed.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Following {
    /// Report every change that the daemon has seen, and where changes may be missing
    #[arg(long)]
    pub history: bool,
    /// Exit when this CEL expression is true of a selected object, such as 'state == "FAILED"'
    #[arg(long, value_name = "EXPRESSION", default_value = "", hide_default_value = true)]
    pub until: String,
    /// Stop after this long; 0 for no limit
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
}

/// What columns a table has.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ColumnArgs {
    /// Add a column with the value of each of these labels
    #[arg(short = 'L', long, value_name = "LABELS", value_delimiter = ',')]
    pub label_columns: Vec<String>,
    /// Add a column with all labels
    #[arg(long)]
    pub show_labels: bool,
    /// Omit the header row of tables
    #[arg(long)]
    pub no_headers: bool,
}

/// `daymark tree`
#[derive(Debug, clap::Args)]
pub struct Tree {
    /// KIND/NAME or KIND NAME
    #[arg(required = true, value_name = "KIND/NAME", num_args = 1..=2)]
    pub words: Vec<String>,
    /// Kinds to search for owned objects [default: the kinds that such an object usually owns; for
    /// a custom resource, all kinds]
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub kinds: Vec<String>,
    /// Keep printing changes after the initial tree
    #[arg(short, long)]
    pub watch: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = TreeFormat::Table, value_name = "FORMAT")]
    pub output: TreeFormat,
    /// Omit the header row of tables
    #[arg(long)]
    pub no_headers: bool,
    /// Stop watching after this long; 0 for no limit
    #[arg(long, requires = "watch", value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
}

/// How a tree is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TreeFormat {
    /// A table of states
    Table,
    /// A table with additional columns
    Wide,
    /// The states as a nested JSON document
    Json,
}

/// A state to select by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StateArg {
    /// Matches its specification
    Ready,
    /// Moving towards its specification
    InProgress,
    /// Failed
    Failed,
    /// Being deleted
    Terminating,
    /// Held back on purpose
    Paused,
    /// Cannot be judged
    Unknown,
}
