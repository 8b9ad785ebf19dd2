//! `daymark get`, `watch` and `tree`: what is to be shown, and how.

use std::time::Duration;

use clap::{ArgAction, ValueEnum};

use crate::duration;
use crate::output::OutputArg;

/// `daymark get`
#[derive(Debug, clap::Args)]
pub struct Get {
    #[command(flatten)]
    pub shown: Shown,
    /// Go on with what changes
    #[arg(short, long)]
    pub watch: bool,
    #[command(flatten)]
    pub following: Following,
    /// What to print: table, wide, json, yaml, ndjson, name, status-json, kubectl,
    /// kubectl-wide; or jq=, jsonpath=, jsonpath-as-json=, go-template= or
    /// custom-columns= with an expression, or jq-file= and so on with its file
    /// [default: table]
    #[arg(short, long, value_name = "FORMAT", value_parser = OutputArg::parse)]
    pub output: Option<OutputArg>,
    /// The expression of -o go-template, which is meant if there is no -o, or of -o jsonpath
    #[arg(long, value_name = "TEMPLATE")]
    pub template: Option<String>,
    /// Whether JSONPath and Go templates take what is not there for nothing
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_missing_value = "true", hide_default_value = true)]
    pub allow_missing_template_keys: bool,
    /// Print strings that -o jq= gives without their quotation marks
    #[arg(short, long)]
    pub raw_output: bool,
    #[command(flatten)]
    pub columns: ColumnArgs,
    /// Sort by this field, such as .metadata.creationTimestamp
    #[arg(long, value_name = "JSONPATH")]
    pub sort_by: Option<String>,
}

/// `daymark watch`
#[derive(Debug, clap::Args)]
pub struct Watch {
    #[command(flatten)]
    pub shown: Shown,
    /// Show what is there already, too
    #[arg(long)]
    pub initial: bool,
    #[command(flatten)]
    pub following: Following,
    /// What to print: table, wide, name, or status-json, one a line [default: table]
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
    /// Skip no change that the daemon has seen, and say where some may be missing
    #[arg(long)]
    pub history: bool,
    /// End when this expression in CEL is true of an object that is shown, such as
    /// 'state == "FAILED"'
    #[arg(long, value_name = "EXPRESSION", default_value = "", hide_default_value = true)]
    pub until: String,
    /// End after this long; 0 for no limit
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
}

/// What columns a table has.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ColumnArgs {
    /// A column with the value of this label
    #[arg(short = 'L', long, value_name = "LABELS", value_delimiter = ',')]
    pub label_columns: Vec<String>,
    /// A column with all labels
    #[arg(long)]
    pub show_labels: bool,
    /// Leave the table's header out
    #[arg(long)]
    pub no_headers: bool,
}

/// `daymark tree`
#[derive(Debug, clap::Args)]
pub struct Tree {
    /// KIND/NAME or KIND NAME
    #[arg(required = true, value_name = "KIND/NAME", num_args = 1..=2)]
    pub words: Vec<String>,
    /// Look for what is owned among these kinds
    /// [default: those that such objects own, and all for a custom resource]
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub kinds: Vec<String>,
    /// Go on with what changes
    #[arg(short, long)]
    pub watch: bool,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = TreeFormat::Table, value_name = "FORMAT")]
    pub output: TreeFormat,
    /// Leave the table's header out
    #[arg(long)]
    pub no_headers: bool,
    /// End the watch after this long; 0 for no limit
    #[arg(long, requires = "watch", value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
}

/// How a tree is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TreeFormat {
    /// A table of states
    Table,
    /// A table with more columns
    Wide,
    /// The states, one below the other, as JSON
    Json,
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
