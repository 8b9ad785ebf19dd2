//! One module per command.

pub mod daemon_status;
pub mod follow;
pub mod gate;
pub mod get;
pub mod session;
pub mod version;
pub mod wait;
