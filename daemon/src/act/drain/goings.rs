//! The pods that are to go, and when it is each one's turn.
//!
//! Of pods that share a budget one is asked for at a time, in turn; the others go at once. A
//! budget that has said no is asked again after a while, or when it changes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::plan::{Fate, Plan};

/// How long a pod waits that could not go: kubectl's.
const AGAIN: Duration = Duration::from_secs(5);
/// How soon at the earliest, if its budget has changed.
const SOON: Duration = Duration::from_millis(500);
/// Pods that are asked for at a time.
const AT_ONCE: usize = 16;

/// How far a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    Asked,
    Going,
    Over,
}

/// Pods that wait for each other.
#[derive(Debug)]
struct Turn {
    /// Those that wait, by their numbers.
    waiting: VecDeque<usize>,
    /// Whether one of them is asked for.
    is_busy: bool,
    /// Whether they share a budget.
    is_shared: bool,
    tried: Option<Instant>,
    not_before: Option<Instant>,
}

/// All pods that are to go.
#[derive(Debug)]
pub(super) struct Goings {
    stages: Vec<Stage>,
    turn_of: Vec<usize>,
    turns: Vec<Turn>,
    asked: usize,
}

impl Goings {
    /// The pods of a plan that go, by their order there.
    pub(super) fn of(plan: &Plan, heeds_budgets: bool) -> Self {
        let turn =
            |is_shared| Turn { waiting: VecDeque::new(), is_busy: false, is_shared, tried: None, not_before: None };
        let (mut turns, mut by_budgets, mut turn_of) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (number, pod) in plan.with(Fate::Goes).enumerate() {
            let place = match heeds_budgets && !pod.budgets.is_empty() {
                true => *by_budgets.entry(pod.budgets.clone()).or_insert_with(|| {
                    turns.push(turn(true));
                    turns.len() - 1
                }),
                false => {
                    turns.push(turn(false));
                    turns.len() - 1
                }
            };
            turns[place].waiting.push_back(number);
            turn_of.push(place);
        }
        Self { stages: vec![Stage::Waiting; turn_of.len()], turn_of, turns, asked: 0 }
    }

    /// The next pod that is to be asked for now.
    pub(super) fn next(&mut self, now: Instant) -> Option<usize> {
        if self.asked >= AT_ONCE {
            return None;
        }
        let is_due = |turn: &&mut Turn| {
            !turn.is_busy && !turn.waiting.is_empty() && turn.not_before.is_none_or(|not_before| not_before <= now)
        };
        // The one that has waited longest.
        let turn = self.turns.iter_mut().filter(is_due).min_by_key(|turn| turn.tried)?;
        let number = turn.waiting.pop_front()?;
        (turn.is_busy, turn.tried) = (true, Some(now));
        *self.stages.get_mut(number)? = Stage::Asked;
        self.asked += 1;
        Some(number)
    }

