//! Keeps gates in a file.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction};

use super::{Ended, Entry, GateStore, Loaded, Opened, StoreError};
use crate::gate::token::{Asked, Name};

/// What is written, and the newest that is read.
const FORMAT: i128 = 1;
/// Bytes of the file that are kept in memory.
const CACHE: usize = 4 << 20;

/// The format, and when anything was written last.
const FACTS: TableDefinition<'_, &str, i128> = TableDefinition::new("facts");
const FORMAT_FACT: &str = "format";
const LAST_FACT: &str = "last";

type Key = &'static [u8; Name::LEN];
type OpenRow = (i128, i128, &'static [u8], &'static [u8]);
type EndedRow = (i128, &'static [u8], &'static [u8]);
/// When it was opened, its deadline, the request, and by what that finds it.
const OPEN: TableDefinition<'_, Key, OpenRow> = TableDefinition::new("open");
/// What it is armed with.
const ARMED: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("armed");
/// When it has ended, what is told of it, and by what its request finds it.
const ENDED: TableDefinition<'_, Key, EndedRow> = TableDefinition::new("ended");

/// A file of gates. One daemon has it at a time.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    /// None after a failure: nothing goes on after one but to open it again.
    open: Option<Database>,
}

impl FileStore {
    /// Opens the file; makes it, with mode 0600, if there is none.
    ///
    /// # Errors
    /// If it cannot be used, or holds something else.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut store = Self { path: path.to_owned(), open: None };
        store.database()?;
        Ok(store)
    }

    fn database(&mut self) -> Result<&mut Database, StoreError> {
        let database = match self.open.take() {
            Some(database) => database,
            None => open(&self.path)?,
        };
        Ok(self.open.insert(database))
    }

    /// Does something with the database, which is opened again if that fails.
    fn attempt<T>(&mut self, what: impl FnOnce(&mut Database) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let done = what(self.database()?);
        done.map_err(|error| {
            self.open = None;
            failed(&self.path, error)
        })
    }
}

impl GateStore for FileStore {
    fn load(&mut self, since: Timestamp) -> Result<Loaded, StoreError> {
        self.attempt(|database| {
            forget_old(database, since)?;
            // What was forgotten gives its room back.
            database.compact()?;
            read(database)
        })
    }

    fn write(&mut self, entries: &[Entry], at: Timestamp) -> Result<(), StoreError> {
        self.attempt(|database| {
            let writing = database.begin_write()?;
            writing.open_table(FACTS)?.insert(LAST_FACT, at.as_nanosecond())?;
            for entry in entries {
                write(&writing, entry)?;
            }
            Ok(writing.commit()?)
        })
    }
}

fn open(path: &Path) -> Result<Database, StoreError> {
    let file = FileBackend::new(private(path)?).map_err(|error| failed(path, error.into()))?;
    let mut builder = Builder::new();
    // What is damaged is to be found out now, not in the midst of a write.
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    let database = builder.create_with_backend(file).map_err(|error| failed(path, error.into()))?;
    check_format(path, &database)?;
    Ok(database)
}

/// The file, which is to be its owner's alone.
fn private(path: &Path) -> Result<File, StoreError> {
    let name = || path.display().to_string();
    let unusable = |error: std::io::Error| StoreError::File { path: name(), problem: error.to_string() };
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(unusable)?;
    let metadata = file.metadata().map_err(unusable)?;
    let (mode, uid) = (metadata.permissions().mode() & 0o7777, metadata.uid());
    if !metadata.is_file() {
        return Err(StoreError::File { path: name(), problem: "it is not a file".to_owned() });
    }
    if mode & 0o077 != 0 || uid != rustix::process::getuid().as_raw() {
        return Err(StoreError::Exposed { path: name(), mode, uid });
    }
    if metadata.len() == 0 {
        // That there is such a file is to last, too.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(unusable)?;
    }
    Ok(file)
}

fn check_format(path: &Path, database: &Database) -> Result<(), StoreError> {
    match format(database).map_err(|error| failed(path, error))? {
        FORMAT => Ok(()),
        format if format > FORMAT => Err(StoreError::Newer { path: path.display().to_string(), format, known: FORMAT }),
        _ => Err(damaged(path, "it is not a gates file")),
    }
}

