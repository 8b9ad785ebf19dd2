//! Where a daemon listens.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use http::uri::Authority;

/// Where a daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A unix socket's path.
    Unix(PathBuf),
    /// `HOST:PORT`: plain text, for a host that is this machine.
    Tcp(Authority),
    /// `http://HOST:PORT`: plain text, asked for in as many words.
    Http(Authority),
    /// `https://HOST:PORT`: TLS.
    Https(Authority),
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid address: {problem}; expected https://HOST:PORT, unix:PATH or HOST:PORT")]
pub struct AddressError {
    text: String,
    problem: &'static str,
}

impl Address {
    /// Where the daemon of this user listens unless told otherwise:
    /// `$XDG_RUNTIME_DIR/daymark.sock`, or `/tmp/daymark-$UID/daymark.sock`.
    pub fn default_socket() -> Self {
        let folder = std::env::var_os("XDG_RUNTIME_DIR")
            .map(PathBuf::from)
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or_else(|| format!("/tmp/daymark-{}", rustix::process::getuid().as_raw()).into());
        Self::Unix(folder.join("daymark.sock"))
    }

    /// Whether what is sent there stays on this machine: to a unix socket, to
    /// `localhost`, or to a loopback address.
    pub fn is_local(&self) -> bool {
        let (Self::Tcp(authority) | Self::Http(authority) | Self::Https(authority)) = self else { return true };
        is_this_machine(bare_host(authority))
    }

    /// Whether it is spoken to by TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Https(_))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refuse = |problem| AddressError { text: without_password(text), problem };
        if let Some(path) = text.strip_prefix("unix:") {
            let path = match path.strip_prefix("//") {
                Some(path) if path.starts_with('/') => path,
                Some(_) => return Err(refuse("unix:// needs an absolute path")),
                None => path,
            };
            return match path {
                "" => Err(refuse("the socket's path is missing")),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let (make, text): (fn(Authority) -> Self, _) = match text.split_once("://") {
            Some(("https", rest)) => (Self::Https, rest),
            Some(("http", rest)) => (Self::Http, rest),
            Some(_) => return Err(refuse("its scheme is unknown")),
            None => (Self::Tcp, text),
        };
        let text = text.strip_suffix('/').unwrap_or(text);
        let authority: Authority = text.parse().map_err(|_| refuse("it has no host and port"))?;
        match authority.port_u16() {
            _ if authority.as_str().contains('@') => Err(refuse("it contains a user name")),
            None => Err(refuse("the port is missing")),
            Some(_) if authority.host().is_empty() => Err(refuse("the host is missing")),
            Some(_) => Ok(make(authority)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(authority) => write!(f, "{authority}"),
            Self::Http(authority) => write!(f, "http://{authority}"),
            Self::Https(authority) => write!(f, "https://{authority}"),
        }
    }
}

/// A text that is shown to whoever reads the log.
fn without_password(text: &str) -> String {
    match text.rsplit_once('@').and_then(|(user, host)| Some((user.rsplit_once(':')?, host))) {
        Some(((user, password), host)) if !password.starts_with("//") => format!("{user}:***@{host}"),
        _ => text.to_owned(),
    }
}

/// Whether a host is `localhost` or a loopback address.
pub(crate) fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host without the brackets of an IPv6 address.
pub(crate) fn bare_host(authority: &Authority) -> &str {
    let host = authority.host();
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read_and_written() {
        for (text, shown) in [
            ("unix:/run/daymark.sock", "unix:/run/daymark.sock"),
            ("unix:daymark.sock", "unix:daymark.sock"),
            ("unix:///run/daymark.sock", "unix:/run/daymark.sock"),
            ("localhost:7777", "localhost:7777"),
            ("http://127.0.0.1:7777/", "http://127.0.0.1:7777"),
            ("https://daymark.example:443", "https://daymark.example:443"),
            ("[::1]:7777", "[::1]:7777"),
        ] {
            assert_eq!(text.parse::<Address>().map(|a| a.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_named() {
        for text in [
            "",
            "unix:",
            "unix://run/x",
            "localhost",
            "localhost:",
            ":7777",
            "localhost:70000",
            "https://localhost",
            "ftp://localhost:7777",
            "https://user@localhost:1",
            "http://a:1/path",
            "user@host:1",
            "/run/daymark.sock",
        ] {
            let error = text.parse::<Address>().err().map(|error| error.to_string());
            assert!(
                error.as_ref().is_some_and(|error| error.starts_with(&format!("{text:?} is no"))),
                "{text}: {error:?}"
            );
        }
    }
    #[test]
    fn a_password_is_not_shown() {
        let error = "https://user:s3cret@host:1".parse::<Address>().err().map(|error| error.to_string());
        assert!(
            error.as_ref().is_some_and(|error| error.starts_with("\"https://user:***@host:1\" is no")),
            "{error:?}"
        );
    }

    #[test]
    fn what_stays_on_this_machine_is_known() {
        for (text, local) in [
            ("unix:/run/daymark.sock", true),
            ("LOCALHOST:1", true),
            ("127.1.2.3:1", true),
            ("[::1]:1", true),
            ("http://localhost:1", true),
            ("daymark.example:1", false),
            ("localhost.example:1", false),
            ("[2001:db8::1]:1", false),
            ("0.0.0.0:1", false),
        ] {
            assert_eq!(text.parse::<Address>().map(|address| address.is_local()), Ok(local), "{text}");
        }
    }
}
