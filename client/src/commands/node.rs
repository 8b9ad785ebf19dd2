//! `daymark node`

mod list;
mod wait;

use crate::args::{Global, NodeCommand};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;

/// Looks after nodes.
pub async fn run(global: &Global, command: &NodeCommand, printer: &mut Printer) -> Result<Exit, Failure> {
    match command {
        NodeCommand::List(args) => list::run(global, args, printer).await,
        NodeCommand::Wait(args) => wait::run(global, args, printer).await,
    }
}
