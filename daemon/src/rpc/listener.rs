//! What the daemon listens with: unix sockets, whose folders nobody else can write to, and TCP.

mod address;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

pub use self::address::{Address, AddressError};

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The system refuses.
    #[error("cannot listen on {address}: {error}")]
    Refused {
        /// Where.
        address: Address,
        /// Why.
        error: io::Error,
    },
    /// Another daemon is there.
    #[error("cannot listen on {0}: another process already does; stop it, or give another --listen address")]
    Busy(Address),
    /// Something else is there.
    #[error("cannot listen on {0}: the file there is not a socket")]
    NotASocket(Address),
    /// Another user could put a socket of their own there.
    #[error("cannot listen on {address}: folder {} belongs to user {owner}, or others may write to it: mode {mode:04o}", .folder.display())]
    OpenFolder {
        /// Where.
        address: Address,
        /// Its folder.
        folder: PathBuf,
        /// Whose that is.
        owner: u32,
        /// Its permissions.
        mode: u32,
    },
    /// Other users are to be served, and cannot reach the socket.
    #[error(
        "cannot serve --socket-user on {address}: others may not enter folder {}, whose mode is {mode:04o}; give --listen unix:PATH in a folder that they may enter, such as one of mode 0711",
        .folder.display()
    )]
    ClosedFolder {
        /// Where.
        address: Address,
        /// Its folder.
        folder: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

/// Whom a unix socket's file lets in. Whom the daemon serves is decided by who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Openness {
    /// Its owner, and root.
    Owner,
    /// Every user of the machine.
    Everybody,
}

impl Openness {
    /// The modes of the socket, and of a folder that is made for it.
    fn modes(self) -> (u32, u32) {
        match self {
            Self::Owner => (0o600, 0o700),
            Self::Everybody => (0o666, 0o711),
        }
    }
}

/// A socket that accepts connections.
#[derive(Debug)]
pub enum Listener {
    /// A unix socket.
    Unix(UnixSocket),
    /// A TCP socket.
    Tcp(TcpListener),
}

/// A unix socket whose file goes with it.
#[derive(Debug)]
pub struct UnixSocket {
    listener: UnixListener,
    file: SocketFile,
}

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: Self::identity(path)? })
    }

    fn identity(path: &Path) -> io::Result<(u64, u64)> {
        let metadata = fs::symlink_metadata(path)?;
        Ok((metadata.dev(), metadata.ino()))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another daemon may have put its own there meanwhile.
        if Self::identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // Nothing can be done about a file that stays; the next start removes it.
            let _stays = fs::remove_file(&self.path);
        }
    }
}

/// A connection that was accepted.
pub(super) enum Accepted {
    /// By a unix socket.
    Unix(UnixStream),
    /// By TCP, from there.
    Tcp(TcpStream, SocketAddr),
}

impl Listener {
    /// Listens on `address`; `openness` is of unix sockets.
    ///
    /// # Errors
    /// If another process does, or the place is not safe.
    pub async fn bind(address: &Address, openness: Openness) -> Result<Self, ListenError> {
        let refused = |error| ListenError::Refused { address: address.clone(), error };
        match address {
            Address::Unix(path) => bind_unix(address, path, openness).await.map(Self::Unix),
            Address::Tcp(tcp) => match TcpListener::bind(tcp).await {
                Ok(listener) => Ok(Self::Tcp(listener)),
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => Err(ListenError::Busy(address.clone())),
                Err(e) => Err(refused(e)),
            },
        }
    }

    /// The next connection.
    ///
    /// # Errors
    /// If the system has none to give: it may have one later.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Unix(unix) => unix.listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
            Self::Tcp(tcp) => tcp.accept().await.map(|(stream, address)| Accepted::Tcp(stream, address)),
        }
    }

    /// Where it listens: with the port that the system chose for port 0.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Unix(unix) => Ok(Address::Unix(unix.file.path.clone())),
            Self::Tcp(tcp) => tcp.local_addr().map(Address::Tcp),
        }
    }
}

async fn bind_unix(address: &Address, path: &Path, openness: Openness) -> Result<UnixSocket, ListenError> {
    let refused = |error| ListenError::Refused { address: address.clone(), error };
    prepare_folder(address, path, openness)?;
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(ListenError::NotASocket(address.clone())),
        // A socket that nobody listens on is what a killed daemon left.
        Ok(_) => match UnixStream::connect(path).await {
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(refused)?,
            _ => return Err(ListenError::Busy(address.clone())),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(refused(e)),
    }
    let listener = UnixListener::bind(path).map_err(refused)?;
    let file = SocketFile::new(path).map_err(refused)?;
    fs::set_permissions(path, fs::Permissions::from_mode(openness.modes().0)).map_err(refused)?;
    Ok(UnixSocket { listener, file })
}

/// Makes the socket's folder, or checks that nobody else can put a socket there
/// in the daemon's place.
fn prepare_folder(address: &Address, path: &Path, openness: Openness) -> Result<(), ListenError> {
    let refused = |error| ListenError::Refused { address: address.clone(), error };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    match fs::DirBuilder::new().mode(openness.modes().1).create(folder) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(refused(e)),
    }
    let metadata = fs::metadata(folder).map_err(refused)?;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let mine = owner == rustix::process::getuid().as_raw();
    // In a sticky folder, such as /tmp, nobody can replace another's socket.
    let safe = if mode & 0o1000 == 0 { mine && mode & 0o022 == 0 } else { mine || owner == 0 };
    let (address, folder) = (address.clone(), folder.to_owned());
    match openness {
        _ if !safe => Err(ListenError::OpenFolder { address, folder, owner, mode }),
        Openness::Everybody if mode & 0o001 == 0 => Err(ListenError::ClosedFolder { address, folder, mode }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn bind(address: &Address) -> Result<Listener, ListenError> {
        Listener::bind(address, Openness::Owner).await
    }

    #[tokio::test]
    async fn a_socket_for_others_is_where_they_can_reach_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let path = folder.path().join("new/d.sock");
        let address = Address::Unix(path.clone());
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        let _open = Listener::bind(&address, Openness::Everybody).await.unwrap();
        assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o711, 0o666));
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let closed = Listener::bind(&Address::Unix(folder.path().join("d.sock")), Openness::Everybody).await;
        assert!(matches!(closed, Err(ListenError::ClosedFolder { mode: 0o700, .. })), "{closed:?}");
    }

    #[tokio::test]
    async fn takes_over_a_dead_socket_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/d.sock");
        let address = Address::Unix(path.clone());
        let first = bind(&address).await.unwrap();
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(bind(&address).await, Err(ListenError::Busy(_))));
        drop(first);
        assert!(!path.exists());

        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a killed daemon's socket stays");
        drop(bind(&address).await.unwrap());

        fs::write(&path, "").unwrap();
        assert!(matches!(bind(&address).await, Err(ListenError::NotASocket(_))));
    }

    #[tokio::test]
    async fn leaves_anothers_socket_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.sock");
        let address = Address::Unix(path.clone());
        let first = bind(&address).await.unwrap();
        fs::remove_file(&path).unwrap();
        let _second = bind(&address).await.unwrap();
        drop(first);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn refuses_a_folder_that_others_may_write_to() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Unix(folder.path().join("d.sock"));
        for (mode, refused) in [(0o777, true), (0o770, true), (0o1777, false), (0o755, false)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            let bound = bind(&address).await;
            assert_eq!(matches!(bound, Err(ListenError::OpenFolder { .. })), refused, "{mode:o}");
        }
    }
}
