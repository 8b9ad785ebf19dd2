//! Recordings: what an API server sent, with times, in a file.
//!
//! A zstd stream of lines of JSON: a header, one line for each event of a
//! source, and an end, without which the file is known to be cut off.
//! managedFields are left out.

pub mod reader;
pub mod recorder;

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::kind::Kind;
use crate::source::ProblemReason;

/// The value of [`Header::format`].
pub const FORMAT: &str = "daymark-recording";
/// The newest [`Header::version`] that is read, and the one that is written.
pub const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// Of the format.
    pub version: u32,
    /// The version of the daemon that wrote it.
    pub daymark: String,
    /// The version of the API server that was recorded.
    pub kubernetes: String,
    /// The cluster's name.
    pub cluster: String,
    /// The namespace of requests that name none.
    pub default_namespace: String,
    /// When the recording began: `at` counts from here.
    pub started_at: Timestamp,
    /// What was recorded; lines name a kind by its place here.
    pub kinds: Vec<Kind>,
}

/// Every further line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    /// Milliseconds since the recording began.
    at: u64,
    event: LineEvent,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_version: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    object: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ProblemReason>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    message: Option<Cow<'a, str>>,
}

impl Line<'_> {
    /// A line that says no more than that.
    fn plain(at: u64, event: LineEvent, kind: Option<usize>) -> Self {
        Self { at, event, kind, resource_version: None, object: None, reason: None, message: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum LineEvent {
    ListBegins,
    Listed,
    ListEnds,
    Changed,
    Deleted,
    Bookmark,
    Restored,
    Lost,
    End,
}
