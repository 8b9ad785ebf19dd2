//! Which of several caches is the first.

use std::future::pending;

use futures::future::select_all;

use super::Lease;

/// The place of the first of these that is over; never, if there are none.
pub async fn first<F: Future<Output = ()>>(futures: impl IntoIterator<Item = F>) -> usize {
    let futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    if futures.is_empty() {
        return pending().await;
    }
    let ((), place, _) = select_all(futures).await;
    place
}

/// The place of the first of these caches that is closed; never, if there are none.
pub fn first_closed(leases: &[Lease]) -> impl Future<Output = usize> + Send + use<> {
    let closed: Vec<_> = leases.iter().map(|lease| lease.closed().clone().cancelled_owned()).collect();
    first(closed)
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Arc;

    use futures::FutureExt as _;
    use futures::future::Either;

    use super::*;
    use crate::cache::Cache;
    use crate::cache::freshness::Freshness;
    use crate::clock::Clock;
    use crate::event_log::{Capacity, EventLog};
    use crate::kind;
    use crate::source::Collection;

    #[test]
    fn of_none_there_is_no_first() {
        assert_eq!(first_closed(&[]).now_or_never(), None);
        assert_eq!(first::<std::future::Ready<()>>([]).now_or_never(), None);
        let last = [Either::Left(pending()), Either::Right(ready(()))];
        assert_eq!(first(last).now_or_never(), Some(1));
    }

    #[test]
    fn the_cache_that_is_closed_is_told() {
        let log = EventLog::new(Capacity { entries: 1, bytes: 1 });
        let lease = |kind| {
            let collection = Collection::of(Arc::new(kind), None);
            let freshness = Freshness::unheard(Clock::System.now());
            Lease::of(Arc::new(Cache::new(log.open_ring(), collection, false, freshness)))
        };
        let leases: Vec<_> = kind::samples().into_iter().map(lease).collect();
        let mut closed = first_closed(&leases).boxed();
        assert_eq!((&mut closed).now_or_never(), None);
        leases[2].closed().cancel();
        assert_eq!(closed.now_or_never(), Some(2));
    }
}
