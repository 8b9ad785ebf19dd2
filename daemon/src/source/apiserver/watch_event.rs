//! The lines of a watch.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::{Explained, malformed, refused};
use super::follow::End;
use crate::decode;
use crate::source::Event;

/// One line.
pub(super) struct WatchEvent {
    /// What it says.
    pub(super) event: Event,
    /// Whether it ends the list that a streaming list began with.
    pub(super) initial_end: bool,
}

#[derive(Deserialize)]
struct Line<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// How Kubernetes' API servers write a line: what is between needs no parsing
/// here (k8s.io/apimachinery `meta/v1.WatchEvent`).
const SPELLINGS: [(&str, &[u8]); 3] = [
    ("ADDED", br#"{"type":"ADDED","object":"#),
    ("MODIFIED", br#"{"type":"MODIFIED","object":"#),
    ("DELETED", br#"{"type":"DELETED","object":"#),
];

impl WatchEvent {
    pub(super) fn parse(line: &Bytes) -> Result<Self, End> {
        let known = SPELLINGS.iter().find_map(|(r#type, start)| {
            let object = line.strip_prefix(*start)?.strip_suffix(b"}")?;
            // An object cut off is told by its own parser.
            (object.first() == Some(&b'{') && object.last() == Some(&b'}')).then_some((*r#type, object))
        });
        if let Some((r#type, object)) = known {
            return Self::of(r#type, line.slice_ref(object));
        }
        let Line { r#type, object } = serde_json::from_slice(line).map_err(|e| malformed("watch event", &e))?;
        Self::of(r#type, line.slice_ref(object.get().as_bytes()))
    }

    fn of(r#type: &str, object: Bytes) -> Result<Self, End> {
        let plain = |event| Ok(Self { event, initial_end: false });
        match r#type {
            "ADDED" | "MODIFIED" => plain(Event::Changed(object)),
            "DELETED" => plain(Event::Deleted(object)),
            "BOOKMARK" => match version_of(&object) {
                Some(version) => {
                    Ok(Self { event: Event::Bookmark(version), initial_end: ends_initial_events(&object) })
                }
                None => Err(malformed("bookmark", &"it has no resourceVersion").into()),
            },
            "ERROR" => Err(error(&object)),
            other => Err(malformed("watch event", &format!("unknown type {other:?}")).into()),
        }
    }
}

/// The resourceVersion of an object. One that does not say it is a bad object,
/// not a bad watch.
pub(super) fn version_of(object: &[u8]) -> Option<u64> {
    decode::identity(object).and_then(|identity| identity.resource_version)
}

/// Whether a bookmark has the annotation of KEP-3157.
fn ends_initial_events(bookmark: &[u8]) -> bool {
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
    let parsed = serde_json::from_slice::<Bookmark>(bookmark);
    parsed.is_ok_and(|bookmark| bookmark.metadata.annotations.initial_events_end.as_deref() == Some("true"))
}

fn error(status: &[u8]) -> End {
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        code: u16,
    }
    let code = serde_json::from_slice::<Status>(status).map_or(0, |s| s.code);
    match StatusCode::from_u16(code) {
        Ok(StatusCode::GONE) => End::Gone(refused(StatusCode::GONE, &Explained::read(status).message)),
        Ok(code) => refused(code, &Explained::read(status).message).into(),
        Err(_) => malformed("watch error", &String::from_utf8_lossy(status)).into(),
    }
}
