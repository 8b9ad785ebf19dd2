//! The logs of one request.

mod look;
mod readers;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use self::readers::Readers;
use super::below::{self, Below, Found};
use super::reader::Opener;
use super::rights::Rights;
use super::roster::{Place, Roster};
use super::{Event, Wanted};
use crate::access::Caller;
use crate::access::authorizer::Authorizer;
use crate::access::shares::Shares;
use crate::clock::{Clock, reaches};
use crate::event_log::{CacheId, Entry, EventLog, Revision, Subscription, Topic, Wants};
use crate::kind::Kind;
use crate::source::{Problem, Source};
use crate::subscription::{Scope, Selection};

/// Logs that one request reads at a time.
pub const MOST_OF_ONE: usize = 50;
/// Logs that a daemon reads at a time.
pub const MOST: usize = 500;
/// No sooner it is looked again which pods there are.
const PACE: Duration = Duration::from_millis(300);
/// Where not all are read it is looked again whether there is room by now.
const ROOM: Duration = Duration::from_secs(5);

/// What logs are read with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// What happens to pods.
    pub log: Arc<EventLog>,
    /// Where logs are.
    pub source: Source,
    /// Knows whose logs one may read.
    pub authorizer: Arc<Authorizer>,
    /// What each caller may have.
    pub shares: Arc<Shares>,
    /// The time.
    pub clock: Clock,
    /// The logs that may be open.
    pub places: Arc<Semaphore>,
}

/// Why logs are read no further.
#[derive(Debug)]
pub enum Stopped {
    /// The caller may not, or may not any more.
    Denied(String),
    /// What the caller may is not known.
    Unreviewed(Problem),
    /// Pods, or what owns them, are now watched in a different way.
    Closed(Kind),
}

impl Tools {
    /// A place for one more log, if there is one.
    fn place(&self, caller: &Caller) -> Option<Place> {
        let of_all = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { _of_all: of_all, _of_its_caller: self.shares.log(caller).ok()? })
    }

    fn opener(&self) -> Opener {
        let source = self.source.clone();
        Arc::new(move |wanted| {
            let source = source.clone();
            async move { source.open_log(&wanted).await }.boxed()
        })
    }
}

/// The logs of one request.
pub struct Session {
    tools: Tools,
    rights: Rights,
    wanted: Wanted,
    targets: Selection,
    below: Below,
    roster: Roster,
    readers: Readers,
    queue: VecDeque<Event>,
    news: watch::Receiver<Revision>,
    _subscription: Subscription,
    /// Whether it was looked which pods there are, and when that is to be done again.
    looked: bool,
    look_at: Option<Instant>,
    last_look: Instant,
    /// When it is to be looked again what the caller may read.
    check_at: Option<Instant>,
    /// Pods and containers that are not read, as was said.
    said_left_out: usize,
    said_none: bool,
    ended: bool,
}

/// Every change is one of a pod, or of what owns pods.
struct Anything;

impl Wants for Anything {
    fn wants(&self, _: &Entry) -> bool {
        true
    }
}

impl Session {
    /// What is wanted of the logs of all pods below the targets.
    #[must_use]
    pub fn new(tools: Tools, caller: Caller, wanted: Wanted, targets: Selection, below: Below) -> Self {
        let subscription = tools.log.subscribe(topics(&targets, &below), Arc::new(Anything));
        let follow = wanted.follow;
        let authorizer = Arc::clone(&tools.authorizer);
        let rights = Rights { caller, trust: authorizer.trust(), authorizer };
        Self {
            check_at: rights.lasting_until(),
            rights,
            tools,
            wanted,
            targets,
            below,
            roster: Roster::default(),
            readers: Readers::new(follow),
            queue: VecDeque::new(),
            news: subscription.listen(),
            _subscription: subscription,
            looked: false,
            look_at: None,
            last_look: Instant::now(),
            said_left_out: 0,
            said_none: false,
            ended: false,
        }
    }

    /// Tells that first.
    pub fn tell(&mut self, event: Event) {
        self.queue.push_back(event);
    }

    /// Looks which pods there are.
    ///
    /// # Errors
    /// If the caller may read the logs of none of them, or that is not known.
    pub async fn begin(&mut self) -> Result<(), Stopped> {
        self.look().await
    }

    /// What happens next; `None` behind the end. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If no more may be told.
    pub async fn next(&mut self) -> Result<Option<Event>, Stopped> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            if !self.looked {
                self.look().await?;
            } else if self.is_over() {
                self.ended = true;
                return Ok(Some(Event::End));
            } else if let Some(event) = self.step().await? {
                return Ok(Some(event));
            }
        }
    }

    /// Whether nothing more can come.
    fn is_over(&self) -> bool {
        if !self.readers.is_empty() {
            return false;
        }
        let is_over = |target: &Found| target.cache.kind().is_pods() || target.record.detail.is_over();
        !self.wanted.follow
            || (matches!(self.targets.scope, Scope::Named(_))
                && self.said_left_out == 0
                && below::targets(&self.targets, &self.tools.log).iter().all(is_over))
    }

    /// What there is to be told, if that comes first.
    async fn step(&mut self) -> Result<Option<Event>, Stopped> {
        // What is there already needs no timers.
        if !self.is_due()
            && let Some(event) = self.readers.next().now_or_never()
        {
            return Ok(event);
        }
        let (check_at, look_at) = (self.check_at, self.look_at);
        let waits_for_news = look_at.is_none() && self.wanted.follow;
        tokio::select! {
            biased;
            () = reaches(check_at) => self.check_rights().await?,
            () = reaches(look_at) => self.look().await?,
            _ = self.news.changed(), if waits_for_news => self.look_at = Some(self.last_look + PACE),
            event = self.readers.next(), if !self.readers.is_empty() => return Ok(event),
        }
        Ok(None)
    }

    fn is_due(&self) -> bool {
        let now = Instant::now();
        let is_past = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let has_news = self.wanted.follow && self.look_at.is_none() && self.news.has_changed().unwrap_or(false);
        is_past(self.check_at) || is_past(self.look_at) || has_news || self.readers.is_empty()
    }

    /// A right that was withdrawn ends it. While that cannot be found out, it goes on; but not for
    /// ever.
    async fn check_rights(&mut self) -> Result<(), Stopped> {
        let mut all_known = true;
        for pod in self.roster.read() {
            match self.rights.to_read(&pod).await {
                Ok(may) => may.map_err(Stopped::Denied)?,
                Err(problem) if self.rights.trust.is_lost() => return Err(Stopped::Unreviewed(problem)),
                Err(_) => all_known = false,
            }
        }
        if all_known {
            self.rights.trust.is_known();
        }
        self.check_at = self.rights.lasting_until();
        Ok(())
    }
}

/// Where something happens that may concern the pods below the targets.
fn topics(targets: &Selection, below: &Below) -> Vec<(CacheId, Topic)> {
    let namespaces: Option<BTreeSet<Arc<str>>> = match &targets.scope {
        Scope::All => None,
        Scope::Namespaces(namespaces) => Some(namespaces.clone()),
        Scope::Named(named) => Some(named.iter().map(|named| Arc::clone(&named.key.namespace)).collect()),
    };
    // What has no namespace may own something in any.
    let namespaces = namespaces.filter(|all| all.iter().all(|namespace| !namespace.is_empty()));
    let topic = namespaces.map_or(Topic::Everything, |all| Topic::Namespaces(all.into_iter().collect()));
    let caches: BTreeSet<_> = below.all().chain(&targets.caches).map(|cache| cache.id()).collect();
    caches.into_iter().map(|cache| (cache, topic.clone())).collect()
}
