//! Somebody who watches a gate.

use std::collections::BTreeMap;
use std::sync::Arc;

use daymark_proto::Encoded;
use daymark_proto::v1::{GetGateResponse, WatchGateResponse};
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::watch;
use tonic::Status;

use super::Served;
use super::error::draining;
use super::streams::Permit;
use crate::gate::register::Gate;
use crate::gate::report::{Report, Stands};
use crate::gate::tally::Place;
use crate::kind::Kind;

type Message = Result<Encoded<WatchGateResponse>, Status>;

/// Somebody who watches a gate.
pub(super) struct Watching {
    served: Arc<Served>,
    _permit: Permit,
    gate: Arc<Gate>,
    report: watch::Receiver<Arc<Report>>,
    told: BTreeMap<Place, Stands>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    First,
    Going,
    Ended,
}

impl Watching {
    /// What a watcher of the gate is told, until it ends.
    pub(super) fn stream(served: &Arc<Served>, permit: Permit, gate: Arc<Gate>) -> BoxStream<'static, Message> {
        let (report, told) = (gate.report(), BTreeMap::new());
        let watching = Self { served: Arc::clone(served), _permit: permit, gate, report, told, stage: Stage::First };
        stream::unfold(watching, Self::next).boxed()
    }

    async fn next(mut self) -> Option<(Message, Self)> {
        match self.stage {
            Stage::Ended => return None,
            Stage::First => self.stage = Stage::Going,
            Stage::Going => {
                let changed = tokio::select! {
                    biased;
                    () = self.served.drain.cancelled() => false,
                    changed = self.report.changed() => changed.is_ok(),
                };
                if !changed {
                    self.stage = Stage::Ended;
                    return Some((Err(draining()), self));
                }
            }
        }
        let report = Arc::clone(&self.report.borrow_and_update());
        let message = self.tell(&report);
        if report.verdict.is_some() || message.is_err() {
            self.stage = Stage::Ended;
        }
        Some((message, self))
    }

    fn tell(&mut self, report: &Report) -> Message {
        let (mut objects, mut gone) = (Vec::new(), Vec::new());
        let mut before = std::mem::take(&mut self.told);
        for stands in &report.objects {
            let told = before.remove(&stands.place);
            if !told.is_some_and(|told| told.is_like(stands)) {
                objects.push(self.served.gate_object(&self.gate, stands)?);
            }
            self.told.insert(stands.place.clone(), stands.clone());
        }
        for stands in before.values() {
            gone.push(self.served.gone(&self.gate, stands)?);
        }
        let caches = self.served.caches.open();
        let whereabouts = self.gate.whereabouts();
        let is_of_gate = |kind: &Kind| whereabouts.is_some_and(|it| it.kinds().any(|known| *known == *kind));
        let caches = caches.iter().filter(|cache| is_of_gate(cache.kind()));
        let freshness = Some(self.served.freshness(caches.map(|cache| &**cache)));
        let GetGateResponse { gate, objects } = match &report.summary {
            // An earlier daemon has told it, and this is all there is.
            Some(_) => self.served.gate_and_objects(&self.gate, report)?,
            None => GetGateResponse { gate: Some(self.served.gate(&self.gate, report)?), objects },
        };
        Ok(Encoded::new(&WatchGateResponse { gate, objects, freshness, gone }))
    }
}
