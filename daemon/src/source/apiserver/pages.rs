//! A page of a list, of which no more is in memory than one object and what has just come.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;

use super::ApiServer;
use super::answer::{ANSWER, Failure, accept, malformed, root_cause, unreachable};
use super::items::Items;
use super::transport::Ticket;
use crate::kind::{Kind, escape};
use crate::source::Problem;
use crate::source::listing::{NoPage, PageEnd, PageRequest};

/// A page that is being read.
pub struct ListPage {
    body: Body,
    items: Items,
    _ticket: Ticket,
}

impl std::fmt::Debug for ListPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What is read may be a Secret.
        f.debug_struct("ListPage").finish_non_exhaustive()
    }
}

impl ApiServer {
    /// Begins to read a page: on a connection where answers may stand still, because whoever
    /// reads them may be slow.
    pub(in crate::source) async fn open_page(&self, kind: &Kind, wanted: &PageRequest<'_>) -> Result<ListPage, NoPage> {
        let ticket = self.transport.log().map_err(|error| self.not_sent(&error))?;
        let sent = self.send_within(&ticket.client, &path(kind, wanted), accept::JSON, HeaderMap::new(), ANSWER).await;
        match sent {
            Ok(response) => Ok(ListPage { body: response.into_body(), items: Items::default(), _ticket: ticket }),
            Err(Failure { status: Some(StatusCode::GONE), .. }) => Err(NoPage::Gone),
            Err(failure) => Err(failure.problem.into()),
        }
    }
}

impl ListPage {
    /// The next object, as the API server sent it; `None` behind the last.
    ///
    /// # Errors
    /// If the answer breaks off, or is no list.
    pub async fn next_item(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            if let Some(item) = self.items.next_item().map_err(|error| malformed("list", &error))? {
                return Ok(Some(item));
            }
            let frame = tokio::time::timeout(ANSWER, self.body.frame()).await;
            let frame = frame.map_err(|_| unreachable(format!("the list stopped for {} s", ANSWER.as_secs())))?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| unreachable(root_cause(&error)))?;
            self.items.put(frame.into_data().unwrap_or_default());
        }
    }

    /// What stood around the objects, when all were read.
    ///
    /// # Errors
    /// If it is no list.
    pub fn end(self) -> Result<PageEnd, Problem> {
        self.items.end().map_err(|error| malformed("list", &error))
    }
}

fn path(kind: &Kind, wanted: &PageRequest<'_>) -> String {
    let PageRequest { namespace, limit, token, at } = *wanted;
    let mut path = format!("{}?limit={limit}", kind.path(namespace.filter(|_| kind.namespaced)));
    if !token.is_empty() {
        path += &format!("&continue={}", escape(token));
    } else if !at.is_empty() {
        path += &format!("&resourceVersion={}&resourceVersionMatch=Exact", escape(at));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_first_page_says_its_version() {
        let kind = crate::kind::samples().swap_remove(0);
        let mut wanted = PageRequest { namespace: None, limit: 500, token: "", at: "" };
        assert_eq!(path(&kind, &wanted), "/api/v1/pods?limit=500");
        (wanted.namespace, wanted.at) = (Some("shop"), "7");
        let shop = "/api/v1/namespaces/shop/pods?limit=500";
        assert_eq!(path(&kind, &wanted), format!("{shop}&resourceVersion=7&resourceVersionMatch=Exact"));
        wanted.token = "a=";
        assert_eq!(path(&kind, &wanted), format!("{shop}&continue=a%3D"));
    }
}
