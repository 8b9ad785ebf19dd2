//! From a request to its answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;

use super::body::Body;
use super::query::{Parameters, Place, RESOURCES, Verb};
use super::store::Wanted;
use super::{Shared, discovery, document};

const JSON: &str = "application/json";

/// An answer, of which it is known what was asked.
type Answer = (Verb, Response<Body>);

pub(super) async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = request.uri().path();
    let (verb, response) = match Place::of(path) {
        Some(place) => collection(&shared, place, &Parameters::of(request.uri()), accept),
        None => other(&shared, path, accept),
    };
    shared.counts.add(verb);
    Ok(response)
}

fn other(shared: &Arc<Shared>, path: &str, accept: &str) -> Answer {
    if let Some((document, media)) = discovery::discovery(path, accept) {
        return (Verb::Discovery, response(StatusCode::OK, media, Body::whole(shared, [document])));
    }
    if path == "/version" {
        let version = r#"{"major":"1","minor":"36","gitVersion":"v1.36.0","platform":"linux/amd64"}"#;
        return (Verb::Version, response(StatusCode::OK, JSON, Body::whole(shared, [version.into()])));
    }
    (Verb::Other, failed(shared, StatusCode::NOT_FOUND, "NotFound", "the server could not find it"))
}

fn collection(shared: &Arc<Shared>, place: Place, parameters: &Parameters, accept: &str) -> Answer {
    let whole_pods = place.resource == RESOURCES[0] && place.name.is_none() && parameters.name().is_none();
    if whole_pods {
        shared.lock().first_request.get_or_insert_with(Instant::now);
    }
    match &place.name {
        Some(_) => (Verb::Get, get(shared, place, accept.contains("as=PartialObjectMetadata;"))),
        None if parameters.is_set("watch") => watch(shared, place, parameters),
        None => {
            if whole_pods && parameters.get("continue").is_none_or(str::is_empty) {
                shared.counts.add_pods_listed();
            }
            (Verb::List, list(shared, place, parameters, accept.contains("as=Table")))
        }
    }
}

fn get(shared: &Arc<Shared>, place: Place, as_metadata: bool) -> Response<Body> {
    let message = format!("{} {:?} not found", place.resource.plural, place.name.as_deref().unwrap_or_default());
    let state = shared.lock();
    let found = match place.resource == RESOURCES[0] {
        true => state.store.find(&Wanted { namespace: place.namespace, name: place.name }),
        false => Vec::new(),
    };
    match found.first() {
        Some(index) => {
            let pod = match as_metadata {
                true => document::metadata(&state.store.metadata(*index)).into(),
                false => state.store.json(*index),
            };
            response(StatusCode::OK, JSON, Body::whole(shared, [pod]))
        }
        None => failed(shared, StatusCode::NOT_FOUND, "NotFound", &message),
    }
}

fn watch(shared: &Arc<Shared>, place: Place, parameters: &Parameters) -> Answer {
    let wanted = Wanted { namespace: place.namespace, name: parameters.name().map(ToOwned::to_owned) };
    let mut state = shared.lock();
    let version = state.store.version();
    if parameters.is_set("sendInitialEvents") {
        if !state.watch_list {
            let message = "ListOptions is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for \
                           watch unless the WatchList feature gate is enabled";
            return (Verb::WatchList, failed(shared, StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message));
        }
        let mut parts = match (place.resource == RESOURCES[0], wanted.everything()) {
            (true, true) => {
                shared.counts.add_pods_listed();
                state.store.initial_events()
            }
            (true, false) => {
                let added = |index| document::event("ADDED", &state.store.json(index)).into();
                state.store.find(&wanted).into_iter().map(added).collect()
            }
            (false, _) => Vec::new(),
        };
        parts.push(document::bookmark(place.resource, version, true));
        let (_, live) = state.store.watch(place.resource, wanted, version);
        return (Verb::WatchList, response(StatusCode::OK, JSON, Body::live(shared, parts, live)));
    }
    let from = parameters.number("resourceVersion").filter(|from| *from > 0).unwrap_or(version);
    if from < state.store.compacted() {
        let message = format!("too old resource version: {from} ({})", state.store.compacted());
        // Real ones say so in the stream, once the request is known to be well formed.
        let status = document::failure(410, "Expired", &message);
        let parts = [document::event("ERROR", &status).into()];
        return (Verb::Watch, response(StatusCode::OK, JSON, Body::whole(shared, parts)));
    }
    let (missed, live) = state.store.watch(place.resource, wanted, from);
    (Verb::Watch, response(StatusCode::OK, JSON, Body::live(shared, missed, live)))
}

fn list(shared: &Arc<Shared>, place: Place, parameters: &Parameters, as_table: bool) -> Response<Body> {
    let wanted = Wanted { namespace: place.namespace, name: parameters.name().map(ToOwned::to_owned) };
    let mut state = shared.lock();
    let version = state.store.version();
    let count = state.store.pods().count();
    let parts = if place.resource != RESOURCES[0] {
        let (head, tail) = document::list(place.resource, version, None);
        [head, Bytes::new(), tail]
    } else if wanted.everything() {
        let limit = parameters.number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0);
        let limit = if limit == 0 { count.max(1) } else { limit };
        let page = parameters.get("continue").and_then(|token| token.parse().ok()).unwrap_or(0_usize);
        let (start, end) = (page * limit, count.min((page + 1) * limit));
        let more = (end < count).then(|| ((page + 1).to_string(), count - end));
        let (head, tail) =
            if as_table { document::table(version, more) } else { document::list(RESOURCES[0], version, more) };
        let items = match as_table {
            true => state.store.rows(&(start..end).collect::<Vec<_>>()),
            false => state.store.pages(limit).get(page).cloned().unwrap_or_default(),
        };
        [head, items, tail]
    } else {
        let found = state.store.find(&wanted);
        let (head, tail) =
            if as_table { document::table(version, None) } else { document::list(RESOURCES[0], version, None) };
        [head, if as_table { state.store.rows(&found) } else { state.store.items(&found) }, tail]
    };
    response(StatusCode::OK, JSON, Body::whole(shared, parts))
}

fn failed(shared: &Arc<Shared>, code: StatusCode, reason: &str, message: &str) -> Response<Body> {
    response(code, JSON, Body::whole(shared, [document::failure(code.as_u16(), reason, message)]))
}

fn response(code: StatusCode, media: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
    response
}
