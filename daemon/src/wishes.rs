//! What an object's annotations ask of gates: `daymark.dev/…`.

use jiff::SignedDuration;

use crate::object::Annotations;

/// What an object asks of gates; it goes before their policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Not to be judged: it counts as it is.
    pub ignore: bool,
    /// That what its kind's rule calls failed does not end a gate.
    pub ignore_failures: bool,
    /// For how long it is to be as it is needed.
    pub stable_for: Option<SignedDuration>,
    /// How long a failure is borne that cannot heal.
    pub fatal_after: Option<SignedDuration>,
    /// How long a failure that may pass is borne.
    pub tolerate: Option<SignedDuration>,
    /// How often a container may be restarted.
    pub restarts: Option<u32>,
    /// How long it may be without progress.
    pub no_progress: Option<SignedDuration>,
    /// The first annotation that makes no sense, in a sentence.
    pub wrong: Option<Box<str>>,
}

impl Wishes {
    /// What the annotations ask for, if anything.
    #[must_use]
    pub fn read(written: &Annotations) -> Option<Box<Self>> {
        let mut wishes = Self::default();
        let mut wrong = None;
        let mut note = |name: &str, value: &str, what: &str| {
            wrong.get_or_insert_with(|| {
                format!("annotation daymark.dev/{name} is not a valid {what}: {value:?}").into()
            });
        };
        let mut flag = |name: &str, value: &str| match value {
            "" | "false" => false,
            "true" => true,
            _ => {
                note(name, value, "boolean");
                false
            }
        };
        wishes.ignore = flag("ignore", &written.ignore);
        wishes.ignore_failures = flag("ignore-failures", &written.ignore_failures);
        let mut duration = |name: &str, value: &str| match value {
            "" => None,
            _ => match value.parse::<SignedDuration>().ok().filter(|duration| !duration.is_negative()) {
                None => {
                    note(name, value, "duration");
                    None
                }
                duration => duration,
            },
        };
        wishes.stable_for = duration("stable-for", &written.stable_for);
        wishes.fatal_after = duration("fatal-after", &written.fatal_after);
        wishes.tolerate = duration("tolerate", &written.tolerate);
        wishes.no_progress = duration("no-progress", &written.no_progress);
        wishes.restarts = match &*written.restarts {
            "" => None,
            value => {
                let number = value.parse().ok();
                if number.is_none() {
                    note("tolerate-restarts", value, "number");
                }
                number
            }
        };
        wishes.wrong = wrong;
        (wishes != Self::default()).then(|| Box::new(wishes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Wishes> {
        Wishes::read(&serde_json::from_str(json).unwrap()).map(|wishes| *wishes)
    }

    #[test]
    fn what_asks_for_nothing_is_nothing() {
        assert_eq!(read("{}"), None);
        assert_eq!(read(r#"{"other": "a", "daymark.dev/ignore": "false"}"#), None);
    }

    #[test]
    fn each_wish_is_read_and_the_first_that_is_wrong_is_told() {
        let all = r#"{"daymark.dev/ignore": "true", "daymark.dev/stable-for": "1m30s", "daymark.dev/tolerate-restarts": "5"}"#;
        let stable_for = Some(SignedDuration::from_secs(90));
        assert_eq!(read(all), Some(Wishes { ignore: true, stable_for, restarts: Some(5), ..Wishes::default() }));
        for (json, wrong) in [
            (r#"{"daymark.dev/ignore": "yes"}"#, r#"annotation daymark.dev/ignore is not a valid boolean: "yes""#),
            (
                r#"{"daymark.dev/tolerate": "soon"}"#,
                r#"annotation daymark.dev/tolerate is not a valid duration: "soon""#,
            ),
            (
                r#"{"daymark.dev/no-progress": "-1s"}"#,
                r#"annotation daymark.dev/no-progress is not a valid duration: "-1s""#,
            ),
            (
                r#"{"daymark.dev/tolerate-restarts": "-1"}"#,
                r#"annotation daymark.dev/tolerate-restarts is not a valid number: "-1""#,
            ),
        ] {
            assert_eq!(read(json).and_then(|wishes| wishes.wrong).as_deref(), Some(wrong));
        }
    }
}
