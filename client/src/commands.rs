//! One module per command.

pub mod context;
pub mod daemon_status;
pub mod describe;
pub mod follow;
mod following;
pub mod gate;
pub mod get;
pub mod on;
pub mod session;
pub mod tree;
pub mod version;
pub mod wait;
