//! The words of `daymark diagnose`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::ci::CiArg;
use crate::duration;

/// `daymark diagnose`
#[derive(Debug, clap::Args)]
pub struct Diagnose {
    /// KIND/NAME, KIND NAME, or KIND,KIND... for all of a kind; without any, all that is wrong in
    /// the namespace
    #[arg(value_name = "KIND[/NAME]")]
    pub words: Vec<String>,
    /// Whether the API server would take these manifests, and what is wrong with their objects:
    /// a file, a folder, or - for standard input
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    #[arg(conflicts_with_all = ["words", "all_namespaces", "selector", "watch"])]
    pub files: Vec<PathBuf>,
    /// All namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only objects with such labels, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Tell it anew when it differs, and which causes are gone
    #[arg(short, long)]
    pub watch: bool,
    /// End with 1 if something is wrong
    #[arg(long, conflicts_with = "watch")]
    pub exit_code: bool,
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

/// How a diagnosis is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people
    Text,
    /// A JSON document; with --watch, one in each line
    Json,
}
