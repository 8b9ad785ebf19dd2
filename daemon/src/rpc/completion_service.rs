//! `CompletionService`: words for somebody who types.

use std::sync::Arc;

use daymark_proto::v1::completion_service_server::CompletionService;
use daymark_proto::v1::{CompleteRequest, CompleteResponse, Completion, Filter, Subject};
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::auth::caller;
use super::convert::View;
use super::error::{Reason, status, unknown_kinds, unreadable};
use super::rights::Use;
use crate::access::Caller;
use crate::completion::{self, Words};
use crate::subscription::Selection;

/// Words of one answer: the most, and what a request that does not say gets.
const MOST: usize = 1000;

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

#[tonic::async_trait]
impl CompletionService for Handler {
    async fn complete(&self, request: Request<CompleteRequest>) -> Result<Response<CompleteResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let (filter, prefix) = (request.filter.clone().unwrap_or_default(), request.prefix.as_str());
        let limit = limit(request.limit)?;
        self.served.caches.catalog().loaded().await.map_err(|problem| unknown_kinds(&problem))?;
        let answer = match request.subject() {
            Subject::Kind => self.kinds(prefix, limit),
            Subject::Name => {
                let selection = self.selection(&caller, &filter).await?;
                plain(completion::names(&selection, &self.served.log, prefix, limit))
            }
            Subject::LabelKey => {
                let selection = self.selection(&caller, &filter).await?;
                plain(completion::label_keys(&selection, &self.served.log, prefix, limit))
            }
            Subject::Container => self.containers(&caller, &filter, prefix, limit).await?,
            Subject::Unspecified => return Err(invalid("it says no subject that this daemon knows")),
        };
        Ok(Response::new(answer))
    }
}

impl Handler {
    fn kinds(&self, prefix: &str, limit: usize) -> CompleteResponse {
        let all = completion::kinds(&self.served.caches.catalog().kinds(), prefix);
        let truncated = all.len() > limit;
        let word = |(text, description)| Completion { text, description };
        CompleteResponse { completions: all.into_iter().take(limit).map(word).collect(), truncated }
    }

    /// The objects that are meant, as far as the caller may see them.
    async fn selection(&self, caller: &Caller, filter: &Filter) -> Result<Selection, Status> {
        if !filter.field_selector.is_empty() || !filter.cel.is_empty() || !filter.states.is_empty() {
            return Err(invalid("objects are selected by kinds, namespaces and labels"));
        }
        if !filter.refs.is_empty() {
            return Err(invalid("refs are for containers"));
        }
        filter.kinds.iter().try_for_each(|kind| self.known(kind))?;
        let selection = self.served.select(filter).await?;
        let (sight, _unreachable) = self.served.seen(caller, &selection, Use::Read, View::Basic).await?;
        Ok(sight.narrow(selection))
    }

    async fn containers(
        &self,
        caller: &Caller,
        filter: &Filter,
        prefix: &str,
        limit: usize,
    ) -> Result<CompleteResponse, Status> {
        let [wanted] = filter.refs.as_slice() else {
            return Err(invalid("containers are those of one object: give one of refs"));
        };
        let dot = if wanted.group.is_empty() { "" } else { "." };
        self.known(&format!("{}{dot}{}", wanted.resource, wanted.group))?;
        let (cache, key) = self.served.resolve(wanted, filter.namespaces.first()).await?;
        // They are read from the object.
        self.served.may_get(caller, cache.kind(), &key, View::Full).await?;
        self.served.listed(&cache).await?.map_err(|problem| unreadable(cache.kind(), &problem))?;
        let Some(record) = cache.get(&key).filter(|record| record.body.is_some()) else {
            return Ok(CompleteResponse::default());
        };
        let object = self.served.status(cache.kind(), &record, View::Full)?.object;
        let mut all = completion::containers(&object);
        all.retain(|container| container.name.starts_with(prefix));
        let truncated = all.len() > limit;
        let word = |it: completion::Container| Completion { text: it.name, description: it.sort.to_owned() };
        Ok(CompleteResponse { completions: all.into_iter().take(limit).map(word).collect(), truncated })
    }

    /// A kind that is not known is one that somebody mistypes: the API server is not asked for news of it.
    fn known(&self, kind: &str) -> Result<(), Status> {
        match self.served.caches.catalog().find(kind) {
            Some(_) => Ok(()),
            None => Err(self.served.unknown_kind(kind)),
        }
    }
}

fn plain(words: Words) -> CompleteResponse {
    let word = |text: Arc<str>| Completion { text: text.to_string(), description: String::new() };
    CompleteResponse { completions: words.words.into_iter().map(word).collect(), truncated: words.truncated }
}

fn limit(asked: i32) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Ok(0) => Ok(MOST),
        Ok(limit) => Ok(limit.min(MOST)),
        Err(_) => Err(status(Code::InvalidArgument, Reason::InvalidPage, format!("limit {asked} is negative"), [])),
    }
}

fn invalid(message: &str) -> Status {
    status(Code::InvalidArgument, Reason::InvalidFilter, format!("invalid completion: {message}"), [])
}