    /// When the next is to be asked for.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.asked >= AT_ONCE {
            // An answer comes first.
            return None;
        }
        let waits = self.turns.iter().filter(|turn| !turn.is_busy && !turn.waiting.is_empty());
        waits.filter_map(|turn| turn.not_before).min()
    }

    /// The pod is going: it is asked for no more.
    pub(super) fn goes(&mut self, number: usize) {
        self.answered(number, Stage::Going);
    }

    /// The pod could not go yet, and is asked for again; those that share its budget have their
    /// turn before.
    pub(super) fn waits(&mut self, number: usize, now: Instant) {
        self.answered(number, Stage::Waiting);
        if let Some(turn) = self.turn(number) {
            turn.waiting.push_back(number);
            turn.not_before = Some(now + AGAIN);
        }
    }

    /// The pod is gone, or will not go.
    pub(super) fn is_over(&mut self, number: usize) {
        self.answered(number, Stage::Over);
        if let Some(turn) = self.turn(number) {
            turn.waiting.retain(|other| *other != number);
        }
    }

    /// Budgets have changed: those that have said no are asked soon.
    pub(super) fn budgets_changed(&mut self) {
        for turn in self.turns.iter_mut().filter(|turn| turn.is_shared) {
            let soon = turn.tried.map(|tried| tried + SOON);
            turn.not_before = turn.not_before.min(soon).or(soon);
        }
    }

    /// Those that are not over, by their numbers, and whether each is going.
    pub(super) fn left(&self) -> impl Iterator<Item = (usize, bool)> {
        let left = self.stages.iter().enumerate().filter(|(_, stage)| **stage != Stage::Over);
        left.map(|(number, stage)| (number, *stage == Stage::Going))
    }

    fn answered(&mut self, number: usize, stage: Stage) {
        let Some(before) = self.stages.get_mut(number) else { return };
        let was_asked = *before == Stage::Asked;
        *before = stage;
        if was_asked {
            self.asked -= 1;
            if let Some(turn) = self.turn(number) {
                turn.is_busy = false;
            }
        }
    }

    fn turn(&mut self, number: usize) -> Option<&mut Turn> {
        self.turns.get_mut(*self.turn_of.get(number)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::drain::plan::Planned;
    use crate::record::Key;

    fn plan(budgets: &[&[usize]]) -> Plan {
        let pod = |(number, budgets): (usize, &&[usize])| Planned {
            key: Key::new("n", format!("p{number}")),
            uid: number.to_string(),
            fate: Fate::Goes,
            reason: "Evictable",
            message: String::new(),
            controller: None,
            budgets: budgets.to_vec(),
            quarantined: false,
        };
        let pods = budgets.iter().enumerate().map(pod).collect();
        Plan { pods, ..Plan::default() }
    }

    #[test]
    fn of_pods_that_share_a_budget_one_is_asked_for_at_a_time_and_in_turn() {
        let mut goings = Goings::of(&plan(&[&[0], &[0], &[], &[]]), true);
        let now = Instant::now();
        let first: Vec<_> = std::iter::from_fn(|| goings.next(now)).collect();
        assert_eq!(first, [0, 2, 3]);
        goings.waits(0, now);
        assert_eq!((goings.next(now), goings.due()), (None, Some(now + AGAIN)));
        assert_eq!(goings.next(now + AGAIN), Some(1), "the other has its turn first");
        goings.goes(1);
        assert_eq!(goings.next(now + AGAIN), Some(0));
        goings.is_over(0);
        let left: Vec<_> = goings.left().collect();
        assert_eq!(left, [(1, true), (2, false), (3, false)]);
    }

    #[test]
    fn a_budget_that_changes_is_asked_soon_but_not_at_once() {
        let mut goings = Goings::of(&plan(&[&[0]]), true);
        let now = Instant::now();
        assert_eq!(goings.next(now), Some(0));
        goings.waits(0, now);
        goings.budgets_changed();
        assert_eq!(goings.due(), Some(now + SOON));
        assert_eq!((goings.next(now), goings.next(now + SOON)), (None, Some(0)));
    }

    #[test]
    fn only_so_many_are_asked_for_at_a_time() {
        let budgets: Vec<&[usize]> = vec![&[]; AT_ONCE + 1];
        let mut goings = Goings::of(&plan(&budgets), true);
        let now = Instant::now();
        assert_eq!(std::iter::from_fn(|| goings.next(now)).count(), AT_ONCE);
        goings.is_over(0);
        assert_eq!(goings.next(now), Some(AT_ONCE));
    }

    #[test]
    fn a_pod_that_went_by_itself_is_not_asked_for() {
        let mut goings = Goings::of(&plan(&[&[0], &[0]]), true);
        goings.is_over(0);
        assert_eq!(goings.next(Instant::now()), Some(1));
        assert_eq!(goings.next(Instant::now()), None);
    }
}
