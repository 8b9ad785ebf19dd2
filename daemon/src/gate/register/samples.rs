//! Gates that the tests of other modules use.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Ends, Gate, Stored};
use crate::access::Caller;
use crate::gate::report::Report;
use crate::gate::store::Opened;

impl Gate {
    /// One that nobody follows yet, and where it is told how it stands.
    pub(in crate::gate) fn sample(gate: &Opened, caller: Caller) -> (Arc<Self>, watch::Sender<Arc<Report>>) {
        let (gate, Ends { report, .. }) = Self::new(gate, caller, false, Report::default(), Stored::Yes);
        (gate, report)
    }
}
