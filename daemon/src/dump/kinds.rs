//! The objects of one kind, as files: one for each namespace.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foldhash::{HashMap, HashMapExt as _};
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::Semaphore;

use super::nodes::Nodes;
use super::outlet::{Closed, File, Outlet};
use super::pods::Pods;
use super::rights::Rights;
use super::scrub::Scrubber;
use super::{Complete, Event, Refusal, Refused, paths};
use crate::body;
use crate::decode;
use crate::kind::Kind;
use crate::source::listing::{Listable, NoPage, PageRequest};
use crate::source::{Problem, ProblemReason, Source};

/// Objects of a page.
const PAGE: usize = 500;
/// Lists of a kind that are begun at most.
const TRIES: u32 = 3;
/// Before a list that has failed is begun anew: as long, or as long as the API server asks for.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What a kind is read with.
pub(super) struct Reading<'a> {
    pub(super) source: &'a Source,
    pub(super) rights: &'a Rights,
    pub(super) scrubber: &'a Scrubber,
    pub(super) outlet: &'a Outlet,
    /// Of what may be asked of kubelets.
    pub(super) places: &'a Semaphore,
    pub(super) namespaces: Option<&'a [Arc<str>]>,
}

/// Why the reading of kinds ends.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The API server does not answer.
    #[error("{}", .0.message)]
    Unreachable(Problem),
    /// What the caller may do cannot be found out.
    #[error("{}", .0.message)]
    Unreviewed(Problem),
    /// Nobody reads the dump any more.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The daemon ends.
    #[error("the daemon is stopping")]
    Ending,
}

/// Why a kind was not read.
enum NotRead {
    /// Its version is no longer known.
    Gone,
    Problem(Problem),
    /// The right to it was withdrawn.
    Withdrawn,
    Stopped(Stopped),
}

impl From<NoPage> for NotRead {
    fn from(none: NoPage) -> Self {
        match none {
            NoPage::Gone => Self::Gone,
            NoPage::Problem(problem) => Self::Problem(problem),
        }
    }
}

