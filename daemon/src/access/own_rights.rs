//! What the daemon itself may do: where a right lacks, something is off, which is said.

use serde::Serialize;

use super::authorizer::{Right, Verdict};
use crate::source::Problem;
use crate::source::apiserver::ApiServer;
use crate::source::apiserver::review::Review;

/// A right that the daemon needs for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The right.
    pub right: Right,
    /// What is off without it.
    pub without: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewSpec<'a> {
    resource_attributes: &'a Right,
}

impl Need {
    /// What every daemon needs; `users` of the cluster are let in, some by `tokens` that it
    /// is asked about.
    #[must_use]
    pub fn all(users: bool, tokens: bool) -> Vec<Self> {
        let evidence = [
            Self {
                right: Right::to_any("get", "", "pods", None).below("log"),
                without: "no logs are shown, and causes of failures contain none",
            },
            Self { right: Right::to_any("list", "", "events", None), without: "causes of failures contain no events" },
        ];
        let users = users.then(|| Self {
            right: Right::to_any("create", "authorization.k8s.io", "subjectaccessreviews", None),
            without: "users of the cluster see nothing",
        });
        let tokens = tokens.then(|| Self {
            right: Right::to_any("create", "authentication.k8s.io", "tokenreviews", None),
            without: "tokens of the cluster are not accepted",
        });
        evidence.into_iter().chain(users).chain(tokens).collect()
    }
}

/// Whether the daemon itself has that right.
///
/// # Errors
/// If the API server does not say.
pub async fn has(server: &ApiServer, right: &Right) -> Result<bool, Problem> {
    let spec = ReviewSpec { resource_attributes: right };
    let verdict: Verdict = server.review(Review::SELF_SUBJECT_ACCESS, &spec).await?;
    Ok(verdict.allowed)
}

/// Logs what is off because the daemon may not do what it takes. One that serves some
/// namespaces only may have a right there.
pub async fn say_what_is_off(server: &ApiServer, needs: Vec<Need>) {
    for need in needs {
        match has(server, &need.right).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!("off: {}: the daemon may not {}", need.without, need.right),
            Err(problem) => tracing::debug!("whether the daemon may {} is not known: {}", need.right, problem.message),
        }
    }
}
