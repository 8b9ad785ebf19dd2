//! How a verdict is told.

use clap::ValueEnum;

use crate::ci::CiArg;

/// How a verdict is told, and the way to it.
#[derive(Debug, Clone, clap::Args)]
pub struct Report {
    /// Output format of the verdict
    #[arg(short, long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub output: Format,
    /// Number of last lines to show of a failing container's log, or none
    #[arg(long, value_name = "LINES", default_value = "20", value_parser = lines)]
    pub logs: usize,
    /// CI system that reads the output
    ///
    /// Its groups and annotations are used, and text from the cluster is escaped so that it cannot
    /// act as a CI command.
    #[arg(long, value_enum, default_value_t = CiArg::Auto, value_name = "SYSTEM")]
    pub ci: CiArg,
}

/// How a verdict is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Human-readable text
    Text,
    /// A single JSON document
    Json,
    /// One JSON object per line: each object whose status changes, then the verdict
    Ndjson,
    /// A JUnit report
    Junit,
}

fn lines(text: &str) -> Result<usize, String> {
    match text {
        "none" => Ok(0),
        text => text.parse().map_err(|_| "expected a number of lines, or none".to_owned()),
    }
}
