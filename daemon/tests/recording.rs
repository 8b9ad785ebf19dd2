//! A recording holds what was recorded, for its owner only, and says when it
//! does not.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "support/kinds.rs"]
mod kinds;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use daymarkd::clock::Clock;
use daymarkd::recording::reader::Reader;
use daymarkd::recording::recorder::Recorder;
use daymarkd::recording::{FORMAT, Header, VERSION};
use daymarkd::source::{Event, Problem, ProblemReason};
use jiff::Timestamp;

use kinds::kinds;

fn header() -> Header {
    Header {
        format: FORMAT.into(),
        version: VERSION,
        daymark: "1.2.3".into(),
        kubernetes: "v1.36.3".into(),
        cluster: "default".into(),
        default_namespace: "n".into(),
        started_at: Timestamp::now(),
        kinds: kinds(),
    }
}

fn events() -> Vec<Event> {
    let problem = Problem::new(ProblemReason::Forbidden, "gone \"away\"");
    vec![
        Event::ListBegins,
        Event::Listed(r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"x":"ü\n"}}"#.into()),
        Event::ListEnds(7),
        Event::Restored,
        Event::Changed(r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}}"#.into()),
        Event::Deleted(r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}}"#.into()),
        Event::Bookmark(9),
        Event::Lost(problem),
    ]
}

async fn record(path: &Path) {
    let (recorder, writing) = Recorder::create(path, header(), Clock::System).unwrap();
    for event in events() {
        recorder.record(Timestamp::now(), 0, event).await;
    }
    drop(recorder);
    writing.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_recorded_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    record(&path).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.header().kinds, kinds());
    let mut read = Vec::new();
    while let Some(recorded) = reader.next_event().unwrap() {
        assert_eq!(recorded.kind, 0);
        read.push(recorded.event);
    }
    assert_eq!(format!("{read:?}"), format!("{:?}", events()));
    assert!(reader.end().unwrap() >= reader.header().started_at);
}

#[tokio::test]
async fn a_file_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    fs::write(&path, "precious").unwrap();
    let error = Recorder::create(&path, header(), Clock::System).err().unwrap().to_string();
    assert!(error.contains("exists"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn what_is_wrong_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    record(&path).await;
    let text = String::from_utf8(zstd::decode_all(&*fs::read(&path).unwrap()).unwrap()).unwrap();
    assert!(text.contains("listBegins"), "{text}");
    let broken = text.replacen("listBegins", r"list\nBegins", 1);
    fs::write(&path, zstd::encode_all(broken.as_bytes(), 1).unwrap()).unwrap();
    let error = Reader::open(&path).unwrap().next_event().unwrap_err().to_string();
    assert!(error.contains("is corrupt: unknown variant") && !error.contains('\n'), "{error}");
}

#[tokio::test]
async fn a_recording_that_is_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    record(&path).await;
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let read = Reader::open(&path).and_then(|mut reader| {
            while reader.next_event()?.is_some() {}
            Ok(())
        });
        assert!(read.is_err(), "{length} of {} bytes were taken for a whole recording", whole.len());
    }
}
