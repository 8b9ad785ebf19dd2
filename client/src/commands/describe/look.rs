//! What is asked of the daemon to describe an object.

use std::time::Duration;

use daymark::api::{
    Filter, GetStatusRequest, GetStatusResponse, ListEventsResponse, ListStatusesRequest, ObjectRef, Status, View,
    WatchTreeRequest, WatchTreeResponse,
};
use daymark::{Client, Error, NOT_PERMITTED};
use prost_types::Timestamp;
use tonic::Code;

use crate::commands::get;
use crate::describe::{Answer, Ask, Described, Question, owner, selects, unread, without_secrets};
use crate::exit::{Exit, Failure, exit_of};

/// Objects of one answer that are kept.
const MOST: usize = 500;
/// How far up the controllers are followed: three make the longest usual chain.
const MOST_OWNERS: usize = 5;

/// Looks around an object.
pub struct Look<'a> {
    pub client: &'a Client,
    /// How long a tree is waited for.
    pub limit: Duration,
}

impl Look<'_> {
    /// What there is to be known of an object. What may not be seen, or cannot be read, is known as that.
    ///
    /// # Errors
    /// If the daemon cannot be reached any longer, or fails.
    pub async fn describe(&self, status: Status, now: Option<Timestamp>) -> Result<Described, Failure> {
        let mut object = get::object(&status)?;
        without_secrets(&mut object);
        let mut it = Described {
            status,
            object,
            now,
            answers: Vec::new(),
            tree: None,
            events: Ok(ListEventsResponse::default()),
        };
        it.answers = self.owners(&it).await?;
        for question in it.questions() {
            it.answers.push(self.answer(question).await?);
        }
        if it.may_own() {
            it.tree = Some(self.tree(&it.status).await?);
        }
        it.events = self.events(&it).await?;
        Ok(it)
    }

    /// An object by name.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn named(&self, object: ObjectRef, view: View) -> Result<GetStatusResponse, Error> {
        self.client.get_status(GetStatusRequest { r#ref: Some(object), view: view.into() }).await
    }

    /// The object's controller, and what controls that.
    async fn owners(&self, it: &Described) -> Result<Vec<Answer>, Failure> {
        let mut answers = Vec::new();
        let mut next = owner(&it.status, &it.object);
        while let Some(question) = next.take().filter(|_| answers.len() < MOST_OWNERS) {
            let answer = self.answer(question).await?;
            if let Some(status) = answer.statuses.first() {
                next = owner(status, &get::object(status)?);
            }
            answers.push(answer);
        }
        Ok(answers)
    }

    async fn answer(&self, question: Question) -> Result<Answer, Failure> {
        let Question { role, what, ask, view } = question;
        let mut answer = Answer { role, what, statuses: Vec::new(), more: false, problem: None };
        let done = match ask {
            Ask::Named(object) => self.named(object, view).await.map(|found| answer.statuses.extend(found.status)),
            Ask::Matching(filter) => self.list(filter, view, |_| true, &mut answer).await,
            Ask::Selecting(filter, labels) => {
                self.list(filter, view, |status| selects(status, &labels), &mut answer).await
            }
        };
        if let Err(error) = done {
            answer.problem = Some(problem(error)?);
        }
        Ok(answer)
    }

    /// Keeps what fits, up to a number.
    async fn list(
        &self,
        filter: Filter,
        view: View,
        fits: impl Fn(&Status) -> bool,
        answer: &mut Answer,
    ) -> Result<(), Error> {
        let request = ListStatusesRequest { filter: Some(filter), view: view.into(), ..Default::default() };
        let mut pages = self.client.pages(request);
        while let Some(page) = pages.next().await? {
            if let Some(kind) = page.unreachable.first() {
                answer.problem = Some(match kind.reason.as_str() {
                    NOT_PERMITTED => "not all are visible".to_owned(),
                    _ => unread(kind),
                });
            }
            for status in page.statuses.into_iter().filter(&fits) {
                if answer.statuses.len() == MOST {
                    answer.more = true;
                    return Ok(());
                }
                answer.statuses.push(status);
            }
        }
        Ok(())
    }

    /// What has happened to an object.
    async fn events(&self, it: &Described) -> Result<Result<ListEventsResponse, String>, Failure> {
        match self.client.event_page(it.events_request()).await {
            Ok(told) => Ok(Ok(told)),
            // They may be turned off, and a daemon that is older knows none.
            Err(Error::Rpc(error)) if matches!(error.code, Code::FailedPrecondition | Code::Unimplemented) => {
                Ok(Err(format!("not known: {error}")))
            }
            Err(error) => Ok(Err(problem(error)?)),
        }
    }

    /// What an object owns by now.
    async fn tree(&self, status: &Status) -> Result<Result<WatchTreeResponse, String>, Failure> {
        let request = WatchTreeRequest { r#ref: status.r#ref.clone(), ..WatchTreeRequest::default() };
        match tokio::time::timeout(self.limit, self.client.watch_tree(request).first()).await {
            Ok(Ok(tree)) => Ok(Ok(tree)),
            Ok(Err(error)) => Ok(Err(problem(error)?)),
            Err(_) => Ok(Err("no answer in time".to_owned())),
        }
    }
}

/// Why something beside the object is not known, if that is the daemon's word on it alone.
fn problem(error: Error) -> Result<String, Failure> {
    let exit = exit_of(&error);
    match error.rpc() {
        // A recording holds some kinds only.
        Some(told) if told.reason == "UNKNOWN_KIND" => Ok("not served".to_owned()),
        Some(told) if told.reason != "UNAUTHENTICATED" => match exit {
            Exit::NotPermitted => Ok("not permitted".to_owned()),
            Exit::NotFound => Ok("not found".to_owned()),
            Exit::Usage | Exit::Unreachable => Ok(format!("cannot be read: {told}")),
            _ => Err(error.into()),
        },
        _ => Err(error.into()),
    }
}
