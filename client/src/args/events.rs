//! Which events, and how they are printed.

use std::time::Duration;

use clap::ValueEnum;

use crate::duration;

/// `daymark events`
#[derive(Debug, clap::Args)]
pub struct Events {
    /// KIND/NAME or KIND NAME: events of this object and of everything it owns or owned [default:
    /// all objects in the namespace]
    #[arg(value_name = "KIND/NAME", num_args = 0..=2)]
    pub words: Vec<String>,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only events of these types
    #[arg(long, value_enum, ignore_case = true, value_delimiter = ',', value_name = "TYPES")]
    pub types: Vec<EventType>,
    /// Only events newer than this, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub since: Option<Duration>,
    /// Keep printing events as they occur
    #[arg(short, long)]
    pub watch: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = EventFormat::Table, value_name = "FORMAT")]
    pub output: EventFormat,
    /// Omit the header row of tables
    #[arg(long)]
    pub no_headers: bool,
    /// Stop watching after this long; 0 for no limit
    #[arg(long, requires = "watch", value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
}

/// A type of event, as Kubernetes has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EventType {
    /// Expected operation
    Normal,
    /// Something that may need attention
    Warning,
}

impl EventType {
    /// Its name in Kubernetes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// How `events` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EventFormat {
    /// A table
    Table,
    /// A table with additional columns
    Wide,
    /// A Kubernetes list of events, as kubectl prints it
    Json,
    /// One event as JSON per line
    Ndjson,
    /// The same list as YAML
    Yaml,
    /// Names, as kubectl prints them
    Name,
}
