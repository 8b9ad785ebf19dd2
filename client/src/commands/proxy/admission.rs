//! Which requests are passed on: reads, made on this machine, by nothing that a browser has from elsewhere.

use http::{HeaderMap, Method, StatusCode, Uri, header};

/// A request that is not passed on: the status, and why, in a line.
pub type Refused = (StatusCode, String);

/// Whether a request is passed on.
///
/// A name that is not this machine's may be one that its owner lets mean this machine (DNS rebinding; so does
/// `kubectl proxy --accept-hosts`). Browsers say from where a page makes a request (Fetch Metadata), older ones by
/// `origin`.
pub fn admit(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
    if method != Method::GET && method != Method::HEAD {
        let text = format!("{method} is not forwarded: only GET and HEAD are");
        return Err((StatusCode::METHOD_NOT_ALLOWED, text));
    }
    let host = host(uri, headers)?;
    let name = name_of(&host);
    if !is_of_this_machine(name) {
        let text = format!("the host {host:?} is not this machine: use localhost or 127.0.0.1");
        return Err((StatusCode::FORBIDDEN, text));
    }
    let text = |name: &header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_own = |origin: &str| origin.strip_prefix("http://").is_some_and(|place| place.eq_ignore_ascii_case(&host));
    let site = headers.get("sec-fetch-site").map(|value| value.to_str().unwrap_or("?"));
    match (text(&header::ORIGIN), site) {
        (Some(origin), _) if !is_own(origin) => Err(elsewhere()),
        (_, Some(site)) if site != "same-origin" && site != "none" => Err(elsewhere()),
        _ => Ok(()),
    }
}

fn elsewhere() -> Refused {
    (StatusCode::FORBIDDEN, "pages of other origins may not read this".to_owned())
}

/// The one host that a request names.
fn host(uri: &Uri, headers: &HeaderMap) -> Result<String, Refused> {
    let none = || (StatusCode::BAD_REQUEST, "the request does not name exactly one host".to_owned());
    let mut named = headers.get_all(header::HOST).iter();
    let (first, second) = (named.next(), named.next());
    let host = first.and_then(|value| value.to_str().ok()).filter(|host| !host.is_empty());
    match (host, uri.authority()) {
        (Some(host), Some(authority)) if authority.as_str() != host => Err(none()),
        (Some(host), _) if second.is_none() => Ok(host.to_owned()),
        _ => Err(none()),
    }
}

/// Without its port.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn is_of_this_machine(name: &str) -> bool {
    let is_loopback = name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn asked(method: &str, uri: &str, headers: &[(&'static str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let admitted = admit(&method.parse().unwrap(), &uri.parse().unwrap(), &map);
        admitted.map_or_else(|(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn reads_of_this_machine_are_passed_on() {
        for host in ["localhost:8001", "LOCALHOST", "127.0.0.1:8001", "[::1]:8001", "127.1.2.3"] {
            assert_eq!(asked("GET", "/", &[("host", host)]), 200, "{host}");
            let origin = format!("http://{host}");
            let own = [("host", host), ("origin", &origin), ("sec-fetch-site", "same-origin")];
            assert_eq!(asked("HEAD", "/", &own), 200, "{host}");
        }
        assert_eq!(asked("GET", "/", &[("host", "localhost"), ("sec-fetch-site", "none")]), 200);
        assert_eq!(asked("GET", "http://localhost/a", &[("host", "localhost")]), 200);
    }

    #[test]
    fn nothing_else_is() {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"] {
            assert_eq!(asked(method, "/", &[("host", "localhost")]), 405, "{method}");
        }
        for host in ["evil.example", "localhost.evil.example", "10.0.0.1:8001", "[fe80::1]", "127.0.0.1.evil.example"] {
            assert_eq!(asked("GET", "/", &[("host", host)]), 403, "{host}");
        }
        for none in [&[][..], &[("host", "")], &[("host", "localhost"), ("host", "localhost")]] {
            assert_eq!(asked("GET", "/", none), 400, "{none:?}");
        }
        assert_eq!(asked("GET", "http://evil.example/", &[("host", "localhost")]), 400);
        for origin in ["http://evil.example", "null", "http://localhost:3000", "https://localhost:8001"] {
            assert_eq!(asked("GET", "/", &[("host", "localhost:8001"), ("origin", origin)]), 403, "{origin}");
        }
        for site in ["cross-site", "same-site", "what"] {
            assert_eq!(asked("GET", "/", &[("host", "localhost"), ("sec-fetch-site", site)]), 403, "{site}");
        }
    }
}
