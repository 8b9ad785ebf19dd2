//! Requests and their answers.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use http::{Method, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use serde::Serialize;
use serde_json::{Value, json};

use super::evidence::Asked;
use super::faults::{Answer, StreamingLists, Verb};
use super::forwards::NotForwarded;
use super::logs::Open;
use super::objects::NAMESPACE;
use super::store::line;
use super::watch::Watch;
use super::{Collection, Shared, State};
use super::{discovery, forwards, reviews};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Answers one request. An error breaks the connection.
pub(super) async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    if let Some(pod) = forwards::pod_of(request.uri().path()).map(str::to_owned) {
        return Ok(forwards::answer(&shared, &pod, request).unwrap_or_else(|not| match not {
            NotForwarded::Status(code, message) => failure(code, message),
            NotForwarded::Bare(code) => whole(code, "text/html", "<h1>not by this".into()),
        }));
    }
    if request.method() == Method::POST {
        return review(&shared, request).await;
    }
    if let Some(user) = request.headers().get("impersonate-user").and_then(|user| user.to_str().ok()) {
        let asked = (user.to_owned(), request.uri().to_string());
        shared.change(|state| state.impersonated.push(asked));
    }
    let uri = request.uri();
    let text = shared.state.lock().texts.ask(uri.path());
    match text {
        Some(Some((status, text))) => return Ok(whole(status, "text/plain", text.to_string().into())),
        Some(None) => return std::future::pending().await,
        None => {}
    }
    if uri.path().ends_with("/services/web/proxy/page") {
        return Ok(whole(200, "text/html", "<p>from the application".into()));
    }
    if uri.path() == "/version" {
        return Ok(json_answer(200, &json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0"})));
    }
    if let Some(kinds) = discovery::answer(uri.path(), &shared.state.lock().besides) {
        return Ok(json_answer(200, &kinds));
    }
    let query = Query(uri.query().unwrap_or_default());
    if let Some(asked) = Asked::of(uri.path(), |name| query.get(name).map(str::to_owned)) {
        return faulty(&shared, asked.verb(), Collection::Pods, || evidence(&shared, &asked)).await;
    }
    let Some((collection, object)) = Collection::of_path(uri.path()) else {
        return Ok(failure(404, "the server could not find the requested resource"));
    };
    // Every object is in the one namespace: its list and watch are the whole's.
    let object = object
        .filter(|(namespace, name)| namespace != NAMESPACE || !name.is_empty() || query.get("fieldSelector").is_some());
    let verb = match &object {
        Some(_) => Verb::Get,
        None if query.get("sendInitialEvents").is_some() => Verb::StreamList,
        None if query.get("watch") == Some("true") => Verb::Watch,
        None => Verb::List,
    };
    let truth = || match &object {
        Some((namespace, name)) if name.is_empty() => {
            list_one(&shared, collection, namespace, &query, partial(&request))
        }
        Some((namespace, name)) => get(&shared, collection, namespace, name, partial(&request)),
        None if verb == Verb::StreamList => shared.change(|state| stream_list(&shared, state, collection)),
        None if verb == Verb::Watch => watch(&shared, collection, &query),
        None => list(&shared, collection, &query, partial(&request)),
    };
    faulty(&shared, verb, collection, truth).await
}

/// The answer to what is posted: reviews alone.
async fn review(shared: &Shared, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let Some(kind) = reviews::kind(request.uri().path()) else {
        return Ok(failure(404, "the server could not find the requested resource"));
    };
    let question = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let (code, answer) = shared.change(|state| state.reviews.answer(kind, &question));
    Ok(json_answer(code, &answer))
}

/// The true answer of a request, or what a fault makes of it.
async fn faulty(
    shared: &Shared,
    verb: Verb,
    collection: Collection,
    truth: impl Fn() -> Response<Body>,
) -> io::Result<Response<Body>> {
    let fault = shared.change(|state| {
        state.counts.count(verb, collection);
        state.faults.answer(verb, collection)
    });
    match fault {
        None => Ok(truth()),
        Some(Answer::Status(code)) => Ok(failure(code, "as the test wants it")),
        Some(Answer::Body(content_type, body)) => Ok(whole(200, content_type, body.into())),
        Some(Answer::Late) => {
            let late = truth();
            shared.healed().await;
            Ok(late)
        }
        Some(Answer::Stall) => {
            shared.healed().await;
            Err(io::Error::other("the stall is over"))
        }
    }
}

fn partial<B>(request: &Request<B>) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("as=PartialObjectMetadata"))
}

