//! A proxy between here and the daemon.

use std::fmt;
use std::io;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::address::{bare_host, is_this_machine};

/// The head of the proxy's answer is no longer.
const HEAD_LIMIT: usize = 8 << 10;

/// The proxy for `https://` addresses, if there is one, and what is reached without it. Its
/// `Debug` form does not hold the proxy's credentials.
#[derive(Clone, Default)]
pub struct Proxy(Option<Arc<Matcher>>);

/// What is wrong with a proxy. Its credentials are never told.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The URL is none of a proxy.
    #[error(
        "{origin} is not a proxy URL: expected http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before the host if needed"
    )]
    Malformed {
        /// Where the URL was found.
        origin: String,
    },
    /// It cannot be reached, or the connection to it breaks.
    #[error("the proxy {proxy} cannot be reached: {problem}")]
    Unreachable {
        /// Its host and port.
        proxy: String,
        /// What the system says.
        problem: String,
    },
    /// It wants credentials, or others.
    #[error("the proxy {proxy} rejects the credentials of its URL, or needs some: it answers 407")]
    Unauthenticated {
        /// Its host and port.
        proxy: String,
    },
    /// It does not connect.
    #[error("the proxy {proxy} does not connect to {target}: it answers {status}")]
    Refused {
        /// Its host and port.
        proxy: String,
        /// Where to.
        target: String,
        /// The status of HTTP.
        status: u16,
    },
    /// What it answers is no HTTP, or too long.
    #[error("what answers at {proxy} is not a proxy")]
    NoProxy {
        /// Its host and port.
        proxy: String,
    },
}

impl Proxy {
    /// The proxy of `HTTPS_PROXY`, and the exceptions of `NO_PROXY`: host names with all
    /// below them, IP addresses, networks such as `10.0.0.0/8`, or `*`, with commas between
    /// them. Lower-case names count where the upper-case ones are not set.
    ///
    /// # Errors
    /// If `HTTPS_PROXY` names no proxy.
    pub fn from_env() -> Result<Self, ProxyError> {
        let first = |names: [&'static str; 2]| {
            let values = names.map(|name| (name, std::env::var(name).unwrap_or_default()));
            values.into_iter().find(|(_, value)| !value.is_empty())
        };
        let Some((name, url)) = first(["HTTPS_PROXY", "https_proxy"]) else { return Ok(Self(None)) };
        let exceptions = first(["NO_PROXY", "no_proxy"]).map(|(_, value)| value).unwrap_or_default();
        Self::new(&url, &exceptions).ok_or_else(|| ProxyError::Malformed { origin: format!("the variable {name}") })
    }

    /// The proxy at `url`, with exceptions as in `NO_PROXY`; `None` if there is no such proxy.
    pub fn new(url: &str, exceptions: &str) -> Option<Self> {
        // What is malformed is no proxy to the matcher, either, and would be passed by.
        let anywhere = Uri::from_static("https://anywhere.invalid");
        let intercept = Matcher::builder().https(url).build().intercept(&anywhere)?;
        matches!(intercept.uri().scheme_str(), Some("http" | "https")).then_some(())?;
        intercept.uri().host().filter(|host| !host.is_empty())?;
        Some(Self(Some(Arc::new(Matcher::builder().https(url).no(exceptions).build()))))
    }

    /// The proxy on the way to a host, if there is one. There is none on the way to this machine,
    /// as for programs in Go (golang.org/x/net/http/httpproxy), kubectl among them.
    pub(crate) fn on_the_way_to(&self, host: &str) -> Option<Hop> {
        if is_this_machine(host) {
            return None;
        }
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let uri = Uri::builder().scheme("https").authority(host).path_and_query("/").build().ok()?;
        self.0.as_ref()?.intercept(&uri).map(Hop)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Proxy" } else { "no proxy" })
    }
}

/// One proxy.
pub(crate) struct Hop(Intercept);

impl Hop {
    /// The host, without brackets.
    pub(crate) fn host(&self) -> &str {
        self.0.uri().authority().map_or("", bare_host)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.uri().port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }

