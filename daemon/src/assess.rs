//! What the rules say of given objects, without a cluster: `daymarkd assess`.

mod documents;
mod given;

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

pub use self::documents::read;
use self::given::Given;
use crate::args::{AssessArgs, AssessFormat};
use crate::clock::Clock;
use crate::rulebook::{RuleError, Rulebook, files};
use crate::state::{Doom, Judgement};

/// What cannot be assessed.
#[derive(Debug, thiserror::Error)]
pub enum AssessError {
    /// A file or folder cannot be read.
    #[error("{path}: {problem}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: io::Error,
    },
    /// A document is no Kubernetes object, or no document at all.
    #[error("{origin}: {problem}")]
    Invalid {
        /// Which.
        origin: String,
        /// What is wrong with it, and where.
        problem: String,
    },
    /// There are no objects.
    #[error("there is no object in {0}")]
    Empty(String),
    /// Rules of the configuration cannot be read.
    #[error(transparent)]
    Unread(#[from] RuleError),
    /// Rules of the configuration are broken.
    #[error("{}", lines(.0))]
    Broken(Vec<RuleError>),
    /// Nobody reads the answer.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl AssessError {
    /// The process's exit code: 2 for what the user can mend, 70 for a fault.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Output(_) => 70,
            _ => 2,
        }
    }
}

/// One object, and what is said of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Assessed {
    /// Its `apiVersion`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty if it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its state, as `READY`.
    pub state: &'static str,
    /// Why, in a word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// How far it is, as `2 of 3 updated`; empty if that cannot be counted.
    pub progress: String,
    /// What waiting is worth, as `fatal`; empty if nothing is wrong.
    pub doom: &'static str,
}

/// A document that was read, and where.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file, and the place in it.
    pub origin: String,
    /// What it says.
    pub value: Value,
}

/// Reads objects, and prints what the rules say of them now.
///
/// # Errors
/// If they cannot be read, if a rule is broken, or if nobody reads what is
/// printed.
pub fn run(args: &AssessArgs) -> Result<(), AssessError> {
    let sources = args.rules.as_deref().map(files::read).transpose()?.unwrap_or_default();
    let (rules, errors) = Rulebook::of(&sources, None);
    if !errors.is_empty() {
        return Err(AssessError::Broken(errors));
    }
    let assessed = assess(read(&args.paths)?, &rules, Clock::System.now())?;
    match print(&assessed, args.output) {
        // Who has read enough goes away.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => Ok(printed?),
    }
}

fn print(assessed: &[Assessed], format: AssessFormat) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        AssessFormat::Text => assessed.iter().try_for_each(|one| writeln!(out, "{one}")),
        AssessFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(assessed).map_err(io::Error::other)?),
    }
}

/// `Deployment shop/web  FAILED  ErrImagePull  fatal  1 of 3 updated  (…)`, with
/// tabs between.
impl fmt::Display for Assessed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &*self.namespace {
            "" => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        };
        let fields = [&self.kind, &name, self.state, &self.reason, self.doom, &self.progress, &self.message];
        let plain = |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        f.write_str(&fields.map(plain).join("\t"))
    }
}

/// Judges objects that are there together, at the moment `now`.
///
/// # Errors
/// If one is no Kubernetes object.
pub fn assess(documents: Vec<Document>, rules: &Rulebook, now: Timestamp) -> Result<Vec<Assessed>, AssessError> {
    Ok(Given::new(documents, rules)?.judge(now))
}

/// A line for each, as if each were told by itself.
fn lines(errors: &[RuleError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\ndaymarkd: ")
}

/// Where to read from: `-` is standard input.
#[must_use]
pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Assessed {
    fn of(api_version: &str, kind: &str, namespace: &str, name: &str, judgement: &Judgement) -> Self {
        let progress = judgement.progress.map(|p| format!("{} of {} {}", p.done, p.total, p.unit));
        let doom = match judgement.doom {
            Doom::None => "",
            Doom::Transient => "transient",
            Doom::Persistent => "persistent",
            Doom::Fatal => "fatal",
        };
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            state: judgement.state.name(),
            reason: judgement.reason.to_string(),
            message: judgement.message.to_string(),
            progress: progress.unwrap_or_default(),
            doom,
        }
    }
}
