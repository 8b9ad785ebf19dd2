//! What a fake API server serves as it was told, by path: what it says of itself, metrics, and
//! objects of kinds that it has not.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Texts by path, each with its HTTP status; none while the path stalls.
#[derive(Default)]
pub(super) struct Texts {
    by_path: HashMap<String, Option<(u16, Arc<str>)>>,
    /// How often each was asked for.
    asked: HashMap<String, usize>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.by_path.iter().map(|(path, text)| (path, text.is_some()))).finish()
    }
}

impl Texts {
    /// Serves a text at a path, or has it stall there.
    pub(super) fn put(&mut self, path: &str, text: Option<(u16, String)>) {
        self.by_path.insert(path.to_owned(), text.map(|(status, text)| (status, text.into())));
    }

    /// The text at a path, if there is such a path.
    pub(super) fn ask(&mut self, path: &str) -> Option<Option<(u16, Arc<str>)>> {
        let text = self.by_path.get(path)?.clone();
        *self.asked.entry(path.to_owned()).or_default() += 1;
        Some(text)
    }

    /// How often a path was asked for.
    pub(super) fn asked(&self, path: &str) -> usize {
        self.asked.get(path).copied().unwrap_or_default()
    }
}
