//! The lines of a watch.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::{malformed, refused};
use super::follow::End;
use crate::decode;
use crate::source::Event;

/// One line.
pub(super) struct WatchEvent {
    /// What it says.
    pub(super) event: Event,
    /// The resourceVersion that it brings the watch to.
    pub(super) version: Option<u64>,
    /// Whether it ends the list that a streaming list began with.
    pub(super) initial_end: bool,
}

#[derive(Deserialize)]
struct Line<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

impl WatchEvent {
    pub(super) fn parse(line: &Bytes) -> Result<Self, End> {
        let parsed: Line<'_> = serde_json::from_slice(line).map_err(|e| malformed("watch event", &e))?;
        let object = parsed.object.get();
        let bytes = || line.slice_ref(object.as_bytes());
        // An object that does not say its version is a bad object, not a bad watch.
        let version = || decode::identity(object.as_bytes()).and_then(|identity| identity.resource_version);
        let plain = |event, version| Ok(Self { event, version, initial_end: false });
        match parsed.r#type {
            "ADDED" | "MODIFIED" => plain(Event::Changed(bytes()), version()),
            "DELETED" => plain(Event::Deleted(bytes()), version()),
            "BOOKMARK" => match version() {
                Some(version) => {
                    let initial_end = ends_initial_events(object);
                    Ok(Self { event: Event::Bookmark(version), version: Some(version), initial_end })
                }
                None => Err(malformed("bookmark", &"it has no resourceVersion").into()),
            },
            "ERROR" => Err(error(object)),
            other => Err(malformed("watch event", &format!("unknown type {other:?}")).into()),
        }
    }
}

/// Whether a bookmark has the annotation of KEP-3157.
fn ends_initial_events(bookmark: &str) -> bool {
    #[derive(Deserialize)]
    struct Bookmark {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        #[serde(default)]
        annotations: Annotations,
    }
    #[derive(Default, Deserialize)]
    struct Annotations {
        #[serde(rename = "k8s.io/initial-events-end")]
        initial_events_end: Option<String>,
    }
    let parsed = serde_json::from_str::<Bookmark>(bookmark);
    parsed.is_ok_and(|bookmark| bookmark.metadata.annotations.initial_events_end.as_deref() == Some("true"))
}

fn error(status: &str) -> End {
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        code: u16,
    }
    let code = serde_json::from_str::<Status>(status).map_or(0, |s| s.code);
    match StatusCode::from_u16(code) {
        Ok(StatusCode::GONE) => End::Gone(refused(StatusCode::GONE, status.as_bytes())),
        Ok(code) => refused(code, status.as_bytes()).into(),
        Err(_) => malformed("watch error", &status).into(),
    }
}
