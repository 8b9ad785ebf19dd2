//! `PodService`: pods that are taken out of service, to be looked at.

use std::sync::Arc;

use daymark_proto::v1::pod_service_server::PodService;
use daymark_proto::v1::{
    Filter, ListQuarantinedRequest, ListQuarantinedResponse, ObjectRef, ReleaseRequest, ReleaseResponse,
    StartQuarantineRequest, StartQuarantineResponse,
};
use tonic::{Request, Response, Status};

use super::Served;
use super::acting::Note;
use super::auth::caller;
use super::convert::View;
use super::rights::Use;
use super::status_service::{PAGE_BYTES, Place, page_size, page_start, page_token};
use crate::act::Act;
use crate::cache::Snapshot;
use crate::record::{Detail, Record};
use crate::subscription::Selection;

/// Pods that are looked at while their cache is held.
const AT_ONCE: usize = 10_000;

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }

    /// Up to `size` pods in quarantine with the places of their caches, from a place on, and the
    /// token of the next page.
    async fn page_of(
        &self,
        selection: &Selection,
        (first, after): Place,
        size: usize,
    ) -> (Vec<(usize, Arc<Record>)>, String) {
        let mut found: Vec<(usize, Arc<Record>)> = Vec::new();
        for place in first..selection.caches.len() {
            let mut after = after.clone().filter(|_| place == first);
            loop {
                let (some, last) = {
                    let snapshot = Snapshot::take([&*selection.caches[place]], &self.served.log);
                    let mut last = None;
                    let id = selection.caches[place].id();
                    let looked = snapshot
                        .objects(0, after.as_ref())
                        .take(AT_ONCE)
                        .inspect(|(key, _)| last = Some((*key).clone()));
                    let is_meant = |record: &&Arc<Record>| {
                        matches!(record.detail, Detail::Pod { quarantined: true, .. })
                            && selection.may_select(id, record, snapshot.revision)
                    };
                    let some: Vec<_> = looked.map(|(_, record)| record).filter(is_meant).cloned().collect();
                    (some, last)
                };
                for record in some {
                    if found.len() == size {
                        let last = found.last().map(|(place, record)| page_token(*place, Some(&record.key)));
                        return (found, last.unwrap_or_default());
                    }
                    found.push((place, record));
                }
                if last.is_none() {
                    break;
                }
                after = last;
                tokio::task::yield_now().await;
            }
        }
        (found, String::new())
    }
}

/// What a request names, for the log.
fn named(pod: Option<&ObjectRef>) -> String {
    let pod = pod.cloned().unwrap_or_default();
    if pod.namespace.is_empty() {
        format!("pod/{}", pod.name)
    } else {
        format!("pod/{} in {}", pod.name, pod.namespace)
    }
}

#[tonic::async_trait]
impl PodService for Handler {
    async fn start_quarantine(
        &self,
        request: Request<StartQuarantineRequest>,
    ) -> Result<Response<StartQuarantineResponse>, Status> {
        let caller = caller(&request)?;
        let target = format!("quarantine {}", named(request.get_ref().r#ref.as_ref()));
        let note = Note::of(&request, &caller, Act::Quarantine, target);
        Ok(Response::new(self.served.start_quarantine(&caller, note, request.into_inner()).await?))
    }

    async fn release(&self, request: Request<ReleaseRequest>) -> Result<Response<ReleaseResponse>, Status> {
        let caller = caller(&request)?;
        let target = format!("release {}", named(request.get_ref().r#ref.as_ref()));
        let note = Note::of(&request, &caller, Act::Quarantine, target);
        Ok(Response::new(self.served.release(&caller, &note, request.into_inner()).await?))
    }

    async fn list_quarantined(
        &self,
        request: Request<ListQuarantinedRequest>,
    ) -> Result<Response<ListQuarantinedResponse>, Status> {
        let caller = caller(&request)?;
        let ListQuarantinedRequest { cluster, namespaces, all_namespaces, page_size: size, page_token: token } =
            request.into_inner();
        let filter = Filter { cluster, kinds: vec!["pods".into()], namespaces, all_namespaces, ..Filter::default() };
        let selection = self.served.select_for(&caller, &filter).await?;
        selection.need_bodies()?;
        let size = page_size(size)?;
        let start = page_start(&token, &selection)?;
        // The annotation is a part of the object.
        let (sight, mut unreachable) = self.served.seen(&caller, &selection, Use::Read, View::Full).await?;
        let selection = sight.narrow(selection);
        unreachable.extend(sight.refused);
        let (records, mut next_page_token) = self.page_of(&selection, start, size).await;
        let (mut pods, mut bytes) = (Vec::new(), 0);
        for (number, (place, record)) in records.iter().enumerate() {
            let (pod, length) = self.served.quarantined(selection.caches[*place].kind(), record)?;
            bytes += length;
            if bytes > PAGE_BYTES && number > 0 {
                let (place, last) = &records[number - 1];
                next_page_token = page_token(*place, Some(&last.key));
                break;
            }
            pods.push(pod);
        }
        Ok(Response::new(ListQuarantinedResponse { pods, next_page_token, unreachable }))
    }
}
