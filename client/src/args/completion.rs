//! Completion in shells, and manual pages.

use std::path::PathBuf;

use clap::ValueEnum;

/// `daymark completion`
#[derive(Debug, clap::Args)]
pub struct Completion {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
    /// Another name to complete, such as an alias for daymark; may be repeated
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
    /// Write a page for each command into this folder, which is made if it is not there
    /// [default: print daymark's own]
    #[arg(long, value_name = "FOLDER")]
    pub output_directory: Option<PathBuf>,
}

/// `daymark __complete`, which the shells' scripts call: not for people.
#[derive(Debug, clap::Args)]
pub struct Complete {
    /// For which shell the answer is
    #[arg(value_enum)]
    pub shell: Shell,
    /// The line up to the cursor, where the shell does not split it into words
    #[arg(long, conflicts_with = "words")]
    pub line: Option<String>,
    /// The characters at which the shell begins another word (`COMP_WORDBREAKS`)
    #[arg(long, default_value = "")]
    pub breaks: String,
    /// The word that is to be completed
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    pub current: String,
    /// The words between the command and that one
    #[arg(last = true)]
    pub words: Vec<String>,
}
