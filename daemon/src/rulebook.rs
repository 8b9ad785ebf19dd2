//! Rules in CEL: the shipped ones, and those of the configuration.
//!
//! They judge kinds that have no rule of their own here, or another one than
//! their users want. Their authors are the daemon's operators, so they are
//! evaluated in its process; how deeply they are nested is limited.

pub mod files;
mod rule;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::thread;

use serde::Deserialize;
use serde_saphyr::Spanned;

use self::rule::Rule;
use crate::kind::Kind;
use crate::one_line::one_line;
use crate::rule::custom::CustomRule;
use crate::rule::view::Related;

/// The rules that come with Daymark.
const SHIPPED: &str = include_str!("rulebook/shipped.yaml");
/// How they are called in errors.
const SHIPPED_NAME: &str = "the shipped rules";

/// What the parser may recurse into.
const STACK: usize = 32 << 20;

/// A file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules: Vec<Spanned<Texts>>,
}

/// A rule as it is written: expressions, but for the kind.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Texts {
    /// The API group; empty for the core group.
    group: String,
    /// The kind, such as `Widget`.
    kind: String,
    observed: Option<Spanned<String>>,
    failed: Option<Spanned<String>>,
    fatal: Option<Spanned<String>>,
    paused: Option<Spanned<String>>,
    ready: Spanned<String>,
    in_progress: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
    message: Option<Spanned<String>>,
}

/// A text of rules, and how it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its file's name.
    pub name: String,
    /// Its text, in YAML.
    pub text: String,
}

/// What is wrong with a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The file.
    pub file: String,
    /// The line, from 1, if it is known.
    pub line: Option<u64>,
    /// What is wrong.
    pub problem: String,
}

impl std::error::Error for RuleError {}

/// `rules.yaml:7: ready: unknown name objct at character 1`.
impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

/// Rules by group and kind.
#[derive(Clone, Debug, Default)]
pub struct Rulebook {
    rules: HashMap<(String, String), Written>,
}

/// A rule, and the file that it is in.
#[derive(Clone, Debug)]
struct Written {
    file: Arc<str>,
    rule: Arc<Rule>,
}

impl Rulebook {
    /// The shipped rules, and over them those of `sources`; and what is wrong with
    /// these. Of two for one kind the later counts.
    ///
    /// A rule that is broken is as it is in `before`; if it is not there, objects
    /// of its kind are UNKNOWN. So are all rules of a text that cannot be read at
    /// all, as far as they are in `before`.
    #[must_use]
    pub fn of(sources: &[Source], before: Option<&Self>) -> (Self, Vec<RuleError>) {
        // The parser recurses, deeply for what is nested too deeply.
        thread::scope(|scope| {
            let read = || Self::read(sources, before);
            let reading = thread::Builder::new().name("rules".into()).stack_size(STACK).spawn_scoped(scope, read);
            let failed = |problem: String| {
                let error = RuleError { file: "the rules".into(), line: None, problem };
                (before.cloned().unwrap_or_default(), vec![error])
            };
            match reading.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(read)) => read,
                Ok(Err(_panic)) => failed("they cannot be read".into()),
                Err(error) => failed(error.to_string()),
            }
        })
    }

    fn read(sources: &[Source], before: Option<&Self>) -> (Self, Vec<RuleError>) {
        let mut book = Self::default();
        let shipped = Source { name: SHIPPED_NAME.into(), text: SHIPPED.into() };
        let mut errors = Vec::new();
        for source in [&shipped].into_iter().chain(sources) {
            book.add(source, before, &mut errors);
        }
        (book, errors)
    }

    /// The rule for a kind.
    #[must_use]
    pub fn rule(&self, kind: &Kind) -> Option<Arc<dyn CustomRule>> {
        self.rule_of(&kind.group, &kind.kind)
    }

    /// As [`Rulebook::rule`].
    #[must_use]
    pub fn rule_of(&self, group: &str, kind: &str) -> Option<Arc<dyn CustomRule>> {
        let written = self.rules.get(&(group.to_owned(), kind.to_owned()))?;
        Some(Arc::clone(&written.rule) as Arc<dyn CustomRule>)
    }

    /// Whether objects of a kind are judged alike by both.
    #[must_use]
    pub fn agrees(&self, other: &Self, kind: &Kind) -> bool {
        let place = (kind.group.clone(), kind.kind.clone());
        let rule = |book: &Self| book.rules.get(&place).map(|written| Arc::clone(&written.rule));
        rule(self) == rule(other)
    }

    fn add(&mut self, source: &Source, before: Option<&Self>, errors: &mut Vec<RuleError>) {
        let error = |line, problem| RuleError { file: source.name.clone(), line, problem };
        let file: File = match serde_saphyr::from_str(&source.text) {
            Ok(file) => file,
            Err(problem) => {
                let line = problem.location().map(|at| at.line());
                errors.push(error(line, one_line(&problem.without_snippet().to_string())));
                let known = before.iter().flat_map(|book| &book.rules);
                let of_file = known.filter(|(_, written)| *written.file == *source.name);
                self.rules.extend(of_file.map(|(place, written)| (place.clone(), written.clone())));
                return;
            }
        };
        for Spanned { value: texts, referenced, .. } in file.rules {
            let line = Some(referenced.line());
            let Texts { group, kind, .. } = &texts;
            if let Some(set) = looked_at(group, kind) {
                let problem = format!("{set:?} have a rule that is part of others: it cannot be replaced");
                errors.push(error(line, problem));
                continue;
            }
            let place = (group.clone(), kind.clone());
            let rule = match Rule::compile(texts) {
                Ok(rule) => Arc::new(rule),
                Err((line, problem)) => {
                    let broken = error(Some(line), problem);
                    let known = before.and_then(|book| book.rules.get(&place)).map(|written| &written.rule);
                    let rule = known.filter(|rule| !rule.is_broken()).cloned();
                    let rule = rule.unwrap_or_else(|| Arc::new(Rule::broken(&broken)));
                    errors.push(broken);
                    rule
                }
            };
            self.rules.insert(place, Written { file: source.name.as_str().into(), rule });
        }
    }
}

