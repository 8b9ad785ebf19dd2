//! The folder of a dump, and its manifest.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::files::{PART, written};
use super::manifest::{FORMAT, Manifest, Subject, VERSION};
use crate::exit::Failure;
use crate::whole_file::replace;

/// What the file of a node's summary ends in, before `.json`: that of no kind does. It comes with the nodes.
const SUMMARY: &str = "_summary";
/// What a dump says of itself.
pub const MANIFEST: &str = "manifest.json";
/// No manifest is longer.
const LONGEST: u64 = 64 << 20;
/// How often the manifest is brought up to date: with it, all that was written goes to the disk.
const EVERY: Duration = Duration::from_secs(2);
/// Folders that a file of a dump is in at most, besides the dump's own.
const DEEPEST: usize = 2;

/// The folder of a dump. Nobody else writes to it meanwhile.
pub struct Folder {
    path: PathBuf,
    /// Locked, for as long as it is open.
    handle: File,
    /// Whether it was made for this.
    is_made: bool,
    pub manifest: Manifest,
    saved: Instant,
}

impl Folder {
    /// Takes a folder: one that is not there, or empty, or whose dump is unfinished, and of the same.
    ///
    /// # Errors
    /// If it is none of these, or cannot be used.
    pub fn open(path: &Path, of: Subject) -> Result<Self, Failure> {
        let cannot = |error: io::Error| Failure::usage(format!("cannot use the folder {}: {error}", path.display()));
        let is_made = match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(cannot(error)),
        };
        let handle = File::open(path).map_err(cannot)?;
        if !handle.metadata().map_err(cannot)?.is_dir() {
            return Err(refused(path, "is not a folder"));
        }
        match handle.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(refused(path, "is being written to by another daymark dump")),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        let is_empty = fs::read_dir(path).map_err(cannot)?.next().is_none();
        let manifest = if is_empty { Manifest::new(id(), of) } else { unfinished(path, &of)? };
        let mut folder = Self { path: path.into(), handle, is_made, manifest, saved: Instant::now() };
        match is_empty {
            true => fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(cannot)?,
            false => folder.tidy().map_err(cannot)?,
        }
        folder.save()?;
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Brings the manifest up to date, when that was long ago.
    ///
    /// # Errors
    /// As of [`Folder::save`].
    pub fn save_now_and_then(&mut self) -> Result<(), Failure> {
        if self.saved.elapsed() < EVERY { Ok(()) } else { self.save() }
    }

    /// Brings the manifest up to date, behind all that it says is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&mut self) -> Result<(), Failure> {
        let path = self.path.join(MANIFEST);
        let save = || {
            settle(&self.handle)?;
            let mut text = serde_json::to_vec_pretty(&self.manifest)?;
            text.push(b'\n');
            replace(&path, &text, 0o600)
        };
        written(&path, save())?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Takes away what was made, if nothing came of it.
    pub fn remove(&self) {
        let entries: Vec<_> = fs::read_dir(&self.path).into_iter().flatten().flatten().collect();
        // Those that are empty go.
        let left = entries.iter().filter(|entry| fs::remove_dir(entry.path()).is_err()).count();
        if left == 1 {
            // What cannot be removed is harmless: it can be gone on with.
            let _left = fs::remove_file(self.path.join(MANIFEST));
            if self.is_made {
                let _left = fs::remove_dir(&self.path);
            }
        }
    }

    /// Takes away what is no part of the dump: files that are not whole, and those of kinds that
    /// are not.
    fn tidy(&self) -> io::Result<()> {
        let mut folders = vec![(self.path.clone(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let (name, sort) = (entry.file_name(), entry.file_type()?);
                let name = name.to_str().unwrap_or_default();
                let is_manifest = depth == 0 && name == MANIFEST;
                if sort.is_dir() && depth < DEEPEST {
                    folders.push((entry.path(), depth + 1));
                } else if sort.is_file() && !is_manifest && self.is_left_over(name) {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    fn is_left_over(&self, name: &str) -> bool {
        let Some(stem) = name.strip_suffix(".json") else { return name.ends_with(PART) };
        if stem.ends_with(SUMMARY) {
            return !self.manifest.kinds.iter().any(|kind| kind.name() == "nodes");
        }
        let (first, number) = stem.rsplit_once('.').unwrap_or((stem, ""));
        let stem = if number.parse::<u32>().is_ok() { first } else { stem };
        !self.manifest.kinds.iter().any(|kind| kind.file.strip_suffix(".json") == Some(stem))
    }
}

/// The manifest of a dump that can be gone on with.
fn unfinished(path: &Path, of: &Subject) -> Result<Manifest, Failure> {
    #[derive(Deserialize)]
    struct Version {
        format: String,
        version: u32,
    }
    let mut text = Vec::new();
    let read = File::open(path.join(MANIFEST)).and_then(|file| file.take(LONGEST).read_to_end(&mut text));
    if read.is_err() {
        return Err(refused(path, "is not empty, and contains no dump"));
    }
    let known = serde_json::from_slice(&text).ok().filter(|it: &Version| it.format == FORMAT);
    let Some(Version { version, .. }) = known else {
        return Err(refused(path, "is not empty, and its manifest.json is not that of a dump"));
    };
    if version > VERSION {
        return Err(refused(path, &format!("contains a dump of version {version}, but this daymark writes {VERSION}")));
    }
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| refused(path, &format!("contains a dump whose manifest.json is damaged: {error}")))?;
    if manifest.finished {
        return Err(refused(path, "contains a finished dump"));
    }
    if manifest.of != *of {
        return Err(refused(path, "contains an unfinished dump of something else, or by another daemon"));
    }
    Ok(manifest)
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::usage(format!("the folder {} {why}: name another", path.display()))
}

/// A name that no other dump has.
fn id() -> String {
    // The standard library draws keys for each thread, and changes them for each hasher.
    let part = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", part(), part())
}

/// All that was written is on the disk.
#[cfg(target_os = "linux")]
fn settle(folder: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(folder)?)
}

/// Each file was brought there when it was whole.
#[cfg(not(target_os = "linux"))]
fn settle(_: &File) -> io::Result<()> {
    Ok(())
}
