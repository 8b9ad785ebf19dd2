//! Contexts: connections with a name.

use clap::Subcommand;

use super::Output;

/// `daymark context`
#[derive(Debug, Subcommand)]
pub enum Context {
    /// Save the connection flags as a context
    Add(ContextAdd),
    /// Set the current context
    Use(ContextName),
    /// List contexts
    List(ContextList),
    /// Remove a context
    Remove(ContextName),
    /// Connect and show the daemon, its certificate and the round-trip time
    Test(ContextTest),
}

/// `daymark context add`
#[derive(Debug, clap::Args)]
pub struct ContextAdd {
    /// Name of the context; an existing one of that name is replaced
    #[arg(value_name = "CONTEXT")]
    pub name: String,
}

/// `daymark context use` and `remove`
#[derive(Debug, clap::Args)]
pub struct ContextName {
    /// Name of the context
    #[arg(value_name = "CONTEXT")]
    pub name: String,
}

/// `daymark context list`
#[derive(Debug, clap::Args)]
pub struct ContextList {
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// `daymark context test`
#[derive(Debug, clap::Args)]
pub struct ContextTest {
    /// Name of the context [default: the current one]
    #[arg(value_name = "CONTEXT")]
    pub name: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}
