//! What the daemon tells Prometheus, and probes, of itself.
//!
//! Nothing is counted for this while objects change: values are read from what there is, whenever
//! they are asked for. Labels are kinds, namespaces and fixed words, never objects or users.

mod caches;
mod daemon;
mod endpoint;

use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

pub use self::endpoint::Endpoint;

/// What every name begins with.
const PREFIX: &str = "daymark";

/// The metrics as they are now, in the text format of OpenMetrics.
fn text(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode(&mut text, registry)?;
    Ok(text)
}
