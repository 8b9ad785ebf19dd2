//! What an API server's metrics tell of etcd, and of APIs that are used and will be removed. Of
//! tens of megabytes some lines are read, as they come.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memchr;

use super::histogram::Histogram;
use super::sample::{Sample, sample};

/// Bytes of a line that is read.
const LONGEST: usize = 16 << 10;
/// Bytes of a label's value that is kept.
const LONGEST_VALUE: usize = 256;
/// Servers of etcd, and operations, that are kept: there are some 5.
const MOST: usize = 32;
/// APIs that are kept.
const MOST_APIS: usize = 200;

/// Latency of etcd as API servers see it, in seconds (k8s.io/apiserver
/// `pkg/storage/etcd3/metrics`).
const LATENCY: &str = "etcd_request_duration_seconds_bucket";
/// Size of etcd's data on disk, by the server's name in a label: as it is called since
/// Kubernetes 1.28, and as it was before.
const SIZES: [(&str, &str); 3] = [
    ("apiserver_storage_size_bytes", "storage_cluster_id"),
    ("apiserver_storage_db_total_size_in_bytes", "endpoint"),
    ("etcd_db_total_size_in_bytes", "endpoint"),
];
/// APIs that were asked for (k8s.io/apiserver `pkg/endpoints/metrics`).
const DEPRECATED: &str = "apiserver_requested_deprecated_apis";
/// When the server started, in seconds since 1970 (Prometheus' process collector).
const STARTED: &str = "process_start_time_seconds";

/// What is read of metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// When the API server has started, in seconds since 1970, which tells it from others.
    pub started: Option<f64>,
    /// How large etcd is, in bytes, by server.
    pub sizes: BTreeMap<String, u64>,
    /// How long etcd took, in seconds, by operation.
    pub operations: BTreeMap<String, Histogram>,
    /// APIs that were used and will be removed.
    pub deprecated: BTreeSet<Deprecated>,
}

/// An API that will be removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deprecated {
    /// The group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The resource, such as `horizontalpodautoscalers`.
    pub resource: String,
    /// The subresource; empty for none.
    pub subresource: String,
    /// The release that no longer serves it; empty if that is not decided.
    pub removed_release: String,
}

/// Metrics that are being read.
#[derive(Debug, Default)]
pub struct Reading {
    metrics: Metrics,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    /// Whether that line is too long: the rest of it is left aside.
    is_too_long: bool,
}

impl Reading {
    /// Reads what comes next, wherever it is broken off.
    pub fn take(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if std::mem::take(&mut self.is_too_long) {
                self.begun.clear();
            } else if self.begun.is_empty() {
                self.metrics.read(line);
            } else {
                self.begun.extend_from_slice(line);
                let line = std::mem::take(&mut self.begun);
                self.metrics.read(&line);
            }
        }
        if self.begun.len() + bytes.len() > LONGEST {
            self.is_too_long = true;
            self.begun.clear();
        } else if !self.is_too_long {
            self.begun.extend_from_slice(bytes);
        }
    }

    /// All that was read. A line that was broken off is none.
    #[must_use]
    pub fn finish(self) -> Metrics {
        self.metrics
    }
}

impl Metrics {
    fn read(&mut self, line: &[u8]) {
        let starts = |name: &str| line.starts_with(name.as_bytes());
        let is_wanted = starts(LATENCY) || starts(DEPRECATED) || starts(STARTED);
        if !(is_wanted || SIZES.iter().any(|(name, _)| starts(name))) || line.len() > LONGEST {
            return;
        }
        if let Some(sample) = std::str::from_utf8(line).ok().and_then(sample) {
            self.add(&sample);
        }
    }

    fn add(&mut self, sample: &Sample<'_>) {
        match sample.name {
            LATENCY => self.add_latency(sample),
            STARTED => self.started = Some(sample.value).filter(|at| at.is_finite()),
            // 1, or it would not be there.
            DEPRECATED if sample.value > 0.0 && self.deprecated.len() < MOST_APIS => {
                self.deprecated.insert(Deprecated::of(sample));
            }
            name => {
                if let Some((_, label)) = SIZES.iter().find(|(known, _)| *known == name) {
                    self.add_size(sample, label);
                }
            }
        }
    }

    /// By operation; those of different resources are added up.
    fn add_latency(&mut self, sample: &Sample<'_>) {
        let operation = value(sample, "operation");
        let Ok(bound) = sample.label("le").parse() else { return };
        if self.operations.contains_key(&operation) || self.operations.len() < MOST {
            self.operations.entry(operation).or_default().add(bound, sample.value);
        }
    }

    fn add_size(&mut self, sample: &Sample<'_>, label: &str) {
        // Negative where etcd could not be asked.
        if sample.value.is_finite() && sample.value >= 0.0 && self.sizes.len() < MOST {
            self.sizes.insert(value(sample, label), sample.value as u64);
        }
    }

    /// What came of each operation since an earlier reading; `None` if that was another API
    /// server's, or may have been.
    #[must_use]
    pub fn since(&self, before: &Self) -> Option<BTreeMap<String, Histogram>> {
        self.started.filter(|started| before.started == Some(*started))?;
        let none = Histogram::default();
        let since = |(operation, now): (&String, &Histogram)| {
            let came = now.since(before.operations.get(operation).unwrap_or(&none))?;
            Some((operation.clone(), came))
        };
        self.operations.iter().map(since).collect()
    }
}

impl Deprecated {
    fn of(sample: &Sample<'_>) -> Self {
        Self {
            group: value(sample, "group"),
            version: value(sample, "version"),
            resource: value(sample, "resource"),
            subresource: value(sample, "subresource"),
            removed_release: value(sample, "removed_release"),
        }
    }
}

fn value(sample: &Sample<'_>, label: &str) -> String {
    let value = sample.label(label);
    value[..value.floor_char_boundary(LONGEST_VALUE)].to_owned()
}

#[cfg(test)]
mod tests;
