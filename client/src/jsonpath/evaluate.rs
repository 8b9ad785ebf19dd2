//! Executes templates, as k8s.io/client-go `util/jsonpath/jsonpath.go` does.

use serde_json::Value;

use super::compare;
use super::error::ExecuteError;
use super::found::Found;
use super::node::{Filter, Node, Operator, Slice};
use super::{MAX_NESTING, MAX_RANGES};

/// What each of a template's `nodes` finds in `document`.
///
/// # Errors
/// If one does not fit the document, or a limit is reached.
pub fn evaluate<'a>(
    nodes: &'a [Node],
    document: &'a Value,
    strict: bool,
    steps: u64,
) -> Result<Vec<Vec<Found<'a>>>, ExecuteError> {
    let mut run = Run { nodes, strict, steps, left: steps, begun: 0, within: 0, ended: 0, last_end: None };
    let mut all = Vec::new();
    run.block(0, Found::Value(document).as_root(), &mut all)?;
    Ok(all)
}

/// One execution.
struct Run<'a> {
    nodes: &'a [Node],
    strict: bool,
    /// The limit of steps, and how many are left.
    steps: u64,
    left: u64,
    /// Ranges that were met and not gone into yet; those that are gone through; and ends that were met and
    /// have ended none yet.
    begun: usize,
    within: usize,
    ended: usize,
    /// The node at which a range ended last.
    last_end: Option<usize>,
}

/// An error, and whether what was found until then is something: a filter that asks whether anything is
/// there takes that for an answer.
struct Stopped {
    error: ExecuteError,
    found_some: bool,
}

type Walked<'a> = Result<Vec<Found<'a>>, Stopped>;

fn stop<T>(error: ExecuteError, found_some: bool) -> Result<T, Stopped> {
    Err(Stopped { error, found_some })
}

impl<'a> Run<'a> {
    /// Goes through the template's nodes from one on, up to the end of the range that they are in.
    fn block(&mut self, first: usize, root: Found<'a>, all: &mut Vec<Vec<Found<'a>>>) -> Result<(), ExecuteError> {
        let nodes = self.nodes;
        let mut at = first;
        while let Some(node) = nodes.get(at) {
            let found = self.walk(&[root], node).map_err(|stopped| stopped.error)?;
            if self.ended > 0 && self.ended <= self.within {
                self.ended -= 1;
                self.last_end = Some(at);
                break;
            }
            if self.begun > 0 {
                self.begun -= 1;
                at = self.range(at, found, all)?;
            } else {
                all.push(found);
                at += 1;
            }
        }
        Ok(())
    }

    /// Goes through what follows the range at `at` with each value that it has found. Returns where to go on.
    fn range(
        &mut self,
        at: usize,
        found: Vec<Found<'a>>,
        all: &mut Vec<Vec<Found<'a>>>,
    ) -> Result<usize, ExecuteError> {
        self.within += 1;
        if self.within > MAX_RANGES {
            return Err(ExecuteError::TooManyRanges(MAX_RANGES));
        }
        if found.is_empty() {
            // Its end is found by going through it once.
            self.block(at + 1, Found::Nothing, &mut Vec::new())?;
        }
        for value in found {
            self.block(at + 1, value.as_root(), all)?;
        }
        self.within -= 1;
        // A range that never ends goes on behind its begin.
        Ok(self.last_end.filter(|end| *end > at).unwrap_or(at) + 1)
    }

    fn spend(&mut self, steps: usize) -> Result<(), Stopped> {
        match self.left.checked_sub(steps as u64) {
            Some(left) => self.left = left,
            None => return stop(ExecuteError::TooManySteps(self.steps), false),
        }
        Ok(())
    }

    /// What `node` finds in each of `input`.
    fn walk(&mut self, input: &[Found<'a>], node: &'a Node) -> Walked<'a> {
        self.spend(1 + input.len())?;
        match node {
            Node::Text(text) => Ok(vec![Found::Text(text)]),
            Node::List(nodes) => self.list(input, nodes),
            Node::Field(name) => self.field(input, name),
            Node::Slice(slice) => self.slice(input, *slice),
            Node::Filter(filter) => self.filter(input, filter),
            Node::Union(parts) => self.union(input, parts),
            Node::Wildcard => self.wildcard(input),
            Node::Descent => {
                let mut found = Vec::new();
                self.descend(input, 0, &mut found)?;
                Ok(found)
            }
            Node::Int(number) => Ok(vec![Found::Int(*number); input.len()]),
            Node::Float(number) => Ok(vec![Found::Float(*number); input.len()]),
            Node::Bool(yes) => Ok(vec![Found::Bool(*yes); input.len()]),
            Node::Word(word) => self.word(input, word),
        }
    }

    fn list(&mut self, input: &[Found<'a>], nodes: &'a [Node]) -> Walked<'a> {
        let mut found = input.to_vec();
        for node in nodes {
            found = self.walk(&found, node)?;
        }
        Ok(found)
    }

