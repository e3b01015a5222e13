//! The file of the clients, edited with its comments.

use super::key::{Digest, Key};
use super::roll::{Mistakes, Roll};
use crate::private;
use rand::rngs::SysError;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use toml_edit::{Array, DocumentMut, Item, Table, TomlError, Value};

/// What a new file begins with.
const HEAD: &str =
    "# 客户端，修改后一秒内生效 / clients; what is changed here counts within a second\n\n";

/// Why a file was not edited. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It has mistakes, or would have.
    #[error("客户端文件有误 / the file of clients has mistakes:\n{0}")]
    Mistaken(#[from] Mistakes),
    /// A client is to be added whose name is taken.
    #[error("客户端 {0} 已存在 / there is a client {0} already")]
    Exists(String),
    /// There is no such client.
    #[error("没有客户端 {0} / there is no client {0}")]
    NoSuchClient(String),
    /// The client has no such key.
    #[error("客户端 {client} 没有密钥 {key} / the client {client} has no key {key}")]
    NoSuchKey {
        /// Its name.
        client: String,
        /// The key's id.
        key: String,
    },
    /// The system gives no random bytes.
    #[error("系统不提供随机数 / no random bytes from the system: {0}")]
    Random(#[from] SysError),
}

/// A file as it will be once it is [saved](Draft::save).
pub struct Draft {
    path: PathBuf,
    document: DocumentMut,
}

impl Draft {
    /// Of a file, or of none.
    ///
    /// # Errors
    ///
    /// It cannot be read, or has mistakes.
    pub fn open(path: &Path) -> Result<Draft, DraftError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HEAD.to_owned(),
            Err(source) => return Err(DraftError::Io { path: path.to_owned(), source }),
        };
        // Told by line alone: toml_edit's own error would show what stands there.
        Roll::parse(&text, None)?;
        let no_toml = |error: TomlError| {
            let source = io::Error::new(io::ErrorKind::InvalidData, error.message().to_owned());
            DraftError::Io { path: path.to_owned(), source }
        };
        let document: DocumentMut = text.parse().map_err(no_toml)?;
        Ok(Draft { path: path.to_owned(), document })
    }

    /// Add a client with these fields and one key, which is told here and never again.
    pub fn add(
        &mut self,
        name: &str,
        fields: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Result<Key, DraftError> {
        let clients = self.document.entry("client").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        if clients.get(name).is_some() {
            return Err(DraftError::Exists(name.to_owned()));
        }
        clients[name] = Item::Table(Table::new());
        for (field, value) in fields {
            clients[name][field] = Item::Value(value);
        }
        self.add_key(name)
    }

    /// Add a key to a client.
    pub fn add_key(&mut self, name: &str) -> Result<Key, DraftError> {
        let key = Key::generate()?;
        let keys = self.client(name)?["keys"].or_insert(Item::Value(Array::new().into()));
        if let Some(keys) = keys.as_array_mut() {
            keys.push(key.digest.to_string());
        }
        Ok(key)
    }

    /// Remove a key of a client.
    pub fn remove_key(&mut self, name: &str, id: &str) -> Result<(), DraftError> {
        let is_it = |value: &Value| {
            let digest = value.as_str().and_then(|text| text.parse::<Digest>().ok());
            digest.is_some_and(|digest| digest.id() == id)
        };
        let keys = self.client(name)?.get_mut("keys").and_then(Item::as_array_mut);
        let removed = keys.and_then(|keys| {
            let at = keys.iter().position(is_it)?;
            Some(keys.remove(at))
        });
        let no_such = || DraftError::NoSuchKey { client: name.to_owned(), key: id.to_owned() };
        removed.map(|_| ()).ok_or_else(no_such)
    }

    /// Remove a client with all it has.
    pub fn remove(&mut self, name: &str) -> Result<(), DraftError> {
        self.client(name)?;
        if let Some(clients) = self.document["client"].as_table_like_mut() {
            clients.remove(name);
        }
        Ok(())
    }

    fn client(&mut self, name: &str) -> Result<&mut Item, DraftError> {
        let client = self.document.get_mut("client").and_then(|all| all.get_mut(name));
        client
            .filter(|client| !client.is_none())
            .ok_or_else(|| DraftError::NoSuchClient(name.to_owned()))
    }

    /// The clients that it tells of.
    ///
    /// # Errors
    ///
    /// Every mistake in it.
    pub fn roll(&self) -> Result<Roll, Mistakes> {
        Roll::parse(&self.document.to_string(), None)
    }

    /// Write it in the place of the file, at once and for its owner alone.
    ///
    /// # Errors
    ///
    /// It cannot be written, or what was edited would not be read.
    pub fn save(&self) -> Result<Roll, DraftError> {
        let (text, roll) = (self.document.to_string(), self.roll()?);
        let part = self.path.with_added_extension(format!("part-{}", std::process::id()));
        let write = || {
            let folder = private::folder_of(&self.path);
            // Whoever serves is to read it, where another edits or makes it.
            let like = if self.path.exists() { &*self.path } else { folder };
            let mut file = private::create(&part, like)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&part, &self.path)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|source| {
            let _ = std::fs::remove_file(&part);
            DraftError::Io { path: self.path.clone(), source }
        })?;
        Ok(roll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    /// Only root may give files away.
    #[test]
    fn the_file_is_the_folders_owners_and_then_its_own_owners() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("not root: nobody is given a file");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clients.toml");
        chown(folder.path(), Some(61_184), Some(61_184)).unwrap();
        let owner = || path.metadata().map(|file| (file.uid(), file.gid())).unwrap();
        let add = |name: &str| {
            let mut draft = Draft::open(&path).unwrap();
            draft.add(name, [("scopes", Array::from_iter(["check"]).into())]).unwrap();
            draft.save().unwrap();
        };
        add("one");
        assert_eq!(owner(), (61_184, 61_184));
        chown(&path, Some(61_185), None).unwrap();
        add("two");
        assert_eq!(owner(), (61_185, 61_184));
    }

    #[test]
    fn clients_and_keys_come_and_go_and_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clients.toml");
        let text = "# ours\n[client.old] # the first\nlabel = \"旧\" # as ever\n";
        std::fs::write(&path, text).unwrap();
        let mut draft = Draft::open(&path).unwrap();
        let scopes = Array::from_iter(["check"]);
        let first = draft.add("new", [("scopes", scopes.into())]).unwrap();
        let second = draft.add_key("new").unwrap();
        assert!(matches!(draft.add("old", []), Err(DraftError::Exists(_))));
        let roll = draft.save().unwrap();
        assert_eq!(roll.keys_of("new").len(), 2);
        let saved = std::fs::read_to_string(&path).unwrap();
        assert!(saved.starts_with(text) && !saved.contains(first.reveal()), "{saved}");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        let mut draft = Draft::open(&path).unwrap();
        draft.remove_key("new", &first.digest.id()).unwrap();
        let error = draft.remove_key("new", &first.digest.id()).unwrap_err();
        assert!(matches!(error, DraftError::NoSuchKey { .. }));
        let roll = draft.save().unwrap();
        assert!(roll.by_key(first.reveal()).is_none() && roll.by_key(second.reveal()).is_some());
        draft.remove("new").unwrap();
        assert!(matches!(draft.add_key("new"), Err(DraftError::NoSuchClient(_))));
        assert!(draft.save().unwrap().keys_of("new").is_empty());
    }

    #[test]
    fn what_would_not_be_read_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clients.toml");
        let mut draft = Draft::open(&path).unwrap();
        draft.add("new", [("scopes", "check".into())]).unwrap();
        assert!(matches!(draft.save(), Err(DraftError::Mistaken(_))));
        assert!(!path.exists());
    }
}
