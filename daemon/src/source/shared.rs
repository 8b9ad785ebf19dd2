//! Live reads that several wait for.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;

type Read<T> = Shared<BoxFuture<'static, T>>;
type Reads<K, T> = Arc<Mutex<HashMap<K, Queue<T>>>>;

/// Reads of things, by what is read. One that is under way is not shared, but
/// the one behind it is: by all who ask before it begins. So what a read says is
/// never older than the question, and however many ask, there is one at a time.
pub struct SharedReads<K, T> {
    queues: Reads<K, T>,
}

/// The reads of one thing, for as long as somebody waits for them.
struct Queue<T> {
    under_way: Option<WeakShared<BoxFuture<'static, T>>>,
    /// It begins when the one under way has ended.
    next: Option<WeakShared<BoxFuture<'static, T>>>,
}

impl<K, T> Default for SharedReads<K, T> {
    fn default() -> Self {
        Self { queues: Arc::default() }
    }
}

impl<K, T> fmt::Debug for SharedReads<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedReads").field("things", &self.queues.lock().len()).finish()
    }
}

impl<K, T> SharedReads<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// What a read that begins after now says. `read` is such a read, or is not
    /// needed.
    pub async fn read(&self, thing: &K, read: impl Future<Output = T> + Send + 'static) -> T {
        self.join(thing, read).await
    }

    fn join(&self, thing: &K, read: impl Future<Output = T> + Send + 'static) -> Read<T> {
        let mut queues = self.queues.lock();
        // Reads that were given up go when the table would grow.
        if queues.len() == queues.capacity() {
            queues.retain(|_, queue| is_alive(&queue.under_way) || is_alive(&queue.next));
        }
        let queue = queues.entry(thing.clone()).or_insert(Queue { under_way: None, next: None });
        let alive = |read: &Option<WeakShared<_>>| read.as_ref().and_then(WeakShared::upgrade);
        if let Some(next) = alive(&queue.next) {
            return next;
        }
        let before = alive(&queue.under_way).filter(|read| read.peek().is_none());
        let waits = before.is_some();
        let (queues, thing) = (Arc::clone(&self.queues), thing.clone());
        let read = async move {
            if let Some(before) = before {
                before.await;
                begin(&queues, &thing);
            }
            let said = read.await;
            end(&queues, &thing);
            said
        };
        let read = read.boxed().shared();
        let place = if waits { &mut queue.next } else { &mut queue.under_way };
        *place = read.downgrade();
        read
    }
}

/// Whether somebody waits for a read.
fn is_alive<T>(read: &Option<WeakShared<BoxFuture<'static, T>>>) -> bool {
    read.as_ref().and_then(WeakShared::upgrade).is_some()
}

/// The next read begins: who asks from now on is too late for it.
fn begin<K: Eq + Hash, T>(queues: &Reads<K, T>, thing: &K) {
    if let Some(queue) = queues.lock().get_mut(thing) {
        queue.under_way = queue.next.take();
    }
}

/// A read has ended: a thing that nobody waits for is forgotten.
fn end<K: Eq + Hash, T>(queues: &Reads<K, T>, thing: &K) {
    let mut queues = queues.lock();
    if queues.get(thing).is_some_and(|queue| !is_alive(&queue.next)) {
        queues.remove(thing);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::poll;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_read_is_shared_by_those_who_asked_before_it_began() {
        let reads = SharedReads::default();
        let (begun, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let read = || {
            let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
            async move {
                let number = begun.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                number
            }
        };
        let mut first = Box::pin(reads.read(&"a", read()));
        assert!(poll!(&mut first).is_pending());
        // It is under way: these are too late for it.
        let mut later: Vec<_> = (0..100).map(|_| Box::pin(reads.read(&"a", read()))).collect();
        for waiting in &mut later {
            assert!(poll!(waiting).is_pending());
        }
        let mut other = Box::pin(reads.read(&"b", read()));
        assert!(poll!(&mut other).is_pending());
        assert_eq!(begun.load(Ordering::SeqCst), 2, "one of each is under way");
        gate.add_permits(2);
        assert_eq!((first.await, other.await), (0, 1));
        assert!(poll!(&mut later[0]).is_pending());
        let mut last = Box::pin(reads.read(&"a", read()));
        assert!(poll!(&mut last).is_pending());
        gate.add_permits(2);
        assert!(futures::future::join_all(later).await.iter().all(|number| *number == 2));
        assert_eq!(last.await, 3);
        assert!(reads.queues.lock().is_empty());
    }

    #[tokio::test]
    async fn what_was_given_up_is_forgotten() {
        let reads = SharedReads::default();
        for number in 0..10_000 {
            let mut given_up = Box::pin(reads.read(&number, std::future::pending::<u8>()));
            assert!(poll!(&mut given_up).is_pending());
        }
        assert!(reads.queues.lock().capacity() < 100);
    }

    #[tokio::test]
    async fn who_gives_up_holds_up_nobody() {
        let reads = SharedReads::default();
        let mut given_up = Box::pin(reads.read(&"a", std::future::pending::<u8>()));
        assert!(poll!(&mut given_up).is_pending());
        drop(given_up);
        assert_eq!(reads.read(&"a", async { 1 }).await, 1);
        let mut first = Box::pin(reads.read(&"a", std::future::ready(2)));
        let mut next = Box::pin(reads.read(&"a", std::future::ready(3)));
        assert!(poll!(&mut first).is_ready());
        assert!(poll!(&mut next).is_ready());
        assert!(reads.queues.lock().is_empty());
    }
}
