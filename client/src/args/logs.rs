//! The words of `daymark logs`.

use std::time::Duration;

use clap::ValueEnum;
use prost_types::Timestamp;

use crate::ci::CiArg;
use crate::duration;

/// `daymark logs`
#[derive(Debug, clap::Args)]
pub struct Logs {
    /// POD, or KIND/NAME of an object with pods below it, such as deploy/web; with -l, kinds
    /// [default with -l: pods]
    #[arg(required_unless_present = "selector", value_name = "POD|KIND/NAME")]
    pub words: Vec<String>,
    /// Objects matching this label selector, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// All namespaces; requires -l
    #[arg(short = 'A', long, requires = "selector")]
    pub all_namespaces: bool,
    /// Stream new lines, including those of pods that appear later
    #[arg(short, long, conflicts_with = "previous")]
    pub follow: bool,
    /// Print the logs of the previous container runs
    #[arg(short, long)]
    pub previous: bool,
    /// Only lines newer than this, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "since_time")]
    pub since: Option<Duration>,
    /// Only lines since this time, such as 2026-01-02T03:04:05Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since_time: Option<Timestamp>,
    /// Number of most recent lines per container; -1 for all
    #[arg(long, value_name = "LINES", allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(-1..))]
    pub tail: Option<i64>,
    /// Only containers of this name; repeatable [default: each pod's default container]
    #[arg(short, long = "container", value_name = "NAME", conflicts_with = "all_containers")]
    pub containers: Vec<String>,
    /// All containers, including init containers, sidecars and ephemeral containers
    #[arg(long)]
    pub all_containers: bool,
    /// Prefix each line with its timestamp
    #[arg(long)]
    pub timestamps: bool,
    /// Prefix each line with its pod and container [default: unless a single container of a single
    /// pod is named]
    #[arg(long, conflicts_with = "no_prefix")]
    pub prefix: bool,
    /// Never prefix lines with pod and container
    #[arg(long)]
    pub no_prefix: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub output: LogFormat,
    /// CI system that reads the output. Text from the cluster is escaped so that it cannot act as a
    /// CI command
    #[arg(long, value_enum, default_value_t = CiArg::Auto, value_name = "SYSTEM")]
    pub ci: CiArg,
}

/// How lines of logs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// The lines as they were written
    Text,
    /// One JSON object per line
    Ndjson,
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "expected a time such as 2026-01-02T03:04:05Z".to_owned())
}