impl From<Problem> for NotRead {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Closed> for NotRead {
    fn from(closed: Closed) -> Self {
        Self::Stopped(closed.into())
    }
}

impl Reading<'_> {
    /// [`Reading::kind`], as a future of a plain type.
    pub(super) fn begun<'a>(
        &'a self,
        listable: &'a Listable,
        is_had: bool,
        pods: &'a mut Pods,
    ) -> BoxFuture<'a, Result<(), Stopped>> {
        self.kind(listable, is_had, pods).boxed()
    }

    /// Reads a kind; `pods` takes in those that are met. What the reader has is read for
    /// its pods only.
    async fn kind(&self, listable: &Listable, is_had: bool, pods: &mut Pods) -> Result<(), Stopped> {
        let kind = &listable.kind;
        let places = self.rights.places(kind, self.namespaces).await.map_err(Stopped::Unreviewed)?;
        // Of what the reader has that was told.
        for refused in places.refused.into_iter().filter(|_| !is_had) {
            self.outlet.tell(Event::Refused(refused)).await?;
        }
        if places.lists.is_empty() {
            return Ok(());
        }
        for attempt in 1..=TRIES {
            let mut files = Files::new(self, kind, is_had);
            let problem = match self.read(&mut files, &places.lists, attempt < TRIES, pods).await {
                Ok(()) if is_had => return Ok(()),
                Ok(()) => {
                    // Of what has nodes the reader has that, too.
                    self.summaries(&files.nodes).await?;
                    return Ok(self.outlet.tell(Event::Kind(files.complete(listable))).await?);
                }
                Err(NotRead::Stopped(stopped)) => return Err(stopped),
                Err(NotRead::Withdrawn) => None,
                Err(NotRead::Gone) => Some(Problem::new(ProblemReason::Refused, "it has changed while it was read")),
                Err(NotRead::Problem(problem)) => Some(problem),
            };
            if kind.is_pods() {
                pods.clear();
            }
            let Some(problem) = problem else {
                return self.refuse(kind, Refusal::Denied, "the right to list it was revoked").await;
            };
            let passes = matches!(problem.reason, ProblemReason::Unreachable | ProblemReason::Refused);
            if attempt == TRIES || !passes {
                return self.give_up(kind, problem).await;
            }
            self.outlet.tell(Event::Restarted(kind.to_string())).await?;
            tokio::time::sleep(problem.retry_after.unwrap_or(PAUSE.0).min(PAUSE.1)).await;
        }
        Ok(())
    }

    async fn give_up(&self, kind: &Kind, problem: Problem) -> Result<(), Stopped> {
        match problem.reason {
            ProblemReason::Unreachable => Err(Stopped::Unreachable(problem)),
            _ => self.refuse(kind, (&problem).into(), &problem.message).await,
        }
    }

    async fn refuse(&self, kind: &Kind, reason: Refusal, message: &str) -> Result<(), Stopped> {
        let (kind, message) = (kind.to_string(), message.to_owned());
        self.outlet.tell(Event::Restarted(kind.clone())).await?;
        let refused = Refused { kind, namespace: String::new(), name: String::new(), reason, message };
        Ok(self.outlet.tell(Event::Refused(refused)).await?)
    }

    /// Reads the lists, all as of one version, if `is_exact` or the API server still has it. Of
    /// several namespaces those that the daemon may not read are left out.
    async fn read(
        &self,
        files: &mut Files<'_>,
        places: &[Option<Arc<str>>],
        is_exact: bool,
        pods: &mut Pods,
    ) -> Result<(), NotRead> {
        let mut forbidden = Vec::new();
        for place in places {
            let before = files.objects;
            match self.place(files, place.as_deref(), is_exact, pods).await {
                Err(NotRead::Problem(problem))
                    if problem.reason == ProblemReason::Forbidden
                        && forbidden.len() + 1 < places.len()
                        && files.objects == before =>
                {
                    forbidden.push((place, problem));
                }
                read => read?,
            }
        }
        files.end().await?;
        for (place, problem) in forbidden.into_iter().filter(|_| !files.is_silent) {
            let (kind, namespace) = (files.kind.to_string(), place.as_deref().unwrap_or_default().to_owned());
            let (name, reason, message) = (String::new(), Refusal::Forbidden, problem.message);
            self.outlet.tell(Event::Refused(Refused { kind, namespace, name, reason, message })).await?;
        }
        Ok(())
    }

    /// Reads one list.
    async fn place(
        &self,
        files: &mut Files<'_>,
        place: Option<&str>,
        is_exact: bool,
        pods: &mut Pods,
    ) -> Result<(), NotRead> {
        let mut token = String::new();
        loop {
            let may = self.rights.may_list(files.kind, place).await;
            if !may.map_err(|problem| NotRead::Stopped(Stopped::Unreviewed(problem)))? {
                return Err(NotRead::Withdrawn);
            }
            let at = if is_exact { files.version.clone() } else { String::new() };
            // The first page tells the version, which each file has: it has one object, whose file
            // is not ended before the next.
            let limit = if files.version.is_empty() && token.is_empty() { 1 } else { PAGE };
            let wanted = PageRequest { namespace: place, limit, token: &token, at: &at };
            token = self.page(files, &wanted, pods).await?;
            if token.is_empty() {
                return Ok(());
            }
        }
    }

    /// Reads a page; where the next one begins.
    async fn page(&self, files: &mut Files<'_>, wanted: &PageRequest<'_>, pods: &mut Pods) -> Result<String, NotRead> {
        let mut page = self.source.open_page(files.kind, wanted).await?;
        files.place = wanted.namespace.map(Into::into);
        while let Some(item) = page.next_item().await? {
            files.object(&item, pods).await?;
            tokio::task::consume_budget().await;
        }
        let end = page.end()?;
        if files.version.is_empty() {
            files.version = end.version;
        }
        Ok(end.next)
    }
}

