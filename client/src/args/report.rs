//! How a verdict is told.

use clap::ValueEnum;

use crate::ci::CiArg;

/// How a verdict is told, and the way to it.
#[derive(Debug, Clone, clap::Args)]
pub struct Report {
    /// How to print the verdict
    #[arg(short, long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub output: Format,
    /// How many of the last lines of a failing container's log to show, or none
    #[arg(long, value_name = "LINES", default_value = "20", value_parser = lines)]
    pub logs: usize,
    /// Which CI system reads the output: its groups and annotations are used, and what
    /// comes from the cluster cannot become a command to it
    #[arg(long, value_enum, default_value_t = CiArg::Auto, value_name = "SYSTEM")]
    pub ci: CiArg,
}

/// How a verdict is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people
    Text,
    /// One JSON document
    Json,
    /// A line of JSON for each object that stands otherwise, and one for the verdict
    Ndjson,
    /// A JUnit report
    Junit,
}

fn lines(text: &str) -> Result<usize, String> {
    match text {
        "none" => Ok(0),
        text => text.parse().map_err(|_| "not a number of lines, and not none".to_owned()),
    }
}
