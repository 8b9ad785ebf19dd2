//! One dump, from its first kind to its last log.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::kinds::Reading;
pub use super::kinds::Stopped;
use super::logs::{LogReading, Troubles};
use super::outlet::Outlet;
use super::pods::Pods;
use super::rights::{Rights, namespaces};
use super::scrub::Scrubber;
use super::{Begun, Event, LogBounds, Refusal, Refused, Wanted};
use crate::access::Caller;
use crate::access::authorizer::Authorizer;
use crate::cause::Redaction;
use crate::clock::Clock;
use crate::source::Source;
use crate::source::listing::Listable;

/// What dumps are made with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// Where everything is read.
    pub source: Source,
    /// Knows what callers may do.
    pub authorizer: Arc<Authorizer>,
    /// Takes secrets out.
    pub redaction: Arc<Redaction>,
    /// The time.
    pub clock: Clock,
    /// Places of what may be asked of kubelets.
    pub log_places: Arc<Semaphore>,
}

/// Makes a dump for a caller.
///
/// # Errors
/// If it cannot go on; what cannot be had of it is told, and no error.
pub async fn dump(tools: Tools, caller: Caller, wanted: Wanted, outlet: &Outlet) -> Result<(), Stopped> {
    let Tools { source, authorizer, redaction, clock, log_places } = tools;
    let kubernetes = source.version().await.map_err(Stopped::Unreachable)?;
    let kinds = source.listable_kinds().await.map_err(Stopped::Unreachable)?;
    let known = match (&caller, &wanted.namespaces) {
        (Caller::User(_), None) => namespaces(&source, &kinds).await,
        _ => Vec::new(),
    };
    let is_had = |listable: &Listable| wanted.have.contains(&listable.kind.to_string());
    let come = kinds.iter().filter(|listable| !is_had(listable)).count();
    outlet.tell(Event::Begun(Begun { kubernetes, time: clock.now(), kinds: come })).await?;

    let (rights, scrubber) = (Rights { caller, authorizer, known }, Scrubber::new(redaction));
    let namespaces = wanted.namespaces.as_deref();
    let places = &*log_places;
    let reading = Reading { source: &source, rights: &rights, scrubber: &scrubber, outlet, places, namespaces };
    let mut pods = Pods::default();
    for listable in &kinds {
        let is_had = is_had(listable);
        // For the logs, pods have to be met again.
        if !is_had || (listable.kind.is_pods() && wanted.logs.is_some()) {
            reading.begun(listable, is_had, &mut pods).await?;
        }
    }
    if let Some(bounds) = wanted.logs {
        let troubles = Mutex::new(Troubles::new());
        let (source, rights, scrubber) = (&source, &rights, &scrubber);
        let logs = LogReading { source, rights, scrubber, outlet, places, bounds, troubles };
        read_logs(&logs, pods, &wanted.mark).await?;
    }
    outlet.tell(Event::End(clock.now())).await?;
    Ok(())
}

async fn read_logs(logs: &LogReading<'_>, pods: Pods, mark: &str) -> Result<(), Stopped> {
    if pods.left_out > 0 {
        let message = format!("the logs of {} pods are left out: there are too many", pods.left_out);
        let (kind, namespace, name) = ("pods/log".to_owned(), String::new(), String::new());
        let refused = Refused { kind, namespace, name, reason: Refusal::TooMany, message };
        logs.outlet.tell(Event::Refused(refused)).await?;
    }
    logs.all(&pods.behind(mark)).await
}

impl Default for LogBounds {
    /// Enough to see how something came about, of a container that writes much.
    fn default() -> Self {
        Self { lines: 10_000, bytes: 16 << 20 }
    }
}
