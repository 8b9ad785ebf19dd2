//! Passing reads on to the API server, and what is behind it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use percent_encoding::percent_decode_str;

use super::actor::{Actor, NotDone};
use crate::source::apiserver::passing::PassedBody;

/// The longest path, with its query, in bytes.
const LONGEST_PATH: usize = 16 << 10;
/// Headers of a request, and bytes of them.
const MOST_HEADERS: (usize, usize) = (64, 16 << 10);

/// Headers that say how the answer is to be (RFC 9110, 9111). Others would say who asks, or be of one
/// connection only.
const PASSED: &[HeaderName] = &[
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
    header::USER_AGENT,
];
/// Headers of one connection only (RFC 9110, 7.6.1).
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// What of a pod is no reading, though it can be asked for by a GET.
const NO_READS: &[&str] = &["exec", "attach", "portforward"];

/// A header: its name and value.
pub type Header = (String, Bytes);

/// A read that is to be passed on.
#[derive(Debug)]
pub struct Read {
    request: Request<()>,
}

/// What cannot be passed on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPassed {
    /// The path is none.
    #[error("{0:?} is not a path of the API server: it must begin with / and not contain . or ..")]
    Path(String),
    /// The path is too long.
    #[error("the path is longer than {LONGEST_PATH} bytes")]
    LongPath,
    /// It would not only read.
    #[error("{0} is not forwarded: only reads are")]
    NoRead(&'static str),
    /// There are too many headers.
    #[error("there are more than {} headers, or {} bytes of them", MOST_HEADERS.0, MOST_HEADERS.1)]
    Headers,
}

/// The answer: its status and headers, and its body as it comes.
pub struct Passed {
    /// The HTTP status.
    pub status: u16,
    /// Its headers, but for those of one connection.
    pub headers: Vec<Header>,
    /// Its body.
    pub body: PassedBody,
}

impl Read {
    /// A GET, or a HEAD, of a path with its query.
    ///
    /// # Errors
    /// If it cannot be passed on.
    pub fn new(path: &str, is_head: bool, headers: &[(&str, &[u8])]) -> Result<Self, NotPassed> {
        if path.len() > LONGEST_PATH {
            return Err(NotPassed::LongPath);
        }
        check(path)?;
        let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if headers.len() > MOST_HEADERS.0 || bytes > MOST_HEADERS.1 {
            return Err(NotPassed::Headers);
        }
        let method = if is_head { Method::HEAD } else { Method::GET };
        let request = Request::builder().method(method).uri(path).body(());
        let mut request = request.map_err(|_| NotPassed::Path(path.to_owned()))?;
        for (name, value) in headers {
            let header = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_bytes(value).ok());
            // What is no header was not meant for the answer, either.
            if let Some((name, value)) = header.filter(|(name, _)| PASSED.contains(name)) {
                request.headers_mut().append(name, value);
            }
        }
        Ok(Self { request })
    }

    /// Passes it on for whom the actor acts, and says what the API server answers, be that a refusal.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn pass(mut self, actor: &Actor) -> Result<Passed, NotDone> {
        self.request.headers_mut().extend(actor.headers().clone());
        let answer = actor.server().pass(self.request).await;
        let (head, body) = answer.map_err(|problem| NotDone::Refused(Box::new(problem.into())))?.into_parts();
        Ok(Passed { status: head.status.as_u16(), headers: end_to_end(&head.headers), body })
    }
}

fn check(path: &str) -> Result<(), NotPassed> {
    let no_path = || NotPassed::Path(path.chars().take(100).collect());
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.contains('#') {
        return Err(no_path());
    }
    let whole = path.split('?').next().unwrap_or_default();
    let segments: Vec<_> = whole.split('/').map(|part| percent_decode_str(part).decode_utf8_lossy()).collect();
    if segments.iter().any(|part| matches!(&**part, "." | "..")) {
        return Err(no_path());
    }
    // `/api/v1/namespaces/NAMESPACE/pods/NAME/exec`
    if let ["", "api", _, "namespaces", _, "pods", _, part, ..] =
        segments.iter().map(|it| &**it).collect::<Vec<_>>()[..]
        && let Some(part) = NO_READS.iter().find(|known| **known == part)
    {
        return Err(NotPassed::NoRead(part));
    }
    Ok(())
}

/// The headers that are not of one connection only: neither those that always are nor those that
/// `connection` names.
fn end_to_end(headers: &HeaderMap) -> Vec<Header> {
    let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<_> = named.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect();
    let is_kept = |name: &str| !HOP_BY_HOP.contains(&name) && !named.iter().any(|it| it == name);
    let kept = headers.iter().filter(|(name, _)| is_kept(name.as_str()));
    kept.map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Result<String, NotPassed> {
        Read::new(path, false, &[]).map(|read| read.request.uri().to_string())
    }

    #[test]
    fn paths_are_passed_on_as_they_are() {
        for path in [
            "/",
            "/version",
            "/api/v1/namespaces/default/services/nginx/proxy/",
            "/api/v1/namespaces/default/services/https:nginx:443/proxy/a%20b//c?x=1&y=%2F..",
            "/api/v1/namespaces/n/pods/exec",
            "/api/v1/namespaces/n/pods/a/log?container=exec",
        ] {
            assert_eq!(read(path).as_deref(), Ok(path));
        }
    }

    #[test]
    fn what_is_no_read_of_the_api_is_refused() {
        for path in ["", "version", "//../x", "/a/../b", "/a/%2e%2E/b", "/./a", "/a b", "/a\r\nb", "/é", "/a#b"] {
            assert!(matches!(read(path), Err(NotPassed::Path(_))), "{path:?}");
        }
        assert!(matches!(read("http://example.com/"), Err(NotPassed::Path(_))));
        for part in NO_READS {
            assert_eq!(read(&format!("/api/v1/namespaces/n/pods/a/{part}?x=y")), Err(NotPassed::NoRead(part)));
        }
        assert_eq!(read("/api/v1/namespaces/n/pods/a/%65xec"), Err(NotPassed::NoRead("exec")));
        assert_eq!(read(&"/x".repeat(LONGEST_PATH)), Err(NotPassed::LongPath));
        assert_eq!(Read::new("/", false, &[("a", &[b'x'; MOST_HEADERS.1])]).map(drop), Err(NotPassed::Headers));
    }

    #[test]
    fn headers_that_say_who_asks_are_not_passed_on() {
        let given: &[(&str, &[u8])] = &[
            ("Accept", b"text/html"),
            ("authorization", b"Bearer x"),
            ("cookie", b"a=b"),
            ("impersonate-user", b"root"),
            ("x-remote-user", b"root"),
            ("connection", b"upgrade"),
            ("upgrade", b"websocket"),
            ("range", b"bytes=0-1"),
            ("a b", b""),
            ("user-agent", b"a\nb"),
        ];
        let read = Read::new("/", true, given).unwrap();
        let mut names: Vec<_> = read.request.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!((names, read.request.method()), (vec!["accept", "range"], &Method::HEAD));
    }

    #[test]
    fn headers_of_a_connection_end_with_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-mine, close"),
            ("x-mine", "1"),
            ("transfer-encoding", "chunked"),
            ("content-type", "text/html"),
            ("set-cookie", "a"),
            ("set-cookie", "b"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        let kept: Vec<_> = end_to_end(&headers).into_iter().map(|(name, _)| name).collect();
        assert_eq!(kept, ["content-type", "set-cookie", "set-cookie"]);
    }
}
