//! Opening the connection, to nobody but the daemon of this user or of root.
//!
//! Whoever can put a socket where this user's client looks for one could answer
//! in the daemon's name. So the socket, the folder it lies in and the process
//! behind it must belong to this user or to root.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::Address;

/// A byte stream of either kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Somebody else's socket.
#[derive(Debug, thiserror::Error)]
#[error("{what} belongs to user {owner}, not to you (user {me}) or to root")]
pub(crate) struct Untrusted {
    what: String,
    owner: u32,
    me: u32,
}

/// Opens a connection to `address`.
pub(crate) async fn open(address: &Address) -> io::Result<TokioIo<Box<dyn Stream>>> {
    let stream: Box<dyn Stream> = match address {
        Address::Unix(path) => Box::new(open_unix(path).await?),
        Address::Tcp(authority) => {
            let stream = TcpStream::connect(authority.as_str()).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
    };
    Ok(TokioIo::new(stream))
}

async fn open_unix(path: &Path) -> io::Result<UnixStream> {
    let me = rustix::process::geteuid().as_raw();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    for (what, place) in [("the folder", folder), ("the socket", path)] {
        // Neither the link, if it is one, nor what it leads to.
        for metadata in [place.symlink_metadata()?, place.metadata()?] {
            trust(|| format!("{what} {}", place.display()), metadata.uid(), me)?;
        }
    }
    let stream = UnixStream::connect(path).await?;
    let owner = stream.peer_cred()?.uid();
    trust(|| format!("the process behind the socket {}", path.display()), owner, me)?;
    Ok(stream)
}

fn trust(what: impl FnOnce() -> String, owner: u32, me: u32) -> io::Result<()> {
    if owner == me || owner == 0 {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, Untrusted { what: what(), owner, me }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ones_own_and_roots_are_trusted() {
        for (owner, me, trusted) in [(7, 7, true), (0, 7, true), (8, 7, false), (7, 0, false)] {
            assert_eq!(trust(String::new, owner, me).is_ok(), trusted, "{owner} {me}");
        }
    }
}
