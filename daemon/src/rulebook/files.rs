//! Reads rules from files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{RuleError, Rulebook, Source};
use crate::caches::Caches;

/// How often files are looked at: they are small, and may be mounted from a
/// ConfigMap, whose changes no file system tells.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The operator's files of rules, followed.
#[derive(Debug)]
pub struct RuleFiles {
    path: Option<PathBuf>,
    /// What they said last.
    known: Read,
}

/// What files say, or why they cannot be read.
type Read = Result<Vec<Source>, RuleError>;

impl RuleFiles {
    /// Those at `path`, none without, and their rules. What is wrong with a rule is
    /// logged: the daemon has other work, too.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn open(path: Option<PathBuf>) -> Result<(Self, Rulebook), RuleError> {
        let known = read_on_a_thread(path.clone()).await?;
        let rules = book(known.clone(), None).await;
        Ok((Self { path, known: Ok(known) }, rules))
    }

    /// Has `caches` judge by the files whenever they change, for ever. Files that
    /// cannot be read change nothing.
    pub async fn follow(mut self, caches: &Caches) {
        if self.path.is_none() {
            return;
        }
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let read = read_on_a_thread(self.path.clone()).await;
            if read == self.known {
                continue;
            }
            match &read {
                Ok(sources) => {
                    let before = caches.rules().borrow().clone();
                    caches.judge_by(book(sources.clone(), Some(before)).await);
                    tracing::info!("the rules were reloaded");
                }
                Err(error) => tracing::error!("--rules: {error}; the rules stay as they were"),
            }
            self.known = read;
        }
    }
}

async fn read_on_a_thread(path: Option<PathBuf>) -> Read {
    let Some(path) = path else { return Ok(Vec::new()) };
    let file = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || read(&path)).await;
    read.unwrap_or_else(|error| Err(RuleError { file, line: None, problem: error.to_string() }))
}

/// The rules of what was read; what is wrong is logged.
async fn book(sources: Vec<Source>, before: Option<Arc<Rulebook>>) -> Rulebook {
    let compile = move || Rulebook::of(&sources, before.as_deref());
    let compiled = tokio::task::spawn_blocking(compile).await;
    let (book, errors) = compiled.unwrap_or_else(|_panic| Rulebook::of(&[], None));
    errors.iter().for_each(|error| tracing::error!("--rules: {error}"));
    book
}

/// The files of rules that `path` is or has: all that end in `.yaml`, `.yml` or
/// `.json`, in the order of their names.
///
/// # Errors
/// If the path or one of the files cannot be read.
pub fn read(path: &Path) -> Result<Vec<Source>, RuleError> {
    let problem = |path: &Path, error: &std::io::Error| RuleError {
        file: path.display().to_string(),
        line: None,
        problem: error.to_string(),
    };
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = entries.map_err(|error| problem(path, &error))?;
        files = entries.into_iter().map(|entry| entry.path()).filter(|file| is_rules(file)).collect();
        files.sort();
    }
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).map_err(|error| problem(&file, &error))?;
        Ok(Source { name: file.display().to_string(), text })
    };
    files.into_iter().map(read).collect()
}

fn is_rules(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str());
    file.is_file() && extension.is_some_and(|extension| ["yaml", "yml", "json"].contains(&extension))
}
