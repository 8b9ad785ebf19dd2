//! Contexts: connections with a name.

use clap::Subcommand;

use super::Output;

/// `daymark context`
#[derive(Debug, Subcommand)]
pub enum Context {
    /// Keep the connection that the flags describe under a name
    Add(ContextAdd),
    /// Use a context from now on
    Use(ContextName),
    /// Show the contexts
    List(ContextList),
    /// Forget a context
    Remove(ContextName),
    /// Connect, and show who is there
    Test(ContextTest),
}

/// `daymark context add`
#[derive(Debug, clap::Args)]
pub struct ContextAdd {
    /// The context's name; one of that name is replaced
    #[arg(value_name = "CONTEXT")]
    pub name: String,
}

/// `daymark context use` and `remove`
#[derive(Debug, clap::Args)]
pub struct ContextName {
    /// The context's name
    #[arg(value_name = "CONTEXT")]
    pub name: String,
}

/// `daymark context list`
#[derive(Debug, clap::Args)]
pub struct ContextList {
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

/// `daymark context test`
#[derive(Debug, clap::Args)]
pub struct ContextTest {
    /// The context's name [default: the one in use]
    #[arg(value_name = "CONTEXT")]
    pub name: Option<String>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}
