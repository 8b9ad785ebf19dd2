//! The files of a dump while they come. None has its own name before it is whole.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use daymark::api::DumpPart;

use super::folder::MANIFEST;
use crate::exit::{Exit, Failure};

/// What the name of a file ends in that is not whole.
pub const PART: &str = ".part";
/// Files that are open at a time; a daemon has fewer.
const MOST_OPEN: usize = 64;
/// Files of one kind; a daemon sends one for each namespace.
const MOST_OF_A_KIND: usize = 500_000;
/// Folders and a file in a path, and bytes in each: file systems take 255.
const DEEPEST: usize = 3;
const LONGEST: usize = 250;

/// The files of a dump that are not whole, or belong to a kind that is not.
pub struct Files {
    folder: PathBuf,
    open: HashMap<u32, Open>,
    /// Those of the kind that comes.
    of_kind: Vec<PathBuf>,
}

struct Open {
    file: File,
    /// Its name when it is whole.
    path: PathBuf,
    is_log: bool,
}

impl Files {
    /// The files in that folder.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), open: HashMap::new(), of_kind: Vec::new() }
    }

    /// Takes in a part of a file.
    ///
    /// # Errors
    /// If it cannot be written, or makes no sense.
    pub fn part(&mut self, part: DumpPart) -> Result<(), Failure> {
        let DumpPart { file: number, path, data, last } = part;
        if !path.is_empty() {
            self.begin(number, &path)?;
        }
        let Some(open) = self.open.get_mut(&number) else {
            return Err(wrong(format!("a part of file {number}, of which the first has not come")));
        };
        written(&open.path, open.file.write_all(&data))?;
        if last && let Some(open) = self.open.remove(&number) {
            self.end(open)?;
        }
        Ok(())
    }

    fn begin(&mut self, number: u32, path: &str) -> Result<(), Failure> {
        if !is_path(path) {
            return Err(wrong(format!("a file called {path:?}")));
        }
        if self.open.len() >= MOST_OPEN || self.of_kind.len() >= MOST_OF_A_KIND {
            return Err(wrong("too many files at a time".to_owned()));
        }
        let is_log = path.ends_with(".log");
        let path = self.folder.join(path);
        if self.open.contains_key(&number) || self.open.values().any(|open| open.path == path) {
            return Err(wrong(format!("the file {} twice at a time", path.display())));
        }
        let file = written(&path, create(&self.folder, &path))?;
        self.open.insert(number, Open { file, path, is_log });
        Ok(())
    }

    fn end(&mut self, open: Open) -> Result<(), Failure> {
        let Open { file, path, is_log } = open;
        // Else all are brought to the disk together.
        if cfg!(not(target_os = "linux")) {
            written(&path, file.sync_all())?;
        }
        match is_log {
            true => written(&path, fs::rename(part_of(&path), &path)),
            false => {
                self.of_kind.push(path);
                Ok(())
            }
        }
    }

    /// The kind is whole, and so are its files.
    ///
    /// # Errors
    /// If they cannot be given their names.
    pub fn end_kind(&mut self) -> Result<(), Failure> {
        for path in self.of_kind.drain(..) {
            written(&path, fs::rename(part_of(&path), &path))?;
        }
        Ok(())
    }

    /// The kind begins anew.
    pub fn drop_kind(&mut self) {
        let open = self.open.extract_if(|_, open| !open.is_log).map(|(_, open)| open.path);
        open.chain(self.of_kind.drain(..)).for_each(|path| remove(&path));
    }

    /// Nothing more comes of what is not whole.
    pub fn drop_unfinished(&mut self) {
        self.drop_kind();
        self.open.drain().for_each(|(_, open)| remove(&open.path));
    }
}

fn remove(path: &Path) {
    // A dump that goes on takes away what is left.
    let _left = fs::remove_file(part_of(path));
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(PART);
    name.into()
}

/// Makes a file that only its owner can read, with the folders that it needs in `root`.
fn create(root: &Path, path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent()
        && folder != root
    {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let part = part_of(path);
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(part)
}

/// Whether a path that the daemon names stays in the folder, and is that of a file of a dump.
fn is_path(path: &str) -> bool {
    let is_name = |name: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        name.len() <= LONGEST
            && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
            && name.bytes().all(is_plain)
            && !name.ends_with(PART)
    };
    let is_file = path.ends_with(".json") || path.ends_with(".log");
    is_file && path != MANIFEST && path.split('/').count() <= DEEPEST && path.split('/').all(is_name)
}

/// What came of writing a file, in one line.
///
/// # Errors
/// If it could not be written.
pub fn written<T>(path: &Path, outcome: io::Result<T>) -> Result<T, Failure> {
    outcome.map_err(|error| {
        let full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        );
        let hint = if full { ": make room" } else { "" };
        Failure::usage(format!("cannot write {}: {error}{hint}", path.display()))
    })
}

fn wrong(what: String) -> Failure {
    Failure::new(Exit::Fault, format!("the daemon sent an invalid part of a dump: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_outside_or_hidden_or_the_manifest() {
        for path in ["nodes.json", "shop/pods.json", "shop/web-1/main.previous.log", "a/pods.json_/main.log"] {
            assert!(is_path(path), "{path}");
        }
        let long = format!("{}.json", "a".repeat(LONGEST));
        for path in [
            "",
            "/etc/x.json",
            "../x.json",
            "a/../x.json",
            "a//x.json",
            "./x.json",
            ".ssh/x.json",
            "a/.x.json",
            "a/b/c/x.json",
            "manifest.json",
            "x",
            "x.json.part",
            "a.part/x.json",
            "a\\x.json",
            "a\n.json",
            "é.json",
            &long,
        ] {
            assert!(!is_path(path), "{path}");
        }
    }

    fn names(root: &Path) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                match entry.path().is_dir() {
                    true => folders.push(entry.path()),
                    false => names.push(entry.path().strip_prefix(root).unwrap().display().to_string()),
                }
            }
        }
        names.sort();
        names
    }

    #[test]
    fn files_have_their_names_when_they_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let names = || names(folder.path());
        let mut files = Files::new(folder.path());
        let part = |file: u32, path: &str, last: bool| DumpPart { file, path: path.into(), data: "x".into(), last };
        files.part(part(1, "a/pods.json", true)).unwrap();
        files.part(part(2, "b/pods.json", false)).unwrap();
        files.part(part(3, "b/web/main.log", true)).unwrap();
        files.part(part(4, "b/web/other.log", false)).unwrap();
        assert_eq!(names(), ["a/pods.json.part", "b/pods.json.part", "b/web/main.log", "b/web/other.log.part"]);
        assert!(files.part(part(5, "b/pods.json", true)).is_err(), "twice at a time");
        assert!(files.part(part(6, "", true)).is_err(), "without a beginning");
        files.part(part(2, "", true)).unwrap();
        files.end_kind().unwrap();
        assert_eq!(names(), ["a/pods.json", "b/pods.json", "b/web/main.log", "b/web/other.log.part"]);
        files.part(part(7, "a/jobs.json", true)).unwrap();
        files.drop_unfinished();
        assert_eq!(names(), ["a/pods.json", "b/pods.json", "b/web/main.log"]);
    }
}
