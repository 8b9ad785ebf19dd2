//! Calls that show objects.

use daymark_proto::v1::completion_service_client::CompletionServiceClient;
use daymark_proto::v1::status_service_client::StatusServiceClient;
use daymark_proto::v1::table_service_client::TableServiceClient;
use daymark_proto::v1::tree_service_client::TreeServiceClient;
use daymark_proto::v1::{
    CompleteRequest, CompleteResponse, GetStatusRequest, GetStatusResponse, ListStatusesRequest, ListStatusesResponse,
    ListTablesRequest, ListTablesResponse, WatchStatusesRequest, WatchStatusesResponse, WatchTreeRequest,
    WatchTreeResponse,
};
use tonic::transport::Channel;

use super::{Client, MESSAGE_LIMIT};
use crate::followed::{Follow, Follows};
use crate::resumed::Opening;
use crate::{Error, TreeWatch, Watch};

/// The pages of a list.
#[derive(Debug)]
pub struct Pages<'a> {
    client: &'a Client,
    /// What to ask for next; nothing behind the last page.
    request: Option<ListStatusesRequest>,
}

impl Pages<'_> {
    /// The next page; `None` behind the last.
    ///
    /// # Errors
    /// Those of the call. A page that failed can be asked for again.
    pub async fn next(&mut self) -> Result<Option<ListStatusesResponse>, Error> {
        let Some(request) = &mut self.request else { return Ok(None) };
        let page = self.client.list_page(request.clone()).await?;
        request.page_token.clone_from(&page.next_page_token);
        if page.next_page_token.is_empty() {
            self.request = None;
        }
        Ok(Some(page))
    }
}

impl Client {
    /// One object's status.
    ///
    /// # Errors
    /// Those of the call; `NOT_FOUND` if there is no such object.
    pub async fn get_status(&self, request: GetStatusRequest) -> Result<GetStatusResponse, Error> {
        let mut service = self.status_service();
        self.call(request, async move |request| service.get_status(request).await).await
    }

    /// The statuses of all objects that match: every page in one answer, with
    /// the cursor of the first page. `page_token` is set by this function.
    ///
    /// # Errors
    /// Those of the calls.
    pub async fn list_statuses(&self, request: ListStatusesRequest) -> Result<ListStatusesResponse, Error> {
        let mut pages = self.pages(request);
        let mut all = pages.next().await?.unwrap_or_default();
        while let Some(page) = pages.next().await? {
            all.statuses.extend(page.statuses);
            for kind in page.unreachable {
                if !all.unreachable.contains(&kind) {
                    all.unreachable.push(kind);
                }
            }
        }
        all.next_page_token.clear();
        Ok(all)
    }

    /// The statuses of all objects that match, page by page.
    #[must_use]
    pub fn pages(&self, mut request: ListStatusesRequest) -> Pages<'_> {
        request.page_token.clear();
        Pages { client: self, request: Some(request) }
    }

    /// Objects as the API server would print them: every page in one answer.
    ///
    /// # Errors
    /// Those of the calls.
    pub async fn list_tables(&self, mut request: ListTablesRequest) -> Result<ListTablesResponse, Error> {
        request.page_token.clear();
        let mut all = ListTablesResponse::default();
        loop {
            let mut service = TableServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
            let call = async move |request| service.list_tables(request).await;
            let page: ListTablesResponse = self.call(request.clone(), call).await?;
            all.tables.extend(page.tables);
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

    /// Follows an object with all that it owns, also over a connection that breaks.
    #[must_use]
    pub fn watch_tree(&self, request: WatchTreeRequest) -> TreeWatch {
        Follow::new(self.clone(), request)
    }

    async fn list_page(&self, request: ListStatusesRequest) -> Result<ListStatusesResponse, Error> {
        let mut service = self.status_service();
        self.call(request, async move |request| service.list_statuses(request).await).await
    }

    /// Words that a command line can be completed with.
    ///
    /// # Errors
    /// Those of the call; `INVALID_ARGUMENT` if nothing goes by the names of the request.
    pub async fn complete(&self, request: CompleteRequest) -> Result<CompleteResponse, Error> {
        let mut service = CompletionServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        self.call(request, async move |request| service.complete(request).await).await
    }

    /// Follows the objects that match, over a stream that resumes by itself.
    pub fn watch(&self, request: WatchStatusesRequest) -> Watch {
        Watch::new(self.clone(), request)
    }

    /// Opens one stream.
    pub(crate) fn open_watch(&self, request: WatchStatusesRequest) -> Opening<WatchStatusesResponse> {
        let mut service = self.status_service();
        self.stream(request, |request| async move { service.watch_statuses(request).await })
    }

    fn tree_service(&self) -> TreeServiceClient<Channel> {
        TreeServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    fn status_service(&self) -> StatusServiceClient<Channel> {
        StatusServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
}

impl Follows for WatchTreeRequest {
    type Message = WatchTreeResponse;

    fn open(&self, client: &Client) -> Opening<WatchTreeResponse> {
        let mut service = client.tree_service();
        client.stream(self.clone(), |request| async move { service.watch_tree(request).await })
    }
}
