//! What is said to people of a view that is not followed any more: as of when it is, and why.

use daymark::api::{Freshness, Unreachable};

use crate::duration;
use crate::printer::Printer;
use crate::status_json::age;

/// What is said when a view is up to date again.
const OVER: &str = "what is shown is up to date again";

/// Whether a view is followed, from message to message. It says once for each outage that it is not, and once that it is again.
#[derive(Debug, Default)]
pub struct Staleness {
    is_told: bool,
}

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A problem.
    Outdated(String),
    /// It is over.
    Over(&'static str),
}

impl Staleness {
    /// What a message's freshness tells that was not said yet. `unread` are kinds that are said to be missing anyway.
    pub fn news(&mut self, freshness: Option<&Freshness>, unread: &[Unreachable]) -> Option<News> {
        // Of messages that came together one has it.
        let freshness = freshness?;
        match outdated(Some(freshness), unread) {
            Some(line) if !std::mem::replace(&mut self.is_told, true) => Some(News::Outdated(line)),
            Some(_) => None,
            None => std::mem::take(&mut self.is_told).then_some(News::Over(OVER)),
        }
    }
}

/// Says it on stderr.
pub fn tell(news: Option<News>, printer: &mut Printer) {
    match news {
        Some(News::Outdated(line)) => printer.problem(&line),
        Some(News::Over(line)) => printer.note(line),
        None => {}
    }
}

/// One line for a view that is not followed.
pub fn outdated(freshness: Option<&Freshness>, unread: &[Unreachable]) -> Option<String> {
    let freshness = freshness.filter(|freshness| !freshness.problem.is_empty())?;
    let is_said = |kind: &Unreachable| kind.message.contains(&freshness.problem);
    if unread.iter().any(is_said) {
        return None;
    }
    let since = age(freshness).map(|age| duration::show(std::time::Duration::from_secs(age.as_secs())));
    let since = since.map_or_else(|| "of an unknown time".to_owned(), |since| format!("of {since} ago"));
    Some(format!("warning: what is shown is as {since}: {}", freshness.problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn freshness(problem: &str) -> Freshness {
        let age = Some(prost_types::Duration { seconds: 1200, nanos: 5 });
        Freshness { age, problem: problem.to_owned(), ..Freshness::default() }
    }

    #[test]
    fn an_outage_is_said_once_and_its_end_once() {
        let mut staleness = Staleness::default();
        let mut said = Vec::new();
        for problem in ["", "it is down", "it is down", "it is still down", "", "", "it is down"] {
            said.extend(staleness.news(Some(&freshness(problem)), &[]));
            assert_eq!(staleness.news(None, &[]), None);
        }
        let outdated = News::Outdated("warning: what is shown is as of 20m ago: it is down".to_owned());
        assert_eq!(said, [outdated.clone(), News::Over(OVER), outdated]);
    }

    #[test]
    fn what_is_missing_anyway_is_not_said_to_be_old() {
        let unread = Unreachable { message: "pods: it is down".to_owned(), ..Unreachable::default() };
        assert_eq!(outdated(Some(&freshness("it is down")), &[unread]), None);
    }
}
