//! The smallest change of labels by which selectors no longer match.
//!
//! A change that does it has, for each selector that matches, a label of that selector: so it is
//! found by going from one selector that still matches to the labels that it asks for, one label
//! deeper at a time.

use std::collections::{BTreeMap, BTreeSet};

use super::selector::{Labels, Selector, Test};
use crate::label::{LONGEST_VALUE, is_value};

/// Labels that are changed at most.
const MOST: usize = 8;
/// Changes that are looked at before one gives up.
const PATIENCE: usize = 20_000;
/// What a label is changed to, and what is added to what it was.
const WORD: &str = "quarantined";
/// Labels that controllers give to pods, to know their own: others tell people more.
const GENERATED: [&str; 5] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
];

/// New values of labels; `None` for one that goes.
pub(super) type Edits = BTreeMap<String, Option<String>>;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Question<'a> {
    /// What there is.
    pub(super) labels: &'a Labels,
    /// No one of these is to match.
    pub(super) hard: &'a [Selector],
    /// Of these, as few as possible are to match.
    pub(super) soft: &'a [Selector],
}

/// What tells changes apart that are as small: the lowest is taken. Labels that go, soft
/// selectors that match, labels that are a controller's.
type Cost = (usize, usize, usize);

struct Search<'a> {
    question: &'a Question<'a>,
    best: Option<(Cost, Edits)>,
    patience: usize,
}

impl Question<'_> {
    /// The smallest change; `None` if there is none that is small enough to be found.
    pub(super) fn answer(&self) -> Option<Edits> {
        let mut search = Search { question: self, best: None, patience: PATIENCE };
        for room in 0..=MOST {
            search.descend(&mut Edits::new(), room);
            if let Some((_, edits)) = search.best {
                return Some(edits);
            }
        }
        None
    }

    /// What a label may become, of which each may make a difference to some selector: a value
    /// that nobody asks for, none at all, or one that somebody will not have.
    fn candidates(&self, key: &str) -> Vec<Option<String>> {
        let before = self.labels.get(key);
        let requirements = self.hard.iter().chain(self.soft).flat_map(|selector| &selector.0);
        let tests: Vec<_> = requirements.filter(|it| it.key == key).map(|it| &it.test).collect();
        let values = |test: &&Test| match test {
            Test::In(values) | Test::NotIn(values) => values.clone(),
            Test::Exists | Test::DoesNotExist => Vec::new(),
        };
        let taken: BTreeSet<_> = tests.iter().flat_map(values).collect();
        let unwanted = tests.iter().filter(|test| matches!(test, Test::NotIn(_))).flat_map(values);
        let unwanted: BTreeSet<_> = unwanted.filter(|value| is_value(value)).map(Some).collect();
        let gone = before.map(|_| None);
        let all = std::iter::once(Some(fresh(before.map(String::as_str), &taken))).chain(gone).chain(unwanted);
        all.filter(|after| after.as_ref() != before).collect()
    }

    fn cost(&self, edits: &Edits) -> Cost {
        let labels = applied(self.labels, edits);
        (
            edits.values().filter(|after| after.is_none()).count(),
            self.soft.iter().filter(|selector| selector.matches(&labels)).count(),
            edits.keys().filter(|key| GENERATED.contains(&key.as_str())).count(),
        )
    }
}

impl Search<'_> {
    fn descend(&mut self, edits: &mut Edits, room: usize) {
        if self.patience == 0 {
            return;
        }
        self.patience -= 1;
        let labels = applied(self.question.labels, edits);
        let Some(selector) = self.question.hard.iter().find(|selector| selector.matches(&labels)) else {
            let found = (self.question.cost(edits), edits.clone());
            if self.best.as_ref().is_none_or(|best| found < *best) {
                self.best = Some(found);
            }
            return;
        };
        if room == 0 {
            return;
        }
        let keys: BTreeSet<_> = selector.0.iter().map(|it| &it.key).filter(|key| !edits.contains_key(*key)).collect();
        for key in keys {
            for after in self.question.candidates(key) {
                edits.insert(key.clone(), after);
                self.descend(edits, room - 1);
                edits.remove(key);
            }
        }
    }
}

/// Labels as they are after a change.
pub(super) fn applied(labels: &Labels, edits: &Edits) -> Labels {
    let mut labels = labels.clone();
    for (key, after) in edits {
        match after {
            Some(value) => labels.insert(key.clone(), value.clone()),
            None => labels.remove(key),
        };
    }
    labels
}

