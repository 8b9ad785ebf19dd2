//! Files that hold secrets.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Nothing that is read here is longer.
const LIMIT: u64 = 1 << 20;

/// Why a file that holds a secret is not used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is open to others than its owner.
    #[error("{} is open to its group or to others (mode {mode:04o}): run chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Which file it was, in which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(it: &Metadata) -> Self {
        Self {
            device: it.dev(),
            inode: it.ino(),
            size: it.size(),
            modified: (it.mtime(), it.mtime_nsec()),
            changed: (it.ctime(), it.ctime_nsec()),
        }
    }
}

/// Which file is at `path` now, in which version; `None` if there is none.
pub(crate) fn stamp(path: &Path) -> Option<Stamp> {
    path.metadata().ok().map(|metadata| Stamp::from(&metadata))
}

/// The text, and which version it is of.
///
/// # Errors
/// If it cannot be read; if others than its owner have any right on it, unless the
/// kubelet has put it there, and they may not write to it.
pub(crate) fn read(path: &Path) -> Result<(String, Stamp), SecretFileError> {
    let failed = |source| SecretFileError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.mode() & 0o7777;
    let forbidden = if is_projected(path) { 0o022 } else { 0o077 };
    if mode & forbidden != 0 {
        return Err(SecretFileError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text).map_err(failed)?;
    Ok((text, Stamp::from(&metadata)))
}

/// Whether the kubelet has put the file there, with a mode that is the pod's affair: it
/// is a link through `..data`, which the kubelet exchanges as a whole
/// (pkg/volume/util/atomic_writer.go in Kubernetes).
fn is_projected(path: &Path) -> bool {
    path.read_link().is_ok_and(|target| target.starts_with("..data"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn written(path: &Path, mode: u32) {
        fs::write(path, "text").unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_that_others_can_open_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (mode, taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
            written(&path, mode);
            match read(&path) {
                Ok((text, _)) => assert!(taken && text == "text", "{mode:o}"),
                Err(error) => assert!(!taken && error.to_string().contains("chmod 600"), "{mode:o}: {error}"),
            }
        }
    }

    #[test]
    fn a_file_that_the_kubelet_projects_may_be_readable_by_others() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("..2026")).unwrap();
        symlink("..2026", folder.path().join("..data")).unwrap();
        let link = folder.path().join("token");
        symlink("..data/token", &link).unwrap();
        for (mode, taken) in [(0o644, true), (0o440, true), (0o600, true), (0o664, false), (0o602, false)] {
            written(&folder.path().join("..2026/token"), mode);
            assert_eq!(read(&link).is_ok(), taken, "{mode:o}");
        }
        // Any other link is as strict as a file.
        let other = folder.path().join("other");
        symlink("..2026/token", &other).unwrap();
        written(&folder.path().join("..2026/token"), 0o644);
        assert!(read(&other).is_err());
    }

    #[test]
    fn another_version_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert_eq!(stamp(&path), None);
        written(&path, 0o600);
        let first = read(&path).unwrap().1;
        assert_eq!(stamp(&path), Some(first));
        let other = folder.path().join("other");
        written(&other, 0o600);
        fs::rename(&other, &path).unwrap();
        assert_ne!(stamp(&path), Some(first));
    }
}