    fn word(&mut self, input: &[Found<'a>], word: &str) -> Walked<'a> {
        match word {
            "range" => self.begun += 1,
            "end" if self.within > 0 => {
                self.ended += 1;
                return Ok(Vec::new());
            }
            "end" => return stop(ExecuteError::NothingToEnd, false),
            _ => return stop(ExecuteError::UnknownWord(word.to_owned()), !input.is_empty()),
        }
        Ok(input.to_vec())
    }

    fn field(&mut self, input: &[Found<'a>], name: &str) -> Walked<'a> {
        let found: Vec<_> = input.iter().filter_map(|value| value.field(name)).collect();
        if found.is_empty() && !input.is_empty() && self.strict {
            return stop(ExecuteError::NotFound(name.to_owned()), false);
        }
        Ok(found)
    }

    fn slice(&mut self, input: &[Found<'a>], slice: Slice) -> Walked<'a> {
        let mut found = Vec::new();
        for value in input {
            if value.is_null() || *value == Found::Nothing {
                continue;
            }
            let Some(items) = value.as_list() else {
                return stop(ExecuteError::NotAList(value.type_name()), true);
            };
            // The first that is empty ends it, with what was found until then.
            let bounds = bounds(slice, items.len()).map_err(|error| Stopped { error, found_some: true })?;
            let Some(bounds) = bounds else { break };
            let step = match slice.step {
                Some(step) if step <= 0 => return stop(ExecuteError::Step, true),
                step => usize::try_from(step.unwrap_or(1)).unwrap_or(usize::MAX),
            };
            let part = items.get(bounds).unwrap_or_default();
            self.spend(part.len() / step)?;
            found.extend(part.iter().step_by(step).map(Found::Value));
        }
        Ok(found)
    }

    fn union(&mut self, input: &[Found<'a>], parts: &'a [Vec<Node>]) -> Walked<'a> {
        let mut found = Vec::new();
        for part in parts {
            let more = self.list(input, part);
            found.extend(more.map_err(|stopped| Stopped { found_some: !input.is_empty(), ..stopped })?);
        }
        Ok(found)
    }

    fn wildcard(&mut self, input: &[Found<'a>]) -> Walked<'a> {
        let mut found = Vec::new();
        for value in input {
            let before = found.len();
            found.extend(value.children());
            self.spend(found.len() - before)?;
        }
        Ok(found)
    }

    /// All within `input` that has something in it, from above.
    fn descend(&mut self, input: &[Found<'a>], depth: usize, found: &mut Vec<Found<'a>>) -> Result<(), Stopped> {
        if depth > MAX_NESTING {
            return stop(ExecuteError::TooDeep(MAX_NESTING), false);
        }
        for value in input {
            // A text has bytes in it, which have nothing.
            let is_leaf = !matches!(value, Found::Value(Value::Array(_) | Value::Object(_)));
            if is_leaf {
                found.extend(value.children().next().map(|_| *value));
                continue;
            }
            let children: Vec<_> = value.children().collect();
            self.spend(children.len())?;
            if !children.is_empty() {
                found.push(*value);
                self.descend(&children, depth + 1, found)?;
            }
        }
        Ok(())
    }

    fn filter(&mut self, input: &[Found<'a>], filter: &'a Filter) -> Walked<'a> {
        let mut found = Vec::new();
        for value in input {
            let Some(items) = value.as_list() else {
                return stop(ExecuteError::NotFilterable(value.shown()), true);
            };
            for item in items {
                let item = Found::Value(item);
                let passes = self.passes(item, filter);
                let passes = passes.map_err(|Stopped { error, found_some }| {
                    let found_some = found_some || !found.is_empty();
                    Stopped { error, found_some }
                })?;
                if passes {
                    found.push(item);
                }
            }
        }
        Ok(found)
    }

    /// Whether a list's item is as the filter wants it.
    fn passes(&mut self, item: Found<'a>, filter: &'a Filter) -> Result<bool, Stopped> {
        let found = self.list(&[item], &filter.left);
        if filter.operator == Operator::Exists {
            return match found {
                Ok(found) => Ok(!found.is_empty()),
                Err(stopped) if stopped.error.is_limit() => Err(stopped),
                Err(stopped) => Ok(stopped.found_some),
            };
        }
        let has_found = |stopped: Stopped| Stopped { found_some: true, ..stopped };
        let Some(left) = one(&found.map_err(has_found)?)? else { return Ok(false) };
        let found = self.list(&[item], &filter.right);
        let Some(right) = one(&found.map_err(has_found)?)? else { return Ok(false) };
        compare::holds(left, &filter.operator, right).map_err(|error| Stopped { error, found_some: false })
    }
}

/// The only value of a side of a comparison; none, if there is none.
fn one<'a>(found: &[Found<'a>]) -> Result<Option<Found<'a>>, Stopped> {
    match found {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => stop(ExecuteError::SeveralCompared, true),
    }
}

/// Which of a list's items a slice has; none, if it begins where it ends.
fn bounds(slice: Slice, length: usize) -> Result<Option<std::ops::Range<usize>>, ExecuteError> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let from = slice.from.unwrap_or(0);
    let from = if from < 0 { from + length } else { from };
    let to = slice.to.unwrap_or(length);
    // The item behind the last, which -1 is, is written 0.
    let to = if to < 0 || (to == 0 && slice.is_index) { to + length } else { to };
    if from == to {
        return Ok(None);
    }
    if !(0..length).contains(&from) {
        return Err(ExecuteError::OutOfBounds { index: from, length });
    }
    if !(0..=length).contains(&to) {
        return Err(ExecuteError::OutOfBounds { index: to.wrapping_sub(1), length });
    }
    match (usize::try_from(from), usize::try_from(to)) {
        (Ok(first), Ok(end)) if first < end => Ok(Some(first..end)),
        _ => Err(ExecuteError::Backwards { from, to }),
    }
}
