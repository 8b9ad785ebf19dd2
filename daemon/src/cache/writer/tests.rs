use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::cache::freshness::Freshness;
use crate::catalog::Catalog;
use crate::decode::arrival::Decoder;
use crate::event_log::Capacity;
use crate::kind::{self, Kind};
use crate::source::{Collection, Event};

fn leases() -> Arc<Kind> {
    let any = kind::samples().swap_remove(0);
    Arc::new(Kind {
        group: "coordination.k8s.io".into(),
        resource: "leases".into(),
        singular: "lease".into(),
        kind: "Lease".into(),
        ..any
    })
}

/// A Lease that lasts for 68 years from `now`.
fn lease(version: u64, uid: &str, now: Timestamp) -> Bytes {
    let lease = json!({
        "metadata": {"name": "l", "namespace": "n", "uid": uid, "resourceVersion": version.to_string()},
        "spec": {"holderIdentity": "h", "leaseDurationSeconds": i32::MAX, "renewTime": now.to_string()},
    });
    lease.to_string().into()
}

struct Daemon {
    decoder: Decoder,
    writer: Writer,
    now: Timestamp,
}

impl Daemon {
    fn new() -> Self {
        let log = Arc::new(EventLog::new(Capacity { entries: 1000, bytes: usize::MAX }));
        let (kind, now) = (leases(), Clock::System.now());
        let collection = Collection::of(Arc::clone(&kind), None);
        let cache = Arc::new(Cache::new(log.open_ring(), collection, false, Freshness::unheard(now)));
        let neighbours = Arc::new(Neighbours::new(Arc::new(Catalog::of(vec![Kind::clone(&kind)]))));
        let writer = Writer::new(cache, log, Clock::System, neighbours);
        Self { decoder: Decoder::new(kind, false, None), writer, now }
    }

    fn take(&mut self, event: Event) {
        self.writer.take(self.decoder.decode(event), self.now);
    }
}

#[test]
fn a_lease_that_is_renewed_again_and_again_is_judged_again_once() {
    let mut daemon = Daemon::new();
    daemon.take(Event::ListBegins);
    daemon.take(Event::ListEnds(1));
    for version in 2..100 {
        daemon.now += SignedDuration::from_secs(1);
        daemon.take(Event::Changed(lease(version, "u", daemon.now)));
    }
    let ends = daemon.now + SignedDuration::from_secs(i32::MAX.into());
    assert_eq!((daemon.writer.rechecks.len(), daemon.writer.rechecks.next()), (1, Some(ends)));
}

#[test]
fn what_is_gone_is_not_judged_again() {
    let mut daemon = Daemon::new();
    daemon.take(Event::ListBegins);
    daemon.take(Event::Listed(lease(1, "u", daemon.now)));
    daemon.take(Event::ListEnds(1));
    assert_eq!(daemon.writer.rechecks.len(), 1);
    daemon.take(Event::Deleted(lease(2, "u", daemon.now)));
    assert_eq!(daemon.writer.rechecks.len(), 0);

    daemon.take(Event::Changed(lease(3, "v", daemon.now)));
    assert_eq!(daemon.writer.rechecks.len(), 1);
    daemon.take(Event::ListBegins);
    daemon.take(Event::ListEnds(4));
    assert_eq!(daemon.writer.rechecks.len(), 0, "a list did not name it");
}
