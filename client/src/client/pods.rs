//! Calls that take pods out of service, and put them back.

use daymark_proto::v1::pod_service_client::PodServiceClient;
use daymark_proto::v1::{
    ListQuarantinedRequest, ListQuarantinedResponse, ReleaseRequest, ReleaseResponse, StartQuarantineRequest,
    StartQuarantineResponse,
};
use tonic::transport::Channel;

use super::{Client, MESSAGE_LIMIT};
use crate::Error;

impl Client {
    /// Begins to take a pod out of its Services and away from its controller. The same
    /// `request_id` means the same quarantine.
    ///
    /// # Errors
    /// Those of the call; `FAILED_PRECONDITION` / `NOT_TO_BE_QUARANTINED`, if the pod is to be
    /// left alone.
    pub async fn start_quarantine(&self, request: StartQuarantineRequest) -> Result<StartQuarantineResponse, Error> {
        let mut service = self.pod_service();
        self.call(request, async move |request| service.start_quarantine(request).await).await
    }

    /// Gives a pod its labels back.
    ///
    /// # Errors
    /// Those of the call; `FAILED_PRECONDITION` / `NOT_QUARANTINED` or `LABELS_CHANGED`, if there
    /// is nothing to be given back.
    pub async fn release(&self, request: ReleaseRequest) -> Result<ReleaseResponse, Error> {
        let mut service = self.pod_service();
        self.call(request, async move |request| service.release(request).await).await
    }

    /// The pods that are in quarantine: every page in one answer. `page_token` is set by this
    /// function.
    ///
    /// # Errors
    /// Those of the calls.
    pub async fn list_quarantined(
        &self,
        mut request: ListQuarantinedRequest,
    ) -> Result<ListQuarantinedResponse, Error> {
        request.page_token.clear();
        let mut all = ListQuarantinedResponse::default();
        loop {
            let mut service = self.pod_service();
            let call = async move |request| service.list_quarantined(request).await;
            let page: ListQuarantinedResponse = self.call(request.clone(), call).await?;
            all.pods.extend(page.pods);
            for kind in page.unreachable {
                if !all.unreachable.contains(&kind) {
                    all.unreachable.push(kind);
                }
            }
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            request.page_token = page.next_page_token;
        }
    }

    fn pod_service(&self) -> PodServiceClient<Channel> {
        PodServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
}
