//! The words of `daymark diagnose`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::ci::CiArg;
use crate::duration;

/// `daymark diagnose`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  # Explain why a Deployment is not ready
  daymark diagnose deploy/web

  # Fail a CI job if anything is wrong with the manifests or their objects
  daymark diagnose -f release/ --exit-code")]
pub struct Diagnose {
    /// KIND/NAME, KIND NAME, or KIND,KIND... for all objects of these kinds [default: everything
    /// that is wrong in the namespace]
    #[arg(value_name = "KIND[/NAME]")]
    pub words: Vec<String>,
    /// Check whether the API server would accept these manifests, and diagnose their objects: a
    /// file, a directory, or - for standard input
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    #[arg(conflicts_with_all = ["words", "all_namespaces", "selector", "watch"])]
    pub files: Vec<PathBuf>,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only objects matching this label selector, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Print the diagnosis again whenever it changes, along with the causes that are gone
    #[arg(short, long)]
    pub watch: bool,
    /// Exit with 1 if anything is wrong
    #[arg(long, conflicts_with = "watch")]
    pub exit_code: bool,
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

/// How a diagnosis is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Human-readable text
    Text,
    /// A JSON document; with --watch, one per line
    Json,
}
