//! One request to the API server and its answer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::ApiServer;
use super::transport::Ticket;
use crate::kind::{Kind, escape};
use crate::one_line::one_line;
use crate::record::{Key, Uid};
use crate::source::{Collection, Problem, ProblemReason, Selectors, Set, Truth};
use crate::{body, decode};

/// How long an answer may take, or the head of one that streams.
pub(super) const ANSWER: Duration = Duration::from_secs(60);

/// How large an answer may be that does not stream: a page of the largest
/// objects that etcd takes by default (1.5 MiB).
const LARGEST: usize = 1 << 30;

/// Objects per page of a proof.
const PROOF_PAGE: usize = 500;

/// What is asked for in the header `Accept`.
pub mod accept {
    /// Whole objects.
    pub(in crate::source) const JSON: &str = "application/json";
    /// An object's metadata, or the objects of a watch.
    pub const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    /// What the API server would print: it has whatever it prints by itself, and what it is
    /// told by custom resources' definitions.
    pub(in crate::source) const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1,application/json";
    /// A list of metadata.
    pub(in crate::source) const METADATA_LIST: &str =
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
}

/// No success: the HTTP status, if there was an answer, and what it means.
pub(super) struct Failure {
    pub(super) status: Option<StatusCode>,
    pub(super) problem: Problem,
    /// What the API server says of it.
    pub(super) explained: Explained,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { status: None, problem, explained: Explained::default() }
    }
}

/// An answer that is no success (`meta/v1`, `Status`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Explained {
    /// `Status`, if it is one.
    pub(super) kind: String,
    pub(super) message: String,
    /// In one CamelCase word.
    pub(super) reason: String,
    pub(super) details: Option<Details>,
}

impl Explained {
    /// What an answer says; nothing, if it is no `Status`.
    pub(super) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }
}

/// `meta/v1`, `StatusDetails`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub(super) causes: Vec<Cause>,
}

/// `meta/v1`, `StatusCause`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Cause {
    /// In one CamelCase word.
    pub(super) reason: String,
    pub(super) message: String,
}

impl ApiServer {
    /// Reads one object as it is now: a read without resourceVersion is served
    /// from the quorum. That there is none is said by a list, which says as of
    /// when, and for which the daemon has the right in any case.
    pub(in crate::source) async fn read(&self, kind: &Kind, key: &Key) -> Result<Truth, Problem> {
        let namespace = kind.namespaced.then_some(&*key.namespace);
        let collection = kind.path(namespace);
        match self.get(&format!("{collection}/{}", escape(&key.name)), accept::METADATA).await {
            Ok(body) => version_of(&body).map(Truth::Seen),
            Err(Failure { status: Some(StatusCode::NOT_FOUND | StatusCode::FORBIDDEN), .. }) => {
                let path = format!("{collection}?fieldSelector={}", escape(&selector_of(&key.name)));
                let body = self.get(&path, accept::METADATA_LIST).await.map_err(|failure| failure.problem)?;
                let list: Page<'_> = serde_json::from_slice(&body).map_err(|e| malformed("list", &e))?;
                match list.items.first() {
                    Some(item) => version_of(item.get().as_bytes()).map(Truth::Seen),
                    None => Ok(Truth::Absent(list.metadata.resource_version)),
                }
            }
            Err(failure) => Err(failure.problem),
        }
    }

    /// Lists the metadata of a set as it is now, page by page: the pages of a
    /// list are of one version.
    pub(in crate::source) async fn read_set(
        &self,
        collection: &Collection,
        selectors: &Selectors,
    ) -> Result<Set, Problem> {
        let (labels, fields) = (escape(&selectors.labels), escape(&selectors.fields));
        let mut set = Set::default();
        let mut token = String::new();
        loop {
            let mut path = format!("{}?limit={PROOF_PAGE}&labelSelector={labels}", collection.path());
            if !selectors.fields.is_empty() {
                path += &format!("&fieldSelector={fields}");
            }
            if !token.is_empty() {
                path.push_str("&continue=");
                path.extend(escape(&token));
            }
            let body = self.get(&path, accept::METADATA_LIST).await.map_err(|failure| failure.problem)?;
            let list: Page<'_> = serde_json::from_slice(&body).map_err(|e| malformed("list", &e))?;
            for item in list.items {
                let identity = decode::identity(item.get().as_bytes());
                let identity = identity.ok_or_else(|| malformed("object", &"it has no metadata"))?;
                set.newest = set.newest.max(identity.resource_version.unwrap_or(0));
                set.uids.insert(Uid::from(&*identity.uid));
            }
            set.version = list.metadata.resource_version;
            token = list.metadata.r#continue;
            if token.is_empty() {
                return Ok(set);
            }
        }
    }