/// The format that is written there, now if the file is new; 0 for none.
fn format(database: &Database) -> Result<i128, redb::Error> {
    let writing = database.begin_write()?;
    let is_new = writing.list_tables()?.next().is_none();
    let format = {
        let mut facts = writing.open_table(FACTS)?;
        if is_new {
            facts.insert(FORMAT_FACT, FORMAT)?;
        }
        facts.get(FORMAT_FACT)?.map_or(0, |format| format.value())
    };
    match is_new {
        true => {
            writing.open_table(OPEN)?;
            writing.open_table(ARMED)?;
            writing.open_table(ENDED)?;
            writing.commit()?;
        }
        false => writing.abort()?,
    }
    Ok(format)
}

fn forget_old(database: &Database, since: Timestamp) -> Result<(), redb::Error> {
    let writing = database.begin_write()?;
    writing.open_table(ENDED)?.retain(|_, (at, ..)| at >= since.as_nanosecond())?;
    Ok(writing.commit()?)
}

fn read(database: &Database) -> Result<Loaded, redb::Error> {
    let reading = database.begin_read()?;
    let last = reading.open_table(FACTS)?.get(LAST_FACT)?.map(|last| time(last.value())).transpose()?;
    let mut loaded = Loaded { last, ..Loaded::default() };
    let armed = reading.open_table(ARMED)?;
    for row in reading.open_table(OPEN)?.iter()? {
        let (name, row) = row?;
        let (name, (opened, deadline, request, asked)) = (name.value(), row.value());
        let armed = armed.get(name)?.map(|armed| armed.value().to_vec());
        let (opened, deadline, request) = (time(opened)?, time(deadline)?, request.to_vec());
        let gate = Opened { name: (*name).into(), asked: decoded(asked)?, opened, deadline, request };
        loaded.open.push((gate, armed));
    }
    for row in reading.open_table(ENDED)?.iter()? {
        let (name, row) = row?;
        let (name, (at, summary, asked)) = (name.value(), row.value());
        let (at, summary) = (time(at)?, summary.to_vec());
        loaded.ended.push(Ended { name: (*name).into(), asked: decoded(asked)?, at, summary });
    }
    Ok(loaded)
}

fn write(writing: &WriteTransaction, entry: &Entry) -> Result<(), redb::Error> {
    match entry {
        Entry::Opened(gate, forgotten) => {
            for name in forgotten {
                writing.open_table(ENDED)?.remove(name.bytes())?;
            }
            let (opened, deadline) = (gate.opened.as_nanosecond(), gate.deadline.as_nanosecond());
            let row = (opened, deadline, &*gate.request, &*encoded(gate.asked.as_ref()));
            writing.open_table(OPEN)?.insert(gate.name.bytes(), row)?;
        }
        Entry::Armed(name, with) => {
            writing.open_table(ARMED)?.insert(name.bytes(), &**with)?;
        }
        Entry::Ended(gate) => {
            writing.open_table(OPEN)?.remove(gate.name.bytes())?;
            writing.open_table(ARMED)?.remove(gate.name.bytes())?;
            let row = (gate.at.as_nanosecond(), &*gate.summary, &*encoded(gate.asked.as_ref()));
            writing.open_table(ENDED)?.insert(gate.name.bytes(), row)?;
        }
    }
    Ok(())
}

fn encoded(asked: Option<&Asked>) -> Vec<u8> {
    asked.map(|asked| [asked.request.bytes(), &*asked.sealed].concat()).unwrap_or_default()
}

fn decoded(asked: &[u8]) -> Result<Option<Asked>, redb::Error> {
    match asked.split_first_chunk::<{ Name::LEN }>() {
        None if asked.is_empty() => Ok(None),
        None => Err(redb::Error::Corrupted("a request of no name".to_owned())),
        Some((request, sealed)) => Ok(Some(Asked { request: (*request).into(), sealed: sealed.to_vec() })),
    }
}

fn time(nanoseconds: i128) -> Result<Timestamp, redb::Error> {
    Timestamp::from_nanosecond(nanoseconds).map_err(|error| redb::Error::Corrupted(error.to_string()))
}

fn damaged(path: &Path, problem: &str) -> StoreError {
    StoreError::Damaged { path: path.display().to_string(), problem: problem.to_owned() }
}

fn failed(path: &Path, error: redb::Error) -> StoreError {
    match error {
        redb::Error::DatabaseAlreadyOpen => StoreError::InUse { path: path.display().to_string() },
        redb::Error::Io(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => {
            damaged(path, &error.to_string())
        }
        redb::Error::Corrupted(_)
        | redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableDoesNotExist(_) => damaged(path, &error.to_string()),
        error => StoreError::File { path: path.display().to_string(), problem: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