fn evidence(shared: &Arc<Shared>, asked: &Asked) -> Response<Body> {
    if let Asked::Stream(wanted) = asked {
        return match Open::new(shared, wanted.clone()) {
            Ok(open) => streamed(StreamBody::new(open.into_stream()).boxed_unsync()),
            Err(code) => failure(code, "the log is not to be had"),
        };
    }
    let evidence = &shared.state.lock().evidence;
    match asked {
        Asked::Stream(_) => failure(500, "answered above"),
        Asked::Events(uid) => json_answer(200, &evidence.events(uid)),
        Asked::Log(log, lines, bytes) => match evidence.log(log, *lines, *bytes) {
            Some(text) => whole(200, "text/plain", text.into()),
            None => failure(400, "there is no such log"),
        },
    }
}

fn get(shared: &Shared, collection: Collection, namespace: &str, name: &str, partial: bool) -> Response<Body> {
    let state = shared.state.lock();
    match state.store.get(collection, namespace, name) {
        None => failure(404, "not found"),
        Some(object) if partial => json_answer(200, &json!({"metadata": object["metadata"]})),
        Some(object) => json_answer(200, object),
    }
}

/// The list of a namespace, of which the daemon asks for one name only.
fn list_one(
    shared: &Shared,
    collection: Collection,
    namespace: &str,
    query: &Query<'_>,
    partial: bool,
) -> Response<Body> {
    let Some(name) = query.get("fieldSelector").and_then(|selector| selector.strip_prefix("metadata.name%3D")) else {
        return failure(400, "this server lists a namespace by name only");
    };
    let state = shared.state.lock();
    let items: Vec<_> = state.store.get(collection, namespace, name).into_iter().collect();
    let metadata = json!({"resourceVersion": state.store.version.to_string()});
    json_answer(200, &list_of(&metadata, &items, partial))
}

/// A list. Where an API server knows metadata only, it writes none as `null`.
fn list_of<T: Serialize>(metadata: &Value, items: &[T], partial: bool) -> Value {
    match items {
        [] if partial => json!({"metadata": metadata, "items": null}),
        items => json!({"metadata": metadata, "items": items}),
    }
}

fn list(shared: &Shared, collection: Collection, query: &Query<'_>, partial: bool) -> Response<Body> {
    shared.change(|state| {
        let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
        let limit = state.faults.page.map_or(limit, |page| page.min(limit));
        let (version, mut items) = match query.get("continue") {
            None => (state.store.version, state.store.objects(collection).cloned().collect()),
            Some(token) => match state.pages.remove(token) {
                Some(rest) => rest,
                None => return failure(410, "the provided continue parameter is too old"),
            },
        };
        let rest = items.split_off(limit.min(items.len()));
        let token = if rest.is_empty() { String::new() } else { state.keep_page(version, rest) };
        let metadata = json!({"resourceVersion": version.to_string(), "continue": token});
        json_answer(200, &list_of(&metadata, &items, partial))
    })
}

fn watch(shared: &Arc<Shared>, collection: Collection, query: &Query<'_>) -> Response<Body> {
    shared.change(|state| {
        let from = query.get("resourceVersion").and_then(|version| version.parse().ok());
        let from = from.unwrap_or(state.store.version);
        if from < state.store.compacted {
            return gone(state);
        }
        let watch = Watch::open(shared, state, collection, from);
        streamed(StreamBody::new(watch.into_stream()).boxed_unsync())
    })
}

/// A watch that begins with a list, as far as this server knows of such.
fn stream_list(shared: &Arc<Shared>, state: &mut State, collection: Collection) -> Response<Body> {
    if state.faults.streaming_lists == StreamingLists::Refused {
        return failure(422, "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled");
    }
    let mut watch = Watch::open(shared, state, collection, state.store.version);
    watch.begin_with_list(state);
    streamed(StreamBody::new(watch.into_stream()).boxed_unsync())
}

/// A watch from a version that is forgotten.
fn gone(state: &State) -> Response<Body> {
    let message = "too old resource version";
    if !state.faults.gone_in_stream {
        return failure(410, message);
    }
    let told = Frame::data(line("ERROR", &status(410, message)));
    streamed(StreamBody::new(stream::iter([Ok(told)])).boxed_unsync())
}

fn failure(code: u16, message: &str) -> Response<Body> {
    let mut response = json_answer(code, &status(code, message));
    if code == 429 {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    response
}

fn status(code: u16, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code})
}

fn json_answer(code: u16, body: &Value) -> Response<Body> {
    whole(code, "application/json", body.to_string().into())
}

fn whole(code: u16, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

fn streamed(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// A query. Its values need no decoding: tokens are plain, and so is the rest.
struct Query<'a>(&'a str);

impl Query<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}
