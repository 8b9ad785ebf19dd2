//! One module per command.

pub mod completion;
pub mod context;
pub mod control_plane;
pub mod daemon_status;
pub mod describe;
pub mod diagnose;
pub mod dump;
pub mod events;
pub mod follow;
mod following;
pub mod gate;
pub mod get;
pub mod logs;
pub mod man;
pub mod node;
pub mod on;
pub mod operation;
pub mod proxy;
pub mod quarantine;
pub mod release;
mod root_cause;
pub mod session;
pub mod tree;
pub mod tunnel;
pub mod version;
pub mod wait;
