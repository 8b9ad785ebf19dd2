//! What is told of the daemon as a whole.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric as _, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::clock::Clock;
use crate::gate::account::{LIMITS, OUTCOMES};
use crate::rpc::Served;

/// Reads the daemon's state.
#[derive(Debug)]
pub(super) struct DaemonMetrics {
    served: Arc<Served>,
    /// When it has started, in seconds since 1970.
    started: f64,
}

impl DaemonMetrics {
    /// Of a daemon that starts now.
    pub(super) fn new(served: Arc<Served>) -> Self {
        // A recording's own time says nothing about the daemon.
        Self { served, started: Clock::System.now().as_duration().as_secs_f64() }
    }

    fn process(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut build = encoder.encode_descriptor("build", "The daemon's version.", None, MetricType::Info)?;
        build.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])?;
        let help = "When the daemon started, in seconds since 1970.";
        gauge(encoder, "start_time", help, Some(&Unit::Seconds), self.started)?;
        let help = "Whether the daemon is ready: every kind that is always watched is listed, and it is not stopping.";
        gauge(encoder, "ready", help, None, u64::from(self.served.readiness.is_ready()))
    }

    fn clients(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let served = &self.served;
        gauge(encoder, "streams", "Open streams.", None, served.streams.open())?;
        let running = served.operations.all().iter().filter(|operation| operation.is_running()).count();
        gauge(encoder, "operations_running", "Running operations, such as drains of nodes.", None, running)?;
        let (events, bytes) = served.events.size();
        gauge(encoder, "events_kept", "Kubernetes events that are kept.", None, events)?;
        let help = "Memory that the kept Kubernetes events take up.";
        gauge(encoder, "events_kept", help, Some(&Unit::Bytes), bytes)
    }

    fn gates(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let gates = &self.served.gates;
        gauge(encoder, "gates_open", "Open gates.", None, gates.open_now())?;
        let counts = OUTCOMES.map(|(outcome, name)| ([("outcome", name)], gates.ended(outcome)));
        let help = "Gates that have ended since the daemon started, by outcome.";
        let mut ended = encoder.encode_descriptor("gates_ended", help, None, MetricType::Counter)?;
        for (labels, count) in &counts {
            ConstCounter::new(count.all()).encode(ended.encode_family(labels)?)?;
        }
        let help = "Time from the opening of a gate to its end, by outcome.";
        let unit = Some(&Unit::Seconds);
        let mut open = encoder.encode_descriptor("gate_duration", help, unit, MetricType::Histogram)?;
        for (labels, count) in &counts {
            let buckets: Vec<_> = LIMITS.into_iter().zip(count.by_limit).collect();
            let mut histogram = open.encode_family(labels)?;
            histogram.encode_histogram::<NoLabelSet>(count.seconds, count.all(), &buckets, None)?;
        }
        Ok(())
    }

    fn reviews(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        // A recording has nobody to ask.
        let Some(reviews) = self.served.authorizer.reviews() else { return Ok(()) };
        let ended = "Questions to the cluster about what callers may do that were answered or have failed.";
        let failed = "Such questions that the cluster did not answer.";
        counter(encoder, "authorization_reviews", ended, reviews.ended())?;
        counter(encoder, "authorization_review_failures", failed, reviews.failed())
    }
}

impl Collector for DaemonMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.process(&mut encoder)?;
        self.clients(&mut encoder)?;
        self.gates(&mut encoder)?;
        self.reviews(&mut encoder)
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: impl EncodeGaugeValue,
) -> fmt::Result {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}
