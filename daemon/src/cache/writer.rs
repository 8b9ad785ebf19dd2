//! The one task that changes a cache.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::Cache;
use crate::body::{self, Body};
use crate::clock::Clock;
use crate::decode;
use crate::event_log::{Change, EventLog};
use crate::object::{Key, Object, Record};
use crate::rule;
use crate::source::{Event, Events};
use crate::state::Judgement;

/// Takes a source's events into a cache, judges what they change, and logs it.
pub struct Writer {
    cache: Arc<Cache>,
    log: Arc<EventLog>,
    clock: Clock,
    /// What a list that is under way has named so far.
    listing: Option<HashSet<Key>>,
    /// Objects whose state depends on their age, by when to judge them again.
    rechecks: BTreeSet<(Timestamp, Key)>,
}

impl Writer {
    /// The writer of `cache`; there is one.
    #[must_use]
    pub fn new(cache: Arc<Cache>, log: Arc<EventLog>, clock: Clock) -> Self {
        Self { cache, log, clock, listing: None, rechecks: BTreeSet::new() }
    }

    /// What it writes.
    #[must_use]
    pub fn kind(&self) -> &crate::kind::Kind {
        self.cache.kind()
    }

    /// Takes events, each with its time, until there are no more.
    pub async fn run(mut self, mut events: Events) {
        loop {
            let next_recheck = self.rechecks.first().map(|(at, _)| *at);
            let recheck = async {
                match next_recheck {
                    Some(at) => self.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                event = events.recv() => match event {
                    Some((at, event)) => self.take(event, at),
                    None => return,
                },
                () = recheck => self.recheck(),
            }
        }
    }

    /// Takes one event, which came at `now`.
    pub fn take(&mut self, event: Event, now: Timestamp) {
        match event {
            Event::ListBegins => {
                self.listing = Some(HashSet::new());
                self.cache.freshness.send_modify(|f| f.synced = false);
            }
            Event::Listed(json) => {
                self.change(&json, now);
                self.cache.freshness.send_modify(|f| f.hear(now, None));
            }
            Event::ListEnds(version) => {
                self.sweep(now);
                self.cache.freshness.send_modify(|f| {
                    f.hear(now, Some(version));
                    // Synced it is when its watch is open.
                    f.listed = true;
                });
            }
            Event::Changed(json) => {
                let version = self.change(&json, now);
                self.hear(now, version);
            }
            Event::Deleted(json) => {
                let version = self.delete(&json, now);
                self.hear(now, version);
            }
            Event::Bookmark(version) => self.hear(now, Some(version)),
            Event::Restored => self.hear(now, None),
            Event::Lost(problem) => self.cache.freshness.send_modify(|f| {
                f.synced = false;
                f.problem = Some(problem);
            }),
        }
    }

    fn hear(&self, now: Timestamp, version: Option<u64>) {
        self.cache.freshness.send_modify(|f| {
            f.hear(now, version);
            f.synced = f.listed;
        });
    }

    /// Takes a version of an object and returns its resourceVersion.
    fn change(&mut self, json: &Bytes, now: Timestamp) -> Option<u64> {
        let object = self.decode(json)?;
        let key = object.key();
        let version = object.metadata.resource_version;
        if let Some(named) = &mut self.listing {
            named.insert(key.clone());
        }
        match self.cache.get(&key) {
            // A list or a resumed watch repeats what is known, or lags behind it.
            Some(cached) if cached.object.metadata.resource_version >= version => return Some(version),
            Some(cached) if cached.object.metadata.uid != object.metadata.uid => self.remove(&key, now),
            _ => {}
        }
        let body = body::trimmed(&self.cache.kind, json).map_err(|e| e.to_string());
        match body.and_then(|body| Body::new(&body).map_err(|e| e.to_string())) {
            Ok(body) => {
                let judgement = self.judge(&key, &object, now);
                self.put(key, Record { object: Arc::new(object), judgement, body }, now);
            }
            Err(problem) => self.reject(&problem, &object.metadata.name),
        }
        Some(version)
    }

    fn delete(&mut self, json: &Bytes, now: Timestamp) -> Option<u64> {
        let Some(identity) = decode::identity(json) else {
            self.reject(&"it was deleted, but which?", "");
            return None;
        };
        if self.cache.get(&identity.key).is_some_and(|cached| cached.object.metadata.uid == identity.uid) {
            self.remove(&identity.key, now);
        }
        identity.resource_version
    }

    /// Removes what the list that ends did not name.
    fn sweep(&mut self, now: Timestamp) {
        let named = self.listing.take().unwrap_or_default();
        let gone: Vec<Key> = self.cache.objects.read().keys().filter(|key| !named.contains(key)).cloned().collect();
        for key in gone {
            self.remove(&key, now);
        }
    }

    /// Judges again what has come of age.
    fn recheck(&mut self) {
        let now = self.clock.now();
        while let Some((at, key)) = self.rechecks.first().cloned()
            && at <= now
        {
            self.rechecks.pop_first();
            let Some(record) = self.cache.get(&key) else { continue };
            let judgement = self.judge(&key, &record.object, now);
            if judgement.differs(&record.judgement) {
                let (object, body) = (Arc::clone(&record.object), record.body.clone());
                self.put(key, Record { object, judgement, body }, now);
            }
        }
    }

    fn judge(&mut self, key: &Key, object: &Object, now: Timestamp) -> Judgement {
        let ruling = rule::judge(object, now);
        if let Some(at) = ruling.recheck_at {
            self.rechecks.insert((at, key.clone()));
        }
        ruling.judgement
    }

    fn put(&self, key: Key, record: Record, now: Timestamp) {
        let after = Arc::new(record);
        let mut objects = self.cache.objects.write();
        let before = objects.insert(key, Arc::clone(&after));
        let state_changed = before.as_ref().is_none_or(|before| {
            before.object.metadata.generation != after.object.metadata.generation
                || before.judgement.differs(&after.judgement)
        });
        self.log.append(self.cache.id, Change { before, after: Some(after), state_changed, at: now });
    }

    fn remove(&self, key: &Key, now: Timestamp) {
        let mut objects = self.cache.objects.write();
        if let before @ Some(_) = objects.remove(key) {
            self.log.append(self.cache.id, Change { before, after: None, state_changed: true, at: now });
        }
    }

    /// Decodes an object. One that does not decode is counted and reported, and
    /// exists all the same: its version before must not be taken for the newest,
    /// and a list that names it does not delete it.
    fn decode(&mut self, json: &Bytes) -> Option<Object> {
        let error = match decode::decode(&self.cache.kind, json) {
            Ok(object) => return Some(object),
            Err(error) => error,
        };
        let identity = decode::identity(json);
        self.reject(&error, identity.as_ref().map_or("", |identity| &identity.key.name));
        let identity = identity?;
        if let Some(named) = &mut self.listing {
            named.insert(identity.key.clone());
        }
        decode::undecodable(identity, &error)
    }

    fn reject(&self, problem: &dyn std::fmt::Display, name: &str) {
        tracing::warn!(kind = %self.cache.kind, name, "an object cannot be decoded: {problem}");
        self.cache.freshness.send_modify(|f| f.decode_errors += 1);
    }
}