    pub(in crate::source) async fn read_whole(
        &self,
        collection: &Collection,
        key: &Key,
    ) -> Result<Option<String>, Problem> {
        let kind = &collection.kind;
        let namespace = kind.namespaced.then_some(&*key.namespace);
        match self.get(&format!("{}/{}", kind.path(namespace), escape(&key.name)), collection.accept()).await {
            Ok(json) => body::trimmed(kind, &json).map(Some).map_err(|e| malformed("object", &e)),
            Err(Failure { status: Some(StatusCode::NOT_FOUND), .. }) => Ok(None),
            Err(failure) => Err(failure.problem),
        }
    }

    pub(in crate::source) async fn version(&self) -> Result<String, Problem> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            git_version: String,
        }
        let body = self.get("/version", accept::JSON).await.map_err(|failure| failure.problem)?;
        let version: Version = serde_json::from_slice(&body).map_err(|e| malformed("version", &e))?;
        Ok(version.git_version)
    }

    pub(super) async fn get(&self, path: &str, accept: &str) -> Result<Bytes, Failure> {
        Ok(self.get_with(path, accept, HeaderMap::new()).await?.1)
    }

    /// A GET with further headers: the answer's headers and body.
    pub(super) async fn get_with(
        &self,
        path: &str,
        accept: &str,
        headers: HeaderMap,
    ) -> Result<(HeaderMap, Bytes), Failure> {
        let response = self.send(self.transport.reads(), path, accept, headers).await?;
        whole(response).await
    }

    /// Opens a watch; the ticket is to be held for as long as it is read.
    pub(super) async fn watch(&self, path: &str, accept: &str) -> Result<(Ticket, Response<Body>), Failure> {
        let ticket = self.transport.watch().map_err(|error| self.not_sent(&error))?;
        let response = self.send(&ticket.client, path, accept, HeaderMap::new()).await?;
        Ok((ticket, response))
    }

    /// Sends a GET and returns its answer if it is a success.
    async fn send(
        &self,
        client: &kube::Client,
        path: &str,
        accept: &str,
        headers: HeaderMap,
    ) -> Result<Response<Body>, Failure> {
        self.send_within(client, path, accept, headers, ANSWER).await
    }

    /// The same, if the answer's head comes within that time.
    pub(super) async fn send_within(
        &self,
        client: &kube::Client,
        path: &str,
        accept: &str,
        headers: HeaderMap,
        limit: Duration,
    ) -> Result<Response<Body>, Failure> {
        let mut request = Request::get(path)
            .header(header::ACCEPT, accept)
            // Kubernetes compresses each watch event as a gzip member of its own,
            // which decoders along the way may not expect.
            .header(header::ACCEPT_ENCODING, "identity")
            .body(Body::empty())
            .map_err(|e| Problem::new(ProblemReason::Refused, format!("{path}: {e}")))?;
        request.headers_mut().extend(headers);
        self.exchange_within(client, request, limit).await
    }

    /// Sends a request and returns its answer if it is a success.
    pub(super) async fn exchange(
        &self,
        client: &kube::Client,
        request: Request<Body>,
    ) -> Result<Response<Body>, Failure> {
        self.exchange_within(client, request, ANSWER).await
    }

    async fn exchange_within(
        &self,
        client: &kube::Client,
        request: Request<Body>,
        limit: Duration,
    ) -> Result<Response<Body>, Failure> {
        let response = match tokio::time::timeout(limit, client.send(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.not_sent(&error).into()),
            Err(_) => return Err(unreachable(format!("no answer within {} s", limit.as_secs())).into()),
        };
        if response.status().is_success() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let status = response.status();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|after| after.to_str().ok());
        let retry_after = retry_after.and_then(|after| after.parse().ok()).map(Duration::from_secs);
        // The message only explains; without it the status still stands.
        let body = Limited::new(response.into_body(), LARGEST);
        let body = match tokio::time::timeout(ANSWER, body.collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            _ => Bytes::new(),
        };
        let explained = Explained::read(&body);
        let problem = Problem { retry_after, ..refused(status, &explained.message) };
        Err(Failure { status: Some(status), problem, explained })
    }

    pub(super) fn not_sent(&self, error: &kube::Error) -> Problem {
        match error {
            kube::Error::Auth(_) => Problem::new(ProblemReason::Unauthorized, format!("credentials: {}", chain(error))),
            _ => unreachable(format!("{} does not answer: {}", self.url, root_cause(error))),
        }
    }
}

