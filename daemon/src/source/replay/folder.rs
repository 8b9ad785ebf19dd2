//! A dump's folder, read as a recording: all that is in it was listed at one moment.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;

use crate::kind::Kind;
use crate::recording;
use crate::source::{Event, Sink};

/// What a dump says of itself, in its folder.
const MANIFEST: &str = "manifest.json";
/// Its format, and the newest version that is read.
const FORMAT: &str = "daymark-dump";
const VERSION: u32 = 1;
/// No manifest is longer.
const LONGEST_MANIFEST: u64 = 64 << 20;
/// Longer than any object that etcd takes, by far: what is longer is no line.
const LONGEST_LINE: u64 = 64 << 20;

/// A dump that cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[error("dump {path}: {problem}")]
pub struct DumpError {
    path: String,
    problem: Flaw,
}

#[derive(Debug, thiserror::Error)]
enum Flaw {
    #[error("{0}")]
    File(#[from] io::Error),
    #[error("its folder holds no {MANIFEST}: {0}")]
    NoManifest(io::Error),
    #[error("its {MANIFEST} is no dump's: {0}")]
    NotADump(String),
    #[error("its format is version {0}; this daemon reads versions up to {VERSION}")]
    NewerVersion(u32),
    #[error("it is unfinished: run the same daymark dump again to finish it")]
    Unfinished,
    #[error("{file} is corrupt: {problem}")]
    Corrupt { file: String, problem: String },
}

impl Flaw {
    fn corrupt(file: &Path, problem: impl Into<String>) -> Self {
        Self::Corrupt { file: file.display().to_string(), problem: problem.into() }
    }
}

/// A dump that was read through once and found whole.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: Arc<Path>,
    kinds: Arc<[Listed]>,
    at: Timestamp,
}

/// The manifest, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    finished: bool,
    daemon: String,
    kubernetes: String,
    cluster: String,
    default_namespace: String,
    finished_at: Option<Timestamp>,
    kinds: Vec<Listed>,
}

/// A kind of the manifest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(flatten)]
    kind: Kind,
    watched: bool,
    file: String,
    parts: u32,
    resource_version: String,
    objects: u64,
}

impl Folder {
    /// Reads the manifest, and looks whether all is there that it says.
    pub(super) fn open(path: &Path) -> Result<(Self, recording::Header), DumpError> {
        let failed = |problem| DumpError { path: path.display().to_string(), problem };
        let manifest = manifest(path).map_err(failed)?;
        let at = manifest.finished_at.filter(|_| manifest.finished).ok_or(failed(Flaw::Unfinished))?;
        // What can only be listed has no place among what is followed.
        let kinds: Arc<[Listed]> = manifest.kinds.into_iter().filter(|it| it.watched).collect();
        let folder = Self { path: path.into(), at, kinds };
        folder.check().map_err(failed)?;
        let header = recording::Header {
            format: recording::FORMAT.into(),
            version: recording::VERSION,
            daymark: manifest.daemon,
            kubernetes: manifest.kubernetes,
            cluster: manifest.cluster,
            default_namespace: manifest.default_namespace,
            started_at: at,
            kinds: folder.kinds.iter().map(|it| it.kind.clone()).collect(),
        };
        Ok((folder, header))
    }

    fn check(&self) -> Result<(), Flaw> {
        for listed in &*self.kinds {
            let mut objects = 0;
            for file in self.files(listed)? {
                let mut lines = Objects::open(&file)?;
                while lines.next_object()?.is_some() {
                    objects += 1;
                }
            }
            if objects != listed.objects {
                let problem = format!("there are {objects} objects in all, and {} by the manifest", listed.objects);
                return Err(Flaw::corrupt(Path::new(&listed.file), problem));
            }
        }
        Ok(())
    }

    /// Puts all objects of `kind`, as a list.
    pub(super) async fn play(&self, kind: &Kind, sink: &mut Sink) -> Result<(), DumpError> {
        let failed = |problem| DumpError { path: self.path.display().to_string(), problem };
        let Some(listed) = self.kinds.iter().find(|it| it.kind == *kind) else { return Ok(()) };
        // That nobody reads any more is noticed elsewhere.
        let _closed = sink.hold_at(self.at, Event::ListBegins).await;
        for file in self.files(listed).map_err(failed)? {
            let mut lines = Objects::open(&file).map_err(failed)?;
            while let Some(object) = lines.next_object().map_err(failed)? {
                let _closed = sink.hold_at(self.at, Event::Listed(object)).await;
                tokio::task::consume_budget().await;
            }
        }
        let version = listed.resource_version.parse().unwrap_or(0);
        let _closed = sink.put_at(self.at, Event::ListEnds(version)).await;
        Ok(())
    }

    /// The files of a kind.
    fn files(&self, listed: &Listed) -> Result<Vec<PathBuf>, Flaw> {
        let stem = listed.file.strip_suffix(".json").filter(|stem| is_name(stem));
        let stem = stem.ok_or_else(|| Flaw::NotADump(format!("{:?} is no name of a file", listed.file)))?;
        let mut folders = vec![self.path.to_path_buf()];
        if listed.kind.namespaced {
            folders.clear();
            for entry in fs::read_dir(&self.path)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                }
            }
            folders.sort_unstable();
        }
        let mut files = Vec::new();
        for folder in folders {
            for part in 1..=listed.parts {
                let name = if part == 1 { format!("{stem}.json") } else { format!("{stem}.{part}.json") };
                let file = folder.join(name);
                match file.symlink_metadata() {
                    Ok(metadata) if metadata.is_file() => files.push(file),
                    _ => break,
                }
            }
        }
        Ok(files)
    }
}

