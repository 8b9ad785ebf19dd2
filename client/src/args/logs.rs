//! The words of `daymark logs`.

use std::time::Duration;

use clap::ValueEnum;
use prost_types::Timestamp;

use crate::ci::CiArg;
use crate::duration;

/// `daymark logs`
#[derive(Debug, clap::Args)]
pub struct Logs {
    /// POD, or KIND/NAME of what is above pods, such as deploy/web; with -l, kinds [default with
    /// -l: pods]
    #[arg(required_unless_present = "selector", value_name = "POD|KIND/NAME")]
    pub words: Vec<String>,
    /// Those with such labels, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// All namespaces, with -l
    #[arg(short = 'A', long, requires = "selector")]
    pub all_namespaces: bool,
    /// Go on with what comes, also of pods that come
    #[arg(short, long, conflicts_with = "previous")]
    pub follow: bool,
    /// The logs of the runs before the last restarts
    #[arg(short, long)]
    pub previous: bool,
    /// Only lines that are no older than this
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "since_time")]
    pub since: Option<Duration>,
    /// Only lines from this time on, such as 2026-01-02T03:04:05Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since_time: Option<Timestamp>,
    /// Only the last so many lines of each container; -1 for all
    #[arg(long, value_name = "LINES", allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(-1..))]
    pub tail: Option<i64>,
    /// Only these containers [default: the default one of each pod]
    #[arg(short, long = "container", value_name = "NAME", conflicts_with = "all_containers")]
    pub containers: Vec<String>,
    /// All containers: init containers, sidecars, ephemeral ones
    #[arg(long)]
    pub all_containers: bool,
    /// Begin each line with its time
    #[arg(long)]
    pub timestamps: bool,
    /// Begin each line with its pod and container [default: unless it is one container of one pod]
    #[arg(long, conflicts_with = "no_prefix")]
    pub prefix: bool,
    /// Do not
    #[arg(long)]
    pub no_prefix: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub output: LogFormat,
    /// Which CI system reads the output: what is logged cannot become a command to it
    #[arg(long, value_enum, default_value_t = CiArg::Auto, value_name = "SYSTEM")]
    pub ci: CiArg,
}

/// How lines of logs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// As they were written
    Text,
    /// Each as a line of JSON
    Ndjson,
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "expected a time such as 2026-01-02T03:04:05Z".to_owned())
}