fn looked_at(group: &str, kind: &str) -> Option<Related> {
    Related::ALL.into_iter().find(|set| set.group_kind() == (group, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(text: &str, before: Option<&Rulebook>) -> (Rulebook, Vec<String>) {
        let (book, errors) = Rulebook::of(&[Source { name: "r.yaml".into(), text: text.into() }], before);
        (book, errors.iter().map(ToString::to_string).collect())
    }

    fn reason(book: &Rulebook, kind: &str) -> String {
        let rule = book.rule_of("example.com", kind).unwrap();
        rule.judge(br#"{"status":{"phase":"Up"}}"#).reason.into_owned()
    }

    const GOOD: &str = "rules:\n- {group: example.com, kind: A, ready: object.status.phase == 'Up'}\n";

    #[test]
    fn the_shipped_rules_are_whole() {
        assert_eq!(book("rules: []", None).1, [""; 0]);
    }

    #[test]
    fn a_broken_rule_says_where_and_leaves_the_others_alone() {
        let text = format!("{GOOD}- group: example.com\n  kind: B\n  ready: objct.x\n");
        let (book, errors) = book(&text, None);
        assert_eq!(errors, ["r.yaml:5: ready: unknown name objct at character 1"]);
        assert_eq!(reason(&book, "A"), "Ready");
        assert_eq!(reason(&book, "B"), "RuleBroken");
    }

    #[test]
    fn a_rule_that_breaks_stays_as_it_was() {
        let (before, _) = book(GOOD, None);
        let (book, errors) = book(&GOOD.replace("object.", "objct."), Some(&before));
        assert_eq!((errors.len(), &*reason(&book, "A")), (1, "Ready"));
        // Nor is it gone with its file.
        let (book, errors) = self::book("rules: [", Some(&before));
        assert_eq!((errors.len(), &*reason(&book, "A")), (1, "Ready"));
    }

    #[test]
    fn the_deepest_rule_can_be_evaluated_on_any_thread() {
        let text = format!(
            "rules:\n- {{group: example.com, kind: A, ready: '{}true{}'}}\n",
            "[".repeat(11),
            "][0]".repeat(11)
        );
        let (book, errors) = book(&text, None);
        assert_eq!(errors, [""; 0]);
        assert_eq!(reason(&book, "A"), "Ready");
    }

    #[test]
    fn what_is_no_rule_says_where() {
        for (text, says) in [
            ("rules:\n- group: a\n  kind: b\n  ready: 'true'\n  reddy: x\n", "r.yaml:5: "),
            ("rules:\n- group: a\n  kind: b\n", "r.yaml:3: missing field `ready`"),
            ("rules: [", "r.yaml:1: "),
            ("rules:\n- {group: '', kind: Pod, ready: 'true'}\n", "Pods have a rule that is part of others"),
        ] {
            let errors = book(text, None).1;
            assert!(errors.len() == 1 && errors[0].contains(says), "{errors:?}");
        }
        // As deep as the parser goes, which is deeper than is evaluated.
        let deep = format!("rules:\n- {{group: a, kind: b, ready: '{}true{}'}}\n", "(!".repeat(80), ")".repeat(80));
        assert!(book(&deep, None).1[0].contains("nested too deeply"), "{:?}", book(&deep, None).1);
    }
}
