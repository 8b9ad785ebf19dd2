//! Conditions, as most kinds have them in `status.conditions`.

use jiff::Timestamp;
use serde::Deserialize;

/// One condition.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// Its type, such as `Ready`.
    pub r#type: Box<str>,
    /// `True`, `False` or `Unknown`.
    pub status: Box<str>,
    /// Why, in one word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// When `status` last changed.
    pub last_transition_time: Option<Timestamp>,
    /// The generation that it is about, where that is told.
    pub observed_generation: Option<i64>,
}

impl Condition {
    /// Whether its status is `True`.
    #[must_use]
    pub fn is_true(&self) -> bool {
        &*self.status == "True"
    }

    /// Whether its status is `False`.
    #[must_use]
    pub fn is_false(&self) -> bool {
        &*self.status == "False"
    }

    /// Its reason, or `otherwise` if it gives none.
    #[must_use]
    pub fn reason_or(&self, otherwise: &str) -> String {
        if self.reason.is_empty() { otherwise.to_owned() } else { self.reason.clone() }
    }

    /// Its message, or its type and status if it gives none.
    #[must_use]
    pub fn says(&self) -> String {
        if self.message.is_empty() {
            format!("condition {} is {}", self.r#type, self.status)
        } else {
            self.message.clone()
        }
    }
}

/// The condition of that type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], r#type: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| &*c.r#type == r#type)
}

/// The condition of that type, if its status is `True`.
#[must_use]
pub fn find_true<'a>(conditions: &'a [Condition], r#type: &str) -> Option<&'a Condition> {
    find(conditions, r#type).filter(|c| c.is_true())
}

/// The condition of that type, if its status is `False`.
#[must_use]
pub fn find_false<'a>(conditions: &'a [Condition], r#type: &str) -> Option<&'a Condition> {
    find(conditions, r#type).filter(|c| c.is_false())
}
