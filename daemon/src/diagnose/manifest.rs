//! Manifests that are to be applied, and what the API server says of them.

use super::checks::{Answer, Outcome, not_checked, ok};
use super::fields::{brief, counted};

/// What is told of manifests in lines; the others are counted.
const LINES: usize = 20;

/// A manifest that was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Where a person finds it, such as `web.yaml#2`.
    pub place: String,
    /// Its kind, such as `Deployment`.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// What the API server says of it.
    pub ruling: Ruling,
}

impl Manifest {
    /// What a line about it begins with: `web.yaml#2: Deployment web: `.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}: {} {}: ", self.place, self.kind, self.name)
    }
}

/// What the API server says of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It would take it, and warns of these.
    Valid(Vec<String>),
    /// It would not, for these reasons.
    Invalid(Vec<String>),
    /// It was not asked, or did not say: why.
    NotChecked(String),
}

/// Whether the API server would take all of them.
pub(super) fn answer(manifests: &[Manifest], command: String) -> Answer {
    let is_invalid = |it: &&Manifest| matches!(it.ruling, Ruling::Invalid(_));
    let is_unchecked = |it: &&Manifest| matches!(it.ruling, Ruling::NotChecked(_));
    let (invalid, unchecked) = (manifests.iter().filter(is_invalid), manifests.iter().filter(is_unchecked));
    let of = |count: usize| format!("{count} of {}", counted(manifests.len(), "manifest"));
    match (invalid.clone().count(), unchecked.clone().count()) {
        (0, 0) => {
            let message = format!("the API server would take {}", counted(manifests.len(), "manifest"));
            ok(in_lines(message, manifests.iter().flat_map(told)))
        }
        (0, count) => {
            let mut reasons: Vec<_> = unchecked.clone().flat_map(|it| lines(&it.ruling)).collect();
            reasons.dedup();
            match &reasons[..] {
                // What is so of all is told once.
                [one] if count == manifests.len() => not_checked(one.clone(), command),
                _ => not_checked(in_lines(of(count), unchecked.flat_map(told)), command),
            }
        }
        (count, _) => {
            let message = format!("the API server would not take {}", of(count));
            let lines: Vec<_> = invalid.chain(unchecked).flat_map(told).collect();
            let message = match &lines[..] {
                [one] => one.clone(),
                _ => in_lines(message, lines.into_iter()),
            };
            (Outcome::Bad, message, command)
        }
    }
}

fn in_lines(first: String, lines: impl Iterator<Item = String>) -> String {
    let mut all = vec![first];
    let mut left_out = 0_usize;
    for line in lines {
        match all.len() > LINES {
            false => all.push(line),
            true => left_out += 1,
        }
    }
    if left_out > 0 {
        all.push(format!("and {left_out} more"));
    }
    all.join("\n")
}

/// `web.yaml#2: Deployment web: spec.replicas: expected numeric`
fn told(it: &Manifest) -> Vec<String> {
    let what = match it.ruling {
        Ruling::Valid(_) => "warning: ",
        Ruling::Invalid(_) => "",
        Ruling::NotChecked(_) => "not checked: ",
    };
    let line = |text: String| format!("{}{what}{text}", it.title());
    lines(&it.ruling).into_iter().map(line).collect()
}

fn lines(ruling: &Ruling) -> Vec<String> {
    let one_line = |text: &String| brief(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    match ruling {
        Ruling::Valid(texts) | Ruling::Invalid(texts) => texts.iter().map(one_line).collect(),
        Ruling::NotChecked(why) => vec![one_line(why)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(place: &str, ruling: Ruling) -> Manifest {
        Manifest { place: place.into(), kind: "Deployment".into(), name: "web".into(), ruling }
    }

    fn told_of(manifests: &[Manifest]) -> (Outcome, String) {
        let (outcome, message, command) = answer(manifests, "kubectl".into());
        assert_eq!(command.is_empty(), outcome == Outcome::Ok);
        (outcome, message)
    }

    #[test]
    fn what_is_not_valid_is_told_by_where_it_stands() {
        let bad = manifest("a.yaml#2", Ruling::Invalid(vec!["spec.x: field not declared in schema".into()]));
        let good = manifest("a.yaml#1", Ruling::Valid(Vec::new()));
        let line = "a.yaml#2: Deployment web: spec.x: field not declared in schema";
        assert_eq!(told_of(&[good.clone(), bad.clone()]), (Outcome::Bad, line.to_owned()));
        let unsure = manifest("b.yaml#1", Ruling::NotChecked("who\nknows".into()));
        let lines = format!(
            "the API server would not take 1 of 3 manifests\n{line}\nb.yaml#1: Deployment web: not checked: who knows"
        );
        assert_eq!(told_of(&[unsure.clone(), good.clone(), bad]), (Outcome::Bad, lines));
        let lines = "1 of 2 manifests\nb.yaml#1: Deployment web: not checked: who knows";
        assert_eq!(told_of(&[good, unsure.clone()]), (Outcome::NotChecked, lines.to_owned()));
        assert_eq!(told_of(&[unsure.clone(), unsure]), (Outcome::NotChecked, "who knows".to_owned()));
    }

    #[test]
    fn warnings_do_not_make_it_bad_and_there_is_an_end_to_lines() {
        let warned = manifest("a.yaml#1", Ruling::Valid(vec!["deprecated".into()]));
        let message = "the API server would take 1 manifest\na.yaml#1: Deployment web: warning: deprecated";
        assert_eq!(told_of(&[warned]), (Outcome::Ok, message.to_owned()));
        let many = manifest("a.yaml#1", Ruling::Invalid(vec!["x".into(); 50]));
        let (_, message) = told_of(&[many]);
        assert!(message.lines().count() == LINES + 2 && message.ends_with("and 30 more"), "{message}");
    }
}
