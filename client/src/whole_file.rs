//! Files that are replaced as a whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Replaces the file at `path`, or makes it, with these permission bits. A reader finds the old
/// text or the new, also after a crash of the machine.
///
/// # Errors
/// If it cannot be written; the old text stays.
pub fn replace(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    // Of its own name, so that two who replace it at the same time write no common file.
    let beside = named(path, &format!(".{:016x}.new", RandomState::new().build_hasher().finish()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    let written = file.write_all(text).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // It is of no use to anybody.
        let _left = fs::remove_file(&beside);
        return Err(error);
    }
    File::open(folder(path))?.sync_all()
}

/// The folder of the file at `path`.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Waits until nobody else changes files in this folder, for as long as what is returned is kept. Who does not ask is not held
/// up; where the file system has no locks, nobody is.
///
/// # Errors
/// If there is no such folder, or it cannot be opened.
pub fn alone(folder: &Path) -> io::Result<File> {
    let folder = File::open(folder)?;
    let _unlocked = folder.lock();
    Ok(folder)
}

/// Holds the file at `path` for this process alone, for as long as what is returned is kept; `None` if another holds it. A
/// file beside it, of its name with `.lock`, stands for it, because it is itself replaced.
///
/// # Errors
/// If there can be no such file.
pub fn hold(path: &Path) -> io::Result<Option<File>> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(named(path, ".lock"))?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        // Or the file system has no locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(lock)),
    }
}

fn named(path: &Path, end: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(end);
    name.into()
}
