//! Where a program runs: the one that was just built in the test's own root file system; a packaged one, of the
//! folder `DAYMARK_PACKAGE`, in a root file system of its own, which is empty.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use daymark_tests::binaries;
use daymark_tests::process::mortal;
use tempfile::TempDir;

/// The user of the images.
const USER: &str = "--userspec=65532:65532";

/// A program's place. Its files are gone when it is dropped.
pub(crate) struct Place {
    folder: TempDir,
    program: PathBuf,
    is_root: bool,
}

impl Place {
    /// A place for `daymarkd` or `daymark`.
    pub(crate) fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let Some(package) = std::env::var_os("DAYMARK_PACKAGE") else {
            let built = binaries::build().expect("the binaries build");
            let program = if name == "daymarkd" { built.daymarkd.clone() } else { built.daymark.clone() };
            return Self { folder, program, is_root: false };
        };
        // It is another user's who enters it.
        let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755));
        open(folder.path()).expect("the folder is ours");
        let program = folder.path().join(name);
        fs::copy(Path::new(&package).join(name), &program).expect("DAYMARK_PACKAGE has the program");
        open(&program).expect("the program is ours");
        let place = Self { folder, program: Path::new("/").join(name), is_root: true };
        // As a container runtime does.
        place.write("etc/hosts", "127.0.0.1 localhost\n");
        place
    }

    /// Writes a file, and returns the path that the program knows it by.
    pub(crate) fn write(&self, path: &str, text: &str) -> String {
        let file = self.folder.path().join(path);
        fs::create_dir_all(file.parent().expect("it is below the folder")).expect("a folder can be made");
        fs::write(&file, text).expect("a file can be written");
        self.path(path)
    }

    /// The path that the program knows a file by.
    pub(crate) fn path(&self, path: &str) -> String {
        let root = if self.is_root { Path::new("/") } else { self.folder.path() };
        root.join(path).display().to_string()
    }

    /// A command that runs the program there, with nothing of the test's environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = mortal(if self.is_root { Path::new("chroot") } else { &self.program });
        if self.is_root {
            command.arg(USER).arg(self.folder.path()).arg(&self.program);
        }
        // The tools that start it are looked for there.
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path);
        command
    }
}
