//! The process that evaluates. It may come to harm.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::Program;
use super::wire::{self, Answer};
use crate::{go_template, jq, jsonpath};

/// The client's first argument that makes it such a process.
pub const COMMAND: &str = "--evaluate-output-expression";
/// What a program can recurse into: enough for any that makes sense.
pub const STACK: usize = 128 << 20;

/// Whether the client was started for this.
pub fn is_wanted() -> bool {
    std::env::args_os().nth(1).as_deref() == Some(OsStr::new(COMMAND))
}

/// Answers from standard input to standard output until there is no more. The arguments
/// behind [`COMMAND`] are the memory in bytes, the longest output in bytes, and the seconds
/// of processor time for a document.
pub fn run() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The client reads it, if it is still there.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> io::Result<()> {
    let mut numbers = std::env::args().skip(2).map(|argument| argument.parse::<u64>().ok());
    let mut number = || numbers.next().flatten().ok_or_else(|| wire::malformed("arguments"));
    let (memory, output, seconds) = (number()?, number()?, number()?);
    let output = usize::try_from(output).unwrap_or(usize::MAX);
    confine(memory)?;
    let serve = move || serve(output, seconds);
    let serving = thread::Builder::new().name("evaluation".into()).stack_size(STACK).spawn(serve)?;
    serving.join().map_err(|_| io::Error::other("a panic"))?
}

/// Sets limits for the rest of the process's life.
fn confine(memory: u64) -> io::Result<()> {
    // Orphans would otherwise finish what they are at.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    limit(Resource::As, memory.saturating_add(STACK as u64))?;
    limit(Resource::Core, 0)?;
    // No file is written, and nothing else is opened: no file, no connection.
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, 0)
}

/// Sets the limit that counts, and leaves the one that it can be raised to.
fn limit(resource: Resource, to: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum;
    let current = Some(maximum.map_or(to, |maximum| maximum.min(to)));
    Ok(setrlimit(resource, Rlimit { current, maximum })?)
}

fn serve(output: usize, seconds: u64) -> io::Result<()> {
    let (mut input, mut answers) = (io::stdin().lock(), io::stdout().lock());
    let mut frame = Vec::new();
    if !wire::read(&mut input, &mut frame, wire::LONGEST_QUESTION)? {
        return Ok(());
    }
    limit_time(seconds)?;
    let program = wire::parse_program(&frame).ok_or_else(|| wire::malformed("a program"))?;
    let program = match Compiled::new(&program) {
        Ok(program) => program,
        Err(message) => return answer(&mut answers, &Answer::Invalid(message)),
    };
    answer(&mut answers, &Answer::Ready)?;
    while wire::read(&mut input, &mut frame, wire::LONGEST_DOCUMENT)? {
        limit_time(seconds)?;
        let mut out = Bounded { bytes: Vec::new(), limit: output, is_full: false };
        let done = program.run(&frame, &mut out);
        let said = match done {
            _ if out.is_full => Answer::TooMuch,
            Ok(()) => Answer::Output(out.bytes),
            Err(message) => Answer::Failed(message),
        };
        answer(&mut answers, &said)?;
    }
    Ok(())
}

fn answer(answers: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let (head, text) = answer.frame();
    answers.write_all(&head)?;
    answers.write_all(text)?;
    answers.flush()
}

/// Earlier documents have had their share.
fn limit_time(seconds: u64) -> io::Result<()> {
    let used = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or_default();
    limit(Resource::Cpu, used.saturating_add(seconds))
}

/// A program, compiled.
enum Compiled {
    Jq(jq::Program),
    GoTemplate(go_template::Template),
    JsonPath(jsonpath::Template),
}

impl Compiled {
    fn new(program: &Program) -> Result<Self, String> {
        match program {
            Program::Jq { expression, raw } => {
                jq::Program::compile(expression, *raw).map(Self::Jq).map_err(|error| error.to_string())
            }
            Program::GoTemplate { template, strict } => {
                let template = go_template::Template::parse(template).map_err(|error| error.to_string())?;
                Ok(Self::GoTemplate(template.strict(*strict)))
            }
            Program::JsonPath { template, strict, as_json, terminal } => {
                let template = jsonpath::Template::parse(template).map_err(|error| error.to_string())?;
                // The process has its own limits.
                let template = template.strict(*strict).json(*as_json).for_terminal(*terminal).within(u64::MAX);
                Ok(Self::JsonPath(template))
            }
        }
    }

    /// Writes what the program makes of a document.
    fn run(&self, document: &[u8], out: &mut Bounded) -> Result<(), String> {
        match self {
            Self::Jq(program) => program.run(document, out).map_err(|error| error.to_string()),
            Self::GoTemplate(template) => {
                let document = serde_json::from_slice(document).map_err(|error| no_json(&error))?;
                template.execute(&document, out).map_err(|error| error.to_string())
            }
            Self::JsonPath(template) => {
                let document = serde_json::from_slice(document).map_err(|error| no_json(&error))?;
                template.execute(&document, out).map_err(|error| error.to_string())
            }
        }
    }
}

fn no_json(error: &serde_json::Error) -> String {
    format!("the document is not JSON: {error}")
}

/// What is written, up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.bytes.len() {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