/// A value that is not taken and tells what was before.
fn fresh(before: Option<&str>, taken: &BTreeSet<String>) -> String {
    let named = |suffix: &str| match before.filter(|before| !before.is_empty()) {
        None => suffix.to_owned(),
        Some(before) => {
            let room = LONGEST_VALUE - suffix.len() - 1;
            let kept = &before[..before.floor_char_boundary(room)];
            format!("{}-{suffix}", kept.trim_end_matches(['-', '_', '.']))
        }
    };
    let numbered = (2_usize..).map(|number| named(&format!("{WORD}-{number}")));
    // Of numbers there are more than of values that are taken.
    std::iter::once(named(WORD)).chain(numbered).find(|value| !taken.contains(value)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn labels(value: &Value) -> Labels {
        serde_json::from_value(value.clone()).unwrap()
    }

    fn service(labels: &Value) -> Selector {
        Selector::of_labels(labels).unwrap()
    }

    fn answer(labels: &Labels, hard: &[Selector], soft: &[Selector]) -> Value {
        json!(Question { labels, hard, soft }.answer())
    }

    #[test]
    fn one_label_that_all_use_is_changed() {
        let pod = labels(&json!({"app": "web", "pod-template-hash": "5d", "tier": "front"}));
        let replica_set = service(&json!({"app": "web", "pod-template-hash": "5d"}));
        let web = service(&json!({"app": "web"}));
        assert_eq!(answer(&pod, &[web.clone(), replica_set.clone()], &[]), json!({"app": "web-quarantined"}));
        // Without Services, it is not the controller's own label.
        assert_eq!(answer(&pod, std::slice::from_ref(&replica_set), &[]), json!({"app": "web-quarantined"}));
        // A Service by another label takes one more.
        let front = service(&json!({"tier": "front"}));
        let both = json!({"app": "web-quarantined", "tier": "front-quarantined"});
        assert_eq!(answer(&pod, &[web, front, replica_set], &[]), both);
        assert_eq!(answer(&pod, &[service(&json!({"app": "api"}))], &[]), json!({}));
    }

    #[test]
    fn budgets_decide_between_changes_that_are_as_small() {
        let pod = labels(&json!({"app": "web", "zone": "a"}));
        let both = service(&json!({"app": "web", "zone": "a"}));
        assert_eq!(answer(&pod, std::slice::from_ref(&both), &[]), json!({"app": "web-quarantined"}));
        assert_eq!(answer(&pod, &[both], &[service(&json!({"zone": "a"}))]), json!({"zone": "a-quarantined"}));
    }

    #[test]
    fn what_asks_for_a_label_has_it_taken_away_and_what_refuses_a_value_gets_it() {
        let expression = |key: &str, operator: &str, values: Value| {
            Selector::read(&json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}))
                .unwrap()
        };
        let pod = labels(&json!({"app": "web"}));
        assert_eq!(answer(&pod, &[expression("app", "Exists", json!([]))], &[]), json!({"app": null}));
        assert_eq!(answer(&pod, &[expression("x", "DoesNotExist", json!([]))], &[]), json!({"x": "quarantined"}));
        assert_eq!(answer(&pod, &[expression("app", "NotIn", json!(["db"]))], &[]), json!({"app": "db"}));
        // A change does not make another selector match.
        let other = service(&json!({"app": "web-quarantined"}));
        assert_eq!(answer(&pod, &[service(&json!({"app": "web"})), other], &[]), json!({"app": "web-quarantined-2"}));
        // What selects everything cannot be escaped.
        assert_eq!(answer(&pod, &[Selector::read(&json!({})).unwrap()], &[]), Value::Null);
    }

    #[test]
    fn values_are_valid_whatever_was_before() {
        let none = BTreeSet::new();
        for before in ["", "a", &"a".repeat(63), &format!("{}.bcdefghijklm", "a".repeat(50))] {
            let value = fresh(Some(before), &none);
            assert!(is_value(&value) && value.ends_with(WORD), "{value}");
        }
        assert_eq!(fresh(None, &none), WORD);
    }

    /// A small random number; the same for the same seed.
    fn random(seed: &mut u64, below: u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % below
    }

    fn random_selector(seed: &mut u64) -> Selector {
        let tests = (0..=random(seed, 3)).map(|_| {
            let (key, value) = (random(seed, 4).to_string(), random(seed, 3).to_string());
            match random(seed, 8) {
                0 => json!({"key": key, "operator": "Exists"}),
                1 => json!({"key": key, "operator": "DoesNotExist"}),
                2 => json!({"key": key, "operator": "NotIn", "values": [value]}),
                3 => json!({"key": key, "operator": "In", "values": [value, "0"]}),
                _ => json!({"key": key, "operator": "In", "values": [value]}),
            }
        });
        let tests: Vec<_> = tests.collect();
        Selector::read(&json!({"matchExpressions": tests})).unwrap()
    }

    /// Every assignment of the labels that selectors know, by every value that they tell apart.
    fn brute_force(pod: &Labels, hard: &[Selector]) -> Option<usize> {
        let values = [None, Some("0"), Some("1"), Some("2"), Some("other")];
        let all = (0..values.len().pow(4)).map(|mut number| {
            let mut labels = Labels::new();
            for key in 0..4 {
                if let Some(value) = values[number % values.len()] {
                    labels.insert(key.to_string(), value.to_owned());
                }
                number /= values.len();
            }
            labels
        });
        let escapes = all.filter(|labels| !hard.iter().any(|selector| selector.matches(labels)));
        let size =
            |labels: Labels| (0..4).filter(|key| labels.get(&key.to_string()) != pod.get(&key.to_string())).count();
        escapes.map(size).min()
    }

    #[test]
    fn no_smaller_change_does_it() {
        let mut sizes = BTreeMap::new();
        for mut seed in 0..400 {
            let seed = &mut seed;
            let value = |key: u64| (random(seed, 4) > 0).then(|| (key.to_string(), random(seed, 3).to_string()));
            let pod: Labels = (0..4).filter_map(value).collect();
            let hard: Vec<_> = (0..=random(seed, 5)).map(|_| random_selector(seed)).collect();
            let edits = Question { labels: &pod, hard: &hard, soft: &[] }.answer();
            let smallest = brute_force(&pod, &hard);
            assert_eq!(edits.as_ref().map(Edits::len), smallest, "{pod:?} {hard:?} {edits:?}");
            if let Some(edits) = &edits {
                let after = applied(&pod, edits);
                assert!(!hard.iter().any(|selector| selector.matches(&after)), "{pod:?} {hard:?} {edits:?}");
            }
            *sizes.entry(smallest).or_insert(0) += 1;
        }
        assert!(sizes.len() > 2, "changes of each size are tried: {sizes:?}");
    }
}
