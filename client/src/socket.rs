//! Opening the connection, to nobody but the daemon of this user or of root.
//!
//! Whoever can put a socket where this user's client looks for one could answer
//! in the daemon's name. So the socket, the folder it lies in and the process
//! behind it must belong to this user or to root.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tokio::net::UnixStream;

use crate::connect::OpenError;

/// Somebody else's socket.
#[derive(Debug, thiserror::Error)]
#[error("{what} belongs to user {owner}, not to you (user {me}) or to root")]
pub(crate) struct Foreign {
    what: String,
    owner: u32,
    me: u32,
}

/// Opens a connection to the socket at `path`.
pub(crate) async fn open(path: &Path) -> Result<UnixStream, OpenError> {
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

fn trust(what: impl FnOnce() -> String, owner: u32, me: u32) -> Result<(), Foreign> {
    if owner == me || owner == 0 {
        return Ok(());
    }
    Err(Foreign { what: what(), owner, me })
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