fn manifest(folder: &Path) -> Result<Manifest, Flaw> {
    #[derive(Deserialize)]
    struct Version {
        format: String,
        version: u32,
    }
    let mut text = Vec::new();
    let file = File::open(folder.join(MANIFEST)).map_err(Flaw::NoManifest)?;
    file.take(LONGEST_MANIFEST).read_to_end(&mut text)?;
    let not = |error: serde_json::Error| Flaw::NotADump(error.to_string());
    // The version first: a newer manifest may have other fields.
    let Version { format, version } = serde_json::from_slice(&text).map_err(not)?;
    if format != FORMAT {
        return Err(Flaw::NotADump(format!("its format is {format:?}")));
    }
    if version > VERSION {
        return Err(Flaw::NewerVersion(version));
    }
    serde_json::from_slice(&text).map_err(not)
}

/// Whether that stays in its folder: a dump may come from anybody.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0'])
}

/// The objects of a file: each is a line, between one that begins the list and one that ends it.
struct Objects {
    path: PathBuf,
    lines: BufReader<File>,
    buffer: Vec<u8>,
    ended: bool,
}

impl Objects {
    fn open(path: &Path) -> Result<Self, Flaw> {
        let lines = BufReader::new(File::open(path)?);
        let mut objects = Self { path: path.to_owned(), lines, buffer: Vec::new(), ended: false };
        objects.read()?;
        match objects.buffer.ends_with(b"\"items\":[") {
            true => Ok(objects),
            false => Err(Flaw::corrupt(path, "its first line begins no list")),
        }
    }

    fn next_object(&mut self) -> Result<Option<Bytes>, Flaw> {
        while !self.ended {
            self.read()?;
            if self.buffer.starts_with(b"]") {
                self.ended = true;
                break;
            }
            let line = self.buffer.strip_suffix(b",").unwrap_or(&self.buffer);
            if line.starts_with(b"{") && line.ends_with(b"}") {
                return Ok(Some(Bytes::copy_from_slice(line)));
            }
            // A list without objects has an empty line.
            if !line.is_empty() {
                return Err(Flaw::corrupt(&self.path, "one of its lines is no object"));
            }
        }
        Ok(None)
    }

    /// The next line, without its end.
    fn read(&mut self) -> Result<(), Flaw> {
        self.buffer.clear();
        io::Read::take(&mut self.lines, LONGEST_LINE).read_until(b'\n', &mut self.buffer)?;
        match self.buffer.pop() {
            Some(b'\n') => Ok(()),
            _ => Err(Flaw::corrupt(&self.path, "it is cut off")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest_of(parts: u32, objects: u64) -> serde_json::Value {
        json!({
            "format": "daymark-dump", "version": 1, "finished": true, "daemon": "0.1.0", "kubernetes": "v1.36.0",
            "cluster": "c", "defaultNamespace": "shop", "finishedAt": "2026-01-01T00:00:00Z",
            "kinds": [{
                "group": "", "version": "v1", "resource": "pods", "singular": "pod", "kind": "Pod",
                "shortNames": ["po"], "namespaced": true, "watched": true, "file": "pods.json", "parts": parts,
                "resourceVersion": "7", "objects": objects, "broken": 0,
            }],
        })
    }

    fn list(objects: &[&str]) -> String {
        let objects = objects.join(",\n");
        format!("{{\"kind\":\"PodList\",\"items\":[\n{objects}\n],\"metadata\":{{\"resourceVersion\":\"7\"}}}}\n")
    }

    fn folder(manifest: &serde_json::Value, files: &[(&str, String)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MANIFEST), manifest.to_string()).unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_whole_dump_is_opened() {
        let files = [("a/pods.json", list(&[r#"{"a":1}"#, r#"{"b":2}"#])), ("a/pods.2.json", list(&[r#"{"c":3}"#]))];
        let folder = folder(&manifest_of(2, 3), &files);
        let (dump, header) = Folder::open(folder.path()).unwrap();
        assert_eq!((&*header.cluster, header.kinds.len()), ("c", 1));
        assert_eq!(dump.files(&dump.kinds[0]).unwrap().len(), 2);
        let empty = self::folder(&manifest_of(1, 0), &[("a/pods.json", list(&[]))]);
        assert!(Folder::open(empty.path()).is_ok());
    }

    #[test]
    fn what_is_not_whole_is_refused_in_a_line() {
        let good = list(&[r#"{"a":1}"#]);
        let with = |field: &str, value: serde_json::Value| {
            let mut manifest = manifest_of(1, 1);
            manifest[field] = value;
            manifest
        };
        let mut outside = manifest_of(1, 1);
        outside["kinds"][0]["file"] = "../../etc/x.json".into();
        for (manifest, text, says) in [
            (manifest_of(1, 2), good.clone(), "1 objects in all, and 2"),
            (manifest_of(1, 1), good[..good.len() - 1].to_owned(), "cut off"),
            (manifest_of(1, 1), good.replace("{\"a\":1}", "7"), "no object"),
            (manifest_of(1, 1), "{}\n".to_owned(), "begins no list"),
            (with("finished", false.into()), good.clone(), "unfinished"),
            (with("version", 2.into()), good.clone(), "version 2"),
            (with("format", "other".into()), good.clone(), "\"other\""),
            (with("kinds", 7.into()), good.clone(), "invalid type"),
            (outside, good, "no name of a file"),
        ] {
            let folder = folder(&manifest, &[("a/pods.json", text)]);
            let error = Folder::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains('\n'), "{says}: {error}");
        }
        let none = tempfile::tempdir().unwrap();
        assert!(Folder::open(none.path()).unwrap_err().to_string().contains("holds no manifest.json"));
    }
}
