//! Changes of the file of contexts. What else is in it, comments included, stays as it is.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use toml_edit::{Item, Table, TableLike, Value};

use super::{ContextError, Contexts};
use crate::args::Connection;
use crate::{duration, whole_file};

const CURRENT: &str = "current-context";
const CONTEXTS: &str = "contexts";

impl Contexts {
    /// Keeps a connection under a name, in place of the one that has it. The first context is in use at once.
    ///
    /// # Errors
    /// If the name is none, or the file cannot be written.
    pub fn add(&mut self, name: &str, connection: &Connection) -> Result<(), ContextError> {
        let allowed = |char: char| char.is_ascii_alphanumeric() || "-._@:/".contains(char);
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(ContextError::Name { name: name.to_owned() });
        }
        let fields = fields(connection)?;
        let contexts = self.table();
        if contexts.get(name).is_none() {
            contexts.insert(name, Item::Table(Table::new()));
        }
        if let Some(table) = contexts.get_mut(name).and_then(Item::as_table_like_mut) {
            fields.into_iter().for_each(|(key, value)| set(table, key, value));
        }
        if self.current.is_none() && self.all.is_empty() {
            set(self.document.as_table_mut(), CURRENT, Some(name.into()));
        }
        self.save()
    }

    /// Has a context used from now on.
    ///
    /// # Errors
    /// If there is none of that name, or the file cannot be written.
    pub fn take(&mut self, name: &str) -> Result<(), ContextError> {
        self.get(name)?;
        set(self.document.as_table_mut(), CURRENT, Some(name.into()));
        self.save()
    }

    /// Forgets a context. If it was in use, none is.
    ///
    /// # Errors
    /// If there is none of that name, or the file cannot be written.
    pub fn remove(&mut self, name: &str) -> Result<(), ContextError> {
        self.get(name)?;
        self.table().remove(name);
        if self.current.as_deref() == Some(name) {
            set(self.document.as_table_mut(), CURRENT, None);
        }
        self.save()
    }

    /// The table of all contexts.
    fn table(&mut self) -> &mut dyn TableLike {
        let root = self.document.as_table_mut();
        if root.get(CONTEXTS).is_none_or(|item| !item.is_table_like()) {
            let mut table = Table::new();
            // Its own header would say nothing.
            table.set_implicit(true);
            root.insert(CONTEXTS, Item::Table(table));
        }
        let table = root.get_mut(CONTEXTS).and_then(Item::as_table_like_mut);
        table.unwrap_or_else(|| unreachable!("it was put there if it was not"))
    }

    fn save(&self) -> Result<(), ContextError> {
        // What is a link stays one.
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let written = write(&path, &self.document.to_string());
        written.map_err(|source| ContextError::Write { path: self.path.clone(), source })
    }
}

/// Makes the folder of the file at `path`, if there is none.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(whole_file::folder(path))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mode = fs::metadata(path).map_or(0o600, |metadata| metadata.permissions().mode() & 0o777);
    whole_file::replace(path, text.as_bytes(), mode)
}

/// What a context says, as its keys and values. Paths are absolute: where the command was run
/// means nothing later.
fn fields(connection: &Connection) -> Result<Vec<(&'static str, Option<Value>)>, ContextError> {
    let it = connection;
    let texts = [
        ("address", it.address.as_deref().map(address).transpose()?),
        ("cluster", it.cluster.clone()),
        ("namespace", it.namespace.clone()),
        ("ca-file", it.ca_file.as_deref().map(absolute).transpose()?),
        ("server-name", it.server_name.clone()),
        ("client-certificate", it.client_certificate.as_deref().map(absolute).transpose()?),
        ("client-key", it.client_key.as_deref().map(absolute).transpose()?),
        ("token-file", it.token_file.as_deref().map(absolute).transpose()?),
        ("token-env", it.token_env.clone()),
        ("github-oidc-audience", it.github_oidc_audience.clone()),
        ("request-timeout", it.request_timeout.map(duration::show)),
    ];
    let plaintext = ("insecure-plaintext", it.insecure_plaintext.then(|| Value::from(true)));
    Ok(texts.into_iter().map(|(key, text)| (key, text.map(Value::from))).chain([plaintext]).collect())
}

fn absolute(path: &Path) -> Result<String, ContextError> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.into_os_string().into_string().map_err(|path| ContextError::NoText { path: PathBuf::from(path) })
}

fn address(text: &str) -> Result<String, ContextError> {
    match text.strip_prefix("unix:") {
        Some(path) if !path.is_empty() && !path.starts_with('/') => Ok(format!("unix:{}", absolute(Path::new(path))?)),
        _ => Ok(text.to_owned()),
    }
}

/// Sets a key, or removes it. A comment behind its value stays.
fn set(table: &mut dyn TableLike, key: &str, value: Option<Value>) {
    let Some(value) = value else {
        table.remove(key);
        return;
    };
    let mut new = Item::Value(value);
    let old = table.get(key).and_then(Item::as_value).map(|old| old.decor().clone());
    if let (Some(old), Some(new)) = (old, new.as_value_mut()) {
        *new.decor_mut() = old;
    }
    match table.get_mut(key) {
        // The key keeps what stands before it.
        Some(item) => *item = new,
        None => {
            table.insert(key, new);
        }
    }
}
