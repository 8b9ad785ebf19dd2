//! What Daymark is compared with. Each runs as a process of its own, from this
//! same binary, so that its memory and CPU are its alone.

pub mod naive;
pub mod reflector;
