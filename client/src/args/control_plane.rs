//! The words of `daymark control-plane`.

use std::time::Duration;

use clap::ValueEnum;

use crate::ci::CiArg;
use crate::duration;

/// `daymark control-plane`
#[derive(Debug, clap::Args)]
pub struct ControlPlane {
    /// Report repeatedly; as text, only when something other than times changes
    #[arg(short, long)]
    pub watch: bool,
    /// Time between reports, at least 1s
    #[arg(long, requires = "watch", value_name = "DURATION", default_value = "5s", value_parser = interval)]
    pub interval: Duration,
    /// Stop watching after this long; 0 for no limit
    #[arg(long, requires = "watch", value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub output: Format,
    /// CI system that reads the output. Text from the cluster is escaped so that it cannot act as a
    /// CI command
    #[arg(long, value_enum, default_value_t = CiArg::Auto, value_name = "SYSTEM")]
    pub ci: CiArg,
}

/// How a control plane is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Human-readable text
    Text,
    /// A JSON document; with --watch, one per line
    Json,
}

/// The daemon looks no more often.
const SHORTEST: Duration = Duration::from_secs(1);

fn interval(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(interval) if interval >= SHORTEST => Ok(interval),
        Ok(_) => Err("it must be at least 1s".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
