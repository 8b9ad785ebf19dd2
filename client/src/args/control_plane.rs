//! The words of `daymark control-plane`.

use std::time::Duration;

use clap::ValueEnum;

use crate::ci::CiArg;
use crate::duration;

/// `daymark control-plane`
#[derive(Debug, clap::Args)]
pub struct ControlPlane {
    /// Tell it again and again; as text, when something but times differs
    #[arg(short, long)]
    pub watch: bool,
    /// How often to look: at least 1s
    #[arg(long, requires = "watch", value_name = "DURATION", default_value = "5s", value_parser = interval)]
    pub interval: Duration,
    /// End the watch after this long; 0 for no limit
    #[arg(long, requires = "watch", value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub output: Format,
    /// Which CI system reads the output: what comes from the cluster cannot become a command to it
    #[arg(long, value_enum, default_value_t = CiArg::Auto, value_name = "SYSTEM")]
    pub ci: CiArg,
}

/// How a control plane is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people
    Text,
    /// A JSON document; with --watch, one in each line
    Json,
}

/// The daemon looks no more often.
const SHORTEST: Duration = Duration::from_secs(1);

fn interval(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(interval) if interval >= SHORTEST => Ok(interval),
        Ok(_) => Err("it is less than 1s".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