/// An answer's headers and all of its body.
pub(super) async fn whole(response: Response<Body>) -> Result<(HeaderMap, Bytes), Failure> {
    let (head, body) = response.into_parts();
    match tokio::time::timeout(ANSWER, Limited::new(body, LARGEST).collect()).await {
        Ok(Ok(body)) => Ok((head.headers, body.to_bytes())),
        Ok(Err(error)) => Err(unreachable(root_cause(error.as_ref())).into()),
        Err(_) => Err(unreachable(format!("no whole answer within {} s", ANSWER.as_secs())).into()),
    }
}

/// A list, or a page of one.
#[derive(Deserialize)]
pub(super) struct Page<'a> {
    pub(super) metadata: PageMetadata,
    #[serde(borrow, default, deserialize_with = "none_for_null")]
    pub(super) items: Vec<&'a RawValue>,
}

/// An API server writes an empty list of metadata as `null`.
fn none_for_null<'de: 'a, 'a, D>(deserializer: D) -> Result<Vec<&'a RawValue>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Ok(Option::<Vec<&'a RawValue>>::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMetadata {
    #[serde(deserialize_with = "crate::decode::resource_version")]
    pub(super) resource_version: u64,
    #[serde(default)]
    pub(super) r#continue: String,
}

fn version_of(object: &[u8]) -> Result<u64, Problem> {
    let version = decode::identity(object).and_then(|identity| identity.resource_version);
    version.ok_or_else(|| malformed("object", &"it has no resourceVersion"))
}

/// The field selector of the objects of that name (k8s.io/apimachinery
/// `pkg/fields`, `EscapeValue`).
fn selector_of(name: &str) -> String {
    let mut selector = String::from("metadata.name=");
    for c in name.chars() {
        if matches!(c, ',' | '=' | '\\') {
            selector.push('\\');
        }
        selector.push(c);
    }
    selector
}

/// What an answer that is no success means.
pub(super) fn refused(status: StatusCode, explanation: &str) -> Problem {
    let reason = match status {
        StatusCode::UNAUTHORIZED => ProblemReason::Unauthorized,
        StatusCode::FORBIDDEN => ProblemReason::Forbidden,
        StatusCode::NOT_FOUND => ProblemReason::NotServed,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => ProblemReason::Invalid,
        _ => ProblemReason::Refused,
    };
    let message = match explanation {
        "" => format!("the API server answered {status}"),
        explanation => format!("the API server answered {status}: {explanation}"),
    };
    Problem::new(reason, message)
}

pub(super) fn unreachable(message: impl Into<String>) -> Problem {
    Problem::new(ProblemReason::Unreachable, message)
}

pub(super) fn malformed(what: &str, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(ProblemReason::Refused, format!("the API server sent a malformed {what}: {error}"))
}

/// An error and what caused it, in one line, each part once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        let part = cause.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
    }
    one_line(&text)
}

/// Why a connection failed: the innermost cause. Those around it say only that
/// it failed.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let text = causes(error).last().map_or_else(|| error.to_string(), ToString::to_string);
    // rustls adds the address of an explanation.
    one_line(text.split(": https://").next().unwrap_or_default())
}

fn causes(error: &dyn std::error::Error) -> impl Iterator<Item = &dyn std::error::Error> {
    std::iter::successors(error.source(), |cause| cause.source())
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_empty_list_may_be_null() {
        for items in ["", r#","items":[]"#, r#","items":null"#, r#","items":[{}]"#] {
            let json = format!(r#"{{"metadata":{{"resourceVersion":"7"}}{items}}}"#);
            let page: super::Page<'_> = serde_json::from_str(&json).unwrap();
            assert_eq!(page.items.len(), usize::from(items.contains("{}")), "{json}");
        }
    }

    #[test]
    fn any_name_can_be_selected() {
        assert_eq!(super::selector_of("system:a"), "metadata.name=system:a");
        assert_eq!(super::selector_of(r"a,b=c\d"), r"metadata.name=a\,b\=c\\d");
    }
}
