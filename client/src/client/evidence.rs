//! Calls that tell what has happened to objects, and why.

use std::collections::HashMap;

use daymark_proto::v1::diagnosis_service_client::DiagnosisServiceClient;
use daymark_proto::v1::event_service_client::EventServiceClient;
use daymark_proto::v1::log_service_client::LogServiceClient;
use daymark_proto::v1::snapshot_service_client::SnapshotServiceClient;
use daymark_proto::v1::{
    DiagnoseRequest, DiagnoseResponse, DumpRequest, DumpResponse, Filter, ListEventsRequest, ListEventsResponse,
    Manifest, StreamLogsRequest, StreamLogsResponse, WatchDiagnosisRequest, WatchDiagnosisResponse, WatchEventsRequest,
    WatchEventsResponse,
};
use tonic::transport::Channel;

use super::{Client, MESSAGE_LIMIT};
use crate::followed::{Follow, Follows};
use crate::resumed::Opening;
use crate::{DiagnosisWatch, DumpStream, Error, EventWatch, LogWatch};

impl Client {
    /// All events that match: every page in one answer. One that has happened again
    /// meanwhile is there once, in its newest version. `page_token` is set by this function.
    ///
    /// # Errors
    /// Those of the calls; `NOT_FOUND` if there is no such object, and no event of one.
    pub async fn list_events(&self, mut request: ListEventsRequest) -> Result<ListEventsResponse, Error> {
        request.page_token.clear();
        let mut all = self.event_page(request.clone()).await?;
        while !all.next_page_token.is_empty() {
            request.page_token = std::mem::take(&mut all.next_page_token);
            let page = self.event_page(request.clone()).await?;
            all.events.extend(page.events);
            all.complete_since = page.complete_since.or(all.complete_since);
            all.next_page_token = page.next_page_token;
        }
        let newest: HashMap<_, _> =
            all.events.iter().enumerate().map(|(place, event)| (event.uid.clone(), place)).collect();
        let mut place = 0;
        all.events.retain(|event| {
            place += 1;
            newest.get(&event.uid) == Some(&(place - 1))
        });
        Ok(all)
    }

    /// One page of the events that match, such as the newest ones.
    ///
    /// # Errors
    /// Those of the call, as for [`Client::list_events`].
    pub async fn event_page(&self, request: ListEventsRequest) -> Result<ListEventsResponse, Error> {
        let mut service = self.event_service();
        self.call(request, async move |request| service.list_events(request).await).await
    }

    /// Follows events, also over a connection that breaks.
    #[must_use]
    pub fn watch_events(&self, request: WatchEventsRequest) -> EventWatch {
        EventWatch::new(self.clone(), request)
    }

    /// Opens one stream.
    pub(crate) fn open_event_watch(&self, request: WatchEventsRequest) -> Opening<WatchEventsResponse> {
        let mut service = self.event_service();
        self.stream(request, |request| async move { service.watch_events(request).await })
    }

    fn event_service(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// What is wrong with an object, or with all that match.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such object.
    pub async fn diagnose(&self, filter: Filter) -> Result<DiagnoseResponse, Error> {
        self.diagnose_manifests(filter, Vec::new()).await
    }

    /// Whether the API server would take these manifests, and what is wrong with their objects.
    /// The filter may have a namespace, for those that say none.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn diagnose_manifests(
        &self,
        filter: Filter,
        manifests: Vec<Manifest>,
    ) -> Result<DiagnoseResponse, Error> {
        let mut service = self.diagnosis_service();
        let request = DiagnoseRequest { filter: Some(filter), manifests };
        self.call(request, async move |request| service.diagnose(request).await).await
    }

    /// Follows what is wrong, also over a connection that breaks.
    #[must_use]
    pub fn watch_diagnosis(&self, filter: Filter) -> DiagnosisWatch {
        Follow::new(self.clone(), WatchDiagnosisRequest { filter: Some(filter) })
    }

    fn diagnosis_service(&self) -> DiagnosisServiceClient<Channel> {
        DiagnosisServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// Reads logs, or follows them, over a stream that resumes by itself. What it is to go on
    /// behind is set by this function.
    #[must_use]
    pub fn stream_logs(&self, request: StreamLogsRequest) -> LogWatch {
        LogWatch::new(self.clone(), request)
    }

    /// Opens one stream.
    pub(crate) fn open_logs(&self, request: StreamLogsRequest) -> Opening<StreamLogsResponse> {
        let mut service = LogServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        self.stream(request, |request| async move { service.stream_logs(request).await })
    }

    /// Reads all that may be seen of a cluster, over a stream that resumes by itself.
    #[must_use]
    pub fn dump(&self, request: DumpRequest) -> DumpStream {
        DumpStream::new(self.clone(), request)
    }

    /// Opens one stream.
    pub(crate) fn open_dump(&self, request: DumpRequest) -> Opening<DumpResponse> {
        let mut service = SnapshotServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        self.stream(request, |request| async move { service.dump(request).await })
    }
}

impl Follows for WatchDiagnosisRequest {
    type Message = WatchDiagnosisResponse;

    fn open(&self, client: &Client) -> Opening<WatchDiagnosisResponse> {
        let mut service = client.diagnosis_service();
        client.stream(self.clone(), |request| async move { service.watch_diagnosis(request).await })
    }
}
