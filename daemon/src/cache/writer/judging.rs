//! What is judged again: what has come of age, and what depends on others that have changed.

use std::sync::Arc;

use jiff::Timestamp;

use super::Writer;
use crate::cache::touched::Again;
use crate::record::{Key, Record};
use crate::rule;

/// So many objects are judged again before others may run.
const AT_ONCE: usize = 256;

impl Writer {
    /// Judges again what has come of age.
    pub(super) fn recheck(&mut self) {
        let now = self.clock.now();
        while let Some(key) = self.rechecks.pop_due(now) {
            self.judge_again(&key, now);
        }
    }

    /// Judges again what depends on others that have changed.
    pub(super) async fn judge_touched(&mut self) {
        let again = self.cache.touched().take();
        let keys = self.named(&again);
        for some in keys.chunks(AT_ONCE) {
            let now = self.clock.now();
            some.iter().for_each(|key| self.judge_again(key, now));
            tokio::task::yield_now().await;
        }
        self.cache.touched().is_judged(&again);
    }

    /// What is to be judged again, as far as that may change anything.
    fn named(&self, again: &Again) -> Vec<Key> {
        let objects = self.cache.objects.read();
        let depends = |record: &&Arc<Record>| record.again.is_some();
        if again.all {
            return objects.iter().map(|(_, record)| record).filter(depends).map(|it| it.key.clone()).collect();
        }
        let linked = again.links.iter().flat_map(|link| objects.linked(link)).filter(depends);
        let named = again.keys.iter().filter_map(|key| objects.get(key)).filter(depends);
        linked.chain(named).map(|record| record.key.clone()).collect()
    }

    fn judge_again(&mut self, key: &Key, now: Timestamp) {
        let Some(record) = self.cache.get(key) else { return };
        let Some(object) = &record.again else { return };
        let ruling = rule::judge(object, &*self.neighbours, now);
        self.rechecks.set(key, ruling.recheck_at);
        if ruling.judgement != record.judgement || !ruling.may_change() {
            self.put(record.judged_again(ruling), now);
        }
    }
}
