//! Completion in shells, and manual pages.

use std::path::PathBuf;

use clap::ValueEnum;

/// `daymark completion`
#[derive(Debug, clap::Args)]
pub struct Completion {
    /// Shell to complete for
    #[arg(value_enum)]
    pub shell: Shell,
    /// Additional command name to complete, such as an alias of daymark; repeatable
    #[arg(long = "name", value_name = "NAME")]
    pub names: Vec<String>,
}

/// A shell that completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash, 3.2 or newer
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
}

/// `daymark man`
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Write a page for each command to this directory, which is created if needed [default: print
    /// the page of daymark itself]
    #[arg(long, value_name = "DIRECTORY")]
    pub output_directory: Option<PathBuf>,
}

/// `daymark __complete`, which the shells' scripts call: not for people.
#[derive(Debug, clap::Args)]
pub struct Complete {
    /// Shell that asks
    #[arg(value_enum)]
    pub shell: Shell,
    /// Line up to the cursor, for shells that do not split it into words
    #[arg(long, conflicts_with = "words")]
    pub line: Option<String>,
    /// Characters at which the shell begins another word (`COMP_WORDBREAKS`)
    #[arg(long, default_value = "")]
    pub breaks: String,
    /// Word to complete
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    pub current: String,
    /// Words between the command and the word to complete
    #[arg(last = true)]
    pub words: Vec<String>,
}
