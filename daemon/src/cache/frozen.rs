//! What whole caches held at one moment, for readers that take their time.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use super::{Cache, Snapshot};
use crate::event_log::{EventLog, Revision};
use crate::record::Record;

/// All objects of a cache at one revision of the log.
#[derive(Debug)]
pub struct Frozen {
    /// Everything up to here is in [`Frozen::records`], nothing later is.
    pub revision: Revision,
    /// The objects, in the order of their keys.
    pub records: Vec<Arc<Record>>,
}

impl Frozen {
    /// Freezes caches at one revision, which is told. Readers that come while
    /// nothing changes share what is frozen.
    #[must_use]
    pub fn take(caches: &[impl Deref<Target = Cache>], log: &EventLog) -> (Vec<Arc<Self>>, Revision) {
        let snapshot = Snapshot::take(caches.iter().map(|cache| -> &Cache { cache }), log);
        let freeze = |(place, cache): (usize, &_)| {
            let cache: &Cache = cache;
            let mut known = cache.frozen.lock();
            if let Some(frozen) = known.upgrade().filter(|frozen| log.last_of(cache.id()) <= frozen.revision) {
                return frozen;
            }
            if !cache.freshness().listed {
                // A list that is under way is not what there is.
                return Arc::new(Self { revision: snapshot.revision, records: Vec::new() });
            }
            let records = snapshot.objects(place, None).map(|(_, record)| Arc::clone(record)).collect();
            let frozen = Arc::new(Self { revision: snapshot.revision, records });
            *known = Arc::downgrade(&frozen);
            frozen
        };
        let frozen = caches.iter().map(Deref::deref).enumerate().map(|(place, cache)| freeze((place, cache))).collect();
        (frozen, snapshot.revision)
    }

    /// Freezes what caches hold in some namespaces, at one revision, which is
    /// told; the namespace `""` is that of cluster-scoped objects.
    #[must_use]
    pub fn some(
        caches: &[impl Deref<Target = Cache>],
        namespaces: &BTreeSet<Arc<str>>,
        log: &EventLog,
    ) -> (Vec<Arc<Self>>, Revision) {
        let snapshot = Snapshot::take(caches.iter().map(|cache| -> &Cache { cache }), log);
        let freeze = |place: usize| {
            let listed = caches[place].freshness().listed;
            let namespaces = namespaces.iter().filter(|_| listed);
            let records = namespaces.flat_map(|namespace| snapshot.in_namespace(place, namespace)).map(Arc::clone);
            Arc::new(Self { revision: snapshot.revision, records: records.collect() })
        };
        ((0..caches.len()).map(freeze).collect(), snapshot.revision)
    }
}
