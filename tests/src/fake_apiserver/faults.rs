//! What a fake API server can be made to do wrong.

use std::collections::HashMap;

use bytes::Bytes;

use super::Collection;

/// The kinds of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// A page of a list.
    List,
    /// A watch that is to begin with a list.
    StreamList,
    /// A watch.
    Watch,
    /// One object.
    Get,
    /// The events of one object; counted as of pods.
    Events,
    /// The log of a pod.
    Log,
}

/// What a faulty answer is.
#[derive(Clone, Debug)]
pub enum Answer {
    /// That HTTP status with a Kubernetes `Status`; 429 with `Retry-After`.
    Status(u16),
    /// 200 with a body of that type, whatever it is.
    Body(&'static str, &'static str),
    /// The true one, as of now, but held until the faults are healed.
    Late,
    /// None: the request is taken and held, until the faults are healed; then
    /// its connection breaks.
    Stall,
}

/// Which requests get which faulty answer.
#[derive(Clone, Debug)]
pub struct Fault {
    verb: Option<Verb>,
    collection: Option<Collection>,
    /// What they get.
    pub(super) answer: Answer,
    /// So many of them are let pass first.
    after: usize,
    times: Option<usize>,
}

impl Fault {
    /// Every request gets `answer` until the faults are healed.
    #[must_use]
    pub fn new(answer: Answer) -> Self {
        Self { verb: None, collection: None, answer, after: 0, times: None }
    }

    /// Only requests of that kind.
    #[must_use]
    pub fn on(mut self, verb: Verb) -> Self {
        self.verb = Some(verb);
        self
    }

    /// Only requests for that collection.
    #[must_use]
    pub fn of(mut self, collection: Collection) -> Self {
        self.collection = Some(collection);
        self
    }

    /// Not the next so many of them.
    #[must_use]
    pub fn after(mut self, after: usize) -> Self {
        self.after = after;
        self
    }

    /// Only the next so many of them.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    fn hits(&self, verb: Verb, collection: Collection) -> bool {
        self.verb.is_none_or(|v| v == verb) && self.collection.is_none_or(|c| c == collection) && self.times != Some(0)
    }
}

/// What an API server knows of lists that a watch begins with (KEP-3157).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamingLists {
    /// It says that it knows none, as Kubernetes without that feature does.
    #[default]
    Refused,
    /// It serves them.
    Served,
    /// It takes no notice of what it is asked, as Kubernetes before the feature
    /// did: the list never ends.
    Unknown,
}

/// How a watch breaks in the middle of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The connection breaks.
    Abort,
    /// The answer ends as if it were whole.
    End,
}

/// The faults that are switched on.
#[derive(Debug, Default)]
pub(super) struct Faults {
    requests: Vec<Fault>,
    /// Rises when they are healed: what stalls, breaks off.
    pub(super) heals: u64,
    /// Whether a watch from a forgotten version is answered with 200 and told
    /// so in its stream.
    pub(super) gone_in_stream: bool,
    /// What watches with `sendInitialEvents` get.
    pub(super) streaming_lists: StreamingLists,
    /// At most so many objects per page of a list.
    pub(super) page: Option<usize>,
    /// Watches tell nothing newer than this.
    pub(super) held: HashMap<Collection, u64>,
    /// The next event is cut in its middle.
    pub(super) cuts: HashMap<Collection, Cut>,
    /// How often the open watches were closed.
    pub(super) closings: HashMap<Collection, u64>,
    /// Lines for the watches that are open when they are added.
    pub(super) injected: HashMap<Collection, Vec<Bytes>>,
    /// Watches are sent byte by byte.
    pub(super) slow_bytes: bool,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.requests.push(fault);
    }

    pub(super) fn heal(&mut self) {
        self.requests.clear();
        self.heals += 1;
    }

    /// The faulty answer of a request, if it gets one.
    pub(super) fn answer(&mut self, verb: Verb, collection: Collection) -> Option<Answer> {
        let fault = self.requests.iter_mut().find(|fault| fault.hits(verb, collection))?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times = fault.times.map(|times| times - 1);
        Some(fault.answer.clone())
    }
}
