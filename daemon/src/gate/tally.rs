//! All objects of a gate, and what they come to.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::course::{Applied, Course, Standing};
use super::policy::Policy;
use super::{Outcome, Verdict};
use crate::record::{Key, Record};

/// An object's place: that of its cache in the gate's selection, and its name.
pub type Place = (usize, Key);

/// All objects of a gate. Nothing here waits or reads a clock.
#[derive(Debug)]
pub struct Tally {
    policy: Policy,
    opened: Timestamp,
    courses: BTreeMap<Place, Course>,
    /// Whether objects are named: they stay when they do not exist.
    named: bool,
    /// What is known of objects before they are.
    applied: BTreeMap<Place, Applied>,
    armed: bool,
    proven: bool,
}

impl Tally {
    /// For the objects at `named`, or for a set whose objects are told. Nothing is
    /// decided before it is armed, if that is awaited.
    #[must_use]
    pub fn new(policy: Policy, named: Option<Vec<Place>>, await_arming: bool, opened: Timestamp) -> Self {
        let is_named = named.is_some();
        let courses = named.into_iter().flatten().map(|place| (place, Course::new(opened))).collect();
        let applied = BTreeMap::new();
        Self { policy, opened, courses, named: is_named, applied, armed: !await_arming, proven: false }
    }

    /// Whether it may end.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.armed
    }

    /// Whether the view is proven.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.proven
    }

    /// The view is proven, or is no longer.
    pub fn prove(&mut self, proven: bool) {
        self.proven = proven;
    }

    /// These were applied; from now on it may end.
    pub fn arm(&mut self, applied: Vec<(Place, Applied)>, at: Timestamp) {
        self.armed = true;
        self.applied.extend(applied);
        for (place, course) in &mut self.courses {
            course.arm(self.applied.get(place).cloned(), &self.policy, at);
        }
    }

    /// A snapshot begins: what it does not tell is not there.
    pub fn begin_anew(&mut self, told: &BTreeMap<Place, Arc<Record>>, at: Timestamp) {
        let gone: Vec<_> = self.courses.keys().filter(|place| !told.contains_key(place)).cloned().collect();
        gone.into_iter().for_each(|place| self.learn(place, None, at));
        told.iter().for_each(|(place, record)| self.learn(place.clone(), Some(Arc::clone(record)), at));
    }

    /// An object is so now, or is not there any more.
    pub fn learn(&mut self, place: Place, seen: Option<Arc<Record>>, at: Timestamp) {
        if seen.is_none() && !self.named && self.policy.goal != super::Goal::Deleted {
            self.courses.remove(&place);
            return;
        }
        let applied = self.applied.get(&place);
        let course = self.courses.entry(place).or_insert_with(|| {
            let mut course = Course::new(at);
            course.arm(applied.cloned(), &self.policy, at);
            course
        });
        course.learn(seen, &self.policy, at);
    }

    /// Each object, and how it stands.
    pub fn objects(&self, now: Timestamp) -> impl Iterator<Item = (&Place, &Course, Standing)> {
        self.courses.iter().map(move |(place, course)| (place, course, course.standing(&self.policy, now)))
    }

    /// When it ends at the latest.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.opened.saturating_add(self.policy.deadline).unwrap_or(Timestamp::MAX)
    }

    /// When it may end by time alone.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Timestamp {
        let due = self.courses.values().filter_map(|course| course.due(&self.policy, now));
        due.chain([self.deadline()]).min().unwrap_or(Timestamp::MAX)
    }

    /// The verdict, if there is one by now.
    #[must_use]
    pub fn verdict(&self, now: Timestamp) -> Option<Verdict> {
        let verdict = |outcome, reason: String, message: String| Some(Verdict { outcome, reason, message, at: now });
        if self.armed && self.proven {
            let failed = self.objects(now).find(|(.., standing)| matches!(standing, Standing::Failed(_)));
            if let Some((place, course, standing)) = failed {
                let (reason, message) = culprit(place, course, &standing);
                return verdict(Outcome::Failed, reason, message);
            }
            let met = self.objects(now).filter(|(.., standing)| *standing == Standing::Met).count();
            if met == self.courses.len() && met >= self.policy.min_objects {
                return verdict(
                    Outcome::Passed,
                    "Met".into(),
                    format!("{met} of {met} objects are as they are needed"),
                );
            }
        }
        (now >= self.deadline()).then(|| self.undecided(now))
    }

    /// The verdict where time is up.
    #[must_use]
    pub fn undecided(&self, now: Timestamp) -> Verdict {
        let (reason, message) = self.what_is_missing(now);
        Verdict { outcome: Outcome::Undecided, reason: reason.to_owned(), message, at: now }
    }

    fn what_is_missing(&self, now: Timestamp) -> (&'static str, String) {
        let open = self.objects(now).filter(|(.., standing)| *standing != Standing::Met).count();
        let (there, least) = (self.courses.len(), self.policy.min_objects);
        match () {
            () if !self.armed => ("NotArmed", "nobody has said what was applied".to_owned()),
            () if !self.proven => ("NotProven", "the view was not proven to be new enough".to_owned()),
            () if there < least => ("TooFewObjects", format!("{there} objects are there, {least} are to be")),
            () => ("Deadline", format!("{open} of {there} objects are not as they are needed")),
        }
    }
}

fn culprit((_, key): &Place, course: &Course, standing: &Standing) -> (String, String) {
    let name = match &*key.namespace {
        "" => key.name.to_string(),
        namespace => format!("{namespace}/{}", key.name),
    };
    let judgement = course.seen().map(|record| &record.judgement);
    match (standing, judgement) {
        (Standing::Failed(why), _) if !why.is_empty() => ("NoProgress".into(), format!("{name}: {why}")),
        (_, Some(judgement)) => (judgement.reason.to_string(), format!("{name}: {}", judgement.message)),
        (_, None) => ("Failed".into(), name),
    }
}
