//! What only the daemon knows.

use std::time::Duration;

use clap::{Args as _, Command, FromArgMatches as _};
use daymark::api::{CompleteRequest, Filter, ObjectRef, Subject};
use tokio::time::{Instant, timeout_at};

use super::answer::Candidate;
use super::place::Place;
use super::target;
use crate::args::Global;
use crate::commands::session;
use crate::duration;
use crate::targets::in_namespaces;

/// How long somebody who types waits, connecting included.
const PATIENCE: Duration = Duration::from_millis(50);
/// The variable that says otherwise.
const VARIABLE: &str = "DAYMARK_COMPLETION_TIMEOUT";

/// Asks the daemon that the command line names. What it does not say in time, or not at all, is nothing.
pub struct Live<'a> {
    /// The command line.
    pub place: &'a Place<'a>,
    until: Instant,
}

impl<'a> Live<'a> {
    /// For one word, from now on.
    pub fn new(place: &'a Place<'a>) -> Self {
        Self { place, until: Instant::now() + patience() }
    }

    /// Kinds, by any of their names.
    pub async fn kinds(&self, typed: &str) -> Vec<Candidate> {
        self.ask(Subject::Kind, typed, |_| Some(Filter::default())).await
    }

    /// Names of objects of kinds with commas between them. With all namespaces, no object goes by its name.
    pub async fn names(&self, kinds: &str, typed: &str) -> Vec<Candidate> {
        if self.place.has("all_namespaces") {
            return Vec::new();
        }
        let kinds = kinds.split(',').map(str::to_owned).collect();
        self.ask(Subject::Name, typed, |global| Some(Filter { kinds, ..in_namespace(global) })).await
    }

    /// Namespaces.
    pub async fn namespaces(&self, typed: &str) -> Vec<Candidate> {
        let kinds = vec!["namespaces".to_owned()];
        self.ask(Subject::Name, typed, |_| Some(Filter { kinds, all_namespaces: true, ..Filter::default() })).await
    }

    /// Nodes.
    pub async fn nodes(&self, typed: &str) -> Vec<Candidate> {
        let kinds = vec!["nodes".to_owned()];
        self.ask(Subject::Name, typed, |_| Some(Filter { kinds, all_namespaces: true, ..Filter::default() })).await
    }

    /// Keys of labels of what the words name, or of pods.
    pub async fn label_keys(&self, typed: &str) -> Vec<Candidate> {
        let mut kinds = target::kinds(&self.place.words);
        if kinds.is_empty() {
            kinds.push("pods".to_owned());
        }
        let filter = |global: &Global| match self.place.has("all_namespaces") {
            true => Filter { kinds, all_namespaces: true, ..Filter::default() },
            false => Filter { kinds, ..in_namespace(global) },
        };
        self.ask(Subject::LabelKey, typed, |global| Some(filter(global))).await
    }

    /// Keys of labels of all objects of a kind.
    pub async fn label_keys_of(&self, kind: &str, typed: &str) -> Vec<Candidate> {
        let kinds = vec![kind.to_owned()];
        self.ask(Subject::LabelKey, typed, |_| Some(Filter { kinds, all_namespaces: true, ..Filter::default() })).await
    }

    /// Containers of the object that the words name.
    pub async fn containers(&self, typed: &str) -> Vec<Candidate> {
        let object = target::object(&self.place.words);
        let filter = |global: &Global| {
            let (resource, name) = object?;
            Some(Filter { refs: vec![ObjectRef { resource, name, ..ObjectRef::default() }], ..in_namespace(global) })
        };
        self.ask(Subject::Container, typed, filter).await
    }

    async fn ask(
        &self,
        subject: Subject,
        typed: &str,
        filter: impl FnOnce(&Global) -> Option<Filter>,
    ) -> Vec<Candidate> {
        let asked = timeout_at(self.until, async {
            let global = session::resolve(&self.global()?, None).ok()?.global;
            let filter = Filter { cluster: session::cluster(&global).to_owned(), ..filter(&global)? };
            let mut request = CompleteRequest { filter: Some(filter), prefix: typed.to_owned(), ..Default::default() };
            request.set_subject(subject);
            session::connect(&global).await.ok()?.complete(request).await.ok()
        });
        let answer = asked.await.ok().flatten().unwrap_or_default();
        // Whatever the daemon says: what does not begin so is no completion.
        let begun = answer.completions.into_iter().filter(|it| it.text.starts_with(typed));
        begun.map(|it| Candidate::new(it.text, it.description)).collect()
    }

    /// What the flags say of the connection, which may not be whole yet.
    fn global(&self) -> Option<Global> {
        let command = Global::augment_args(Command::new("daymark").no_binary_name(true));
        let matches = command.ignore_errors(true).try_get_matches_from(self.place.global_words()).ok()?;
        Global::from_arg_matches(&matches).ok()
    }
}

fn in_namespace(global: &Global) -> Filter {
    let namespaces = in_namespaces(session::namespace(global));
    Filter { namespaces, ..Filter::default() }
}

fn patience() -> Duration {
    let said = std::env::var(VARIABLE).ok().and_then(|text| duration::parse(&text).ok());
    match said {
        Some(Duration::ZERO) => session::FOREVER,
        said => said.unwrap_or(PATIENCE),
    }
}
