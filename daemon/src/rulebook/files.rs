//! Reads rules from files.

use std::fs;
use std::path::{Path, PathBuf};
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
}

impl RuleFiles {
    /// Those at `path`; none without.
    #[must_use]
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// The rules to begin with. What is wrong with them is logged: the daemon has
    /// other work, too.
    pub async fn read_first(&self) -> Rulebook {
        book(&self.read().await, None)
    }

    /// Has `caches` judge by the files whenever they change, for ever. Files that
    /// cannot be read change nothing.
    pub async fn follow(self, caches: &Caches) {
        let mut known = self.read().await;
        if self.path.is_none() {
            return;
        }
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let read = self.read().await;
            if read == known {
                continue;
            }
            let before = caches.rules().borrow().clone();
            match &read {
                Ok(_) => {
                    caches.judge_by(book(&read, Some(&before)));
                    tracing::info!("the rules were read again");
                }
                Err(error) => tracing::error!("--rules: {error}; the rules stay as they were"),
            }
            known = read;
        }
    }

    async fn read(&self) -> Result<Vec<Source>, RuleError> {
        let Some(path) = self.path.clone() else { return Ok(Vec::new()) };
        let file = path.display().to_string();
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        read.unwrap_or_else(|error| Err(RuleError { file, line: None, problem: error.to_string() }))
    }
}

/// The rules of what was read; what is wrong is logged.
fn book(read: &Result<Vec<Source>, RuleError>, before: Option<&Rulebook>) -> Rulebook {
    let sources = read.as_ref().map(Vec::as_slice).unwrap_or_default();
    let (book, errors) = Rulebook::of(sources, before);
    errors.iter().chain(read.as_ref().err()).for_each(|error| tracing::error!("--rules: {error}"));
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
