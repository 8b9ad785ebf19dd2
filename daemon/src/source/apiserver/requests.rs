//! Requests that are made for somebody, most of which change something.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use kube::client::Body;

use super::ApiServer;
pub use super::answer::accept;
use super::answer::{Failure, whole};
use crate::source::{Problem, ProblemReason};

/// Warnings of one answer that are looked at.
const WARNINGS: usize = 5;

/// A request.
#[derive(Clone, Debug)]
pub struct Asking<'a> {
    /// What is done.
    pub method: Method,
    /// To what: a path, with its query.
    pub path: &'a str,
    /// Besides those of every request.
    pub headers: HeaderMap,
    /// What is sent along, and of which type that is.
    pub body: Option<(&'static str, Vec<u8>)>,
}

/// What is asked was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status; `None`, if there was no answer.
    pub status: Option<u16>,
    /// Whether the answer is Kubernetes' own, and not that of something on the way.
    pub is_explained: bool,
    /// Why, in the API server's own CamelCase word; empty, if it says none.
    pub reason: String,
    /// The API server's own sentence, or why there is no answer.
    pub message: String,
    /// What it comes from, each in a CamelCase word and a sentence.
    pub causes: Vec<(String, String)>,
    /// What it means.
    pub problem: Problem,
}

impl Refusal {
    /// Whether it is worth trying again: the API server, or something on the way to it, has
    /// trouble of its own.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self.status {
            None => self.problem.reason == ProblemReason::Unreachable,
            Some(status) => status == 429 || status >= 500,
        }
    }

    /// Whether it has a cause of that name.
    #[must_use]
    pub fn is_because_of(&self, cause: &str) -> bool {
        self.causes.iter().any(|(reason, _)| reason == cause)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let Failure { status, problem, explained } = failure;
        let causes = explained.details.unwrap_or_default().causes;
        let message = if explained.message.is_empty() { problem.message.clone() } else { explained.message };
        Self {
            status: status.map(|status| status.as_u16()),
            is_explained: explained.kind == "Status",
            reason: explained.reason,
            message,
            causes: causes.into_iter().map(|cause| (cause.reason, cause.message)).collect(),
            problem,
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Failure::from(problem).into()
    }
}

impl ApiServer {
    /// Asks for something, and says what the answer holds.
    ///
    /// # Errors
    /// If the API server does not answer, or refuses.
    pub async fn ask(&self, asking: Asking<'_>) -> Result<Bytes, Refusal> {
        Ok(self.ask_fully(asking).await?.1)
    }

    /// The same, with the answer's headers.
    ///
    /// # Errors
    /// If the API server does not answer, or refuses.
    pub async fn ask_fully(&self, asking: Asking<'_>) -> Result<(HeaderMap, Bytes), Refusal> {
        let Asking { method, path, headers, body } = asking;
        let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT_ENCODING, "identity");
        let body = match body {
            Some((content_type, body)) => {
                request = request.header(header::CONTENT_TYPE, content_type);
                Body::from(body)
            }
            None => Body::empty(),
        };
        let mut request =
            request.body(body).map_err(|e| Problem::new(ProblemReason::Invalid, format!("{path}: {e}")))?;
        request.headers_mut().insert(header::ACCEPT, header::HeaderValue::from_static(accept::JSON));
        request.headers_mut().extend(headers);
        let response = self.exchange(self.transport.reads(), request).await?;
        Ok(whole(response).await?)
    }
}

/// What an API server warns of in an answer's headers: `299 - "text"` (RFC 9111, 5.5, as
/// k8s.io/apimachinery `pkg/util/net` writes it).
#[must_use]
pub fn warnings(headers: &HeaderMap) -> Vec<String> {
    let all = headers.get_all(header::WARNING).iter().filter_map(|value| value.to_str().ok());
    let texts = all.filter_map(|value| {
        let quoted = value.strip_prefix("299 ")?.split_once('"')?.1;
        let mut text = String::new();
        let mut chars = quoted.chars();
        loop {
            match chars.next()? {
                '"' => return Some(text),
                '\\' => text.extend(chars.next()),
                char => text.push(char),
            }
        }
    });
    texts.take(WARNINGS).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn warnings_are_read_as_they_were_meant() {
        let mut headers = HeaderMap::new();
        for value in [r#"299 - "a \"b\" c" "date""#, r#"199 - "other""#, "299", r#"299 - "open"#, r#"299 - "d""#] {
            headers.append(header::WARNING, HeaderValue::from_static(value));
        }
        assert_eq!(warnings(&headers), [r#"a "b" c"#, "d"]);
    }
}
