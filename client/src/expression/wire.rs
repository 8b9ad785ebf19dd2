//! What passes between the client and the process that evaluates, in frames: a
//! length (32 bits, little-endian) and as many bytes.
//!
//! The client sends the program, and then documents, one after each answer. As only one
//! side writes at a time, full pipes cannot make both of them wait.

use std::io::{self, Read};

use super::Program;

/// No program is longer than that.
pub const LONGEST_PROGRAM: usize = 1 << 20;
/// No document is longer than that.
pub const LONGEST_DOCUMENT: usize = 256 << 20;
/// How long a frame's length is.
pub const PREFIX: usize = size_of::<u32>();

const JQ: u8 = 0;
const GO_TEMPLATE: u8 = 1;
const JSON_PATH: u8 = 2;
/// What stands before a program's text: its language and its options.
const HEAD: usize = 2;
/// The longest frame of a program.
pub const LONGEST_QUESTION: usize = HEAD + LONGEST_PROGRAM;

const READY: u8 = 0;
const INVALID: u8 = 1;
const OUTPUT: u8 = 2;
const FAILED: u8 = 3;
const TOO_MUCH: u8 = 4;

/// What stands behind [`READY`]: a client of another version, put in the place of
/// this one's binary while it runs, says something else.
const VERSION: &[u8] = env!("CARGO_PKG_VERSION").as_bytes();

/// What the process says.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The program is compiled.
    Ready,
    /// Why it is none.
    Invalid(String),
    /// What it makes of a document.
    Output(Vec<u8>),
    /// Why it makes nothing of it.
    Failed(String),
    /// It makes more of it than may be.
    TooMuch,
}

/// Appends a program's frame.
pub fn put_program(out: &mut Vec<u8>, program: &Program) {
    let (language, options) = match program {
        Program::Jq { raw, .. } => (JQ, [*raw, false, false]),
        Program::GoTemplate { strict, .. } => (GO_TEMPLATE, [*strict, false, false]),
        Program::JsonPath { strict, as_json, terminal, .. } => (JSON_PATH, [*strict, *as_json, *terminal]),
    };
    let options = options.iter().rev().fold(0, |bits, option| bits << 1 | u8::from(*option));
    let text = program.text().as_bytes();
    out.extend_from_slice(&length(HEAD + text.len()));
    out.extend_from_slice(&[language, options]);
    out.extend_from_slice(text);
}

/// Reads a program from its frame, if that holds one.
pub fn parse_program(frame: &[u8]) -> Option<Program> {
    let ([language, options], text) = frame.split_first_chunk::<HEAD>()?;
    let text = str::from_utf8(text).ok()?.to_owned();
    let option = |number: u8| options >> number & 1 == 1;
    match *language {
        JQ => Some(Program::Jq { expression: text, raw: option(0) }),
        GO_TEMPLATE => Some(Program::GoTemplate { template: text, strict: option(0) }),
        JSON_PATH => {
            Some(Program::JsonPath { template: text, strict: option(0), as_json: option(1), terminal: option(2) })
        }
        _ => None,
    }
}

impl Answer {
    /// Its frame, in two parts.
    pub fn frame(&self) -> (Vec<u8>, &[u8]) {
        let (tag, text): (u8, &[u8]) = match self {
            Self::Ready => (READY, VERSION),
            Self::Invalid(message) => (INVALID, message.as_bytes()),
            Self::Output(output) => (OUTPUT, output),
            Self::Failed(message) => (FAILED, message.as_bytes()),
            Self::TooMuch => (TOO_MUCH, b""),
        };
        let mut head = length(text.len() + 1).to_vec();
        head.push(tag);
        (head, text)
    }

    /// Reads it from a frame without its length, if that holds one.
    pub fn parse(mut frame: Vec<u8>) -> Option<Self> {
        let tag = *frame.first()?;
        frame.drain(..1);
        match tag {
            READY if frame == VERSION => Some(Self::Ready),
            INVALID => String::from_utf8(frame).ok().map(Self::Invalid),
            OUTPUT => Some(Self::Output(frame)),
            FAILED => String::from_utf8(frame).ok().map(Self::Failed),
            TOO_MUCH if frame.is_empty() => Some(Self::TooMuch),
            _ => None,
        }
    }
}

/// A frame's length as it is written. None is longer than 32 bits tell; the reader
/// would refuse it.
pub fn length(bytes: usize) -> [u8; PREFIX] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}

/// Reads one frame into `frame`, or tells that there is no more of them.
///
/// # Errors
/// If it is longer than `longest`, or breaks off.
pub fn read(from: &mut impl Read, frame: &mut Vec<u8>, longest: usize) -> io::Result<bool> {
    frame.clear();
    if from.take(PREFIX as u64).read_to_end(frame)? == 0 {
        return Ok(false);
    }
    let prefix = frame.as_slice().try_into().map_err(|_| io::ErrorKind::UnexpectedEof)?;
    let length = u32::from_le_bytes(prefix) as usize;
    if length > longest {
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
pub fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read() {
        let programs = [
            Program::Jq { expression: ".é".into(), raw: false },
            Program::Jq { expression: String::new(), raw: true },
            Program::GoTemplate { template: "{{.}}".into(), strict: true },
            Program::JsonPath { template: "{.}".into(), strict: false, as_json: true, terminal: false },
            Program::JsonPath { template: "{.}".into(), strict: false, as_json: false, terminal: true },
        ];
        for program in programs {
            let mut out = Vec::new();
            put_program(&mut out, &program);
            let mut frame = Vec::new();
            assert!(read(&mut &*out, &mut frame, 100).unwrap());
            assert_eq!(parse_program(&frame), Some(program));
        }
        let answers = [
            Answer::Ready,
            Answer::Invalid("no".into()),
            Answer::Output(vec![0, 255]),
            Answer::Failed(String::new()),
            Answer::TooMuch,
        ];
        for answer in answers {
            let (head, text) = answer.frame();
            let mut frame = Vec::new();
            assert!(read(&mut [&head, text].concat().as_slice(), &mut frame, 100).unwrap());
            assert_eq!(Answer::parse(frame), Some(answer));
        }
    }

    #[test]
    fn what_breaks_off_is_too_long_or_strange_is_none() {
        let mut out = Vec::new();
        put_program(&mut out, &Program::GoTemplate { template: "abc".into(), strict: false });
        let mut frame = Vec::new();
        for end in 1..out.len() {
            let error = read(&mut &out[..end], &mut frame, 100).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{end}");
        }
        assert_eq!(read(&mut &*out, &mut frame, 3).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(!read(&mut &b""[..], &mut frame, 3).unwrap());
        assert_eq!(parse_program(b"\x09\x00."), None);
        assert_eq!(parse_program(b"\x00"), None);
        assert_eq!(parse_program(b"\x00\x00\xff"), None);
        assert_eq!(Answer::parse(b"\x00another version".to_vec()), None);
        assert_eq!(Answer::parse(Vec::new()), None);
    }
}
