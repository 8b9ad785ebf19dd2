//! Questions that are posted: TokenReviews and SubjectAccessReviews, answered as the test says.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

/// Says the status of a review, which is given whole; none breaks the API server for it.
type Reviewer = Arc<dyn Fn(&Value) -> Option<Value> + Send + Sync>;

/// The reviews that were asked for, and how they are answered.
#[derive(Default)]
pub(super) struct Reviews {
    pub(super) reviewer: Option<Reviewer>,
    pub(super) asked: Vec<Value>,
}

impl fmt::Debug for Reviews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reviews").field("asked", &self.asked.len()).finish_non_exhaustive()
    }
}

/// The kind of review that is posted to a path.
pub(super) fn kind(path: &str) -> Option<&'static str> {
    match path {
        "/apis/authentication.k8s.io/v1/tokenreviews" => Some("TokenReview"),
        "/apis/authorization.k8s.io/v1/subjectaccessreviews" => Some("SubjectAccessReview"),
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => Some("SelfSubjectAccessReview"),
        _ => None,
    }
}

impl Reviews {
    /// HTTP status and body of the answer to a review of that kind. Nobody is known and nothing
    /// is allowed where the test says nothing.
    pub(super) fn answer(&mut self, kind: &str, question: &[u8]) -> (u16, Value) {
        let failure = |code: u16, message: &str| {
            (code, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}))
        };
        let mut review = match serde_json::from_slice::<Value>(question) {
            Ok(review) if review["kind"] == kind => review,
            _ => return failure(400, "that is no such review"),
        };
        self.asked.push(review.clone());
        let status = match &self.reviewer {
            None => Some(json!({})),
            Some(reviewer) => reviewer(&review),
        };
        match status {
            None => failure(503, "as the test wants it"),
            Some(status) => {
                review["status"] = status;
                (201, review)
            }
        }
    }
}