    /// Whether the proxy itself is spoken to by TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.0.uri().scheme_str() == Some("https")
    }

    /// `HOST:PORT`
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.0.uri().host().unwrap_or_default(), self.port())
    }

    pub(crate) fn unreachable(&self, problem: impl ToString) -> ProxyError {
        ProxyError::Unreachable { proxy: self.name(), problem: problem.to_string() }
    }

    /// Asks the proxy at the other end of `stream` for a tunnel to `target`, `HOST:PORT`
    /// (RFC 9110, section 9.3.6).
    pub(crate) async fn tunnel<S>(&self, stream: &mut S, target: &str) -> Result<(), ProxyError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        if let Some(credentials) = self.0.basic_auth() {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(credentials.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let head = async {
            stream.write_all(&request).await?;
            stream.flush().await?;
            read_head(stream).await
        };
        let head = head.await.map_err(|error| self.unreachable(error))?;
        match head.as_deref().and_then(status) {
            None => Err(ProxyError::NoProxy { proxy: self.name() }),
            Some(200..=299) => Ok(()),
            Some(407) => Err(ProxyError::Unauthenticated { proxy: self.name() }),
            Some(status) => Err(ProxyError::Refused { proxy: self.name(), target: target.to_owned(), status }),
        }
    }
}

/// The head of an answer, and nothing behind it, which would be the target's; `None` if it is too long.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_LIMIT {
            return Ok(None);
        }
        head.push(stream.read_u8().await?);
    }
    Ok(Some(head))
}

/// The status of an answer, by its first line.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.splitn(3, ' ');
    words.next().filter(|version| matches!(*version, "HTTP/1.0" | "HTTP/1.1"))?;
    words.next().filter(|status| status.len() == 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn what_is_no_proxy_is_none() {
        for url in ["", "http://", "socks5://a:1", "ftp://a:1", "a b", "/path"] {
            assert!(Proxy::new(url, "").is_none(), "{url:?}");
        }
        let proxy = Proxy::new("http://user:s3cret@a:1", "").unwrap();
        let hop = proxy.on_the_way_to("b").unwrap();
        assert_eq!((hop.name().as_str(), hop.is_tls()), ("a:1", false));
        assert!(!format!("{proxy:?}").contains("s3cret"));
        for (url, name) in [("a", "a:80"), ("https://a", "a:443"), ("http://[::1]:3128/", "[::1]:3128")] {
            assert_eq!(Proxy::new(url, "").unwrap().on_the_way_to("b").unwrap().name(), name);
        }
    }

    #[test]
    fn exceptions_are_reached_without_it() {
        let proxy = Proxy::new("http://proxy:1", "example.com,10.0.0.0/8,2001:db8:1::/48").unwrap();
        for (host, through) in [
            ("example.com", false),
            ("a.example.com", false),
            ("notexample.com", true),
            ("10.1.2.3", false),
            ("192.0.2.1", true),
            ("2001:db8:1::1", false),
            ("2001:db8::1", true),
            ("::1", false),
            ("localhost", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(proxy.on_the_way_to(host).is_some(), through, "{host}");
        }
    }

    #[tokio::test]
    async fn each_answer_is_told_and_no_secret_is() {
        let hop = Proxy::new("http://user:s3cret@proxy:1", "").unwrap().on_the_way_to("b").unwrap();
        let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(HEAD_LIMIT));
        for (answer, says) in [
            ("HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n", None),
            ("HTTP/1.0 200 OK\r\n\r\n", None),
            ("HTTP/1.1 407 No\r\n\r\n", Some("needs some: it answers 407")),
            ("HTTP/1.1 403\r\n\r\n", Some("does not connect to b:2: it answers 403")),
            ("HTTP/1.1 2000 OK\r\n\r\n", Some("is not a proxy")),
            ("SSH-2.0\r\n\r\n", Some("is not a proxy")),
            (&long, Some("is not a proxy")),
            ("HTTP/1.1 200 OK\r\n", Some("cannot be reached")),
        ] {
            let (mut near, mut far) = tokio::io::duplex(1 << 16);
            far.write_all(answer.as_bytes()).await.unwrap();
            far.shutdown().await.unwrap();
            let error = hop.tunnel(&mut near, "b:2").await.err().map(|error| error.to_string());
            let expected = says.is_none_or(|says| error.as_ref().is_some_and(|error| error.contains(says)));
            assert!(expected && error.is_some() == says.is_some(), "{answer}: {error:?}");
            assert!(!error.unwrap_or_default().contains("s3cret"));
            drop(near);
            let mut asked = String::new();
            far.read_to_string(&mut asked).await.unwrap();
            let basic = "Proxy-Authorization: Basic dXNlcjpzM2NyZXQ=\r\n";
            assert_eq!(asked, format!("CONNECT b:2 HTTP/1.1\r\nHost: b:2\r\n{basic}\r\n"));
        }
    }
}
