//! What was done, kept over restarts.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use daymark::api::Status;
use daymark::text_file;
use serde::{Deserialize, Serialize};

use super::mark::Mark;
use super::transition::{id, uid};
use crate::exit::Failure;
use crate::status_json::{StatusJson, StatusRead};
use crate::whole_file::{hold, replace};

/// Another layout has another number.
const VERSION: u32 = 1;
/// A file that holds what is told of 100,000 objects is shorter, in bytes.
const LONGEST: u64 = 256 << 20;

/// What a file is of: transitions of other objects mean nothing in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    pub address: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    pub targets: Vec<String>,
    pub namespace: String,
    pub all_namespaces: bool,
    pub selector: String,
    pub when: String,
}

/// A file that says how far streams were followed.
pub struct StateFile {
    path: PathBuf,
    of: Subject,
    /// While this process alone goes by it.
    #[allow(dead_code, reason = "it is held, not looked at")]
    held: File,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    of: &'a Subject,
    streams: Vec<StreamWritten<'a>>,
}

#[derive(Serialize)]
struct StreamWritten<'a> {
    begun: bool,
    cursor: String,
    taken: &'a VecDeque<String>,
    objects: Vec<ObjectWritten<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holding: Vec<ObjectWritten<'a>>,
}

#[derive(Serialize)]
struct ObjectWritten<'a> {
    id: String,
    status: StatusJson<'a>,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
struct Read {
    of: Subject,
    streams: Vec<StreamRead>,
}

#[derive(Deserialize)]
struct StreamRead {
    begun: bool,
    cursor: String,
    taken: VecDeque<String>,
    objects: Vec<ObjectRead>,
    #[serde(default)]
    holding: Vec<ObjectRead>,
}

#[derive(Deserialize)]
struct ObjectRead {
    status: StatusRead,
}

impl StateFile {
    /// The file at `path`, and what it holds: one mark for each of `count` streams.
    ///
    /// # Errors
    /// If there is a file that is not of `of`, or cannot be read.
    pub fn open(path: &Path, of: Subject, count: usize) -> Result<(Self, Vec<Mark>), Failure> {
        let refused = |why: String| Failure::usage(format!("the state file {}: {why}", path.display()));
        let held = hold(path)
            .map_err(|error| Failure::usage(format!("the state file {} cannot be written: {error}", path.display())))?;
        let held = held.ok_or_else(|| {
            refused("another daymark process uses it: stop that one, or name another file".to_owned())
        })?;
        let marks = match text_file::bytes(path, LONGEST) {
            Ok(text) => read(&text, &of).map_err(refused)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(refused(error.to_string())),
        };
        if !marks.is_empty() && marks.len() != count {
            return Err(refused("it is damaged: its content is inconsistent; remove it to start over".to_owned()));
        }
        Ok((Self { path: path.to_owned(), of, held }, marks))
    }

    /// Replaces the file, at once and as a whole.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save<'a>(&self, marks: impl Iterator<Item = &'a Mark>) -> Result<(), Failure> {
        let streams = marks.map(StreamWritten::from).collect();
        let written = Written { version: VERSION, of: &self.of, streams };
        let saved =
            serde_json::to_vec(&written).map_err(io::Error::from).and_then(|text| replace(&self.path, &text, 0o600));
        saved.map_err(|error| {
            Failure::usage(format!("the state file {} cannot be written: {error}", self.path.display()))
        })
    }
}

impl<'a> From<&'a Mark> for StreamWritten<'a> {
    fn from(mark: &'a Mark) -> Self {
        let object = |status| ObjectWritten { id: id(status), status: StatusJson::from(status) };
        Self {
            begun: mark.begun,
            cursor: hex(&mark.cursor),
            taken: &mark.taken,
            objects: mark.objects.values().map(object).collect(),
            holding: mark.holding.values().map(object).collect(),
        }
    }
}

