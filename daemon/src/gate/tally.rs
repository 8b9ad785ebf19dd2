//! All objects of a gate, and what they come to.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::course::{Applied, Course, Failing, Standing};
use super::policy::{Criterion, Policy};
use super::seen::Seen;
use super::{Outcome, Verdict};
use crate::record::Key;
use crate::state::State;

/// An object's place: that of its cache in the gate's selection, and its name.
pub type Place = (usize, Key);

/// All objects of a gate. Nothing here waits or reads a clock.
///
/// What they come to is a *leaning* at first: by what is seen, which may be older
/// than the question. Each leaning has a number, and becomes the verdict when the
/// view has been proven by a read that began after it: see [`Tally::unproven`] and
/// [`Tally::prove`].
#[derive(Debug)]
pub struct Tally {
    policy: Policy,
    deadline: Timestamp,
    courses: BTreeMap<Place, Course>,
    /// Whether objects are named: they stay when they do not exist.
    named: bool,
    /// When it was opened, or armed: what happened before counts from then on.
    begun: Timestamp,
    /// Whether objects that are gone still count: somebody asks whether they are.
    keeps_gone: bool,
    /// What is known of objects before they are.
    applied: BTreeMap<Place, Applied>,
    armed: bool,
    /// Whether it is known which objects were there first.
    pinned: bool,
    /// Whether it was looked at once, where that is all.
    looked: bool,
    leaning: Leaning,
    /// The number of the newest leaning that a proof has been of.
    proven: Option<u64>,
}

/// What the objects come to by what is seen.
#[derive(Debug, Default)]
struct Leaning {
    /// To nothing, or to pass, or to fail by that object.
    to: Option<Option<Place>>,
    number: u64,
}

impl Tally {
    /// For the objects at `named`, or for a set whose objects are told. Nothing is
    /// decided before it is armed, if that is awaited.
    #[must_use]
    pub fn new(policy: Policy, named: Option<Vec<Place>>, await_arming: bool, opened: Timestamp) -> Self {
        let is_named = named.is_some();
        let courses = named.into_iter().flatten().map(|place| (place, Course::new(opened))).collect();
        let is_pinned = |criterion: &Criterion| *criterion != Criterion::Deleted;
        let pinned = policy.goal.all.iter().chain(&policy.goal.any).chain(&policy.fail_on).all(is_pinned);
        Self {
            deadline: opened.saturating_add(policy.deadline).unwrap_or(Timestamp::MAX),
            policy,
            courses,
            named: is_named,
            begun: opened,
            keeps_gone: !pinned,
            applied: BTreeMap::new(),
            armed: !await_arming,
            pinned,
            looked: false,
            leaning: Leaning::default(),
            proven: None,
        }
    }

    /// With another deadline: it was opened before anybody looked.
    #[must_use]
    pub fn until(self, deadline: Timestamp) -> Self {
        Self { deadline, ..self }
    }

