//! Contexts: connections with a name, in a file of the user's.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use daymark::text_file;
use toml_edit::{Document, DocumentMut, Item, TableLike};

use crate::args::Connection;
use crate::duration::{self, DurationError};
use crate::whole_file;

mod edit;

/// Why contexts cannot be had or changed.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// No variable says where the file is.
    #[error("no location for contexts: set HOME, XDG_CONFIG_HOME or DAYMARK_CONFIG")]
    NoPlace,
    /// The file cannot be read.
    #[error("cannot read the contexts in {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file says what it must not.
    #[error("{}:{line}: {problem}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The file cannot be written.
    #[error("cannot write the contexts to {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no context of that name.
    #[error("there is no context {name:?} in {}; {known}", path.display())]
    Unknown {
        /// The name.
        name: String,
        /// The file.
        path: PathBuf,
        /// Which there are, in words.
        known: String,
    },
    /// A name that is none.
    #[error("{name:?} is not a valid context name: expected letters, digits and any of -._@:/")]
    Name {
        /// The name.
        name: String,
    },
    /// TOML holds text.
    #[error("{} cannot be saved: its path is not UTF-8", path.display())]
    NoText {
        /// The path.
        path: PathBuf,
    },
}

/// The file of contexts.
#[derive(Debug)]
pub struct Contexts {
    path: PathBuf,
    document: DocumentMut,
    /// While they are to be changed, and nobody else changes them.
    #[allow(dead_code, reason = "it is held, not looked at")]
    alone: Option<File>,
    /// The context in use.
    pub current: Option<String>,
    /// By name, in the file's order.
    pub all: Vec<(String, Connection)>,
}

/// What is wrong with a text, and where.
struct Fault {
    place: Option<Range<usize>>,
    problem: String,
}

/// A file of contexts has no more bytes.
const LARGEST: u64 = 1 << 20;