fn read(text: &[u8], of: &Subject) -> Result<Vec<Mark>, String> {
    let damaged =
        |error: serde_json::Error| format!("it is not a state file, or is damaged: {error}; remove it to start over");
    let Version { version } = serde_json::from_slice(text).map_err(damaged)?;
    if version != VERSION {
        return Err(format!("it is of version {version}, but this daymark reads {VERSION}"));
    }
    let read: Read = serde_json::from_slice(text).map_err(damaged)?;
    if read.of != *of {
        let why = "it belongs to other objects, another expression or another daemon: name another file, or remove it";
        return Err(why.to_owned());
    }
    read.streams.into_iter().map(mark).collect()
}

fn mark(read: StreamRead) -> Result<Mark, String> {
    let cursor = unhex(&read.cursor).ok_or("it is damaged: a cursor is invalid; remove it to start over")?;
    let (objects, holding) = (by_uid(read.objects), by_uid(read.holding));
    Ok(Mark { cursor, taken: read.taken, objects, holding, begun: read.begun })
}

fn by_uid(objects: Vec<ObjectRead>) -> BTreeMap<String, Status> {
    let statuses = objects.into_iter().map(|object| Status::from(object.status));
    statuses.map(|status| (uid(&status).to_owned(), status)).collect()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<_>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let (pairs, []) = digits.as_ref()?.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| u8::try_from(high << 4 | low).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use daymark::api::ObjectRef;

    use super::*;

    fn subject(when: &str) -> Subject {
        Subject {
            address: "unix:/a".to_owned(),
            cluster: String::new(),
            targets: vec!["pods".to_owned()],
            namespace: String::new(),
            all_namespaces: true,
            selector: String::new(),
            when: when.to_owned(),
        }
    }

    #[test]
    fn what_was_saved_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (file, marks) = StateFile::open(&path, subject(""), 2).unwrap();
        assert!(marks.is_empty());
        let object = ObjectRef { uid: "u".to_owned(), ..ObjectRef::default() };
        let status = Status { r#ref: Some(object), state: 2, ..Status::default() };
        let held = ObjectRef { uid: "h".to_owned(), ..ObjectRef::default() };
        let held = Status { r#ref: Some(held), ..status.clone() };
        let mark = Mark {
            cursor: vec![0, 171, 255],
            taken: ["a".to_owned()].into(),
            objects: [("u".to_owned(), status)].into(),
            holding: [("h".to_owned(), held)].into(),
            begun: true,
        };
        let marks = [mark, Mark::default()];
        for _ in 0..2 {
            file.save(marks.iter()).unwrap();
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            // And what stands for its being held.
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        }
        let refused = StateFile::open(&path, subject(""), 2).err().map(|failure| format!("{failure:?}"));
        assert!(refused.is_some_and(|it| it.contains("another daymark process uses it")));
        drop(file);
        assert_eq!(StateFile::open(&path, subject(""), 2).unwrap().1, marks);
    }

    #[test]
    fn what_is_not_of_this_command_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let good = serde_json::to_string(&Written { version: 1, of: &subject(""), streams: vec![] }).unwrap();
        let cut = &good[..good.len() - 1];
        for (text, when, says) in [
            (&*good, "true", "another expression"),
            (&good.replace("pods", "nodes"), "", "other objects"),
            (&good.replace("/a", "/b"), "", "another daemon"),
            (&good.replace("\"version\":1", "\"version\":2"), "", "version 2"),
            (cut, "", "damaged"),
            ("", "", "damaged"),
        ] {
            fs::write(&path, text).unwrap();
            let refused = StateFile::open(&path, subject(when), 1).err().map(|failure| format!("{failure:?}"));
            assert!(refused.as_ref().is_some_and(|it| it.contains(says)), "{text}: {refused:?}");
        }
    }

    #[test]
    fn bytes_are_written_as_digits() {
        for bytes in [&[][..], &[0], &[1, 0xab, 0xff]] {
            assert_eq!(unhex(&hex(bytes)).as_deref(), Some(bytes));
        }
        for wrong in ["0", "0g", "é0"] {
            assert_eq!(unhex(wrong), None);
        }
    }
}
