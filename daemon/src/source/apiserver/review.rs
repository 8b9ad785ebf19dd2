//! Questions that are asked by creating them: no object stays, and the answer is its status.

use http::{Request, header};
use kube::client::Body;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ApiServer;
use super::answer::{accept, malformed, whole};
use crate::source::{Problem, ProblemReason};

/// A kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review {
    api_version: &'static str,
    kind: &'static str,
    resource: &'static str,
}

impl Review {
    /// Whose a token is.
    pub const TOKEN: Self =
        Self { api_version: "authentication.k8s.io/v1", kind: "TokenReview", resource: "tokenreviews" };
    /// What somebody may do.
    pub const SUBJECT_ACCESS: Self =
        Self { api_version: "authorization.k8s.io/v1", kind: "SubjectAccessReview", resource: "subjectaccessreviews" };
    /// What the daemon itself may do.
    pub const SELF_SUBJECT_ACCESS: Self = Self {
        api_version: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        resource: "selfsubjectaccessreviews",
    };
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a, S> {
    api_version: &'static str,
    kind: &'static str,
    spec: &'a S,
}

#[derive(Deserialize)]
struct Answered<A> {
    status: A,
}

impl ApiServer {
    /// What the API server answers to such a question.
    ///
    /// # Errors
    /// If it does not answer, or refuses.
    pub async fn review<A: DeserializeOwned>(&self, review: Review, spec: &impl Serialize) -> Result<A, Problem> {
        let path = format!("/apis/{}/{}", review.api_version, review.resource);
        let refused = |e: &dyn std::fmt::Display| Problem::new(ProblemReason::Refused, format!("{path}: {e}"));
        let question = Question { api_version: review.api_version, kind: review.kind, spec };
        let question = serde_json::to_vec(&question).map_err(|e| refused(&e))?;
        let request = Request::post(&path)
            .header(header::CONTENT_TYPE, accept::JSON)
            .header(header::ACCEPT, accept::JSON)
            .body(Body::from(question))
            .map_err(|e| refused(&e))?;
        let response = self.exchange(self.transport.reads(), request).await.map_err(|failure| failure.problem)?;
        let answer = whole(response).await.map_err(|failure| failure.problem)?.1;
        let answered: Answered<A> = serde_json::from_slice(&answer).map_err(|e| malformed("review", &e))?;
        Ok(answered.status)
    }
}