impl Contexts {
    /// The user's contexts; none if there is no file.
    ///
    /// # Errors
    /// If the file cannot be read, or says what it must not.
    pub fn read() -> Result<Self, ContextError> {
        let path = place().ok_or(ContextError::NoPlace)?;
        let text = match text_file::read(&path, LARGEST) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                String::new()
            }
            Err(source) => return Err(ContextError::Read { path, source }),
        };
        Self::parse(path, text)
    }

    /// The same, to be changed: nobody else changes them for as long as they are kept.
    ///
    /// # Errors
    /// As [`Contexts::read`]; or there can be no folder for them.
    pub fn to_change() -> Result<Self, ContextError> {
        let path = place().ok_or(ContextError::NoPlace)?;
        // What is a link stays one.
        let file = path.canonicalize().unwrap_or_else(|_| path.clone());
        let alone = edit::make_folder(&file).and_then(|()| whole_file::alone(whole_file::folder(&file)));
        let alone = alone.map_err(|source| ContextError::Write { path, source })?;
        Ok(Self { alone: Some(alone), ..Self::read()? })
    }

    fn parse(path: PathBuf, text: String) -> Result<Self, ContextError> {
        let wrong = |text: &str, fault: Fault| {
            let before = fault.place.and_then(|place| text.get(..place.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            ContextError::Wrong { path: path.clone(), line, problem: fault.problem }
        };
        let document = Document::parse(text.clone()).map_err(|error| {
            let problem = error.message().lines().collect::<Vec<_>>().join(", ");
            wrong(&text, Fault { place: error.span(), problem })
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let (current, all) = walk(document.as_table(), folder).map_err(|fault| wrong(&text, fault))?;
        Ok(Self { path, document: document.into_mut(), alone: None, current, all })
    }

    /// The context of that name.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, name: &str) -> Result<&Connection, ContextError> {
        let found = self.all.iter().find(|(known, _)| known == name);
        found.map(|(_, connection)| connection).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> ContextError {
        let names: Vec<_> = self.all.iter().map(|(name, _)| name.as_str()).collect();
        let known = match names.as_slice() {
            // Whoever knows kubectl looks for those of a kubeconfig.
            [] => "contexts are Daymark's own, not a kubeconfig's: add one by `daymark context add`".to_owned(),
            [one] => format!("there is {one}"),
            names => format!("there are {}", names.join(", ")),
        };
        ContextError::Unknown { name: name.to_owned(), path: self.path.clone(), known }
    }
}

/// The context of that name, or the one in use, and its name; `None` if none is.
///
/// # Errors
/// If there is none of that name, or the file says what it must not.
pub fn chosen(name: Option<&str>) -> Result<Option<(String, Connection)>, ContextError> {
    let contexts = match (Contexts::read(), name) {
        (Ok(contexts), _) => contexts,
        // Who has no home has no contexts; a file that is not theirs is nothing to them.
        (Err(ContextError::NoPlace), None) => return Ok(None),
        (Err(ContextError::Read { source, .. }), None) if source.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(None);
        }
        (Err(error), _) => return Err(error),
    };
    let Some(name) = name.or(contexts.current.as_deref()) else { return Ok(None) };
    let connection = contexts.get(name)?.clone();
    Ok(Some((name.to_owned(), connection)))
}

/// `$DAYMARK_CONFIG`, `$XDG_CONFIG_HOME/daymark/config.toml`, or `~/.config/daymark/config.toml`.
fn place() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("DAYMARK_CONFIG").or_else(|| {
        // By the XDG Base Directory Specification, a relative path is none.
        let folder = variable("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
        let folder = folder.or_else(|| variable("HOME").map(|home| home.join(".config")));
        folder.map(|folder| folder.join("daymark/config.toml"))
    })
}

type Walked = (Option<String>, Vec<(String, Connection)>);

fn walk(root: &dyn TableLike, folder: &Path) -> Result<Walked, Fault> {
    let (mut current, mut all) = (None, Vec::new());
    for (key, item) in root.iter() {
        match key {
            "current-context" => current = Some(text(item)?.to_owned()).filter(|name| !name.is_empty()),
            "contexts" => {
                for (name, item) in table(item)?.iter() {
                    all.push((name.to_owned(), connection(table(item)?, folder)?));
                }
            }
            key => return Err(unknown_key(root, key)),
        }
    }
    Ok((current, all))
}

fn connection(fields: &dyn TableLike, folder: &Path) -> Result<Connection, Fault> {
    let mut connection = Connection::default();
    for (key, item) in fields.iter() {
        if key == "insecure-plaintext" {
            let wrong = || Fault { place: item.span(), problem: "expected true or false".to_owned() };
            connection.insecure_plaintext = item.as_bool().ok_or_else(wrong)?;
            continue;
        }
        let value = text(item)?;
        let (word, path) = (Some(value.to_owned()), Some(folder.join(value)));
        match key {
            "address" => connection.address = Some(beside(value, folder)),
            "cluster" => connection.cluster = word,
            "namespace" => connection.namespace = word,
            "ca-file" => connection.ca_file = path,
            "server-name" => connection.server_name = word,
            "client-certificate" => connection.client_certificate = path,
            "client-key" => connection.client_key = path,
            "token-file" => connection.token_file = path,
            "token-env" => connection.token_env = word,
            "github-oidc-audience" => connection.github_oidc_audience = word,
            "request-timeout" => {
                let wrong = |error: DurationError| Fault { place: item.span(), problem: error.to_string() };
                connection.request_timeout = Some(duration::parse(value).map_err(wrong)?);
            }
            key => return Err(unknown_key(fields, key)),
        }
    }
    Ok(connection)
}

/// An address; a socket's path is relative to the folder.
fn beside(address: &str, folder: &Path) -> String {
    match address.strip_prefix("unix:") {
        Some(path) if !path.is_empty() && !path.starts_with('/') => {
            format!("unix:{}", folder.join(path).display())
        }
        _ => address.to_owned(),
    }
}

fn unknown_key(fields: &dyn TableLike, key: &str) -> Fault {
    let place = fields.key(key).and_then(toml_edit::Key::span);
    Fault { place, problem: format!("the key {key:?} is unknown") }
}

fn text(item: &Item) -> Result<&str, Fault> {
    item.as_str().ok_or_else(|| Fault { place: item.span(), problem: "expected a string in quotes".to_owned() })
}

fn table(item: &Item) -> Result<&dyn TableLike, Fault> {
    item.as_table_like().ok_or_else(|| Fault { place: item.span(), problem: "expected a table".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Contexts, String> {
        Contexts::parse("/etc/x/config.toml".into(), text.to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_key_is_read_and_paths_are_beside_the_file() {
        let contexts = parse(
            "current-context = 'a'\n[contexts.a]\naddress = 'unix:run/d.sock'\ncluster = 'c'\nnamespace = 'n'\n\
            ca-file = 'ca.pem'\nserver-name = 's'\nclient-certificate = '/abs'\nclient-key = '../key'\n\
            token-file = 't'\ntoken-env = 'E'\ngithub-oidc-audience = 'g'\n[contexts]\nb = { address = 'a:1' }\n",
        );
        let contexts = contexts.unwrap();
        assert_eq!((contexts.current.as_deref(), contexts.all.len()), (Some("a"), 2));
        let a = contexts.get("a").unwrap();
        let texts = [&a.address, &a.cluster, &a.namespace, &a.server_name, &a.token_env, &a.github_oidc_audience];
        let expected = ["unix:/etc/x/run/d.sock", "c", "n", "s", "E", "g"];
        assert_eq!(texts.map(|text| text.as_deref().unwrap()), expected);
        let paths = [&a.ca_file, &a.client_certificate, &a.client_key, &a.token_file];
        let expected = ["/etc/x/ca.pem", "/abs", "/etc/x/../key", "/etc/x/t"];
        assert_eq!(paths.map(|path| path.as_ref().unwrap().to_str().unwrap()), expected);
        assert_eq!(contexts.get("b").unwrap().address.as_deref(), Some("a:1"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, says) in [
            ("\n\nfoo = 1\n", 3, "\"foo\" is unknown"),
            ("[contexts.a]\naddress = 'a:1'\nadress = 'a:1'\n", 3, "\"adress\" is unknown"),
            ("[contexts.a]\naddress = 1\n", 2, "expected a string"),
            ("contexts = 1\n", 1, "expected a table"),
            ("[contexts.a]\ninsecure-plaintext = 'yes'\n", 2, "expected true or false"),
            ("[contexts.a]\nrequest-timeout = '5'\n", 2, "expected a duration"),
            ("[contexts]\na = 1\n", 2, "expected a table"),
            ("[contexts.a\n", 1, ""),
            ("[contexts.a]\nnamespace = 'a'\nnamespace = 'b'\n", 3, "duplicate"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(&format!("/etc/x/config.toml:{line}: ")), "{text}: {error}");
            assert!(error.contains(says) && error.lines().count() == 1, "{text}: {error}");
        }
    }
}
