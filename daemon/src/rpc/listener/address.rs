//! Where the daemon can listen.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::str::FromStr;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `unix:PATH`.
    Unix(PathBuf),
    /// `HOST:PORT`.
    Tcp(SocketAddr),
}

/// A string that is no address to listen on.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It has neither form.
    #[error("{0:?} is neither unix:PATH nor HOST:PORT")]
    Malformed(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err(AddressError::Malformed(text.to_owned())),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let mut addresses = text.to_socket_addrs().map_err(|_| AddressError::Malformed(text.to_owned()))?;
        let address = addresses.next().ok_or_else(|| AddressError::Malformed(text.to_owned()))?;
        Ok(Self::Tcp(address))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

impl Address {
    /// `unix:$XDG_RUNTIME_DIR/daymark.sock`, else
    /// `unix:/tmp/daymark-$UID/daymark.sock`.
    #[must_use]
    pub fn default_socket() -> Self {
        let folder = match std::env::var_os("XDG_RUNTIME_DIR") {
            Some(folder) if !folder.is_empty() => PathBuf::from(folder),
            _ => PathBuf::from(format!("/tmp/daymark-{}", rustix::process::getuid().as_raw())),
        };
        Self::Unix(folder.join("daymark.sock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_unix_paths_or_hosts_with_ports() {
        let parse = |text: &str| text.parse::<Address>().map(|a| a.to_string()).map_err(|e| e.to_string());
        assert_eq!(parse("unix:/run/d.sock").unwrap(), "unix:/run/d.sock");
        assert_eq!(parse("unix:///run/d.sock").unwrap(), "unix:/run/d.sock");
        assert_eq!(parse("127.0.0.1:0").unwrap(), "127.0.0.1:0");
        assert_eq!(parse("[::1]:80").unwrap(), "[::1]:80");
        assert_eq!(parse("0.0.0.0:80").unwrap(), "0.0.0.0:80");
        for malformed in ["", "unix:", "80", "127.0.0.1", "/run/d.sock", "127.0.0.1:99999"] {
            assert!(parse(malformed).unwrap_err().contains("neither unix:PATH nor HOST:PORT"), "{malformed}");
        }
    }
}
