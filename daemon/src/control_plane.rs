//! How a control plane is: what its API server says of itself, who leads, in which versions, and
//! what its metrics tell.

pub mod checks;
mod histogram;
pub mod leader;
pub mod metrics;
mod observation;
mod observer;
mod sample;
pub mod skew;

pub use self::histogram::Histogram;
pub use self::observation::{Kubelets, Latency, Measured, Observation, Recent, Subject};
pub use self::observer::Observer;