/// The files of a kind.
struct Files<'a> {
    reading: &'a Reading<'a>,
    kind: &'a Kind,
    stem: String,
    /// The only namespace of which objects are expected.
    place: Option<Arc<str>>,
    /// As of which version they are, once that is known.
    version: String,
    /// Whether nothing is written.
    is_silent: bool,
    open: Option<Open<'a>>,
    /// How many files each namespace has.
    parts: HashMap<Arc<str>, u32>,
    objects: u64,
    broken: u64,
    /// The nodes among them.
    nodes: Nodes,
}

struct Open<'a> {
    namespace: Arc<str>,
    file: File<'a>,
    is_empty: bool,
}

impl<'a> Files<'a> {
    fn new(reading: &'a Reading<'a>, kind: &'a Kind, is_silent: bool) -> Self {
        let (stem, parts) = (paths::stem(kind), HashMap::new());
        let (version, nodes) = (String::new(), Nodes::default());
        Self { reading, kind, stem, place: None, version, is_silent, open: None, parts, objects: 0, broken: 0, nodes }
    }

    /// Takes in an object. One that cannot be understood is counted, and left out.
    async fn object(&mut self, json: &Bytes, pods: &mut Pods) -> Result<(), Closed> {
        let Some((namespace, text)) = self.understood(json, pods) else {
            self.broken += 1;
            return Ok(());
        };
        self.objects += 1;
        if self.is_silent {
            return Ok(());
        }
        let is_open = self.open.as_ref().is_some_and(|open| open.namespace == namespace);
        if !is_open {
            self.close().await?;
            self.begin(namespace).await?;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        if !std::mem::take(&mut open.is_empty) {
            open.file.write(b",\n").await?;
        }
        open.file.write(text.as_bytes()).await
    }

    /// An object's namespace, and how it is written.
    fn understood(&mut self, json: &Bytes, pods: &mut Pods) -> Option<(Arc<str>, String)> {
        let key = decode::identity(json)?.key;
        let is_placed = match self.kind.namespaced {
            true => {
                let is_expected = self.place.as_ref().is_none_or(|place| *place == key.namespace);
                is_expected && paths::is_name(&key.namespace) && !key.namespace.contains('.')
            }
            false => key.namespace.is_empty(),
        };
        if !is_placed {
            return None;
        }
        if self.kind.is_pods() {
            pods.meet(&key, json);
        } else if self.kind.is_nodes() {
            self.nodes.meet(&key.name);
        }
        let text = if self.is_silent { String::new() } else { body::without_data(self.kind, json).ok()? };
        Some((key.namespace, self.reading.scrubber.json(&text)))
    }

    async fn begin(&mut self, namespace: Arc<str>) -> Result<(), Closed> {
        let parts = self.parts.entry(Arc::clone(&namespace)).or_default();
        *parts += 1;
        let mut file = self.reading.outlet.file(paths::objects(&namespace, &self.stem, *parts));
        let version = serde_json::Value::from(self.kind.api_version());
        let list = serde_json::Value::from(format!("{}List", self.kind.kind));
        file.write(format!("{{\"apiVersion\":{version},\"kind\":{list},\"items\":[\n").as_bytes()).await?;
        self.open = Some(Open { namespace, file, is_empty: true });
        Ok(())
    }

    async fn close(&mut self) -> Result<(), Closed> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let version = serde_json::Value::from(self.version.as_str());
        open.file.write(format!("\n],\"metadata\":{{\"resourceVersion\":{version}}}}}\n").as_bytes()).await?;
        open.file.end().await
    }

    /// Ends the last file; a kind without objects and namespaces has an empty one.
    async fn end(&mut self) -> Result<(), Closed> {
        if self.parts.is_empty() && !self.kind.namespaced && !self.is_silent {
            self.begin("".into()).await?;
        }
        self.close().await
    }

    fn complete(&self, listable: &Listable) -> Complete {
        let Listable { kind, watched } = listable.clone();
        let parts = self.parts.values().copied().max().unwrap_or(1);
        let (file, version) = (format!("{}.json", self.stem), self.version.clone());
        Complete { kind, watched, file, parts, version, objects: self.objects, broken: self.broken }
    }
}
