//! All objects of a gate, and what they come to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::course::{Applied, Course, Failing, Standing};
use super::family::Family;
use super::policy::{Criterion, Policy};
use super::seen::Seen;
use super::{Outcome, Verdict};
use crate::record::{Detail, Key, Record};
use crate::state::{Doom, State};

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
    policy: Policies,
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

/// How each object is judged.
#[derive(Debug)]
struct Policies {
    asked: Policy,
    /// Where what the targets own is judged, too.
    family: Option<Family>,
    owned: Policy,
}

impl Policies {
    fn of(&self, place: &Place) -> &Policy {
        match &self.family {
            Some(family) if !family.asks_for(place) => &self.owned,
            _ => &self.asked,
        }
    }
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
        let owned = policy.of_what_is_owned();
        Self {
            deadline: opened.saturating_add(policy.deadline).unwrap_or(Timestamp::MAX),
            policy: Policies { asked: policy, family: None, owned },
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

    /// Which proves at once what is there: of that some may be gone when it is looked at again.
    #[must_use]
    pub fn from_a_proof(self) -> Self {
        Self { pinned: false, ..self }
    }

    /// With another deadline: it was opened before anybody looked.
    #[must_use]
    pub fn until(self, deadline: Timestamp) -> Self {
        Self { deadline, ..self }
    }

    /// For that family, besides: what is told may be of strangers.
    #[must_use]
    pub fn with(mut self, family: Option<Family>) -> Self {
        self.policy.family = family;
        self
    }

    /// Whether what the gate's criteria say of the object there is of use.
    #[must_use]
    pub fn asks_for(&self, place: &Place, record: &Record) -> bool {
        self.policy.family.as_ref().is_none_or(|family| family.targets().have(place, record))
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
        let is_of_use = self.leaning.to.is_some() || !self.pinned || self.policy.asked.once;
        (self.armed && is_of_use && !self.is_proven()).then_some(self.leaning.number)
    }

    /// Everything is taken in that a read has seen which began when that was the
    /// number.
    pub fn prove(&mut self, number: u64, at: Timestamp) {
        // What came in since it leaned last may be younger than the proof.
        self.lean(self.leans_to(at));
        let is_of_what_it_leans_to = number == self.leaning.number;
        self.proven = Some(number);
        self.courses.values_mut().for_each(Course::take_as_read);
        if !self.pinned || self.policy.asked.once {
            (self.pinned, self.looked) = (true, self.policy.asked.once);
            self.courses.iter_mut().for_each(|(place, course)| course.pin(self.policy.of(place), at));
            self.lean(self.leans_to(at));
            // What it leans to by that is of the same view.
            self.proven = is_of_what_it_leans_to.then_some(self.leaning.number);
        }
    }

    /// These were applied; from now on it may end.
    pub fn arm(&mut self, applied: Vec<(Place, Applied)>, at: Timestamp) {
        (self.armed, self.begun) = (true, at);
        self.applied.extend(applied);
        for (place, course) in &mut self.courses {
            course.arm(self.applied.get(place).cloned(), self.policy.of(place), at);
        }
        // What was seen before counts for nothing.
        self.lean(None);
    }

    /// A snapshot begins: what it does not tell is not there, and what happened
    /// before it is not known.
    pub fn begin_anew(&mut self, told: BTreeMap<Place, Seen>, at: Timestamp) {
        self.doubt(None, at);
        let others = self.policy.family.iter().flat_map(Family::places);
        let known = self.courses.keys().chain(others);
        let gone: BTreeSet<_> = known.filter(|place| !told.contains_key(place)).cloned().collect();
        gone.into_iter().for_each(|place| self.learn(place, None, at));
        told.into_iter().for_each(|(place, seen)| self.learn(place, Some(seen), at));
    }

    /// Something may have happened that is not told, to the objects of that cache, or
    /// of all.
    pub fn doubt(&mut self, cache: Option<usize>, at: Timestamp) {
        let doubted = |place: &Place| cache.is_none_or(|cache| cache == place.0);
        let courses = self.courses.iter_mut().filter(|(place, _)| doubted(place));
        courses.for_each(|(place, course)| course.doubt(self.policy.of(place), at.max(self.begun)));
    }

    /// An object is so now, or is not there any more.
    pub fn learn(&mut self, place: Place, seen: Option<Seen>, at: Timestamp) {
        let Some(family) = &mut self.policy.family else { return self.judge(place, seen, at) };
        let moves = family.learn(&place, seen.clone());
        let joined = |place: Place| (family.seen(&place).cloned(), place);
        let mut news: Vec<_> = moves.joined.into_iter().filter(|joined| *joined != place).map(joined).collect();
        let is_its_own = family.has(&place);
        let seen = seen.filter(|seen| family.is_of_it(&place, &seen.record));
        // What is named is a member, there or not.
        for left in moves.left.into_iter().filter(|left| !family.has(left)) {
            self.courses.remove(&left);
        }
        if is_its_own {
            news.push((seen, place));
        }
        news.into_iter().for_each(|(seen, place)| self.judge(place, seen, at));
    }

    /// Takes in one of its own.
    fn judge(&mut self, place: Place, seen: Option<Seen>, at: Timestamp) {
        if seen.is_none() && !self.named(&place) && !self.keeps_gone {
            self.courses.remove(&place);
            return;
        }
        let is_named = self.named(&place);
        let policy = self.policy.of(&place);
        let asks_for_health = policy.goal.is_about_being_ready() && policy.fail_on.is_empty();
        if !is_named && asks_for_health && seen.as_ref().is_some_and(|it| is_replaced(&it.record)) {
            self.courses.remove(&place);
            return;
        }
        let (applied, at) = (self.applied.get(&place), at.max(self.begun));
        let course = self.courses.entry(place).or_insert_with(|| {
            let mut course = Course::new(at);
            course.arm(applied.cloned(), policy, at);
            course
        });
        let before = course.uid().cloned();
        course.learn(seen, policy, at);
        if self.pinned {
            course.pin(policy, at);
        }
        // A proof of one object is none of another that has its name.
        if is_named && course.uid() != before.as_ref() {
            self.lean(None);
        }
    }

    /// Whether the object there stays when it does not exist.
    fn named(&self, place: &Place) -> bool {
        self.named && self.policy.family.as_ref().is_none_or(|family| family.has(place))
    }

    /// Each object, and how it stands.
    pub fn objects(&self, now: Timestamp) -> impl Iterator<Item = (&Place, &Course, Standing)> {
        self.courses.iter().map(move |(place, course)| (place, course, course.standing(self.policy.of(place), now)))
    }

    /// When it ends at the latest.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// When it may lean otherwise by time alone.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Timestamp {
        let due = self.courses.iter().filter_map(|(place, course)| course.due(self.policy.of(place), now));
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
        (met == self.courses.len() && met >= self.policy.asked.min_objects).then_some(None)
    }