    /// Whether it may end.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.armed
    }

    /// Whether it was armed with these: whoever says so again has not heard of it.
    #[must_use]
    pub fn is_armed_with(&self, applied: &[(Place, Applied)]) -> bool {
        let same = |(place, applied): &(Place, Applied)| self.applied.get(place) == Some(applied);
        self.armed && applied.len() == self.applied.len() && applied.iter().all(same)
    }

    /// Whether what it leans to is proven.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.proven == Some(self.leaning.number)
    }

    /// The number of what is to be proven by a read that begins now, if something is.
    #[must_use]
    pub fn unproven(&self) -> Option<u64> {
        let is_of_use = self.leaning.to.is_some() || !self.pinned || self.policy.once;
        (self.armed && is_of_use && !self.is_proven()).then_some(self.leaning.number)
    }

    /// Everything is taken in that a read has seen which began when that was the
    /// number.
    pub fn prove(&mut self, number: u64, at: Timestamp) {
        self.proven = Some(number);
        if !self.pinned || self.policy.once {
            (self.pinned, self.looked) = (true, self.policy.once);
            self.courses.values_mut().for_each(|course| course.pin(&self.policy, at));
            // What it leans to by that is of the same view.
            self.lean(self.leans_to(at));
            self.proven = Some(self.leaning.number);
        }
    }

    /// These were applied; from now on it may end.
    pub fn arm(&mut self, applied: Vec<(Place, Applied)>, at: Timestamp) {
        (self.armed, self.begun) = (true, at);
        self.applied.extend(applied);
        for (place, course) in &mut self.courses {
            course.arm(self.applied.get(place).cloned(), &self.policy, at);
        }
        // What was seen before counts for nothing.
        self.lean(None);
    }

    /// A snapshot begins: what it does not tell is not there, and what happened
    /// before it is not known.
    pub fn begin_anew(&mut self, told: BTreeMap<Place, Seen>, at: Timestamp) {
        self.doubt(None, at);
        let gone: Vec<_> = self.courses.keys().filter(|place| !told.contains_key(place)).cloned().collect();
        gone.into_iter().for_each(|place| self.learn(place, None, at));
        told.into_iter().for_each(|(place, seen)| self.learn(place, Some(seen), at));
    }

    /// Something may have happened that is not told, to the objects of that cache, or
    /// of all.
    pub fn doubt(&mut self, cache: Option<usize>, at: Timestamp) {
        let doubted = |place: &Place| cache.is_none_or(|cache| cache == place.0);
        let courses = self.courses.iter_mut().filter(|(place, _)| doubted(place));
        courses.for_each(|(_, course)| course.doubt(&self.policy, at.max(self.begun)));
    }

    /// An object is so now, or is not there any more.
    pub fn learn(&mut self, place: Place, seen: Option<Seen>, at: Timestamp) {
        if seen.is_none() && !self.named && !self.keeps_gone {
            self.courses.remove(&place);
            return;
        }
        let (applied, at) = (self.applied.get(&place), at.max(self.begun));
        let course = self.courses.entry(place).or_insert_with(|| {
            let mut course = Course::new(at);
            course.arm(applied.cloned(), &self.policy, at);
            course
        });
        course.learn(seen, &self.policy, at);
        if self.pinned {
            course.pin(&self.policy, at);
        }
    }

    /// Each object, and how it stands.
    pub fn objects(&self, now: Timestamp) -> impl Iterator<Item = (&Place, &Course, Standing)> {
        self.courses.iter().map(move |(place, course)| (place, course, course.standing(&self.policy, now)))
    }

    /// When it ends at the latest.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// When it may lean otherwise by time alone.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Timestamp {
        let due = self.courses.values().filter_map(|course| course.due(&self.policy, now));
        due.chain([self.deadline()]).min().unwrap_or(Timestamp::MAX)
    }

    /// The verdict, if there is one by now.
    #[must_use]
    pub fn verdict(&mut self, now: Timestamp) -> Option<Verdict> {
        let to = if self.armed { self.leans_to(now) } else { None };
        self.lean(to);
        match &self.leaning.to {
            Some(to) if self.is_proven() => Some(self.proven_verdict(to.as_ref(), now)),
            None if self.looked => Some(self.undecided(now)),
            _ if now >= self.deadline() => Some(self.undecided(now)),
            _ => None,
        }
    }

    fn lean(&mut self, to: Option<Option<Place>>) {
        if self.leaning.to != to {
            self.leaning = Leaning { to, number: self.leaning.number + 1 };
        }
    }

    fn leans_to(&self, now: Timestamp) -> Option<Option<Place>> {
        let mut met = 0;
        for (place, _, standing) in self.objects(now) {
            match standing {
                Standing::Failed(_) => return Some(Some(place.clone())),
                Standing::Met => met += 1,
                Standing::Waiting(_) => {}
            }
        }
        (met == self.courses.len() && met >= self.policy.min_objects).then_some(None)
    }

    fn proven_verdict(&self, failed: Option<&Place>, now: Timestamp) -> Verdict {
        let failed = failed.and_then(|place| Some((place, self.courses.get(place)?)));
        let Some((place, course)) = failed else {
            let message = match self.courses.len() {
                0 => "there are no objects, and none are needed".to_owned(),
                met => format!("{met} of {met} objects are as they are needed"),
            };
            return Verdict { outcome: Outcome::Passed, reason: "Met".into(), message, at: now, culprit: None };
        };
        let (reason, message) = culprit(place, course, &course.standing(&self.policy, now));
        Verdict { outcome: Outcome::Failed, reason, message, at: now, culprit: Some(place.clone()) }
    }

    /// The verdict where time is up.
    #[must_use]
    pub fn undecided(&self, now: Timestamp) -> Verdict {
        let (reason, message) = self.what_is_missing(now);
        let waiting = |standing: &Standing| !matches!(standing, Standing::Met);
        let culprit = self.objects(now).find(|(.., standing)| waiting(standing)).map(|(place, ..)| place.clone());
        Verdict { outcome: Outcome::Undecided, reason: reason.to_owned(), message, at: now, culprit }
    }

    fn what_is_missing(&self, now: Timestamp) -> (&'static str, String) {
        let open = self.objects(now).filter(|(.., standing)| *standing != Standing::Met).count();
        let (there, least) = (self.courses.len(), self.policy.min_objects);
        match () {
            () if !self.armed => ("NotArmed", "nobody has said what was applied".to_owned()),
            () if self.leaning.to.is_some() => ("NotProven", "the view was not proven to be new enough".to_owned()),
            () if there < least => ("TooFewObjects", format!("{there} objects are there, {least} are to be")),
            () if self.looked => ("NotYet", format!("{open} of {there} objects are not as they are needed")),
            () => ("Deadline", format!("{open} of {there} objects are not as they are needed")),
        }
    }
}

/// Why an object has failed, in a word and a sentence.
fn culprit((_, key): &Place, course: &Course, standing: &Standing) -> (String, String) {
    let judgement = course.seen().map(|record| &record.judgement);
    let failing = match standing {
        Standing::Failed(failing) => failing.clone(),
        Standing::Met | Standing::Waiting(_) => Failing::ByRule,
    };
    let reason = match (&failing, judgement) {
        (Failing::NoProgress(_), _) => "NoProgress",
        (Failing::WrongAnnotation(_), _) => "InvalidAnnotation",
        (Failing::Restarts(_), Some(judgement)) if judgement.state != State::Failed => "TooManyRestarts",
        (_, Some(judgement)) => &judgement.reason,
        (_, None) => "Absent",
    };
    let name = match &*key.namespace {
        "" => key.name.to_string(),
        namespace => format!("{namespace}/{}", key.name),
    };
    let says = judgement.map(|judgement| judgement.message.to_string()).unwrap_or_default();
    let parts = [name, failing.to_string(), says];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (reason.to_owned(), parts.join(": "))
}
