//! Words that are always the same, but that no enumeration lists.

use super::answer::Candidate;
use crate::output;

/// What an object can be asked to be: those that take more go on behind their sign of equality.
const CRITERIA: &[(&str, &str)] = &[
    ("ready", "Ready, by the rule of its kind"),
    ("rollout", "All replicas are of the newest revision"),
    ("complete", "Completed, for Jobs"),
    ("exists", "The object exists"),
    ("deleted", "The object is deleted"),
    ("condition=", "Condition TYPE has the status VALUE"),
    ("jsonpath=", "The field at {PATH} has the value VALUE"),
    ("cel=", "The CEL expression is true"),
    ("connect=", "HOST:PORT accepts connections, tried from this machine"),
];

/// The criteria that begin so.
pub fn criteria(typed: &str) -> Vec<Candidate> {
    let begun = CRITERIA.iter().filter(|(word, _)| word.starts_with(typed));
    let word = |(word, meaning): &(&str, &str)| {
        let candidate = Candidate::new(*word, *meaning);
        if word.ends_with('=') { candidate.open() } else { candidate }
    };
    begun.map(word).collect()
}

/// The ways to print that begin so.
pub fn outputs(typed: &str) -> Vec<Candidate> {
    let begun = output::words().into_iter().filter(|word| word.starts_with(typed));
    let word = |word: String| {
        let candidate = Candidate::new(word.as_str(), "");
        if word.ends_with('=') { candidate.open() } else { candidate }
    };
    begun.map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_those_that_are_taken() {
        assert_eq!(outputs("kubectl-"), [Candidate::new("kubectl-wide", "")]);
        for word in outputs("") {
            let text = if word.is_open { format!("{}x", word.text) } else { word.text };
            assert!(output::OutputArg::parse(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn criteria_are_those_that_are_taken() {
        for word in criteria("") {
            let text = match word.text.as_str() {
                "connect=" => "connect=a:1".to_owned(),
                "jsonpath=" => "jsonpath={.a}".to_owned(),
                text if word.is_open => format!("{text}x"),
                text => text.to_owned(),
            };
            assert!(crate::criterion::parse(&text).is_ok(), "{text}");
        }
        assert_eq!(criteria("re"), [Candidate::new("ready", "Ready, by the rule of its kind")]);
    }
}
