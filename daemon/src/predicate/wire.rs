//! What the daemon and a worker say to each other: frames, each behind its
//! length.
//!
//! The daemon asks a [`Question`] and sends its documents; then, and not
//! before, the worker gives one [`Answer`]. As only one side writes at a time,
//! full pipes cannot make both of them wait.

use std::io::{self, Read};

use super::{Document, Language};

/// What a worker says when it is ready: a program of another version, put in
/// the place of the daemon's while that runs, says something else.
pub const GREETING: &[u8] = concat!("daymark predicates ", env!("CARGO_PKG_VERSION")).as_bytes();
/// No frame is longer than that. The API server takes no object that is.
pub const LONGEST: usize = 16 << 20;
/// No expression, and no message about one, is longer than that.
pub const LONGEST_TEXT: usize = 1 << 20;

const PREFIX: usize = size_of::<u32>();
const VERDICTS: u8 = 0;
const INVALID: u8 = 1;
const CEL: u8 = 0;
const JSON_PATH: u8 = 1;

/// An expression, and how many documents follow it.
#[derive(Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// The expression's language.
    pub language: Language,
    /// Its text.
    pub text: &'a str,
    /// Whether what is of an older generation is none of it.
    pub as_observed: bool,
    /// Without any, it is only whether the expression is one.
    pub documents: u64,
}

/// What a worker makes of a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// For each document, whether the expression is true of it.
    Verdicts(Vec<bool>),
    /// Why the expression is none.
    Invalid(String),
}

impl<'a> Question<'a> {
    /// Appends its frame.
    pub fn put(&self, out: &mut Vec<u8>) {
        let language = match self.language {
            Language::Cel => CEL,
            Language::JsonPath => JSON_PATH,
        };
        let as_observed = u8::from(self.as_observed);
        put(out, &[&self.documents.to_le_bytes(), &[language, as_observed], self.text.as_bytes()]);
    }

    /// Reads it from a frame, if that holds one.
    #[must_use]
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let (documents, rest) = frame.split_first_chunk()?;
        let ([language, as_observed], text) = rest.split_first_chunk()?;
        let language = match *language {
            CEL => Language::Cel,
            JSON_PATH => Language::JsonPath,
            _ => return None,
        };
        let as_observed = match *as_observed {
            0 => false,
            1 => true,
            _ => return None,
        };
        let (text, documents) = (str::from_utf8(text).ok()?, u64::from_le_bytes(*documents));
        Some(Self { language, text, as_observed, documents })
    }
}

impl<'a> Document<'a> {
    /// Appends its frame. In the place of one that is too long stands one that
    /// no expression is true of.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let Self { json, state, reason } = self;
        let texts = state.len().saturating_add(reason.len()).saturating_add(2 * PREFIX);
        if texts.saturating_add(json.len()) > LONGEST {
            return Document { json: b"", state: "", reason: "" }.put(out);
        }
        let lengths = [state, reason].map(|text| length(text.as_bytes()));
        put(out, &[&lengths[0], &lengths[1], state.as_bytes(), reason.as_bytes(), json]);
    }

    /// Reads it from a frame, if that holds one.
    pub(super) fn parse(frame: &'a [u8]) -> Option<Self> {
        let (state, rest) = frame.split_first_chunk()?;
        let (reason, rest) = rest.split_first_chunk()?;
        let (state, rest) = rest.split_at_checked(u32::from_le_bytes(*state) as usize)?;
        let (reason, json) = rest.split_at_checked(u32::from_le_bytes(*reason) as usize)?;
        Some(Self { json, state: str::from_utf8(state).ok()?, reason: str::from_utf8(reason).ok()? })
    }
}

