//! Which events, and how they are printed.

use std::time::Duration;

use clap::ValueEnum;

use crate::duration;

/// `daymark events`
#[derive(Debug, clap::Args)]
pub struct Events {
    /// KIND/NAME or KIND NAME: an object, with what it owns and has owned
    /// [default: all objects in the namespace]
    #[arg(value_name = "KIND/NAME", num_args = 0..=2)]
    pub words: Vec<String>,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only events of these types
    #[arg(long, value_enum, ignore_case = true, value_delimiter = ',', value_name = "TYPES")]
    pub types: Vec<EventType>,
    /// Only what has happened within so long, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub since: Option<Duration>,
    /// Go on with what happens
    #[arg(short, long)]
    pub watch: bool,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = EventFormat::Table, value_name = "FORMAT")]
    pub output: EventFormat,
    /// Leave the table's header out
    #[arg(long)]
    pub no_headers: bool,
    /// End the watch after this long; 0 for no limit
    #[arg(long, requires = "watch", value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
}

/// A type of event, as Kubernetes has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EventType {
    /// What is as it should be
    Normal,
    /// What may need somebody
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
    /// A table with more columns
    Wide,
    /// The events, as kubectl prints them
    Json,
    /// The events, one a line
    Ndjson,
    /// The events, as YAML
    Yaml,
    /// Names, as kubectl prints them
    Name,
}
