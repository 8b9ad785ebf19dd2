//! The worker: a process that does nothing but evaluate, and that may come to
//! harm.

use std::io::{self, BufReader, PipeReader, PipeWriter, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::budget::{Budget, used};
use super::wire::{self, Answer, Question};
use super::{Document, Language, observed};
use crate::expression::{self, Compiler};
use crate::json_path;

/// The daemon's first argument that makes it a worker.
pub const COMMAND: &str = "predicate-worker";
/// What an expression can recurse into: enough for any that makes sense.
const STACK: usize = 32 << 20;
/// What an expression can ask about.
const VARIABLES: &[&str] = &["object", "state", "reason"];
/// As many programs are kept.
const PROGRAMS: usize = 16;
/// What is read at once: as much as a pipe holds.
const READ: usize = 64 << 10;

/// Answers questions from standard input until there are no more. The
/// arguments behind [`COMMAND`] are the memory in bytes and the milliseconds of
/// processor time that a question may take.
#[must_use]
pub fn run() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_nobody_to_tell) => ExitCode::FAILURE,
    }
}

fn start() -> io::Result<()> {
    let mut numbers = std::env::args().skip(2).map(|argument| argument.parse::<u64>().ok());
    let mut number = || numbers.next().flatten().ok_or_else(|| wire::malformed("arguments"));
    let (memory, each) = (number()?, Duration::from_millis(number()?));
    confine(memory)?;
    let budget = Arc::new(Budget::new(each));
    let serving = Serving(Arc::clone(&budget));
    let serve = move || serving.serve(each);
    let serving = thread::Builder::new().name("predicates".into()).stack_size(STACK).spawn(serve)?;
    budget.watch();
    serving.join().map_err(|_| io::Error::other("a panic"))?
}

/// The thread that answers. Whoever watches it is told when it ends, however it does.
struct Serving(Arc<Budget>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Sets limits for the rest of the process's life.
fn confine(memory: u64) -> io::Result<()> {
    // Orphans would otherwise finish what they are at.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The limit below is none to programs that take cores.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    limit(Resource::As, memory)?;
    limit(Resource::Core, 0)
}

/// Sets the limit that counts, and leaves the one that it can be raised to.
fn limit(resource: Resource, to: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum;
    let current = Some(maximum.map_or(to, |maximum| maximum.min(to)));
    Ok(setrlimit(resource, Rlimit { current, maximum })?)
}

impl Serving {
    fn serve(self, each: Duration) -> io::Result<()> {
        let input = PipeReader::from(io::stdin().as_fd().try_clone_to_owned()?);
        let mut input = BufReader::with_capacity(READ, input);
        let mut output = PipeWriter::from(io::stdout().as_fd().try_clone_to_owned()?);
        let mut programs = Programs::new()?;
        let mut out = Vec::new();
        wire::put(&mut out, &[wire::GREETING]);
        output.write_all(&out)?;
        let mut frame = Vec::new();
        while wire::read(&mut input, &mut frame)? {
            limit_time(each)?;
            self.0.begin();
            let question = Question::parse(&frame).ok_or_else(|| wire::malformed("a question"))?;
            let (program, compiler) = programs.get(&question);
            let answer = answer(program, compiler, (question.documents, question.as_observed), &mut input)?;
            self.0.end();
            out.clear();
            answer.put(&mut out);
            output.write_all(&out)?;
        }
        Ok(())
    }
}

/// A back-stop. Earlier questions have had their share.
fn limit_time(each: Duration) -> io::Result<()> {
    limit(Resource::Cpu, (used() + each).as_secs().saturating_add(2))
}

/// Reads all the documents before it says anything, even if there is nothing to
/// say of them.
fn answer(
    program: Result<&Program, &String>,
    compiler: &Compiler,
    (documents, as_observed): (u64, bool),
    input: &mut BufReader<PipeReader>,
) -> io::Result<Answer> {
    let (mut frame, mut verdicts) = (Vec::new(), Vec::new());
    for _ in 0..documents {
        if !wire::read(input, &mut frame)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let document = Document::parse(&frame).ok_or_else(|| wire::malformed("a document"))?;
        if let Ok(program) = program {
            verdicts.push(program.holds(compiler, &document) && (!as_observed || observed::is_observed(document.json)));
        }
    }
    Ok(match program {
        Ok(_) => Answer::Verdicts(verdicts),
        Err(message) => Answer::Invalid(message.clone()),
    })
}

/// A compiled expression.
enum Program {
    Cel(expression::Program),
    JsonPath(json_path::Program),
}

impl Program {
    fn compile(compiler: &Compiler, question: &Question<'_>) -> Result<Self, String> {
        match question.language {
            Language::Cel => compiler.compile(question.text).map(Self::Cel),
            Language::JsonPath => json_path::Program::compile(question.text).map(Self::JsonPath),
        }
    }

    /// Whether it is true of a document: of what is no JSON it is not.
    fn holds(&self, compiler: &Compiler, document: &Document<'_>) -> bool {
        match self {
            Self::Cel(program) => {
                let scope = compiler.scope("object", document.json).ok();
                let scope = scope.map(|s| s.with_text("state", document.state).with_text("reason", document.reason));
                scope.is_some_and(|scope| program.holds(&scope))
            }
            Self::JsonPath(program) => serde_json::from_slice(document.json).is_ok_and(|object| program.holds(&object)),
        }
    }
}

/// The programs of the last expressions, the newest at the end.
struct Programs {
    compiler: Compiler,
    kept: Vec<(Language, String, Result<Program, String>)>,
}

impl Programs {
    fn new() -> io::Result<Self> {
        let compiler = Compiler::new(VARIABLES).map_err(io::Error::other)?;
        Ok(Self { compiler, kept: Vec::with_capacity(PROGRAMS) })
    }

    fn get(&mut self, question: &Question<'_>) -> (Result<&Program, &String>, &Compiler) {
        let is_it =
            |(language, text, _): &(Language, String, _)| *language == question.language && text == question.text;
        let entry = match self.kept.iter().position(is_it) {
            Some(place) => self.kept.remove(place),
            None => {
                if self.kept.len() == PROGRAMS {
                    let _oldest = self.kept.remove(0);
                }
                let program = Program::compile(&self.compiler, question);
                (question.language, question.text.to_owned(), program)
            }
        };
        self.kept.push(entry);
        (self.kept[self.kept.len() - 1].2.as_ref(), &self.compiler)
    }
}
