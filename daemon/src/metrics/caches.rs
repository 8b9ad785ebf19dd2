//! What is told of each cache that is open.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::cache::freshness::Freshness;
use crate::cache::{Cache, Size};
use crate::clock::between;
use crate::rpc::Served;

/// Reads the open caches.
#[derive(Debug)]
pub(super) struct CacheMetrics(pub(super) Arc<Served>);

/// A cache as it was found.
struct Found {
    cache: Arc<Cache>,
    size: Size,
    change_bytes: usize,
    subscribers: usize,
    freshness: Freshness,
    /// Since when its source was not heard of.
    age: f64,
}

/// One value of a cache.
enum Value {
    Gauge(fn(&Found) -> usize),
    Seconds(fn(&Found) -> f64),
    Counter(fn(&Found) -> u64),
}

struct Metric {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    value: Value,
}

static METRICS: [Metric; 10] = [
    Metric {
        name: "cache_objects",
        help: "Objects in the cache.",
        unit: None,
        value: Value::Gauge(|found| found.size.objects),
    },
    Metric {
        name: "cache",
        help: "Memory that the cache's objects take up, with their bodies.",
        unit: Some(Unit::Bytes),
        value: Value::Gauge(|found| found.size.bytes),
    },
    Metric {
        name: "cache_body",
        help: "Memory that the bodies of the cache's objects take up.",
        unit: Some(Unit::Bytes),
        value: Value::Gauge(|found| found.size.body_bytes),
    },
    Metric {
        name: "cache_change",
        help: "Memory that the changes kept for reconnecting clients and slow readers take up.",
        unit: Some(Unit::Bytes),
        value: Value::Gauge(|found| found.change_bytes),
    },
    Metric {
        name: "cache_subscribers",
        help: "Streams that read the cache's changes.",
        unit: None,
        value: Value::Gauge(|found| found.subscribers),
    },
    Metric {
        name: "cache_age",
        help: "Time since the API server was last heard from about the cache's kind.",
        unit: Some(Unit::Seconds),
        value: Value::Seconds(|found| found.age),
    },
    Metric {
        name: "cache_synced",
        help: "Whether the cache holds a complete list and follows what comes after it.",
        unit: None,
        value: Value::Gauge(|found| found.freshness.synced.into()),
    },
    Metric {
        name: "cache_problem",
        help: "Whether something keeps the cache from being up to date.",
        unit: None,
        value: Value::Gauge(|found| found.freshness.problem.is_some().into()),
    },
    Metric {
        name: "cache_lists",
        help: "Complete lists that the cache was filled from, the first one included.",
        unit: None,
        value: Value::Counter(|found| found.freshness.lists),
    },
    Metric {
        name: "cache_decode_errors",
        help: "Objects that could not be decoded.",
        unit: None,
        value: Value::Counter(|found| found.freshness.decode_errors),
    },
];

impl CacheMetrics {
    fn found(&self) -> Vec<Found> {
        let Self(served) = self;
        let now = served.clock.now();
        let found = |cache: Arc<Cache>| {
            let freshness = cache.freshness().clone();
            Found {
                size: cache.size(),
                change_bytes: served.log.bytes(cache.id()),
                subscribers: served.log.streams(cache.id()),
                age: between(freshness.heard, now).as_secs_f64(),
                freshness,
                cache,
            }
        };
        served.caches.open().into_iter().map(found).collect()
    }
}

impl Collector for CacheMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.found();
        for Metric { name, help, unit, value } in &METRICS {
            let kind = if matches!(value, Value::Counter(_)) { MetricType::Counter } else { MetricType::Gauge };
            let mut family = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
            for found in &all {
                let labels = labels(&found.cache);
                let one = family.encode_family(&labels)?;
                match value {
                    Value::Gauge(value) => ConstGauge::new(value(found)).encode(one)?,
                    Value::Seconds(value) => ConstGauge::new(value(found)).encode(one)?,
                    Value::Counter(value) => ConstCounter::new(value(found)).encode(one)?,
                }
            }
        }
        Ok(())
    }
}

/// A kind may be followed twice: as a whole, and as far as a rule looks at it.
fn labels(cache: &Cache) -> [(&'static str, &str); 4] {
    let (kind, collection) = (cache.kind(), cache.collection());
    [
        ("group", &kind.group),
        ("resource", &kind.resource),
        ("namespace", collection.namespace.as_deref().unwrap_or_default()),
        ("field_selector", collection.field_selector.unwrap_or_default()),
    ]
}
