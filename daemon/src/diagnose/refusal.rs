//! Pods that the API server does not let be created: what it says.

use super::cause::Evidence;
use super::fields::{condition, text};
use super::object::Object;
use super::observation::Observation;
use super::target::Target;

/// What the API server says to a workload that wants pods.
pub(super) struct Refusal<'a> {
    /// The workload.
    pub(super) workload: &'a Object,
    /// The API server's own words.
    pub(super) message: String,
    /// Where they stand.
    pub(super) evidence: Evidence,
}

/// What is said to those of a target that have fewer pods than they want: in a condition, or in
/// the newest event of that sort.
pub(super) fn refusals<'a>(observation: &'a Observation, target: &Target<'a>) -> Vec<Refusal<'a>> {
    target.short_of_pods().filter_map(|workload| refusal(observation, workload)).collect()
}

fn refusal<'a>(observation: &'a Observation, workload: &'a Object) -> Option<Refusal<'a>> {
    let failure = condition(&workload.value, "ReplicaFailure").filter(|failure| text(failure, "/status") == "True");
    if let Some(failure) = failure {
        let message = text(failure, "/message").to_owned();
        return Some(Refusal { workload, message, evidence: Evidence::condition(workload, failure) });
    }
    let event = observation.events(workload).rfind(|event| event.reason == "FailedCreate")?;
    Some(Refusal { workload, message: event.message.clone(), evidence: Evidence::event(workload, event) })
}

/// The text between quotes behind some words.
pub(super) fn quoted<'a>(message: &'a str, words: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(words)?;
    let quote = rest.chars().next().filter(|char| matches!(char, '"' | '\''))?;
    rest.get(1..)?.split_once(quote).map(|(name, _)| name)
}
