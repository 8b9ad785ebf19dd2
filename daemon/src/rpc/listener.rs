//! Where the daemon listens: unix sockets that only its user can open, and
//! TCP on loopback.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::UnixListenerStream;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `unix:PATH`.
    Unix(PathBuf),
    /// `HOST:PORT`, on loopback.
    Tcp(SocketAddr),
}

/// A string that is no address to listen on.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It has neither form.
    #[error("{0:?} is neither unix:PATH nor HOST:PORT")]
    Malformed(String),
    /// The host is not this machine.
    #[error("{0} is not a loopback address; this daemon serves TCP on loopback only")]
    NotLoopback(SocketAddr),
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
        if !address.ip().is_loopback() {
            return Err(AddressError::NotLoopback(address));
        }
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

impl UnixSocket {
    /// Connections as they come; the file is removed when they are dropped.
    pub(super) fn incoming(self) -> impl futures::Stream<Item = io::Result<tokio::net::UnixStream>> {
        let Self { listener, file } = self;
        futures::StreamExt::map(UnixListenerStream::new(listener), move |connection| {
            let _kept = &file;
            connection
        })
    }
}

impl Listener {
    /// Listens on `address`.
    ///
    /// # Errors
    /// If another process does, or the place is not safe.
    pub async fn bind(address: &Address) -> Result<Self, ListenError> {
        let refused = |error| ListenError::Refused { address: address.clone(), error };
        match address {
            Address::Unix(path) => bind_unix(address, path).await.map(Self::Unix),
            Address::Tcp(tcp) => match TcpListener::bind(tcp).await {
                Ok(listener) => Ok(Self::Tcp(listener)),
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => Err(ListenError::Busy(address.clone())),
                Err(e) => Err(refused(e)),
            },
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

async fn bind_unix(address: &Address, path: &Path) -> Result<UnixSocket, ListenError> {
    let refused = |error| ListenError::Refused { address: address.clone(), error };
    prepare_folder(address, path)?;
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(ListenError::NotASocket(address.clone())),
        // A socket that nobody listens on is what a killed daemon left.
        Ok(_) => match tokio::net::UnixStream::connect(path).await {
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(refused)?,
            _ => return Err(ListenError::Busy(address.clone())),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(refused(e)),
    }
    let listener = UnixListener::bind(path).map_err(refused)?;
    let file = SocketFile::new(path).map_err(refused)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(refused)?;
    Ok(UnixSocket { listener, file })
}

/// Makes the socket's folder, or checks that nobody else can put a socket there
/// in the daemon's place.
fn prepare_folder(address: &Address, path: &Path) -> Result<(), ListenError> {
    let refused = |error| ListenError::Refused { address: address.clone(), error };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(refused(e)),
    }
    let metadata = fs::metadata(folder).map_err(refused)?;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let mine = owner == rustix::process::getuid().as_raw();
    // In a sticky folder, such as /tmp, nobody can replace another's socket.
    let safe = if mode & 0o1000 == 0 { mine && mode & 0o022 == 0 } else { mine || owner == 0 };
    if safe {
        return Ok(());
    }
    Err(ListenError::OpenFolder { address: address.clone(), folder: folder.to_owned(), owner, mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_unix_paths_or_loopback() {
        let parse = |text: &str| text.parse::<Address>().map(|a| a.to_string()).map_err(|e| e.to_string());
        assert_eq!(parse("unix:/run/d.sock").unwrap(), "unix:/run/d.sock");
        assert_eq!(parse("unix:///run/d.sock").unwrap(), "unix:/run/d.sock");
        assert_eq!(parse("127.0.0.1:0").unwrap(), "127.0.0.1:0");
        assert_eq!(parse("[::1]:80").unwrap(), "[::1]:80");
        assert!(parse("0.0.0.0:80").unwrap_err().contains("not a loopback address"));
        for malformed in ["", "unix:", "80", "127.0.0.1", "/run/d.sock", "127.0.0.1:99999"] {
            assert!(parse(malformed).unwrap_err().contains("neither unix:PATH nor HOST:PORT"), "{malformed}");
        }
    }

    #[tokio::test]
    async fn takes_over_a_dead_socket_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/d.sock");
        let address = Address::Unix(path.clone());
        let first = Listener::bind(&address).await.unwrap();
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(Listener::bind(&address).await, Err(ListenError::Busy(_))));
        drop(first);
        assert!(!path.exists());

        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a killed daemon's socket stays");
        drop(Listener::bind(&address).await.unwrap());

        fs::write(&path, "").unwrap();
        assert!(matches!(Listener::bind(&address).await, Err(ListenError::NotASocket(_))));
    }

    #[tokio::test]
    async fn leaves_anothers_socket_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.sock");
        let address = Address::Unix(path.clone());
        let first = Listener::bind(&address).await.unwrap();
        fs::remove_file(&path).unwrap();
        let _second = Listener::bind(&address).await.unwrap();
        drop(first);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn refuses_a_folder_that_others_may_write_to() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Unix(folder.path().join("d.sock"));
        for (mode, refused) in [(0o777, true), (0o770, true), (0o1777, false), (0o755, false)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            let bound = Listener::bind(&address).await;
            assert_eq!(matches!(bound, Err(ListenError::OpenFolder { .. })), refused, "{mode:o}");
        }
    }
}