impl Answer {
    /// Appends its frame.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Verdicts(verdicts) => {
                let bytes: Vec<_> = verdicts.iter().map(|verdict| u8::from(*verdict)).collect();
                put(out, &[&[VERDICTS], &bytes]);
            }
            Self::Invalid(message) => put(out, &[&[INVALID], message.as_bytes()]),
        }
    }

    /// Reads it from a frame, if that holds one.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Self> {
        match frame.split_first()? {
            (&VERDICTS, verdicts) => verdicts
                .iter()
                .map(|verdict| match verdict {
                    0 => Some(false),
                    1 => Some(true),
                    _ => None,
                })
                .collect::<Option<_>>()
                .map(Self::Verdicts),
            (&INVALID, message) => Some(Self::Invalid(str::from_utf8(message).ok()?.to_owned())),
            _ => None,
        }
    }
}

/// Appends a frame.
pub fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let at = out.len();
    out.extend([0; PREFIX]);
    for part in parts {
        out.extend_from_slice(part);
    }
    let prefix = length(&out[at + PREFIX..]);
    out[at..at + PREFIX].copy_from_slice(&prefix);
}

/// A length as it is written. Nothing is sent that is longer than [`LONGEST`];
/// if it were, the reader would refuse it.
fn length(bytes: &[u8]) -> [u8; PREFIX] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// Reads one frame into `frame`, or tells that there is no more of them.
///
/// # Errors
/// If it is longer than [`LONGEST`], or breaks off.
pub fn read(from: &mut impl Read, frame: &mut Vec<u8>) -> io::Result<bool> {
    frame.clear();
    if from.take(PREFIX as u64).read_to_end(frame)? == 0 {
        return Ok(false);
    }
    let prefix = frame.as_slice().try_into().map_err(|_| io::ErrorKind::UnexpectedEof)?;
    let length = u32::from_le_bytes(prefix) as usize;
    if length > LONGEST {
        return Err(malformed("a frame that is too long"));
    }
    frame.clear();
    // It grows with what really comes.
    match from.take(length as u64).read_to_end(frame)? {
        read if read == length => Ok(true),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Something other than what should have come.
#[must_use]
pub fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The frames in `bytes`.
    fn frames(mut bytes: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let mut frames = Vec::new();
        let mut frame = Vec::new();
        while read(&mut bytes, &mut frame)? {
            frames.push(frame.clone());
        }
        Ok(frames)
    }

    #[test]
    fn what_is_put_is_read() {
        let question = Question { language: Language::JsonPath, text: "{.status}=é", as_observed: true, documents: 2 };
        let documents = [
            Document { json: b"{}", state: "RUNNING", reason: "" },
            Document { json: b"", state: "", reason: "BackOff" },
        ];
        let answers = [Answer::Verdicts(vec![true, false]), Answer::Verdicts(vec![]), Answer::Invalid("no".into())];
        let mut out = Vec::new();
        question.put(&mut out);
        documents.iter().for_each(|document| document.put(&mut out));
        answers.iter().for_each(|answer| answer.put(&mut out));

        let frames = frames(&out).unwrap();
        assert_eq!(Question::parse(&frames[0]), Some(question));
        assert_eq!(Document::parse(&frames[1]), Some(documents[0]));
        assert_eq!(Document::parse(&frames[2]), Some(documents[1]));
        let read: Vec<_> = frames[3..].iter().filter_map(|frame| Answer::parse(frame)).collect();
        assert_eq!(read, answers);
    }

    #[test]
    fn a_document_that_is_too_long_is_none() {
        let json = vec![b' '; LONGEST];
        let mut out = Vec::new();
        Document { json: &json, state: "RUNNING", reason: "" }.put(&mut out);
        let frames = frames(&out).unwrap();
        assert_eq!(Document::parse(&frames[0]), Some(Document { json: b"", state: "", reason: "" }));
    }

    #[test]
    fn what_breaks_off_or_is_too_long_is_an_error() {
        let mut out = Vec::new();
        put(&mut out, &[b"abc"]);
        for end in 1..out.len() {
            assert_eq!(frames(&out[..end]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{end}");
        }
        assert_eq!(frames(&u32::MAX.to_le_bytes()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _read = frames(&bytes);
            let _parsed = (Question::parse(&bytes), Document::parse(&bytes), Answer::parse(&bytes));
        }
    }
}