    fn proven_verdict(&self, failed: Option<&Place>, now: Timestamp) -> Verdict {
        let failed = failed.and_then(|place| Some((place, self.courses.get(place)?)));
        let Some((place, course)) = failed else {
            let message = match self.courses.len() {
                0 => "there are no objects, and none are required".to_owned(),
                met => format!("{met} of {met} objects meet the criteria{}", self.unknown(now)),
            };
            return Verdict { outcome: Outcome::Passed, reason: "Met".into(), message, at: now, culprit: None };
        };
        let (reason, message) = culprit(place, course, &course.standing(self.policy.of(place), now));
        Verdict { outcome: Outcome::Failed, reason, message, at: now, culprit: Some(place.clone()) }
    }

    /// How many of those that meet the criteria nobody can judge, if any.
    fn unknown(&self, now: Timestamp) -> String {
        let is_unknown = |course: &Course| course.seen().is_some_and(|seen| seen.judgement.state == State::Unknown);
        match self.objects(now).filter(|(_, course, _)| is_unknown(course)).count() {
            0 => String::new(),
            unknown => format!("; the state of {unknown} is unknown"),
        }
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
        let (there, least) = (self.courses.len(), self.policy.asked.min_objects);
        match () {
            () if !self.armed => ("NotArmed", "the gate was never armed with what was applied".to_owned()),
            () if self.leaning.to.is_some() => ("NotProven", "the view was not proven to be current".to_owned()),
            () if there < least => ("TooFewObjects", format!("{there} objects exist, {least} are required")),
            () if self.looked => ("NotYet", format!("{open} of {there} objects do not meet the criteria")),
            () => ("Deadline", format!("{open} of {there} objects do not meet the criteria")),
        }
    }
}

/// Whether it is a pod that was evicted or the like: its controller has made another one, and what
/// is left of it goes by itself, some day.
fn is_replaced(record: &Record) -> bool {
    let is_over = matches!(record.detail, Detail::Pod { over: true, .. });
    is_over && record.judgement.state == State::Failed && record.judgement.doom == Doom::Transient
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
